"""Several systems together: joined features and averaged probabilities are those of the parts."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import Pipeline

from skmer import (
    DescriptorTransformer,
    EmbeddingTransformer,
    SegmentTransformer,
    SongAggregator,
    make_averaging_classifier,
    make_joined_pipeline,
)
from skmer.datasets import make_songs
from skmer.model_selection import EstimatorSystem
from skmer.model_selection.systems import check_cross_fitting, fit_with_groups

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

NETWORK = {"backbone_params": {"hidden": [8]}, "max_epochs": 2, "warmup_epochs": 1, "random_state": 0}


def loudness(windows):
    return np.stack([windows.std(axis=1), np.abs(windows).max(axis=1)], axis=1)


@pytest.fixture(scope="module")
def songs():
    return make_songs(n_songs=20, duration=5, sr=22528, random_state=0)


@pytest.fixture(scope="module")
def embedding():
    return EmbeddingTransformer(loudness, sr=22528, window=1.0, statistics=["mean"])


def test_joined_features_are_those_of_the_parts(songs, embedding):
    pipe = make_joined_pipeline(embedding=embedding, cv=2, **NETWORK)
    joined = pipe["features"].fit_transform(songs.data, songs.target)
    parts = dict(pipe["features"].transformer_list)
    assert list(parts) == ["network", "descriptors", "embedding"]
    *readers, sssl, _ = (step for _, step in parts["network"].steps)
    segments = songs.data
    for step in readers:
        segments = step.transform(segments)
    crossed = clone(sssl).set_params(cv=2).fit_transform(segments, songs.target)
    expected = np.hstack(
        [SongAggregator().fit_transform(crossed), parts["descriptors"].transform(songs.data),
         embedding.transform(songs.data)]
    )  # fmt: skip
    np.testing.assert_allclose(joined, expected, rtol=1e-5, atol=1e-7)
    pipe.fit(songs.data, songs.target)
    assert pipe.predict(songs.data[:3]).shape == (3,)


def test_averaged_probabilities_are_those_of_the_parts(songs, embedding):
    average = make_averaging_classifier(embedding=embedding, **NETWORK).fit(songs.data, songs.target)
    parts = [member.predict_proba(songs.data) for member in average.estimators_]
    assert len(parts) == 3
    np.testing.assert_allclose(average.predict_proba(songs.data), np.mean(parts, axis=0))
    network = average.named_estimators_["network"]
    rows = network[:-1].transform(songs.data)
    means = [np.asarray(song).mean(axis=0) for song in network[-1].transform(rows)]
    np.testing.assert_allclose(parts[0], means, atol=1e-6)


@pytest.mark.parametrize("fit", [Pipeline.fit, fit_with_groups])
def test_groups_reach_the_cross_fitting(fit, songs, monkeypatch):
    seen = []
    split = StratifiedGroupKFold.split

    def recorded(self, X, y, groups=None):
        seen.append(groups)
        return split(self, X, y, groups)

    monkeypatch.setattr(StratifiedGroupKFold, "split", recorded)
    with config_context(enable_metadata_routing=True):
        fit(make_joined_pipeline(cv=2, **NETWORK), songs.data, songs.target, groups=songs.groups)
    # the network is cross-fitted, and the SVM is calibrated
    assert len(seen) == 2
    assert [len(np.unique(groups)) for groups in seen] == 2 * [len(set(songs.groups))]


def test_an_experiment_checks_the_cross_fitting_and_reads_the_songs_before_it_fits(songs, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="n_splits=30"):
        check_cross_fitting(EstimatorSystem(make_joined_pipeline(cv=30)), songs.target)
    read = []
    for reader in (SegmentTransformer, DescriptorTransformer):
        monkeypatch.setattr(reader, "transform", lambda self, X: read.append((type(self).__name__, self.n_jobs)))
    EstimatorSystem(make_joined_pipeline(memory=tmp_path)).prepare(songs.data, n_jobs=2)
    assert read == [("SegmentTransformer", 2), ("DescriptorTransformer", 2)]


@pytest.mark.parametrize("make", [make_joined_pipeline, make_averaging_classifier])
def test_other_networks_and_settings(make, songs):
    model = make(backbone="small", max_duration=None, n_jobs=2)
    name = "features__network" if make is make_joined_pipeline else "network"
    params = model.get_params()
    assert params[f"{name}__sssl__backbone"] == "small"
    assert params[f"{name}__sssl__backbone_params"] is None
    assert params[f"{name}__segments__harmony"] is False
    assert params[f"{name}__segments__max_duration"] is None
    assert f"{name}__segment_statistics" not in params
    assert make(backbone="multi_branch").get_params()[f"{name}__segments__harmony"] is True


def test_an_embedding_that_keeps_windows():
    windows = EmbeddingTransformer(loudness, sr=22528, window=1.0)
    for make in (make_joined_pipeline, make_averaging_classifier):
        with pytest.raises(ValueError, match="embedding keeps windows: set its statistics"):
            make(embedding=windows)


def test_a_search_over_the_parts(songs):
    grid = {"features__network__sssl__lambda_kl": [0, 1], "svm__C": [1, 10]}
    search = GridSearchCV(make_joined_pipeline(cv="insample", **NETWORK), grid, cv=2, error_score="raise")
    search.fit(songs.data, songs.target)
    assert set(search.best_params_) == set(grid)
