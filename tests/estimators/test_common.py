"""One list of checks over every estimator that takes songs.

scikit-learn's own checks feed two-dimensional arrays only; these feed what ours are for.
"""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from sklearn.utils import get_tags

from skmer import SegmentTransformer, SongAggregator, SongSequence, TaggingTransformer
from skmer.feature_extraction import DescriptorTransformer, EmbeddingTransformer
from skmer.two_stage import MaskedMelAutoencoder
from tests.estimators.instances import ESTIMATORS, SPECTROGRAM, SR

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

STATELESS = (SegmentTransformer, TaggingTransformer, DescriptorTransformer, EmbeddingTransformer)
N_SONGS = 12
Y = np.array(["calm", "happy", "tense"] * 4)


def make_input(kind):
    """Songs of unequal length, one of them of one segment, whose class can be heard."""
    rng = np.random.default_rng(0)
    waveforms = []
    for i in range(N_SONGS):
        n = int(SR * (0.5 if i == 3 else 0.75 + 0.25 * (i % 4)))
        tone = np.sin(2 * np.pi * 220 * 2 ** (i % 3) * np.arange(n) / SR)
        waveforms.append((0.3 * tone + 0.05 * rng.normal(size=n)).astype(np.float32))
    if kind == "waveforms":
        return waveforms
    if kind == "segments":
        return SegmentTransformer(**SPECTROGRAM).transform(waveforms)
    return SongSequence([rng.dirichlet(np.ones(3), n) for n in (4, 1, 6, 2) * 3], names=["calm", "happy", "tense"])


def labels_for(estimator):
    """Classes, or the tags of those that take several."""
    tags = get_tags(estimator).classifier_tags
    return np.stack([Y == "calm", Y != "tense"], 1).astype(int) if tags is not None and tags.multi_label else Y


def mean_spectra(songs):
    """Enough to put an SVC behind the segments."""
    return np.stack([song.mean(axis=(0, 2)) for song in songs])


def method_of(estimator):
    """Name the method that tells most of an estimator."""
    if not is_classifier(estimator):
        return "transform"
    return "predict_proba" if hasattr(estimator, "predict_proba") else "decision_function"


def output(estimator, X):
    """What an estimator gives, song by song."""
    return [np.asarray(song) for song in getattr(estimator, method_of(estimator))(X)]


def assert_same(one, other, **tolerance):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, **{"rtol": 1e-5, "atol": 1e-6, **tolerance})


def pick(X, index):
    return X[index] if isinstance(X, SongSequence) else [X[i] for i in index]


@pytest.fixture(scope="module", params=ESTIMATORS)
def fitted(request):
    """Fit an estimator once; the tests that fit it again compare with its output."""
    estimator, kind = ESTIMATORS[request.param]
    estimator, X = clone(estimator), make_input(kind)
    before = {name: value for name, value in settings(estimator).items() if name.split("__")[-1] != "steps"}
    copies = [np.array(song) for song in X]
    result = estimator.fit(X, labels_for(estimator))
    return SimpleNamespace(
        estimator=estimator, X=X, y=labels_for(estimator), before=before, copies=copies, result=result,
        expected=output(estimator, X),
    )  # fmt: skip


@pytest.fixture
def case(fitted):
    """An unfitted estimator and its input."""
    return clone(fitted.estimator), fitted.X


def settings(estimator):
    return {name: value for name, value in estimator.get_params().items() if not hasattr(value, "get_params")}


def test_fit_returns_itself_and_keeps_parameters_and_input(fitted):
    assert fitted.result is fitted.estimator
    assert_same(list(fitted.X), fitted.copies, rtol=0, atol=0)
    for after in (fitted.estimator, clone(fitted.estimator)):
        assert {name: settings(after)[name] for name in fitted.before} == fitted.before


def test_unfitted(case):
    estimator, X = case
    if isinstance(estimator, STATELESS):
        assert len(estimator.transform(X)) == N_SONGS
        return
    with pytest.raises(NotFittedError):
        output(estimator, X)


def test_pickle(fitted):
    loaded = pickle.loads(pickle.dumps(fitted.estimator))
    assert_same(output(loaded, fitted.X), fitted.expected, rtol=0, atol=0)


def test_order_of_songs_is_irrelevant_to_prediction(fitted):
    order = np.random.default_rng(1).permutation(N_SONGS)
    assert_same(output(fitted.estimator, pick(fitted.X, order)), [fitted.expected[i] for i in order])


def test_a_song_alone_gives_the_same(fitted):
    for i in (0, 3):
        assert_same(output(fitted.estimator, pick(fitted.X, [i])), [fitted.expected[i]])


def test_deterministic_and_equal_for_list_and_object_array(fitted):
    as_list = [np.array(song) for song in fitted.X]
    as_object = np.empty(N_SONGS, dtype=object)
    as_object[:] = as_list
    for songs, tolerance in [(fitted.X, 0), (as_list, 1e-3), (as_object, 1e-3)]:
        again = output(clone(fitted.estimator).fit(songs, fitted.y), songs)
        assert_same(again, fitted.expected, rtol=1e-5 if tolerance else 0, atol=tolerance)


def test_songs_of_equal_length_in_a_list(case):
    # np.array would make one block of them
    estimator, X = case
    n = min(len(song) for song in X)
    equal = [np.array(song[:n]) for song in X]
    assert len(output(estimator.fit(equal, labels_for(estimator)), equal)) == N_SONGS


def test_cross_validates(case):
    estimator, X = case
    pipe = estimator
    if not is_classifier(estimator):
        spectra = isinstance(estimator, SegmentTransformer | TaggingTransformer)
        flat = [FunctionTransformer(mean_spectra)] if spectra else []
        if getattr(estimator, "statistics", ()) is None or isinstance(estimator, MaskedMelAutoencoder):
            flat = [SongAggregator()]
        pipe = make_pipeline(estimator, *flat, SVC())
    cv = KFold(2) if labels_for(estimator).ndim > 1 else StratifiedKFold(2)
    one = cross_val_score(pipe, X, labels_for(estimator), cv=cv, error_score="raise")
    two = cross_val_score(pipe, X, labels_for(estimator), cv=cv, n_jobs=2, error_score="raise")
    assert np.isfinite(one).all()
    np.testing.assert_array_equal(one, two)


def test_output_settings_and_repr(fitted):
    pandas_out = pickle.loads(pickle.dumps(fitted.estimator))
    if hasattr(pandas_out, "set_output"):
        pandas_out.set_output(transform="pandas")
    assert len(getattr(pandas_out, method_of(pandas_out))(fitted.X)) == N_SONGS
    assert "<" in fitted.estimator._repr_html_()


def test_empty_input_raises(fitted):
    if not isinstance(fitted.estimator, STATELESS):  # which validate songs in transform only
        with pytest.raises(ValueError, match=r"."):
            clone(fitted.estimator).fit(pick(fitted.X, []), [])
    with pytest.raises(ValueError, match=r"."):
        output(fitted.estimator, pick(fitted.X, []))
