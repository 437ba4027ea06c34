"""train_model with the system that joins the network and descriptors, whose steps are those of its parts."""

from pathlib import Path

import joblib
import numpy as np
import pytest
import soundfile
from sklearn import config_context
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
from sklearn.utils import Bunch

import skmer.feature_extraction._base
from skmer import DescriptorTransformer, SSSLClassifier, make_joined_pipeline
from skmer._pipeline_steps import leaf_steps
from skmer.inspection import SongPredictor, predict_files
from skmer.models import UnreadableSongs, card_markdown, load_model, save_trained_model, train_model
from tests.models.tiny import SR, written

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
NETWORK = {"backbone_params": {"hidden": [8]}, "max_epochs": 2, "warmup_epochs": 1, "cv": 2}
SEGMENTS = {"duration": 1, "sr": SR, "harmony": False, "n_mels": 32}
DESCRIPTORS = {"sr": SR, "groups": ["dynamics"]}
CONFIG = {"segments": SEGMENTS, "sssl": NETWORK, "descriptors": DESCRIPTORS}


def train(songs, config=CONFIG, **settings):
    return train_model(songs, "joined", config, **{"n_splits": 0, "device": "cpu", **settings})


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    return written(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def trained(songs):
    return train(songs)


def test_the_figures_are_those_of_scikit_learn_on_the_same_folds(songs):
    trained = train(songs, n_splits=2, seed=3)
    pipe = make_joined_pipeline(random_state=3, **NETWORK)
    network = "features__network__segments__"
    pipe.set_params(**{f"{network}{name}": value for name, value in SEGMENTS.items()})
    pipe.set_params(**{f"features__descriptors__{name}": value for name, value in DESCRIPTORS.items()})
    cv = StratifiedGroupKFold(2, shuffle=True, random_state=3)
    with config_context(enable_metadata_routing=True):
        expected = cross_val_score(pipe, songs.data, songs.target, cv=cv, params={"groups": songs.groups})
        pipe.fit(songs.data, songs.target, groups=songs.groups)
    np.testing.assert_allclose(trained.card["estimate"]["folds"]["joined"]["accuracy"], expected)
    np.testing.assert_array_equal(trained.pipeline.predict(songs.data), pipe.predict(songs.data))
    np.testing.assert_allclose(
        trained.pipeline["features"].transform(songs.data), pipe["features"].transform(songs.data), atol=1e-5
    )


def test_groups_reach_the_cross_fitting(songs, monkeypatch):
    seen = []
    fit_transform = SSSLClassifier.fit_transform

    def spy(self, X, y, groups=None, sample_weight=None):
        seen.append(None if groups is None else groups.tolist())
        return fit_transform(self, X, y, groups, sample_weight)

    monkeypatch.setattr(SSSLClassifier, "fit_transform", spy)
    train(songs, n_splits=2)
    assert [len(groups) for groups in seen] == [8, 8, 16]
    assert seen[2] == songs.groups.tolist()


def test_each_step_that_reads_songs_does_so_once_and_the_model_knows_no_cache(songs, tmp_path, monkeypatch):
    reads = []
    read_blocks = skmer.feature_extraction._base.read_blocks
    read_audio = skmer.feature_extraction._base.read_audio
    for name, read in (("read_blocks", read_blocks), ("read_audio", read_audio)):
        monkeypatch.setattr(
            skmer.feature_extraction._base,
            name,
            lambda path, *args, _read=read, **kwargs: reads.append(path) or _read(path, *args, **kwargs),
        )
    trained = train(songs, n_splits=2, store=tmp_path / "folds", n_jobs=1)
    assert sorted(reads) == sorted([*songs.data, *songs.data])
    for _, step in leaf_steps(trained.pipeline):
        params = step.get_params(deep=False)
        assert (params.get("memory"), params.get("n_jobs"), params.get("verbose", 0)) == (None, None, 0)
    joblib.dump(trained.pipeline, tmp_path / "model")
    assert str(tmp_path / "folds").encode() not in (tmp_path / "model").read_bytes()


def test_a_song_that_either_step_cannot_read_is_told(songs, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "short.wav", np.full(SR // 2, 0.1), SR)  # for the segments only
    more = Bunch(**songs)
    more.names = [*(Path(path).name for path in songs.data), "short.wav"]
    more.data = [*songs.data, str(tmp_path / "short.wav")]
    more.target, more.groups = [*songs.target, "Q1"], [*songs.groups, "x"]
    describe = DescriptorTransformer._describe

    def without_first(self, y, name):
        if Path(name).name == more.names[0]:
            raise ValueError("no beat")
        return describe(self, y, name)

    monkeypatch.setattr(DescriptorTransformer, "_describe", without_first)
    with pytest.raises(UnreadableSongs) as error:
        train(more)
    lines = str(error.value).splitlines()
    assert lines[0] == "2 of 17 songs cannot be used:"
    assert lines[1] == f"  {more.names[0]}: no beat"
    assert lines[2].startswith("  short.wav: it lasts 0.50 s, shorter than one segment of duration=1 s. Leave the song")
    card = train(more, skip_unreadable=True).card
    assert card["data"]["n_songs"] == 15
    assert "The first 30 s of each song were used: 60 segments of 1 s." in card["data"]["used"]


def test_the_card_describes_the_steps_and_what_the_model_can_do(trained):
    assert list(trained.card["parameters"]) == [
        "segments", "segment_statistics", "sssl", "statistics", "descriptors", "scaler", "svm",
    ]  # fmt: skip
    assert trained.card["parameters"]["descriptors"] == {**DESCRIPTORS, "max_duration": 30.0}
    assert trained.card["data"]["used"] == "The first 30 s of each song were used: 64 segments of 1 s."
    page = card_markdown(trained.card)
    assert "System: **joined**" in page
    assert "| sssl: cv " in page
    assert "skmer predict" in page
    assert "skmer timeline" not in page
    assert "skmer label-noise" not in page


def test_the_card_tells_the_seconds_of_each_step_where_they_differ(songs):
    config = {
        **CONFIG,
        "descriptors": {**DESCRIPTORS, "max_duration": None},
        "segments": {**SEGMENTS, "max_duration": 2},
    }
    trained = train(songs, config)
    assert trained.card["data"]["used"] == (
        "The first 2 s of each song by segments and whole songs by descriptors were used: 32 segments of 1 s."
    )
    assert SongPredictor(trained.pipeline).max_duration is None


@pytest.mark.parametrize("name", ["model.skmer", "model.joblib"])
def test_a_saved_model_predicts_whole_songs(songs, trained, tmp_path, name):
    path = save_trained_model(trained, tmp_path / name)[0]
    loaded = joblib.load(path) if name.endswith("joblib") else load_model(path)
    expected = trained.pipeline.predict(songs.data)
    np.testing.assert_array_equal(loaded.predict(songs.data), expected)
    np.testing.assert_array_equal(
        loaded["features"].transform(songs.data), trained.pipeline["features"].transform(songs.data)
    )
    predictor = SongPredictor(loaded)
    assert (predictor.output, predictor.max_duration) == ("song", 30)
    found = list(predict_files(predictor, songs.data, n_jobs=2))
    assert [prediction.error for prediction in found] == [None] * 16
    assert [prediction.answer.label for prediction in found] == expected.tolist()


@pytest.mark.parametrize(
    ("n_splits", "groups", "told"),
    [
        (0, False, "cv=5 does not divide the 16 songs: n_splits=5 cannot be greater than the number of members"),
        (0, True, "cv=5 does not divide the 16 songs: "),
        (2, False, "cv=4 does not divide the 16 songs, of which 8 train in a fold of the estimate: "),
    ],
)
def test_too_few_songs_for_the_cross_fitting_end_in_a_sentence(songs, n_splits, groups, told, monkeypatch):
    monkeypatch.setattr("skmer.models.train.read_songs", lambda *_: pytest.fail("a song was read"))
    alone = Bunch(**{**songs, "groups": songs.groups if groups else None})
    config = {"sssl": {"cv": 4}} if n_splits else {}
    with pytest.raises(ValueError, match=f"config, section 'sssl': {told}.*Set another cv there for joined, or add"):
        train(alone, config, n_splits=n_splits)


def test_a_choice_leaves_it_out_where_songs_are_too_few(songs, monkeypatch):
    said = []
    monkeypatch.setattr("skmer.models.train.estimate", lambda task, pipelines, *_: pytest.fail(" ".join(pipelines)))
    few = Bunch(**{**songs, "groups": None})
    with pytest.raises(pytest.fail.Exception, match=r"cross-entropy sssl$"):
        train_model(few, "best", n_splits=2, device="cpu", say=said.append)
    [remark] = [line for line in said if "left out" in line]
    assert remark.startswith(
        "The system joined is left out of the choice: config, section 'sssl': cv=5 does not divide"
    )
    # what the user asks for is not changed
    with pytest.raises(ValueError, match="cv=6 does not divide"):
        train_model(few, "best", {"sssl": {"cv": 6}}, n_splits=2, device="cpu")


def test_a_class_of_few_songs_is_cross_fitted(songs):
    few = Bunch(**{**songs, "groups": None, "target": np.array(["Q1"] * 13 + ["Q2"] * 3)})
    card = train(few, {**CONFIG, "sssl": {**NETWORK, "cv": 5}}).card
    assert any("The least populated class in y has only 3 members" in remark for remark in card["remarks"])
