"""Checks of estimators over songs, for the tests of skmer and of others; pytest is imported only when it is used."""

import pickle
import warnings
from collections.abc import Mapping
from functools import lru_cache, partial
from types import SimpleNamespace

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from sklearn.utils import get_tags

from skmer._hash import stable_hash
from skmer.feature_extraction import SegmentTransformer
from skmer.songs import SongSequence

__all__ = ["check_song_estimator", "parametrize_with_song_checks"]

SR = 4096
N_SONGS = 12
KINDS = ("waveforms", "segments", "probabilities")
_CLASSES = np.array(["calm", "happy", "tense"] * 4)

# a list holds copies of the segments, in whose sums the last digits may differ
_SAME = {"rtol": 1e-5, "atol": 1e-6}
_SAME_IN_LIST = {"rtol": 1e-5, "atol": 1e-3}


# ---- songs, labels and outputs ----------------------------------------------------------------------


def make_input(kind):
    """Return songs of unequal length whose class can be heard; the song at position 3 has one segment."""
    _check_kind(kind)
    rng = np.random.default_rng(0)
    if kind == "probabilities":
        return SongSequence([rng.dirichlet(np.ones(3), n) for n in (4, 6, 2, 1) * 3], names=["calm", "happy", "tense"])
    waveforms = []
    for i in range(N_SONGS):
        n = int(SR * (0.5 if i == 3 else 0.75 + 0.25 * (i % 4)))
        tone = np.sin(2 * np.pi * 220 * 2 ** (i % 3) * np.arange(n) / SR)
        waveforms.append((0.3 * tone + 0.05 * rng.normal(size=n)).astype(np.float32))
    if kind == "waveforms":
        return waveforms
    transformer = SegmentTransformer(duration=0.5, hop=0.25, sr=SR, n_fft=256, hop_length=64, n_mels=16)
    return transformer.transform(waveforms)


def _check_kind(kind):
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(map(repr, KINDS))}, got {kind!r}.")


def labels_for(estimator):
    """Return a class for each song; for a regressor two ratings, and for tags a column of 0 and 1 for each."""
    if is_regressor(estimator):
        return np.stack([_CLASSES == "calm", _CLASSES != "tense"], 1) - 0.5
    if not _takes_tags(estimator):
        return _CLASSES
    return np.stack([_CLASSES == "calm", _CLASSES != "tense"], 1).astype(int)


def _takes_tags(estimator):
    tags = get_tags(estimator).classifier_tags
    return tags is not None and tags.multi_label


def method_of(estimator):
    """Return the name of the method whose output tells most about a fitted or unfitted estimator."""
    wanted: tuple = ("predict",) if is_regressor(estimator) else ("transform",)
    if is_classifier(estimator):
        wanted = ("predict_proba", "decision_function", "predict")
    method = next((name for name in wanted if hasattr(estimator, name)), None)
    if method is None:
        raise TypeError(
            f"{type(estimator).__name__} has no method {wanted[-1]}: the checks are for transformers, classifiers and "
            "regressors."
        )
    return method


def output(estimator, X):
    """Return what an estimator computes, song by song."""
    return [np.asarray(song) for song in getattr(estimator, method_of(estimator))(X)]


def _assert_same(actual, desired, message, rtol=0.0, atol=0.0):
    _assert(len(actual) == len(desired), f"{message}: {len(actual)} songs instead of {len(desired)}.")
    for one, other in zip(actual, desired, strict=True):
        if one.dtype.kind in "OSU":
            np.testing.assert_array_equal(one, other, err_msg=message)
        else:
            np.testing.assert_allclose(one, other, rtol=rtol, atol=atol, err_msg=message)


def _assert(condition, message):
    # an assert statement is not run by python -O, nor explained by pytest outside of tests
    if not condition:
        raise AssertionError(message)


def _pick(X, index):
    return X[index] if isinstance(X, SongSequence) else [X[i] for i in index]


def _parameters(estimator):
    """Return a hash of each parameter, apart from the estimators in it, whose parameters are listed too."""
    found = {}
    for name, value in estimator.get_params().items():
        if hasattr(value, "get_params") or name.rpartition("__")[2] in ("steps", "transformers", "transformer_list"):
            continue
        try:
            found[name] = stable_hash(value)
        except ValueError:  # such as a lambda, which cannot be changed either
            found[name] = id(value)
    return found


@lru_cache(maxsize=2)
def _fit(estimator, kind):
    """Fit a clone once for several checks, which must not change it.

    The callers of the checks pass clones of their own, whose parameters nobody changes between two checks.
    """
    fitted, X = clone(estimator), make_input(kind)
    y = labels_for(fitted)
    parameters, copies = _parameters(fitted), [np.array(song) for song in X]
    result = fitted.fit(X, y)
    return SimpleNamespace(
        estimator=fitted, X=X, y=y, parameters=parameters, copies=copies, result=result, expected=output(fitted, X)
    )


