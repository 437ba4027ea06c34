"""LongShortEnsemble: two taggers that hear different things, their logits summed."""

from numbers import Real

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing, check_random_state, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _num_samples, check_is_fitted
from tqdm.auto import tqdm

from skmer.model_selection.tag_metrics import best_weight, macro_roc_auc, weighted_sum
from skmer.tagging._ensemble_members import collection, fit_member, is_frozen, ready_member
from skmer.tagging._tag_decisions import TagDecisions
from skmer.tagging._tags_in import both_kinds, check_groups, check_tags, draw_validation, refuse_other_names
from skmer.tagging.any_tagger import names_in, refuse_what_does_not_tag, with_names_of
from skmer.tagging.tag_answers import tag_logits
from skmer.training.runtime import reset_fitted_attributes

__all__ = ["LongShortEnsemble"]

_MEMBERS = ("short", "long")


class LongShortEnsemble(TagDecisions, BaseEstimator):
    """Tag songs by two taggers at once, whose logits are weighted and summed.

    Two taggers err less together where they listen to different things, such as short chunks and the course
    of a whole song. How much each counts is found on validation songs.

    Parameters
    ----------
    short, long : estimator
        Two taggers, of any kind, whatever the names say: `EmotionTagger`, `NoisyStudentTagger`, a pipeline that
        ends in one, a multi-label classifier of scikit-learn's. Both are given the same X, so that pipelines with
        front-ends of their own are the usual case. They are cloned; one in a
        `sklearn.frozen.FrozenEstimator` is used as it is, and so is a pipeline whose last step is frozen and
        whose other steps learn nothing.
    weight : float or "auto", default="auto"
        Weight of `short`, from 0 to 1; `long` has the rest. "auto" takes the `skmer.model_selection.best_weight`
        on the validation songs. The paper found 0.7.
    validation_fraction : float, default=0.2
        Share of the songs that is held out for validation where `fit` gets no ``X_val``.
    random_state : int, RandomState or None, default=None
        Decides which songs validate, and gives a number to every ``random_state`` within the taggers that is None;
        others stay as they are.
    verbose : int, default=0
        1 shows a progress bar over the taggers. They have their own.

    Attributes
    ----------
    short_, long_ : estimator
        The fitted taggers.
    weight_ : float
        Weight of `short_`.
    validation_scores_ : dict
        Macro ROC-AUC on the validation songs of ``"short"``, ``"long"`` and ``"both"``.
    validation_songs_ : ndarray of shape (n_validation_songs,) or None
        Positions of the songs of X that were held out; None where ``X_val`` was given.
    thresholds_ : ndarray of shape (n_tags,)
        A song is given a tag where its probability is at least this: the threshold of the best F-score on
        the validation songs. Infinite for a tag that none of them has.
    tags_ : ndarray of shape (n_tags,)
        What the tags are called: the columns of y where it was a DataFrame, else 0, 1 and so on.
    n_tags_ : int
        Number of tags.
    classes_ : list of ndarray
        ``array([0, 1])`` for each tag.
    n_features_in_ : int
        Number of features, where X was plain rows.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where X was a table of them.

    See Also
    --------
    EmotionTagger : One tagger.
    skmer.model_selection.best_weight : How the weight is chosen.

    Notes
    -----
    The logit of a tag is ``weight_ * short + (1 - weight_) * long``, of logits as they are. Two taggers' logits
    may have different scales, and the weight makes up for that too: it does not say which one knows
    more. What gives no `decision_function` has the log-odds of its probabilities for logits.

    Both taggers learn from the same songs. The validation songs go through a pipeline's own steps, whose last one
    stops early on them if it can; weight and thresholds are then chosen on the very songs on which the taggers
    stopped. Hence `validation_scores_` flatter: other songs judge. With few validation songs,
    many weights are equally good, and the one nearest 0.5 is taken.

    Where both taggers are frozen nothing is trained, and without ``X_val`` all songs of X validate. Songs on which
    a frozen tagger was trained say too much for it: give others. Songs without tags for a
    `NoisyStudentTagger` are a case for freezing too: fit it before.

    Where both pipelines begin with a `TaggingTransformer`, the same `store` in both decodes each song once.

    References
    ----------
    Tan, "Semi-Supervised Music Emotion Recognition using Noisy Student Training and Harmonic
    Pitch Class Profiles" (2021), section 2.6.

    Examples
    --------
    Of recordings, one tagger for chunks of 9 s and one for the first three minutes:

    >>> from sklearn.pipeline import make_pipeline
    >>> from skmer import EmotionTagger, LongShortEnsemble, TaggingTransformer
    >>> ensemble = LongShortEnsemble(
    ...     short=make_pipeline(TaggingTransformer(duration="short"), EmotionTagger()),
    ...     long=make_pipeline(TaggingTransformer(duration="long"), EmotionTagger()),
    ... )
    >>> ensemble = ensemble.set_params(short__emotiontagger__lr=3e-4)  # then ensemble.fit(paths, y)

    The same with loudness curves for songs. Half of them grow louder from begin to end, half have one loud
    instant, and each tagger hears one of the two only:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(120)[:, None] // [1, 2] % 2  # growing, startling
    >>> songs = [np.linspace(0, tags[0], n) + rng.normal(size=n) for n, tags in zip(rng.integers(80, 120, 120), y)]
    >>> for song, tags in zip(songs, y):
    ...     song[rng.integers(len(song))] += 4 * tags[1]
    >>> def moment(songs):
    ...     return [[song.max()] for song in songs]
    >>> def course(songs):
    ...     return [[np.polyfit(np.linspace(0, 1, len(song)), song, 1)[0]] for song in songs]
    >>> taggers = [
    ...     make_pipeline(FunctionTransformer(hear), OneVsRestClassifier(LogisticRegression()))
    ...     for hear in (moment, course)
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
        """Fit both taggers on the same songs, then choose weight and thresholds on the others.

        Parameters
        ----------
        X : collection of n_songs songs
            What both taggers take: a list of paths or waveforms, a `SongSequence`, an array, a table.
        y : array-like or sparse matrix of shape (n_songs, n_tags)
            1 where a song has a tag, 0 where it has not. A DataFrame names the tags.
        groups : array-like of shape (n_songs,), default=None
            Songs of one group, such as those of an artist, are all validation songs or none of them.
        X_val : like X, default=None
            Validation songs; by default they are drawn from X, or all of X where both taggers are frozen.
        y_val : array-like of shape (n_validation_songs, n_tags), default=None
            Their tags.

        Returns
        -------
        LongShortEnsemble
            Itself.

        Raises
        ------
        ValueError
            If X and y do not fit each other, a tagger does not tag, or no tag can be judged on the validation
            songs.

        Warns
        -----
        UserWarning
            If a tag has no validation song. The taggers have warnings of their own.
        """
        self._validate_params()
        reset_fitted_attributes(self)
        for name in _MEMBERS:
            refuse_what_does_not_tag(name, getattr(self, name))
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val go together: give both, or neither to have validation songs drawn.")
        X = collection("X", X)
        targets = self._set_tags(y, _num_samples(X))
        groups = check_groups(groups, len(targets))
        rng = check_random_state(self.random_state)
        seed, *seeds = (int(rng.randint(2**31 - 1)) for _ in range(3))
        # a table keeps its names, for the members to warn by
        y, named = with_names_of(y, targets), {"y": self.tags_}
        valid, rest = None, None
        if X_val is None:
            valid, rest = self._draw(targets, groups, seed)
            X_val, y_val, valid_targets = _safe_indexing(X, valid), _safe_indexing(y, valid), targets[valid]
        else:
            X_val = collection("X_val", X_val)
            named["y_val"], valid_targets = check_tags(self, y_val, _num_samples(X_val), self.n_tags_, "y_val", "X_val")
            y_val = with_names_of(y_val, valid_targets)
        if not both_kinds(valid_targets).any():
            raise ValueError(
                "No tag has both validation songs with it and without it, so that neither weight nor thresholds can "
                "be chosen: give more songs, a larger validation_fraction, or X_val and y_val."
            )
        self.validation_songs_: np.ndarray | None = valid
        members = {name: ready_member(name, getattr(self, name), seeds.pop(0)) for name in _MEMBERS}
        refuse_other_names({**named, **{name: names_in(member) for name, member in members.items()}})
        songs, y = _safe_indexing(X, rest), _safe_indexing(y, rest)
        # one that is frozen first: if it does not fit, nothing is trained in vain
        order = sorted(_MEMBERS, key=lambda name: not is_frozen(members[name]))
        logits = {}
        for name in tqdm(order, type(self).__name__, unit="tagger", disable=not self.verbose):
            if not is_frozen(members[name]):
                fit_member(name, members[name], songs, y, X_val, y_val, rest, valid)
            setattr(self, f"{name}_", members[name])
            logits[name] = self._member_logits(name, X_val)
        self._warn_of_lacking(valid_targets)
        self._weigh(logits["short"], logits["long"], valid_targets)
        return self

    def _draw(self, targets, groups, seed):
        """Give the positions of the validation songs, and of those to learn from."""
        everything = np.arange(len(targets))
        if all(is_frozen(getattr(self, name)) for name in _MEMBERS):
            return everything, None
        held = draw_validation(targets, groups, self.validation_fraction, seed)
        return everything[held], everything[~held]

    def _weigh(self, short, long, targets):
        """Choose weight and thresholds by the logits of the validation songs."""
        for name in ("n_features_in_", "feature_names_in_"):
            for member in (self.long_, self.short_):
                if hasattr(member, name):
                    setattr(self, name, getattr(member, name))
        self.weight_ = best_weight(targets, short, long) if self.weight == "auto" else float(self.weight)
        both = weighted_sum(short, long, self.weight_)
        self.validation_scores_ = {
            name: macro_roc_auc(targets, logits) for name, logits in [("short", short), ("long", long), ("both", both)]
        }
        self.thresholds_ = self._fit_thresholds(targets, expit(both))

    def _member_logits(self, name, X):
        """Give a member's logits, (n_songs, n_tags)."""
        return tag_logits(getattr(self, f"{name}_"), X, name, self.tags_)

    def decision_function(self, X):
        """Compute the weighted logits of songs.

        Parameters
        ----------
        X : collection of n_songs songs
            What both taggers take.

        Returns
        -------
        ndarray of shape (n_songs, n_tags)
            ``weight_`` times the logits of `short_`, and the rest of those of `long_`.

        Raises
        ------
        ValueError
            If X is not what the taggers were fitted on.
        """
        check_is_fitted(self)
        X = collection("X", X)
        return weighted_sum(self._member_logits("short", X), self._member_logits("long", X), self.weight_)
