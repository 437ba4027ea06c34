"""NoisyStudentTagger: a tagger that also learns from songs without tags, by a teacher's confident predictions."""

import warnings
from collections.abc import Mapping, Set
from numbers import Integral, Real

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _num_samples, check_is_fitted

from skmer._interrupts import interrupts_raised
from skmer._validation import check_finite, check_songs
from skmer.model_selection.tag_metrics import macro_roc_auc
from skmer.songs import is_song_data, join_songs
from skmer.tagging._base import check_same_tags, unfitted_on_error
from skmer.tagging._taggers import (
    check_is_tagger,
    final_classifier,
    fit_tagger,
    restore_columns,
    seeded_clone,
    tag_names,
    tag_probabilities,
)
from skmer.tagging.classifier import EmotionTagger

__all__ = ["NoisyStudentTagger"]

_STUDENT_ONLY = ("mask_range", "noise")  # the default teacher has its own class's defaults


class NoisyStudentTagger(EmotionTagger):
    """Predict tags with a noisy student, which also learns from songs without tags.

    A teacher predicts the tags of the unlabelled songs, without masks or noise. Confident predictions become
    pseudo-labels, on which the student is trained together with the labelled songs, with stronger masks, noise and
    stochastic depth. All other predictions are excluded from the loss.

    Parameters
    ----------
    teacher : estimator, default=None
        Multi-label classifier with `predict_proba` or `decision_function`: skmer's, a pipeline, or scikit-learn's. A
        fitted teacher is used as it is; an unfitted one is cloned and fitted to the labelled songs, with the student's
        validation songs if its `fit` accepts ``X_val`` and ``y_val``. None is an `EmotionTagger` with the student's
        parameters, but with its own default masks and without noise. `clone` discards fits, as in cross-validation: to
        keep a fitted teacher, wrap it in `sklearn.frozen.FrozenEstimator`. It must not have been fitted to songs
        that are used for validation or testing, whose tags would leak to the student.
    backbone : str, callable or Module, default="crnn"
        See `EmotionTagger`, as for all parameters without description here. The student should be as large as the
        teacher or larger.
    positive_above, negative_below : float, default=95, 5
        Above and below which a prediction is confident; `thresholds` defines the scale.
    thresholds : {"percentile", "probability"}, default="percentile"
        "percentile": `positive_above` is a percentile of the teacher's probabilities of the tags that are
        present in the validation songs, and `negative_below` of those that are absent. "probability": both are
        probabilities. The paper arrived at 0.1 and 1e-6 for its teacher.
    n_iterations : int, default=1
        Number of students. Each is the teacher of the next, which is trained from scratch; the last one is kept. In
        the paper, results became worse after the first: compare `iterations_`.
    stochastic : float, default=0.1
        Probability that a training batch bypasses a block of the student, for the "crnn" `backbone` only, whose
        blocks also get a dropout of 0.1. Other backbones bring their own noise.
    backbone_params : dict, default=None
        Parameters of the backbone.
    max_epochs, patience : int, default=100, 5
        Maximum number of epochs, and of those without a better ROC-AUC on the validation songs.
    batch_size : int, default=16
        Segments per batch.
    lr : float or "auto", default="auto"
        Learning rate.
    weight_decay : float, default=0.0
        Weight decay of AdamW.
    schedule : {"one-cycle", None}, default=None
        Schedule of the learning rate.
    validation_fraction : float, default=0.2
        Fraction of the labelled songs that is held out for validation if `fit` gets no ``X_val``.
    mask_range : tuple of (int, int) or None, default=(30, 90)
        Masks of the student; those of the default teacher are (20, 60). None disables the masks of both.
    noise : float, default=0.01
        Noise of the student.
    callbacks : list of skorch callbacks or (name, callback) tuples, default=None
        Additional callbacks of the student.
    device : str, default="auto"
        A torch device.
    precision, prediction_precision : {"auto", "float32", "bfloat16"}, default="auto", "float32"
        Precision of training, and of predictions.
    n_threads : int, default=1
        Number of torch CPU threads.
    random_state : int, RandomState or None, default=None
        Determines the result.
    verbose : int, default=0
        1 shows a progress bar for each training.

    Attributes
    ----------
    teacher_ : estimator
        The fitted teacher.
    pseudo_tags_ : ndarray of shape (n_unlabelled, n_tags)
        Pseudo-labels of the last student: 1, 0, or -1 for entries excluded from the loss.
    iterations_ : list of dict
        For each iteration: ``negative_below`` and ``positive_above`` as probabilities; ``negative``, ``positive`` and
        ``masked``, fractions of the entries of the unlabelled songs; ``valid_roc_auc`` of the student;
        ``teacher_roc_auc`` of its teacher on the same songs.
    tags_, n_tags_, classes_, segment_shape_, n_features_in_, validation_songs_
        See `EmotionTagger`.
    thresholds_, net_, standardizer_, history_
        See `EmotionTagger`; those of the last student.

    See Also
    --------
    EmotionTagger : The same network without a teacher.

    Notes
    -----
    Labels and pseudo-labels have equal weight: the loss of a batch is the mean over all entries that are not excluded.
    The teacher's thresholds are the same for all tags, so that rare tags have few positive pseudo-labels. The tags of
    validation songs determine only the best epoch, the thresholds of `predict` and those of the teacher. Pass ``X_val``
    if a fitted teacher may have been trained on songs of X.

    In contrast to the paper, which computed the percentiles on training and validation songs together, they are
    computed on the validation songs alone, because a teacher is overconfident on its own training songs.

    In a pipeline, the unlabelled songs pass the earlier steps if metadata routing is enabled (`sklearn.set_config`):
    ``Pipeline(steps, transform_input=["unlabelled"]).fit(X, y, unlabelled=recordings)``, and likewise in
    `cross_validate` (as ``params``) and `GridSearchCV`. These split metadata with as many entries as X has songs: each
    fold silently learns from a part of the unlabelled songs. Pass another number of them, such as one fewer.

    References
    ----------
    Tan, "Semi-Supervised Music Emotion Recognition using Noisy Student Training and Harmonic Pitch Class Profiles"
    (2021), section 2.5; Xie et al., "Self-training with noisy student improves ImageNet classification" (2020).

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
        **EmotionTagger._parameter_constraints,
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
        prediction_precision="float32",
        n_threads=1,
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            backbone,
            backbone_params=backbone_params,
            max_epochs=max_epochs,
            patience=patience,
            batch_size=batch_size,
            lr=lr,
            weight_decay=weight_decay,
            schedule=schedule,
            validation_fraction=validation_fraction,
            mask_range=mask_range,
            noise=noise,
            callbacks=callbacks,
            device=device,
            precision=precision,
            prediction_precision=prediction_precision,
            n_threads=n_threads,
            random_state=random_state,
            verbose=verbose,
        )
        self.teacher = teacher
        self.positive_above = positive_above
        self.negative_below = negative_below
        self.thresholds = thresholds
        self.n_iterations = n_iterations
        self.stochastic = stochastic

    def fit(self, X, y, groups=None, X_val=None, y_val=None, unlabelled=None):
        """Fit the student to labelled songs and to the teacher's pseudo-labels of unlabelled ones.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, n_features, n_blocks) or array-like (n_samples, n_features)
            Segments of each labelled song.
        y : array-like or sparse matrix of shape (n_songs, n_tags), or array-like of shape (n_songs,)
            1 where a song has a tag, 0 where it has not. The columns of a DataFrame name the tags. With labels of
            two classes, one per song, the tagger is a binary classifier.
        groups : array-like of shape (n_songs,), default=None
            Groups, such as artists, whose songs are either all validation songs or none of them.
        X_val : like X, default=None
            Validation songs; drawn from X by default.
        y_val : array-like of shape (n_validation_songs, n_tags) or (n_validation_songs,), default=None
            Tags or labels of the validation songs.
        unlabelled : like X, default=None
            Songs without tags.

        Returns
        -------
        NoisyStudentTagger
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data are inconsistent, or the teacher's thresholds contradict each other.

        Warns
        -----
        UserWarning
            If there are no unlabelled songs, or no confident predictions: the student is then trained on the
            labelled songs alone. If a tag has no training song or no validation song.
        """
        with unfitted_on_error(self), interrupts_raised():
            train, y_train, valid, y_valid, seed = self._split(X, y, groups, X_val, y_val)
            if self.thresholds == "probability" and not 0 <= self.negative_below <= self.positive_above <= 1:
                raise ValueError(
                    f"positive_above={self.positive_above} and negative_below={self.negative_below} must be "
                    "probabilities, the second at most the first, such as 0.1 and 1e-6; or use thresholds='percentile'."
                )
            unlabelled = self._check_unlabelled(unlabelled)
            self.teacher_ = self._fitted_teacher(X, y, train, y_train, valid, y_valid, seed)
            if self.teacher_ is self.teacher or not isinstance(final_classifier(self.teacher_), EmotionTagger):
                # an EmotionTagger that was fitted here has issued these warnings
                self._warn_missing(y_valid, y_train)
            self._fit_students(X, train, y_train, valid, y_valid, unlabelled, seed)
        return self

    # ---- training ----------------------------------------------------------------------------------

    def _fit_students(self, X, train, y_train, valid, y_valid, unlabelled, seed):
        self.iterations_: list[dict] = []
        songs = train if unlabelled is None else join_songs(train, unlabelled)
        teacher = self.teacher_
        for i in range(self.n_iterations):
            probabilities = tag_probabilities(teacher, self._like(X, valid, teacher), "teacher", self.tags_)
            low, high = self._teacher_thresholds(y_valid, probabilities)
            pseudo = np.empty((0, self.n_tags_), np.int8)
            if unlabelled is not None:
                predicted = tag_probabilities(teacher, self._like(X, unlabelled, teacher), "teacher", self.tags_)
                pseudo = pseudo_labels(predicted, low, high)
                if not (pseudo >= 0).any():
                    warnings.warn(
                        "The teacher has no confident predictions: the student is trained on the labelled songs alone.",
                        UserWarning,
                        stacklevel=3,
                    )
            targets = np.concatenate([y_train, pseudo])
            self._train(songs, targets == 1, targets >= 0, valid, y_valid, seed + i)
            fractions = {"positive": pseudo == 1, "negative": pseudo == 0, "masked": pseudo == -1}
            self.iterations_.append(
                {
                    "negative_below": low,
                    "positive_above": high,
                    **{name: float(of.mean()) if of.size else float("nan") for name, of in fractions.items()},
                    "teacher_roc_auc": macro_roc_auc(y_valid, probabilities),
                    "valid_roc_auc": max(epoch["valid_roc_auc"] for epoch in self.history_),
                }
            )
            teacher = self
        self.pseudo_tags_ = pseudo

    def _network_params(self):
        own = {"stochastic": self.stochastic} if self.backbone == "crnn" else {}
        return {**own, **super()._network_params()}

    # ---- the teacher -------------------------------------------------------------------------------

    def _fitted_teacher(self, X, y, train, y_train, valid, y_valid, seed):
        """Return the teacher, fitted to the training songs unless it is fitted already."""
        teacher = self.teacher
        if teacher is None:
            teacher = self._default_teacher(seed)
        else:
            check_is_tagger("teacher", teacher)
            try:
                check_is_fitted(teacher)
            except NotFittedError:
                teacher = seeded_clone(teacher, seed)
            else:
                check_same_tags({"y": self.tags_, "teacher": tag_names(teacher)})
                return teacher
        y_train, y_valid = restore_columns(y_train, y), restore_columns(y_valid, y)
        return fit_tagger(teacher, self._like(X, train), y_train, self._like(X, valid), y_valid, "teacher")

    def _default_teacher(self, seed):
        own = self.get_params(deep=False)
        params = {name: own[name] for name in EmotionTagger().get_params() if name not in _STUDENT_ONLY}
        if self.mask_range is None:
            params["mask_range"] = None
        return EmotionTagger(**{**params, "callbacks": None, "random_state": seed})

    def _like(self, X, songs, teacher=None):
        """Return songs in the format of X: segments, plain rows, or a table for teachers that were fitted on one."""
        if is_song_data(X):
            return songs
        rows = np.concatenate(list(songs))
        nameless = teacher is not None and teacher is self.teacher and not hasattr(teacher, "feature_names_in_")
        if nameless or not hasattr(X, "iloc") or not hasattr(self, "feature_names_in_"):
            return rows
        return type(X)(rows, columns=self.feature_names_in_)

    def _teacher_thresholds(self, y_valid, probabilities):
        """Return the probabilities below and above which the teacher is confident."""
        low, high = self.negative_below, self.positive_above
        if self.thresholds == "percentile":
            low, high = percentile_thresholds(y_valid, probabilities, low, high)
        if low > high:
            raise ValueError(
                f"The teacher's thresholds overlap: tags would be present above {high:.3g} and absent below {low:.3g}. "
                "Raise positive_above or lower negative_below, or use a better teacher."
            )
        return float(low), float(high)

    def _check_unlabelled(self, unlabelled):
        """Return the unlabelled songs as a SongSequence, or None."""
        try:
            empty = unlabelled is None or _num_samples(unlabelled) == 0
            if isinstance(unlabelled, Mapping | Set):
                raise TypeError
        except TypeError:
            raise ValueError(
                f"unlabelled must hold songs as X does (a SongSequence, a list of arrays, an array or a table), got "
                f"{type(unlabelled).__name__}."
            ) from None
        if empty:
            warnings.warn(
                "There are no unlabelled songs: the student is trained on the labelled songs alone. Pass some to fit "
                "as unlabelled.",
                UserWarning,
                stacklevel=3,
            )
            return None
        try:
            songs, _ = check_songs(self, unlabelled, reset=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"Invalid unlabelled: {error}") from error
        check_finite(songs, "unlabelled")
        return songs


def percentile_thresholds(y, probabilities, negative_below=5, positive_above=95):
    """Compute percentiles of a teacher's probabilities of absent and of present tags, over all tags together.

    In section 2.5 of Tan (2021), these are the lowest 5 % of the former and the highest 5 % of the latter.
    """
    absent, present = (probabilities[y == value] for value in (0, 1))
    if not len(absent) or not len(present):
        raise ValueError(
            "thresholds='percentile' requires present and absent tags in the validation songs, got only "
            f"{'present' if len(present) else 'absent'} ones: pass other X_val and y_val, or use "
            "thresholds='probability'."
        )
    return np.percentile(absent, negative_below), np.percentile(present, positive_above)


def pseudo_labels(probabilities, negative, positive):
    """Return 1 for probabilities above `positive`, 0 below `negative`, and -1 (excluded from the loss) in between."""
    return np.select([probabilities > positive, probabilities < negative], [1, 0], -1).astype(np.int8)