# ---- the checks -------------------------------------------------------------------------------------


def check_fit_keeps_parameters_and_songs(estimator, kind):
    case = _fit(estimator, kind)
    _assert(case.result is case.estimator, "fit must return the estimator.")
    _assert(len(case.expected) == N_SONGS, f"For {N_SONGS} songs, the output has {len(case.expected)} rows or songs.")
    _assert_same([np.asarray(song) for song in case.X], case.copies, "The songs have been changed")
    after = _parameters(case.estimator)
    changed = [name for name in case.parameters if after.get(name) != case.parameters[name]]
    _assert(not changed, f"fit must not change parameters, but it changed {', '.join(changed)}.")


def check_unfitted_error(estimator, kind):
    X = make_input(kind)
    if not get_tags(estimator).requires_fit:
        _assert(len(output(clone(estimator), X)) == N_SONGS, "A stateless transformer must return every song.")
        return
    try:
        output(clone(estimator), X)
    except NotFittedError:
        return
    raise AssertionError("An unfitted estimator must raise sklearn.exceptions.NotFittedError.")


def check_pickle(estimator, kind):
    case = _fit(estimator, kind)
    loaded = pickle.loads(pickle.dumps(case.estimator))
    _assert_same(output(loaded, case.X), case.expected, "The output of a pickled estimator differs")


def check_order_of_songs(estimator, kind):
    case = _fit(estimator, kind)
    order = np.random.default_rng(1).permutation(N_SONGS)
    found = output(case.estimator, _pick(case.X, order))
    _assert_same(found, [case.expected[i] for i in order], "The output depends on the order of the songs", **_SAME)


def check_song_alone(estimator, kind):
    case = _fit(estimator, kind)
    for i, which in ((0, "A song"), (3, "A song of one segment")):
        found = output(case.estimator, _pick(case.X, [i]))
        _assert_same(found, [case.expected[i]], f"{which} alone has another output than among others", **_SAME)


def check_song_containers(estimator, kind):
    case = _fit(estimator, kind)
    as_list = [np.array(song) for song in case.X]
    as_object = np.empty(N_SONGS, dtype=object)
    as_object[:] = as_list
    for songs, name, tolerance in [
        (case.X, "in a second fit on the same songs", {}),
        (as_list, "for songs in a list", _SAME_IN_LIST),
        (as_object, "for songs in an object array", _SAME_IN_LIST),
    ]:
        found = output(clone(estimator).fit(songs, case.y), songs)
        _assert_same(found, case.expected, f"The output differs {name}", **tolerance)


def check_songs_of_equal_length(estimator, kind):
    # np.array would make one block of them
    X = make_input(kind)
    n = min(len(song) for song in X)
    equal = [np.array(song[:n]) for song in X]
    found = output(clone(estimator).fit(equal, labels_for(estimator)), equal)
    _assert(len(found) == N_SONGS, f"A list of {N_SONGS} songs of equal length has {len(found)} rows of output.")


def _features(X):
    """Return one row of features for each song."""
    if isinstance(X, SongSequence):
        return np.stack([song.reshape(len(song), -1).mean(0) for song in X])
    return np.asarray(X)


def check_cross_validation(estimator, kind):
    model, y = clone(estimator), labels_for(estimator)
    if not is_classifier(model) and not is_regressor(model):
        model = make_pipeline(model, FunctionTransformer(_features), SVC())
    cv = KFold(2) if y.ndim > 1 else StratifiedKFold(2)
    one, two = (
        cross_val_score(model, make_input(kind), y, cv=cv, n_jobs=n_jobs, error_score="raise") for n_jobs in (None, 2)
    )
    _assert(np.isfinite(one).all(), f"The scores of a cross-validation must be finite, got {one}.")
    np.testing.assert_array_equal(one, two, err_msg="The scores depend on n_jobs")


def check_output_settings_and_repr(estimator, kind):
    case = _fit(estimator, kind)
    changed = pickle.loads(pickle.dumps(case.estimator))
    if hasattr(changed, "set_output"):
        try:
            changed.set_output(transform="pandas")
        except ValueError:
            # a pipeline may have a step without it
            if not isinstance(changed, Pipeline):
                raise
    n_songs = len(getattr(changed, method_of(changed))(case.X))
    _assert(n_songs == N_SONGS, f'With set_output(transform="pandas"), the output has {n_songs} songs.')
    _assert("<" in changed._repr_html_(), "The HTML representation is empty.")


def check_empty_input_error(estimator, kind):
    case = _fit(estimator, kind)
    calls = [("an empty X", lambda: output(case.estimator, _pick(case.X, [])))]
    if get_tags(estimator).requires_fit:  # others validate songs in transform only
        calls.append(("a fit on no song", lambda: clone(estimator).fit(_pick(case.X, []), case.y[:0])))
    for what, call in calls:
        try:
            call()
        except ValueError as error:
            _assert(str(error), f"The ValueError of {what} has no message.")
        else:
            raise AssertionError(f"There must be a ValueError for {what}.")


