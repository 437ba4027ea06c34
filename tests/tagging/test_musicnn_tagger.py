"""make_musicnn_tagger: the mean probabilities of windows, and the most probable tags."""

import numpy as np
import pytest
import torch
from scipy.special import expit

from skmer import load_model, save_model
from skmer.embeddings import musicnn
from skmer.inspection import SongPredictor
from skmer.tagging import make_musicnn_tagger
from skmer.tagging.musicnn import MostProbableTags
from tests.embeddings import checkpoints
from tests.embeddings.test_musicnn import PATH, REFERENCE, needs_weights, waveforms


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return checkpoints.write_package(tmp_path_factory.mktemp("package") / "musicnn", checkpoints.random_arrays())


def test_the_most_probable_tags_are_given():
    tagger = MostProbableTags(["calm", "dark", "loud"], 2)
    rows = [[0.1, 0.3, 0.2], [0.5, 0.5, 0.5]]
    np.testing.assert_array_equal(tagger.predict(rows), [[0, 1, 1], [1, 1, 0]])
    np.testing.assert_array_equal(tagger.fit(rows).predict_proba(rows), rows)
    assert tagger.tags_.tolist() == ["calm", "dark", "loud"]
    assert np.shape(tagger.classes_) == (3, 2)


def test_a_song_has_the_mean_of_its_windows(package):
    song = np.concatenate([*waveforms(), np.zeros(100, dtype=np.float32)])
    network = musicnn("MSD", "tags", "float32", package)
    expected = network(torch.from_numpy(waveforms())).numpy().mean(axis=0)
    tagger = make_musicnn_tagger(precision="float32", device="cpu", path=package)
    np.testing.assert_allclose(tagger.predict_proba([song])[0], expected, atol=1e-6)
    assert tagger.predict([song]).sum() == 3
    assert tagger[-1].tags_.tolist() == list(network.tags)
    first = make_musicnn_tagger(precision="float32", device="cpu", path=package, max_duration=3.0)
    np.testing.assert_allclose(first.predict_proba([song])[0], network(torch.from_numpy(waveforms()[:1]))[0], atol=1e-6)
    # shorter than a window
    assert np.isfinite(tagger.predict_proba([song[:1000]])).all()


def test_it_is_a_model_like_others(package, tmp_path):
    tagger = make_musicnn_tagger("MTT", n_tags=2, precision="float32", device="cpu", path=package)
    song = np.concatenate(waveforms())
    predictor = SongPredictor(tagger)
    assert (predictor.output, predictor.predicts, predictor.max_duration) == ("tags", True, None)
    answer = predictor.predict(predictor.read(song))
    np.testing.assert_array_equal(answer.probabilities, tagger.predict_proba([song])[0])
    best = answer.probabilities.argsort()[-2:]
    assert set(answer.tags) == set(tagger[-1].tags_[best])
    loaded = load_model(save_model(tagger, tmp_path / "tagger.skmer"))
    np.testing.assert_array_equal(loaded.predict_proba([song]), tagger.predict_proba([song]))


@pytest.mark.parametrize("n_tags", [0, 51, 1.5])
def test_the_number_of_tags_is_checked(package, n_tags):
    with pytest.raises(ValueError, match=f"n_tags must be a whole number from 1 to 50, got {n_tags}"):
        make_musicnn_tagger(n_tags=n_tags, path=package)


@needs_weights
@pytest.mark.parametrize("model", ["MTT", "MSD"])
def test_probabilities_are_those_of_the_published_graph(model):
    dimensions, *logits, _ = REFERENCE[model]["logits"]
    tagger = make_musicnn_tagger(model, precision="float32", device="cpu", path=PATH)
    found = tagger.predict_proba([np.concatenate(waveforms())])[0]
    np.testing.assert_allclose(found[dimensions], expit(logits).mean(axis=0), atol=1e-5)
