"""One list of checks over every estimator that takes songs.

scikit-learn's own checks feed two-dimensional arrays only; these feed what ours are for.
"""

import pickle

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


@pytest.fixture(params=ESTIMATORS)
def case(request):
    estimator, kind = ESTIMATORS[request.param]
    return clone(estimator), make_input(kind)


def test_fit_and_clone_keep_the_parameters(case):
    estimator, X = case

    def settings(estimator):
        return {name: value for name, value in estimator.get_params().items() if not hasattr(value, "get_params")}

    before = {name: value for name, value in settings(estimator).items() if name.split("__")[-1] != "steps"}
    for after in (estimator.fit(X, labels_for(estimator)), clone(estimator)):
        assert {name: settings(after)[name] for name in before} == before


def test_fit_returns_itself_and_leaves_the_input_alone(case):
    estimator, X = case
    copies = [np.array(song) for song in X]
    assert estimator.fit(X, labels_for(estimator)) is estimator
    output(estimator, X)
    assert_same(list(X), copies, rtol=0, atol=0)


def test_unfitted(case):
    estimator, X = case
    if isinstance(estimator, STATELESS):
        assert len(estimator.transform(X)) == N_SONGS  # stateless
        return
    with pytest.raises(NotFittedError):
        output(estimator, X)


def test_deterministic(case):
    estimator, X = case
    assert_same(
        output(clone(estimator).fit(X, labels_for(estimator)), X),
        output(clone(estimator).fit(X, labels_for(estimator)), X),
        rtol=0,
        atol=0,
    )


def test_pickle(case):
    estimator, X = case
    estimator.fit(X, labels_for(estimator))
    assert_same(output(pickle.loads(pickle.dumps(estimator)), X), output(estimator, X), rtol=0, atol=0)


def test_order_of_songs_is_irrelevant_to_prediction(case):
    estimator, X = case
    estimator.fit(X, labels_for(estimator))
    order = np.random.default_rng(1).permutation(N_SONGS)
    expected = output(estimator, X)
    assert_same(output(estimator, pick(X, order)), [expected[i] for i in order])


def test_a_song_alone_gives_the_same(case):
    estimator, X = case
    estimator.fit(X, labels_for(estimator))
    expected = output(estimator, X)
    for i in (0, 3):
        assert_same(output(estimator, pick(X, [i])), [expected[i]])


def test_list_object_array_and_song_sequence_agree(case):
    estimator, X = case
    as_list = [np.array(song) for song in X]
    as_object = np.empty(N_SONGS, dtype=object)
    as_object[:] = as_list
    results = [output(clone(estimator).fit(songs, labels_for(estimator)), songs) for songs in (X, as_list, as_object)]
    for other in results[1:]:
        assert_same(other, results[0], atol=1e-3)


def test_songs_of_equal_length_in_a_list(case):
    # np.array would make one block of them
    estimator, X = case
    n = min(len(song) for song in X)
    equal = [np.array(song[:n]) for song in X]
    assert len(output(clone(estimator).fit(equal, labels_for(estimator)), equal)) == N_SONGS


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


def test_metadata_and_output_settings(case):
    estimator, X = case
    pandas_out = clone(estimator)
    if hasattr(pandas_out, "set_output"):
        pandas_out.set_output(transform="pandas")
    assert len(getattr(pandas_out.fit(X, labels_for(estimator)), method_of(estimator))(X)) == N_SONGS
    assert "<" in estimator._repr_html_()


def test_empty_input_is_refused(case):
    estimator, X = case
    if isinstance(estimator, STATELESS):
        fitted = estimator  # stateless: it looks at songs in transform only
    else:
        with pytest.raises(ValueError, match=r"."):
            estimator.fit(pick(X, []), [])
        fitted = estimator.fit(X, labels_for(estimator))
    with pytest.raises(ValueError, match=r"."):
        output(fitted, pick(X, []))