_CHECKS = (
    check_fit_keeps_parameters_and_songs,
    check_unfitted_error,
    check_pickle,
    check_order_of_songs,
    check_song_alone,
    check_song_containers,
    check_songs_of_equal_length,
    check_cross_validation,
    check_output_settings_and_repr,
    check_empty_input_error,
)


def _check_expected(expected):
    """Return the expected failures as a dict; raise ValueError if a name is not that of a check."""
    known = [check.__name__ for check in _CHECKS]
    for name in expected or {}:
        if name not in known:
            raise ValueError(f"expected_failed_checks has {name!r}, which is not one of {', '.join(known)}.")
    return dict(expected or {})


# ---- the two ways to run them -----------------------------------------------------------------------


def check_song_estimator(estimator, kind, expected_failed_checks=None):
    """Check that a transformer, classifier or regressor over songs works like those of skmer.

    scikit-learn's `check_estimator` passes two-dimensional arrays only. These checks pass twelve songs of unequal
    length, one of them with one segment. They check cloning, that `fit` keeps parameters and songs, the error of an
    unfitted estimator, pickling, that an output depends on its own song only, that a `SongSequence`, a list and an
    object array are treated alike, cross-validation with one and two processes, `set_output`, and the errors for an
    empty input.

    Parameters
    ----------
    estimator : estimator
        A classifier, of one class or of several tags per song, a regressor of two ratings per song, or a transformer
        whose output are songs or rows. It is cloned. If it draws random numbers, its `random_state` must be an
        integer; a transformer without a state must have the tag ``requires_fit=False``.
    kind : {"waveforms", "segments", "probabilities"}
        What the estimator takes: a list of waveforms of 0.5 to 1.5 seconds at ``sr=4096``; a `SongSequence` with
        segments of 16 mel bands and 32 frames; or a `SongSequence` with segments of 3 probabilities.
    expected_failed_checks : dict of str to str, default=None
        Name of each check that is expected to fail, and the reason, which becomes a warning.

    Raises
    ------
    AssertionError
        If a check fails. Errors of the estimator are not caught. The name of the check is added to each.
    ValueError
        If `kind` or a name in `expected_failed_checks` is unknown.

    See Also
    --------
    parametrize_with_song_checks : The same checks as tests of pytest.
    sklearn.utils.estimator_checks.check_estimator : Checks with two-dimensional arrays.

    Examples
    --------
    >>> from skmer import MajorityVote
    >>> from skmer.utils import check_song_estimator
    >>> check_song_estimator(MajorityVote(), "probabilities")
    """
    expected, estimator = _check_expected(expected_failed_checks), clone(estimator)
    for check in _CHECKS:
        name = check.__name__
        try:
            check(estimator, kind)
        except Exception as error:
            if name not in expected:
                error.add_note(f"{name} failed for {type(estimator).__name__}.")
                raise
            warnings.warn(f"{name} failed as expected: {expected[name]}", SkipTestWarning, stacklevel=2)


def parametrize_with_song_checks(estimators, expected_failed_checks=None):
    """Parametrize a test with the checks of `check_song_estimator`.

    Parameters
    ----------
    estimators : list of (estimator, kind), or dict of str to (estimator, kind)
        Estimators, and what each of them takes, as in `check_song_estimator`. The keys of a dict are used as names of
        the tests, otherwise those of the classes.
    expected_failed_checks : callable, default=None
        Takes an estimator and returns a dict with the name of each check that is expected to fail, and the reason.
        These tests are marked as xfail.

    Returns
    -------
    decorator
        A `pytest.mark.parametrize` of a test with the arguments `estimator` and `check`.

    See Also
    --------
    check_song_estimator : The same checks in one call.

    Examples
    --------
    >>> from skmer import MajorityVote, SongAggregator
    >>> from skmer.utils import parametrize_with_song_checks
    >>> @parametrize_with_song_checks([(MajorityVote(), "probabilities"), (SongAggregator(), "probabilities")])
    ... def test_song_estimators(estimator, check):
    ...     check(estimator)
    """
    import pytest

    named = estimators if isinstance(estimators, Mapping) else None
    cases = []
    for place, (estimator, kind) in enumerate(estimators if named is None else named.values()):
        name = type(estimator).__name__ if named is None else list(named)[place]
        _check_kind(kind)
        expected = _check_expected(expected_failed_checks and expected_failed_checks(estimator))
        copy = clone(estimator)
        for check in _CHECKS:
            reason = expected.get(check.__name__)
            marks = [] if reason is None else [pytest.mark.xfail(reason=reason)]
            cases.append(pytest.param(copy, partial(check, kind=kind), id=f"{name}-{check.__name__}", marks=marks))
    return pytest.mark.parametrize(("estimator", "check"), cases)
