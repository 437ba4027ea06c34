"""The pipeline on files, with the tools of scikit-learn."""

import joblib
import numpy as np
import pytest
import sklearn
import soundfile as sf
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import skmer.feature_extraction._base
from skmer import SegmentTransformer, SongAggregator, SSSLClassifier, make_sssl_pipeline
from skmer.datasets import make_songs

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SR = 5632  # 11 hops of 512 a second
NETWORK = {
    "backbone": "small",
    "backbone_params": {"width": 4},
    "max_epochs": 3,
    "warmup_epochs": 1,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Twelve synthetic songs as files, with composers as groups."""
    folder = tmp_path_factory.mktemp("songs")
    songs = make_songs(n_songs=12, duration=5, sr=SR, n_composers=6, random_state=0)
    songs.paths = [str(folder / f"{i}.wav") for i in range(12)]
    for path, y in zip(songs.paths, songs.data, strict=True):
        sf.write(path, y, SR)
    return songs


def make_pipe(memory=None, **network):
    segments = SegmentTransformer(duration=2, sr=SR, n_fft=256, hop_length=128, n_mels=32, memory=memory)
    return make_pipeline(segments, SSSLClassifier(**{**NETWORK, **network}), SongAggregator(), StandardScaler(), SVC())


def test_cross_validation_with_groups(songs):
    cv = StratifiedGroupKFold(2)
    scores = cross_val_score(make_pipe(), songs.paths, songs.target, groups=songs.groups, cv=cv, error_score="raise")
    assert scores.shape == (2,)


def test_a_grid_search_over_durations_reads_each_song_once(songs, tmp_path, monkeypatch):
    reads = []
    read_blocks = skmer.feature_extraction._base.read_blocks

    def counting(path, *args, **kwargs):
        reads.append(str(path))
        return read_blocks(path, *args, **kwargs)

    monkeypatch.setattr(skmer.feature_extraction._base, "read_blocks", counting)
    grid = {"segmenttransformer__duration": [1, 2], "ssslclassifier__lambda_kl": [0, 1]}
    search = GridSearchCV(make_pipe(memory=tmp_path), grid, cv=StratifiedGroupKFold(2), error_score="raise")
    search.fit(songs.paths, songs.target, groups=songs.groups)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert sorted(reads) == sorted(songs.paths)


def test_a_dumped_pipeline_predicts_the_same(songs, tmp_path):
    pipe = make_pipe().fit(songs.paths, songs.target)
    joblib.dump(pipe, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(loaded.predict(songs.paths), pipe.predict(songs.paths))
    assert pipe[2].get_feature_names_out()[0] == "max_Q1"


def test_groups_reach_the_cross_fitting_under_metadata_routing(songs, monkeypatch):
    seen = []
    fit_transform = SSSLClassifier.fit_transform

    def spy(self, X, y, groups=None, sample_weight=None):
        seen.append(groups)
        return fit_transform(self, X, y, groups, sample_weight)

    monkeypatch.setattr(SSSLClassifier, "fit_transform", spy)
    with sklearn.config_context(enable_metadata_routing=True):
        pipe = make_pipe(cv=2)
        pipe.fit(songs.paths, songs.target, groups=songs.groups)
        assert seen.pop() is songs.groups
        scores = cross_validate(
            pipe, songs.paths, songs.target, cv=StratifiedGroupKFold(2), params={"groups": songs.groups},
            error_score="raise",
        )  # fmt: skip
    assert len(seen) == 2
    assert all(groups is not None for groups in seen)
    assert np.isfinite(scores["test_score"]).all()


def test_the_papers_pipeline(songs):
    pipe = make_sssl_pipeline(duration=2, recipe="paper", n_jobs=1, **NETWORK)
    pipe.set_params(segments__sr=SR, segments__n_fft=256, segments__hop_length=128, segments__n_mels=32)
    assert set(pipe.fit(songs.paths, songs.target).predict(songs.paths)) <= set(songs.target)
    html = pipe._repr_html_()
    for step in ("SegmentTransformer", "SSSLClassifier", "SongAggregator", "SVC"):
        assert step in html
