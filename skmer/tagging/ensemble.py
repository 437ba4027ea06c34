"""LongShortEnsemble: the weighted sum of two taggers' logits."""

import os
from collections.abc import Mapping, Set
from numbers import Real

import numpy as np
from scipy.sparse import issparse
from scipy.special import expit
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, check_random_state, get_tags, indexable
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _num_samples, check_is_fitted
from tqdm.auto import tqdm

from skmer._inputs import check_not_empty
from skmer._interrupts import interrupts_raised
from skmer._song_methods import SongMethods
from skmer._validation import NonFiniteSongError, encode_groups
from skmer.model_selection.tag_metrics import best_weight, macro_roc_auc, weighted_sum
from skmer.tagging._base import (
    BaseTagger,
    check_same_tags,
    check_validation_pair,
    unfitted_on_error,
)
from skmer.tagging._taggers import (
    check_is_tagger,
    final_classifier,
    fit_tagger,
    restore_columns,
    seeded_clone,
    tag_logits,
    tag_names,
)
from skmer.training.holdout import draw_validation

__all__ = ["LongShortEnsemble"]

_MEMBERS = ("short", "long")


class LongShortEnsemble(SongMethods, BaseTagger):
    """Predict tags from the weighted sum of two taggers' logits.

    Two taggers make different errors if they use different information, such as short segments and the course of a
    whole song. Their weights are chosen on validation songs.

    Parameters
    ----------
    short, long : estimator
        Two taggers of any kind: `EmotionTagger`, `NoisyStudentTagger`, a pipeline that ends in one, or a multi-label
        classifier of scikit-learn. Both get the same X, so that they are usually pipelines with their own feature
        extraction, and the same y, with 0 and 1 for labels. They are cloned, except for taggers in a
        `sklearn.frozen.FrozenEstimator`, and pipelines whose last step is frozen and whose other steps are stateless,
        which are used as they are.
    weight : float or "auto", default="auto"
        Weight of `short`, from 0 to 1; that of `long` is the rest. "auto" is `skmer.model_selection.best_weight` on
        the validation songs. The paper reports 0.7.
    validation_fraction : float, default=0.2
        Fraction of the songs that is held out for validation if `fit` gets no ``X_val``.
    random_state : int, RandomState or None, default=None
        Determines the validation songs, and each ``random_state`` of the taggers that is None.
    verbose : int, default=0
        1 shows a progress bar over the taggers, which have their own.

    Attributes
    ----------
    short_, long_ : estimator
        The fitted taggers.
    weight_ : float
        Weight of `short_`.
    validation_scores_ : dict
        Macro ROC-AUC on the validation songs of ``"short"``, ``"long"`` and ``"both"``.
    validation_songs_ : ndarray of shape (n_validation_songs,) or None
        Positions of the songs of X that were held out; None if ``X_val`` was given.
    thresholds_ : ndarray of shape (n_tags,)
        Probability from which on `predict` assigns a tag: the threshold of the best F-score on the
        validation songs, infinite for a tag that none of them has. 0.5 if y was labels.
    tags_ : ndarray of shape (n_tags,)
        Names of the tags: the columns of y if it was a DataFrame, else 0, 1 and so on; the second class if y was
        labels.
    n_tags_ : int
        Number of tags.
    classes_ : ndarray of shape (n_tags, 2) or (2,)
        0 and 1 for each tag; the two classes, sorted, if y was labels.
    n_features_in_ : int
        Number of features, if X was a plain array.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X was a table.

    See Also
    --------
    EmotionTagger : A single tagger.
    skmer.model_selection.best_weight : Computes the weight.

    Notes
    -----
    The logit of a tag is ``weight_ * short + (1 - weight_) * long``. The logits of two taggers may have different
    scales, for which the weight compensates, so that it does not measure which tagger is better. The logits of a tagger
    without `decision_function` are the log-odds of its probabilities.

    Both taggers are trained on the same songs. The validation songs pass through the steps of a pipeline, whose last
    step uses them for early stopping if it can. Weight and thresholds are chosen on the same validation songs, so that
    `validation_scores_` are optimistic: evaluate on other songs. If there are few validation songs, many weights are
    equally good, and the one nearest to 0.5 is taken.

    If both taggers are frozen, nothing is trained, and all songs of X are validation songs unless ``X_val`` is given.
    Do not pass songs on which a frozen tagger was trained, for which it is overconfident. A `NoisyStudentTagger` that
    learns from unlabelled songs has to be fitted and frozen first.

    If both pipelines begin with a `TaggingTransformer`, the same `store` in both decodes each song only once.

    References
    ----------
    Tan, "Semi-Supervised Music Emotion Recognition using Noisy Student Training and Harmonic
    Pitch Class Profiles" (2021), section 2.6.

    Examples
    --------
    For recordings, one tagger of segments of 9 s and one of the first three minutes:

    >>> from sklearn.pipeline import make_pipeline
    >>> from skmer import EmotionTagger, LongShortEnsemble, TaggingTransformer
    >>> ensemble = LongShortEnsemble(
    ...     short=make_pipeline(TaggingTransformer(duration="short"), EmotionTagger()),
    ...     long=make_pipeline(TaggingTransformer(duration="long"), EmotionTagger()),
    ... )
    >>> ensemble = ensemble.set_params(short__emotiontagger__lr=3e-4)  # then ensemble.fit(paths, y)

    Songs are loudness curves in this example. Half of them become louder from beginning to end, half have one loud
    moment, and each tagger uses one of the two properties:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(120)[:, None] // [1, 2] % 2  # crescendo, accent
    >>> songs = [np.linspace(0, tags[0], n) + rng.normal(size=n) for n, tags in zip(rng.integers(80, 120, 120), y)]
    >>> for song, tags in zip(songs, y):
    ...     song[rng.integers(len(song))] += 4 * tags[1]
    >>> def maximum(songs):
    ...     return [[song.max()] for song in songs]
    >>> def slope(songs):
    ...     return [[np.polyfit(np.linspace(0, 1, len(song)), song, 1)[0]] for song in songs]
    >>> taggers = [
    ...     make_pipeline(FunctionTransformer(feature), OneVsRestClassifier(LogisticRegression()))
    ...     for feature in (maximum, slope)
    ... ]
    >>> ensemble = LongShortEnsemble(*taggers, random_state=0).fit(songs[:80], y[:80])
    >>> 0 < ensemble.weight_ < 1
    True
    >>> alone = [ensemble.set_params(weight=w).fit(songs[:80], y[:80]).score(songs[80:], y[80:]) for w in (0, 1)]
    >>> ensemble.set_params(weight="auto").fit(songs[:80], y[:80]).score(songs[80:], y[80:]) > max(alone) + 0.1
    True
    """

    _parameter_constraints = {  # noqa: RUF012
        "short": [HasMethods("fit")],
        "long": [HasMethods("fit")],
        "weight": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both")],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(self, short, long, *, weight="auto", validation_fraction=0.2, random_state=None, verbose=0):
        self.short = short
        self.long = long
        self.weight = weight
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        members = [get_tags(m).input_tags for m in (self.short, self.long) if hasattr(m, "__sklearn_tags__")]
        tags.input_tags.sparse = all(member.sparse for member in members)
        tags.input_tags.allow_nan = all(member.allow_nan for member in members)
        return tags

    def __sklearn_is_fitted__(self):
        return hasattr(self, "thresholds_")

    def fit(self, X, y, groups=None, X_val=None, y_val=None):
        """Fit both taggers to the same songs, then choose weight and thresholds on the validation songs.

        Parameters
        ----------
        X : collection of n_songs songs
            Input of both taggers: a list of paths or waveforms, a `SongSequence`, an array or a table.
        y : array-like or sparse matrix of shape (n_songs, n_tags), or array-like of shape (n_songs,)
            1 where a song has a tag, 0 where it has not. The columns of a DataFrame name the tags. With labels of
            two classes, one per song, the tagger is a binary classifier.
        groups : array-like of shape (n_songs,), default=None
            Groups, such as artists, whose songs are either all validation songs or none of them.
        X_val : like X, default=None
            Validation songs; by default drawn from X, or all of X if both taggers are frozen.
        y_val : array-like of shape (n_validation_songs, n_tags) or (n_validation_songs,), default=None
            Tags or labels of the validation songs.

        Returns
        -------
        LongShortEnsemble
            The fitted estimator.

        Raises
        ------
        ValueError
            If X and y are inconsistent, y is ratings or labels of one class or of more than two, a member is not a
            tagger, or no tag has both positive and negative validation songs.

        Warns
        -----
        UserWarning
            If a tag has no validation song. The taggers may issue further warnings.
        """
        with unfitted_on_error(self), interrupts_raised():
            self._validate_params()
            for name in _MEMBERS:
                check_is_tagger(name, getattr(self, name))
            check_validation_pair(X_val, y_val)
            X = _check_collection("X", X)
            targets = self._check_y(y, _num_samples(X))
            groups = encode_groups(groups, len(targets))
            rng = check_random_state(self.random_state)
            seed, *seeds = (int(rng.randint(2**31 - 1)) for _ in range(3))
            # members take the names of tags from tables
            y, named = restore_columns(targets, y), {"y": self.tags_}
            valid, train = None, None
            if X_val is None:
                valid, train = self._draw(targets, groups, seed)
                X_val, y_val, valid_targets = _safe_indexing(X, valid), _safe_indexing(y, valid), targets[valid]
            else:
                X_val = _check_collection("X_val", X_val)
                n_val = _num_samples(X_val)
                named["y_val"], valid_targets = self._check_y_like_fit(y_val, n_val, "y_val", "X_val")
                y_val = restore_columns(valid_targets, y_val)
            self._check_validation_tags(valid_targets)
            self.validation_songs_: np.ndarray | None = valid
            members = {name: _prepare(name, getattr(self, name), seeds.pop(0)) for name in _MEMBERS}
            check_same_tags({**named, **{name: tag_names(member) for name, member in members.items()}})
            X, y = _safe_indexing(X, train), _safe_indexing(y, train)
            # frozen members first, so that their errors come before any training
            order = sorted(_MEMBERS, key=lambda name: not _is_frozen(members[name]))
            logits = {}
            for name in tqdm(order, type(self).__name__, unit="tagger", disable=not self.verbose):
                if not _is_frozen(members[name]):
                    _fit(name, members[name], X, y, X_val, y_val, train, valid)
                setattr(self, f"{name}_", members[name])
                logits[name] = self._member_logits(name, X_val)
            self._warn_missing(valid_targets)
            self._choose_weight(logits["short"], logits["long"], valid_targets)
        return self

    def decision_function(self, X):
        """Compute the weighted sum of the taggers' logits.

        Parameters
        ----------
        X : collection of n_songs songs
            Input of both taggers.

        Returns
        -------
        ndarray of shape (n_songs, n_tags) or (n_songs,)
            ``weight_ * short + (1 - weight_) * long``; of the second class if y of `fit` was labels.

        Raises
        ------
        ValueError
            If X differs from the X of `fit` in its kind or shape.
        """
        check_is_fitted(self)
        X = _check_collection("X", X)
        logits = weighted_sum(self._member_logits("short", X), self._member_logits("long", X), self.weight_)
        return self._decisions(logits)

    def _draw(self, targets, groups, seed):
        """Return the positions of the validation songs, and those of the training songs."""
        positions = np.arange(len(targets))
        if all(_is_frozen(getattr(self, name)) for name in _MEMBERS):
            return positions, None
        held = draw_validation(targets, groups, self.validation_fraction, seed)
        return positions[held], positions[~held]

    def _choose_weight(self, short, long, targets):
        """Set weight, scores and thresholds by the logits of the validation songs."""
        for name in ("n_features_in_", "feature_names_in_"):
            for member in (self.long_, self.short_):
                if hasattr(member, name):
                    setattr(self, name, getattr(member, name))
        self.weight_ = best_weight(targets, short, long) if self.weight == "auto" else float(self.weight)
        both = weighted_sum(short, long, self.weight_)
        self.validation_scores_ = {
            name: macro_roc_auc(targets, logits) for name, logits in [("short", short), ("long", long), ("both", both)]
        }
        self.thresholds_ = self._best_thresholds(targets, expit(both))

    def _member_logits(self, name, X):
        return tag_logits(getattr(self, f"{name}_"), X, name, self.tags_)


def _check_collection(name, X):
    """Return X as a collection that can be indexed by song."""
    # scipy has a sparse matrix that is a mapping
    if isinstance(X, str | os.PathLike | Mapping | Set) and not issparse(X):
        raise ValueError(
            f"{name} must hold one item per song, in the order of the tags (a list of paths or waveforms, a "
            f"SongSequence, an array or a table), got {type(X).__name__}."
        )
    (X,) = indexable(X)
    if getattr(getattr(X, "dtype", None), "kind", None) == "c":
        raise ValueError(f"Complex data not supported: {name} must hold real numbers.")
    check_not_empty(X, name)
    return X


def _is_frozen(member):
    """Return whether nothing in a member can be trained."""
    if isinstance(member, Pipeline):
        before = [step for _, step in member.steps[:-1] if step is not None and step != "passthrough"]
        return _is_frozen(member.steps[-1][1]) and all(_is_frozen(s) or not get_tags(s).requires_fit for s in before)
    return isinstance(member, FrozenEstimator)


def _prepare(name, member, seed):
    """Return a frozen member after checking that it is fitted, or a clone of any other."""
    if not _is_frozen(member):
        return seeded_clone(member, seed)
    try:
        check_is_fitted(member)
    except NotFittedError:
        raise NotFittedError(f"{name} is frozen, but not fitted: fit it before freezing it.") from None
    return member


def _fit(name, member, X, y, X_val, y_val, train, valid):
    """Fit a member; `train` and `valid` are the positions of X and X_val in the X of the ensemble, if drawn from it."""
    try:
        fit_tagger(member, X, y, X_val, y_val, name)
    except NonFiniteSongError as error:
        # other classifiers may number songs differently
        if valid is None or not isinstance(final_classifier(member), BaseTagger):
            error.add_note(f"While fitting {name} of LongShortEnsemble.")
            raise
        raise NonFiniteSongError({"X": train, "X_val": valid}[error.collection][error.song], "X") from error
    except ValueError as error:
        error.add_note(f"While fitting {name} of LongShortEnsemble.")
        raise
