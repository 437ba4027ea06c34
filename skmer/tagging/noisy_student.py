"""NoisyStudentTagger: learn also from songs without tags, by what a teacher is sure of."""

import warnings
from collections.abc import Mapping, Set
from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _num_samples

from skmer._validation import songs_for_prediction
from skmer.model_selection.tag_metrics import macro_roc_auc
from skmer.songs import is_song_data, join_songs
from skmer.tagging._pseudo_tags import confident_tags, percentile_thresholds, sure_shares
from skmer.tagging._tag_classifier import TAGGING_CONSTRAINTS, TagClassifier, unfitted_on_error
from skmer.tagging._tags_in import refuse_not_finite
from skmer.tagging._teachers import fitted_teacher
from skmer.tagging.any_tagger import final_classifier, with_names_of
from skmer.tagging.tag_answers import tag_probabilities

__all__ = ["NoisyStudentTagger"]


class NoisyStudentTagger(TagClassifier):
    """Tag songs, learning also from songs without tags: a noisy student of a teacher.

    The teacher hears the songs without tags as they are. Where it is sure that they have a tag, or that they have it
    not, the student learns this beside the tags of the labelled songs, under stronger masks, noise
    and stochastic depth. Everything between takes no part in the loss.

    Parameters
    ----------
    teacher : estimator, default=None
        A tagger with `predict_proba` or `decision_function`: ours, a pipeline, or scikit-learn's. One that is fitted is
        used as it is; one that is not is cloned and fitted on the labelled songs, with the student's
        validation songs if its `fit` takes ``X_val`` and ``y_val``. None is an `EmotionTagger` with the student's
        parameters, but its own masks and no noise. To keep a fitted teacher through
        `clone`, as in cross-validation, wrap it in `sklearn.frozen.FrozenEstimator`; it must have been fitted on
        none of the songs that are cross-validated or scored: the student would know their tags from it.
    backbone : str, callable or Module, default="crnn"
        As in `EmotionTagger`, like all parameters that are not explained here. The student should be as large as the
        teacher or larger.
    positive_above, negative_below : float, default=95, 5
        Above and below which the teacher is sure; `thresholds` says of what.
    thresholds : {"percentile", "probability"}, default="percentile"
        "percentile": `positive_above` is a percentile of the teacher's probabilities for the
        tags that the validation songs have, `negative_below` one for those they have not. "probability": both are
        probabilities. The paper found 0.1 and 1e-6 so, of its own teacher.
    n_iterations : int, default=1
        Above 1, each student teaches the next, which begins anew; the last one is kept. The paper's
        results became worse after the first: look at `iterations_`.
    stochastic : float, default=0.1
        Probability with which a batch in training bypasses a block of the student, where `backbone` is "crnn"; it
        also gives the blocks a dropout of 0.1. Other backbones bring noise of their own.
    backbone_params : dict, default=None
        For the backbone.
    max_epochs : int, default=100
        Epochs at most.
    patience : int, default=5
        Epochs without a better ROC-AUC on the validation songs.
    batch_size : int, default=16
        Chunks a batch.
    lr : float or "auto", default="auto"
        Learning rate.
    weight_decay : float, default=0.0
        Of AdamW.
    schedule : {"one-cycle", None}, default=None
        Course of the learning rate.
    validation_fraction : float, default=0.2
        Share of the labelled songs that is held out where `fit` gets no ``X_val``.
    mask_range : tuple of (int, int) or None, default=(30, 90)
        Of the student; the teacher's is (20, 60). None leaves both without masks.
    noise : float, default=0.01
        Of the student.
    callbacks : list of skorch callbacks, default=None
        Added to the student's training.
    device : str, default="auto"
        A torch device.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Of training.
    n_threads : int, default=1
        torch's CPU threads.
    random_state : int, RandomState or None, default=None
        Decides the result.
    verbose : int, default=0
        1 shows a progress bar for each training.

    Attributes
    ----------
    teacher_ : estimator
        The fitted teacher.
    pseudo_tags_ : ndarray of shape (n_unlabelled, n_tags)
        What the last student learnt of the songs without tags: 1, 0, or -1 for nothing.
    iterations_ : list of dict
        For each iteration: ``negative_below`` and ``positive_above`` as probabilities; ``negative``, ``positive`` and
        ``masked``, shares of the entries of the songs without tags; ``valid_roc_auc`` of the student;
        ``teacher_roc_auc`` of its teacher on the same songs.
    tags_, n_tags_, classes_, segment_shape_, n_features_in_, validation_songs_
        As in `EmotionTagger`.
    thresholds_, net_, standardizer_, history_
        The same, of the last student.

    See Also
    --------
    EmotionTagger : The same network without a teacher.

    Notes
    -----
    An entry counts as much whether a listener or the teacher gave it: a batch's loss is the mean over its entries that
    are not masked. The teacher's thresholds are the same for all tags, so that rare tags
    have few positive pseudo-labels. Nothing is learnt from the tags of the validation songs but when to stop, the
    thresholds of `predict` and those of the teacher. Give ``X_val`` where a fitted teacher may
    have been trained on songs of X.

    One departure from the paper: it took the percentiles on training and validation songs together, here
    they are those of validation songs alone. A teacher is too sure of the songs that it learnt.

    In a pipeline, songs without tags pass the earlier steps under metadata routing (`sklearn.set_config`),
    with ``Pipeline(steps, transform_input=["unlabelled"]).fit(X, y, unlabelled=recordings)``, and likewise in
    `cross_validate` (as ``params``) and `GridSearchCV`. These split metadata that has as many entries as X has songs:
    each fold would silently learn from some of the songs without tags only. Give them another number of songs
    without tags, such as one fewer.

    References
    ----------
    Tan, "Semi-Supervised Music Emotion Recognition using Noisy Student Training and Harmonic
    Pitch Class Profiles" (2021), section 2.5; Xie et al., "Self-training with noisy student improves ImageNet
    classification" (2020).

    Examples
    --------
    >>> import numpy as np
    >>> from skmer import NoisyStudentTagger, SongSequence
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(160)[:, None] // [1, 2] % 2
    >>> blocks = rng.normal(size=(160, 8, 2, 128))
    >>> blocks[y[:, 0] == 1, :, :, :16] += 1
    >>> blocks[y[:, 1] == 1, :, :, 64:80] += 1
    >>> X = SongSequence(list(blocks.reshape(160, 8, 256)), window=(4, 4))
    >>> tiny = {"width": 4, "n_hidden": 8}
    >>> student = NoisyStudentTagger(backbone_params=tiny, mask_range=(2, 4), lr=0.01, max_epochs=10, random_state=0)
    >>> student = student.fit(X[:40], y[:40], unlabelled=X[40:120])
    >>> student.score(X[120:], y[120:]) > 0.8
    True
    >>> student.pseudo_tags_.shape
    (80, 2)
    """

    __metadata_request__fit = {"unlabelled": True}  # noqa: RUF012

    _parameter_constraints = {  # noqa: RUF012
        **TAGGING_CONSTRAINTS,
        "teacher": [HasMethods(["fit", "predict_proba"]), HasMethods(["fit", "decision_function"]), None],
        "positive_above": [Interval(Real, 0, 100, closed="both")],
        "negative_below": [Interval(Real, 0, 100, closed="both")],
        "thresholds": [StrOptions({"percentile", "probability"})],
        "n_iterations": [Interval(Integral, 1, None, closed="left")],
        "stochastic": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        teacher=None,
        backbone="crnn",
        *,
        positive_above=95,
        negative_below=5,
        thresholds="percentile",
        n_iterations=1,
        stochastic=0.1,
        backbone_params=None,
        max_epochs=100,
        patience=5,
        batch_size=16,
        lr="auto",
        weight_decay=0.0,
        schedule=None,
        validation_fraction=0.2,
        mask_range=(30, 90),
        noise=0.01,
        callbacks=None,
        device="auto",
        precision="auto",
        n_threads=1,
        random_state=None,
        verbose=0,
    ):
        self.teacher = teacher
        self.backbone = backbone
        self.positive_above = positive_above
        self.negative_below = negative_below
        self.thresholds = thresholds
        self.n_iterations = n_iterations
        self.stochastic = stochastic
        self.backbone_params = backbone_params
        self.max_epochs = max_epochs
        self.patience = patience
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.validation_fraction = validation_fraction
        self.mask_range = mask_range
        self.noise = noise
        self.callbacks = callbacks
        self.device = device
        self.precision = precision
        self.n_threads = n_threads
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, groups=None, X_val=None, y_val=None, unlabelled=None):
        """Have the teacher judge the songs without tags, then train the student.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_chunks, n_features, n_blocks) or array-like (n_samples, n_features)
            Chunks of each labelled song.
        y : array-like or sparse matrix of shape (n_songs, n_tags)
            1 where a song has a tag, 0 where it has not. A DataFrame names the tags.
        groups : array-like of shape (n_songs,), default=None
            Songs of one group are all validation songs or none of them.
        X_val : like X, default=None
            Validation songs; by default they are drawn from X.
        y_val : array-like of shape (n_validation_songs, n_tags), default=None
            Their tags.
        unlabelled : like X, default=None
            Songs without tags.

        Returns
        -------
        NoisyStudentTagger
            Itself.

        Raises
        ------
        ValueError
            If what is given does not fit together, or the teacher is sure of a tag and of its absence at once.

        Warns
        -----
        UserWarning
            If there is no song without tags, or the teacher is sure of nothing: the student then learns from
            the labelled songs alone.
        """
        with unfitted_on_error(self):
            songs, targets, valid, valid_targets, seed = self._begin_fit(X, y, groups, X_val, y_val)
            self._check_thresholds()
            others = self._unlabelled_in(unlabelled)
            given = [self._as_given(part, X) for part in (songs, valid)]
            tags = [with_names_of(y, part) for part in (targets, valid_targets)]
            self.teacher_ = fitted_teacher(self, given[0], tags[0], given[1], tags[1], seed)
            if self.teacher_ is self.teacher or not isinstance(final_classifier(self.teacher_), TagClassifier):
                # otherwise the teacher has just said so
                self._warn_of_lacking(valid_targets, targets)
            self._learn_from_teachers(songs, targets, others, valid, valid_targets, seed, X)
        return self

    def _learn_from_teachers(self, songs, targets, others, valid, valid_targets, seed, X):
        """Train a student of the teacher, then one of that student, and so on."""
        self.iterations_: list[dict] = []
        learnt = songs if others is None else join_songs(songs, others)
        teacher = self.teacher_
        for i in range(self.n_iterations):
            judged = self._heard(teacher, valid, X)
            low, high = self._sure(valid_targets, judged)
            pseudo = np.empty((0, self.n_tags_), np.int8)
            if others is not None:
                pseudo = confident_tags(self._heard(teacher, others, X), low, high)
            shares = sure_shares(pseudo)
            all_targets = np.concatenate([targets, pseudo])
            self._train(learnt, all_targets == 1, all_targets >= 0, valid, valid_targets, seed + i)
            self.iterations_.append(
                {
                    "negative_below": low,
                    "positive_above": high,
                    **shares,
                    "teacher_roc_auc": macro_roc_auc(valid_targets, judged),
                    "valid_roc_auc": max(epoch["valid_roc_auc"] for epoch in self.history_),
                }
            )
            teacher = self
        self.pseudo_tags_ = pseudo

    def _heard(self, teacher, songs, X):
        """Give a teacher's probabilities of songs, (n_songs, n_tags)."""
        return tag_probabilities(teacher, self._as_given(songs, X, teacher), "teacher", self.tags_)

    def _as_given(self, songs, X, teacher=None):
        """Give songs as X is: plain rows to a tagger of scikit-learn's, in a table where it knows their names."""
        if is_song_data(X):
            return songs
        rows = np.concatenate(list(songs))
        nameless = teacher is not None and teacher is self.teacher and not hasattr(teacher, "feature_names_in_")
        if nameless or not hasattr(X, "iloc") or not hasattr(self, "feature_names_in_"):
            return rows
        return type(X)(rows, columns=self.feature_names_in_)

    def _network_params(self):
        own = {"stochastic": self.stochastic} if self.backbone == "crnn" else {}
        return {**own, **super()._network_params()}

    def _check_thresholds(self):
        if self.thresholds == "probability" and not 0 <= self.negative_below <= self.positive_above <= 1:
            raise ValueError(
                f"positive_above={self.positive_above} and negative_below={self.negative_below} must be probabilities, "
                "the second at most the first, such as 0.1 and 1e-6; or use thresholds='percentile'."
            )

    def _unlabelled_in(self, unlabelled):
        """Give the songs without tags, or None."""
        try:
            empty = unlabelled is None or _num_samples(unlabelled) == 0
            if isinstance(unlabelled, Mapping | Set):
                raise TypeError
        except TypeError:
            raise ValueError(
                f"unlabelled is a {type(unlabelled).__name__}, but must hold songs as X does: give a SongSequence, a "
                "list of arrays, an array or a table."
            ) from None
        if empty:
            warnings.warn(
                "There are no songs without tags, so that the student learns from the labelled songs alone: "
                "give fit some as unlabelled.",
                UserWarning,
                stacklevel=3,
            )
            return None
        try:
            others, _ = songs_for_prediction(self, unlabelled)
        except (TypeError, ValueError) as error:
            raise ValueError(f"Of unlabelled: {error}") from error
        refuse_not_finite(others, "unlabelled")
        return others

    def _sure(self, y_val, judged):
        """Give the probabilities below and above which a teacher is sure."""
        low, high = self.negative_below, self.positive_above
        if self.thresholds == "percentile":
            low, high = percentile_thresholds(y_val, judged, low, high)
        if low > high:
            raise ValueError(
                f"The teacher would be sure of a tag above {high:.3g} and of its absence below {low:.3g}, of both at "
                "once between: raise positive_above or lower negative_below, or give a better teacher."
            )
        return float(low), float(high)
