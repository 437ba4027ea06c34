"""train_model: the scores on the card are those of scikit-learn, each song is decoded once, stopped runs resume."""

import errno
import hashlib
import json
import os
import shlex
import shutil
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
import soundfile
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.utils import Bunch

import skmer.feature_extraction._base
from skmer import SegmentTransformer, make_sssl_pipeline
from skmer.aggregation import SpectrogramStatistics
from skmer.datasets import make_songs, write_songs
from skmer.model_selection import DUMMY, EstimatorSystem
from skmer.models import UnreadableSongs, card_markdown, load_model, save_trained_model, train_model
from skmer.models.estimate import choose_folds
from skmer.models.train import collect_warnings
from skmer.models.training_songs import read_songs
from tests.models.tiny import CONFIG, LOG_MEL, MLP, SEGMENTS, tiny_songs, written

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
SCORING = {"accuracy": "accuracy", "macro-F1": "f1_macro", "balanced accuracy": "balanced_accuracy"}


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    return written(tmp_path_factory.mktemp("made"))


def assert_same(folds, expected):
    assert folds.keys() == expected.keys()
    for figure, values in folds.items():
        np.testing.assert_allclose(values, expected[figure], err_msg=figure)


def figures_of(estimator, songs, cv, groups=None):
    """Cross-validate by scikit-learn alone."""
    found = cross_validate(estimator, songs.data, songs.target, groups=groups, cv=cv, scoring=SCORING)
    return {name: found[f"test_{name}"].tolist() for name in SCORING}


def test_the_figures_are_those_of_scikit_learn_on_the_same_folds(songs):
    trained = train_model(songs, "sssl", CONFIG, n_splits=2, seed=3)
    pipe = make_sssl_pipeline(recipe=None, random_state=3, **CONFIG["sssl"])
    pipe.set_params(**{f"segments__{name}": value for name, value in SEGMENTS.items()})
    cv = StratifiedGroupKFold(2, shuffle=True, random_state=3)
    found = trained.card["estimate"]
    assert_same(found["folds"]["sssl"], figures_of(pipe, songs, cv, songs.groups))
    dummy = make_pipeline(pipe[0], SpectrogramStatistics(), DummyClassifier())
    assert_same(found["folds"][DUMMY], figures_of(dummy, songs, cv, songs.groups))
    for which, folds in found["folds"].items():
        for figure, values in folds.items():
            assert found["mean"][which][figure] == pytest.approx(np.mean(values))
            assert found["sd"][which][figure] == pytest.approx(np.std(values))
    # and the model itself is the fit on all songs
    whole = pipe.fit(songs.data, songs.target)
    np.testing.assert_array_equal(trained.pipeline.predict(songs.data), whole.predict(songs.data))
    ours, theirs = trained.pipeline["sssl"].clean_probability_, whole["sssl"].clean_probability_
    for one, other in zip(ours, theirs, strict=True):  # in the order of the songs
        np.testing.assert_allclose(one, other)


def test_planted_songs_are_learnt_better_than_the_dummy():
    songs = tiny_songs(n_songs=40)
    card = train_model(songs, "log-mel", LOG_MEL, n_splits=4).card
    mean = card["estimate"]["mean"]
    assert mean["log-mel"]["balanced accuracy"] > mean[DUMMY]["balanced accuracy"] + 0.2
    assert card["estimate"]["test"]["better"]
    assert "significantly better than the dummy by a corrected paired test over 4 folds" in card["estimate"]["sentence"]


def test_labels_by_chance_are_not_told_from_the_dummy():
    songs = Bunch(**tiny_songs(n_songs=40))
    songs.target = np.random.default_rng(0).permutation(np.tile(["a", "b"], 20))
    songs.groups = np.arange(40)
    sentence = train_model(songs, "log-mel", LOG_MEL, n_splits=4).card["estimate"]["sentence"]
    assert "does not differ significantly from the dummy" in sentence


def test_without_groups_each_song_is_one(songs):
    alone = Bunch(**songs)
    alone.groups = np.arange(len(songs.data))
    card = train_model(alone, "log-mel", LOG_MEL, n_splits=2).card
    assert "Each song is a group of its own" in card["data"]["groups"]
    assert card["estimate"]["protocol"] == "2 stratified folds, each song its own group"
    pipe = train_model(alone, "log-mel", LOG_MEL, n_splits=0).pipeline
    cv = StratifiedKFold(2, shuffle=True, random_state=0)
    assert_same(card["estimate"]["folds"]["log-mel"], figures_of(pipe, songs, cv))


def test_groups_reach_the_cross_fitting(songs, monkeypatch):
    from skmer import SSSLClassifier

    seen = []
    fit_transform = SSSLClassifier.fit_transform

    def spy(self, X, y, groups=None, sample_weight=None):
        seen.append(None if groups is None else groups.tolist())
        return fit_transform(self, X, y, groups, sample_weight)

    monkeypatch.setattr(SSSLClassifier, "fit_transform", spy)
    train_model(songs, "sssl", {**CONFIG, "sssl": {**CONFIG["sssl"], "cv": 2}}, n_splits=2)
    assert [len(groups) for groups in seen] == [8, 8, 16]
    assert seen[2] == songs.groups.tolist()


def test_each_song_is_decoded_once_and_the_model_knows_no_cache(songs, tmp_path, monkeypatch):
    reads = []
    read_blocks = skmer.feature_extraction._base.read_blocks
    monkeypatch.setattr(
        skmer.feature_extraction._base,
        "read_blocks",
        lambda path, *how: reads.append(path) or read_blocks(path, *how),
    )
    trained = train_model(songs, "sssl", CONFIG, n_splits=2, store=tmp_path / "folds", n_jobs=1)
    assert sorted(reads) == sorted(songs.data)
    for _, step in trained.pipeline.steps:
        params = step.get_params(deep=False)
        assert (params.get("memory"), params.get("n_jobs"), params.get("verbose", 0)) == (None, None, 0)
    joblib.dump(trained.pipeline, tmp_path / "model")
    assert str(tmp_path).encode() not in (tmp_path / "model").read_bytes()


def test_a_stopped_run_goes_on_and_gives_the_same(songs, tmp_path, monkeypatch):
    whole = train_model(songs, "sssl", CONFIG, n_splits=3)
    run, done = EstimatorSystem.run, []

    def stopped(self, *args, **kwargs):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(1)
        return run(self, *args, **kwargs)

    monkeypatch.setattr(EstimatorSystem, "run", stopped)
    with pytest.raises(KeyboardInterrupt):
        train_model(songs, "sssl", CONFIG, n_splits=3, store=tmp_path)
    monkeypatch.setattr(EstimatorSystem, "run", lambda *args, **kw: done.append(1) or run(*args, **kw))
    said = []
    again = train_model(songs, "sssl", CONFIG, n_splits=3, store=tmp_path, say=said.append)
    assert len(done) == 3
    assert again.card["estimate"] == whole.card["estimate"]
    assert "(2 of them finished by an earlier run)" in "\n".join(said)
    np.testing.assert_array_equal(again.pipeline.predict(songs.data), whole.pipeline.predict(songs.data))
    # with other settings no fold of it counts
    said.clear()
    train_model(songs, "sssl", {**CONFIG, "svm": {"C": 3}}, n_splits=3, store=tmp_path, say=said.append)
    assert "found finished" not in "\n".join(said)


@pytest.fixture
def broken(songs, tmp_path):
    """The songs with three more, none of which can be used."""
    more = Bunch(**songs)
    (tmp_path / "text.mp3").write_text("no music")
    soundfile.write(tmp_path / "short.wav", np.full(99, 0.1), 11264)
    bad = [str(tmp_path / name) for name in ("text.mp3", "short.wav", "none.wav")]
    more.data = [*bad[:2], *songs.data, bad[2]]
    more.names = [Path(path).name for path in more.data]
    more.target = np.array(["Q1", "Q1", *songs.target, "Q2"])
    more.groups = np.array(["x", "x", *songs.groups, "y"])
    return more


def test_all_songs_that_cannot_be_used_are_named_at_once(broken):
    with pytest.raises(UnreadableSongs) as error:
        train_model(broken, "log-mel", LOG_MEL)
    lines = str(error.value).splitlines()
    assert lines[0] == "3 of 19 songs cannot be used:"
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["text.mp3", "short.wav", "none.wav"]
    assert "shorter than one segment" in lines[2]
    assert "no such file" in lines[3]


def test_songs_that_cannot_be_used_are_left_out_on_demand(broken, songs):
    trained = train_model(broken, "sssl", CONFIG, n_splits=2, skip_unreadable=True)
    data = trained.card["data"]
    assert list(data["unreadable"]) == ["text.mp3", "short.wav", "none.wav"]
    assert data["n_songs"] == 16
    assert data["songs_per_class"] == {"Q1": 4, "Q2": 4, "Q3": 4, "Q4": 4}
    assert data["songs"] == [Path(path).name for path in songs.data]
    without = train_model(songs, "sssl", CONFIG, n_splits=2)
    assert trained.card["estimate"] == without.card["estimate"]
    page = card_markdown(trained.card)
    assert all(f"`{name}`" in page for name in data["unreadable"])


def test_a_class_that_cannot_be_used_at_all(broken):
    broken.target[:2] = "Q5"
    for skip in (False, True):
        with pytest.raises(UnreadableSongs, match="3 of 19 songs cannot be used, among them all of the class 'Q5':"):
            train_model(broken, "log-mel", LOG_MEL, n_splits=0, skip_unreadable=skip)


def test_broken_songs_of_one_name_are_both_told(broken):
    broken.names[:2] = ["a\nb", "a\nb"]
    with pytest.raises(UnreadableSongs) as error:
        train_model(broken, "log-mel", LOG_MEL)
    assert len(error.value.reasons) == 3
    first, second = str(error.value).splitlines()[1:3]
    assert first.startswith("  a b (at position 0): ")
    assert second.startswith("  a b (at position 1): ")


def test_a_cache_that_cannot_be_written_is_no_fault_of_the_songs(songs, tmp_path, monkeypatch):
    (tmp_path / "songs").touch()
    with pytest.raises(ValueError, match="cache cannot be written"):
        train_model(songs, "log-mel", LOG_MEL, store=tmp_path)

    def full(self, X):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SegmentTransformer, "transform", full)
    with pytest.raises(OSError, match="No space left"):
        read_songs(SegmentTransformer(), songs.data, songs.data)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"target": ["a", "b"]}, "target has 2 entries for 16 songs"),
        ({"groups": ["a", "b"]}, "groups has 2 entries for 16 songs"),
        ({"names": ["a", "b"]}, "names has 2 entries for 16 songs"),
        ({"target": ["a"] * 16}, "two classes are needed, but all songs are of the class 'a'"),
        ({"target": [0, 1, -1, 1] * 4}, "target has -1 for .*, which means unlabelled"),
    ],
)
def test_songs_that_do_not_fit(songs, changed, told):
    with pytest.raises(ValueError, match=told):
        train_model(Bunch(**{**songs, **changed}), "log-mel", LOG_MEL)


@pytest.mark.parametrize("cv", [100, [[0, 1]], [[[0, 1], [2, 3]]], 4])
def test_folds_that_cannot_be_are_refused_before_any_song_is_read(songs, cv, monkeypatch):
    monkeypatch.setattr("skmer.models.train.read_songs", lambda *_: pytest.fail("a song was read"))
    config = {**CONFIG, "sssl": {**CONFIG["sssl"], "cv": cv}}
    alone = Bunch(**{**songs, "groups": None})
    # four songs a class can be divided by four, but not the two of them that train in a fold
    with pytest.raises(ValueError, match="config, section 'sssl': cv="):
        train_model(alone, "sssl", config, n_splits=2)


def test_a_fold_with_one_training_class_is_refused_before_any_song_is_read(songs, monkeypatch):
    monkeypatch.setattr("skmer.models.train.read_songs", lambda *_: pytest.fail("a song was read"))
    lopsided = Bunch(**{**songs, "target": ["a"] * 5 + ["b"] * 11, "groups": ["x"] * 4 + ["y"] * 2 + ["z"] * 10})
    message = "Fold . of 0 to 1 of the estimate: its training songs are all of the class"
    with pytest.raises(ValueError, match=message):
        train_model(lopsided, "log-mel", LOG_MEL, n_splits=2)


def test_warnings_are_collected_once_and_sorted(capfd):
    with collect_warnings() as remarks:
        for i in (2, 1, 2):
            warnings.warn(f"doubtful\n {i}", UserWarning, stacklevel=1)
    assert remarks == ["doubtful 1", "doubtful 2"]
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_processes_change_neither_the_estimate_nor_the_warnings(songs, capfd):
    config = {**CONFIG, "sssl": {**CONFIG["sssl"], "cv": 2}}
    one, two = (train_model(songs, "sssl", config, n_splits=2, n_jobs=n).card for n in (1, 2))
    assert one["estimate"] == two["estimate"]
    assert one["remarks"] == two["remarks"]
    assert any("as clean" in remark for remark in one["remarks"])
    assert "Warning" not in capfd.readouterr().err


def test_few_songs_lower_the_folds_or_end_in_a_sentence(songs):
    assert choose_folds(["a"] * 9 + ["b"] * 3, None, 5)[0] == 3
    n_splits, remark = choose_folds(["a"] * 9 + ["b"] * 9, list("xxxyyyzzz" * 2), 5)
    assert (n_splits, remark.partition(":")[0]) == (
        3, "n_splits=5 is lowered to 3, the number of groups of the class 'a'",
    )  # fmt: skip
    few = Bunch(**songs)
    few.target = np.array(["Q1"] * 13 + ["Q2"] * 3)
    few.groups = np.arange(16)
    card = train_model(few, "log-mel", LOG_MEL).card
    assert (card["estimate"]["n_splits"], len(card["remarks"])) == (3, 1)
    few.target = np.array(["Q1"] * 15 + ["Q2"])
    with pytest.raises(ValueError, match=r"'Q2' has 1 song only.*without an estimate"):
        train_model(few, "log-mel", LOG_MEL)
    few.groups = np.array(["x", "y"] * 7 + ["z", "z"])
    few.target = np.array(["Q1"] * 14 + ["Q2"] * 2)
    with pytest.raises(ValueError, match="'Q2' has songs of 1 group only"):
        train_model(few, "log-mel", LOG_MEL)
    few.target = np.array(["Q1"] * 16)
    with pytest.raises(ValueError, match="class"):
        train_model(few, "log-mel", LOG_MEL, n_splits=0)


def test_no_estimate_says_so(songs):
    card = train_model(songs, "log-mel", LOG_MEL, n_splits=0).card
    assert card["estimate"] is None
    assert "was not estimated" in card_markdown(card)


@pytest.mark.parametrize("system", ["cross-entropy", "descriptors"])
def test_the_other_systems(songs, system):
    config = {"cross-entropy": CONFIG, "descriptors": {"descriptors": {"groups": ["dynamics"]}}}[system]
    trained = train_model(songs, system, config, n_splits=2)
    assert set(trained.pipeline.predict(songs.data)) <= {"Q1", "Q2", "Q3", "Q4"}
    assert trained.card["system"] == system


def test_a_card_holds_what_there_is_to_know(songs, tmp_path):
    trained = train_model(songs, "sssl", CONFIG, n_splits=2, seed=5)
    model, page, plain = save_trained_model(trained, tmp_path / "emotion.joblib")
    assert [path.name for path in (model, page, plain)] == [
        "emotion.joblib", "emotion-card.md", "emotion-card.json",
    ]  # fmt: skip
    assert sorted(os.listdir(tmp_path)) == ["emotion-card.json", "emotion-card.md", "emotion.joblib"]
    card = json.loads(plain.read_text())
    assert card["data"] == trained.card["data"]
    assert card["parameters"]["sssl"] == CONFIG["sssl"]
    assert card["seed"] == 5
    assert set(card["versions"]) >= {"skmer", "python", "torch", "scikit-learn", "librosa", "numpy"}
    assert card["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    text = page.read_text()
    for part in ("| Q1 ", DUMMY, card["estimate"]["sentence"], "skmer predict emotion.joblib", "executes code",
                 "sssl: max_epochs", "64 segments of 1 s", "seed 5", "## Limits"):  # fmt: skip
        assert part in text
    np.testing.assert_array_equal(joblib.load(model).predict(songs.data), trained.pipeline.predict(songs.data))


def test_a_network_on_statistics_is_saved_and_loaded(songs, tmp_path):
    trained = train_model(songs, "sssl", MLP, n_splits=0, device="cpu")
    assert list(trained.card["parameters"])[:3] == ["segments", "segment_statistics", "sssl"]
    loaded = load_model(save_trained_model(trained, tmp_path / "model.skmer")[0])
    for one, other in zip(loaded[:3].transform(songs.data), trained.pipeline[:3].transform(songs.data), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(loaded.predict(songs.data), trained.pipeline.predict(songs.data))


def test_a_card_survives_any_name(songs, tmp_path):
    odd = Bunch(**songs)
    odd.target = np.array([{"Q1": "a|b\nc"}.get(name, name) for name in songs.target])
    trained = train_model(odd, "log-mel", LOG_MEL, n_splits=0)
    trained.card["data"]["unreadable"] = {"a\n`b`.mp3": "no music"}
    page = save_trained_model(trained, tmp_path / "my model; ls.joblib")[1].read_text()
    assert "| a\\|b c |" in page
    assert "- `` a `b`.mp3 ``: no music\n" in page
    command = next(line for line in page.splitlines() if line.startswith("skmer predict"))
    assert shlex.split(command)[2] == "my model; ls.joblib"
    assert "\n---\n\n# Music emotion recognition model: Q2, Q3, Q4, a|b c\n" in page


def test_the_model_gets_its_name_before_its_cards(songs, tmp_path, monkeypatch):
    trained = train_model(songs, "log-mel", LOG_MEL, n_splits=0)
    replace, order = os.replace, []
    monkeypatch.setattr(os, "replace", lambda part, place: order.append(Path(place).name) or replace(part, place))
    save_trained_model(trained, tmp_path / "m.joblib")
    assert order[0] == "m.joblib"


def test_copies_are_named_and_kept_in_one_fold(tmp_path):
    songs = make_songs(16, duration=7, random_state=0)
    paths = write_songs(songs, tmp_path)
    labels = [Path(path).parent.parent.name for path in paths]
    other = next(i for i, label in enumerate(labels) if label != labels[0])
    shutil.copy(paths[0], tmp_path / "copy.wav")  # an equal file, with the same label
    y, sr = soundfile.read(paths[1], dtype="float32")
    soundfile.write(tmp_path / "softer.flac", 0.5 * y, sr)  # equal sound, with another label
    data = [*paths, str(tmp_path / "copy.wav"), str(tmp_path / "softer.flac")]
    target = np.array([*labels, labels[0], labels[other] if labels[1] == labels[0] else labels[0]])
    names = [*map(str, range(16)), "copy", "softer"]
    said: list = []
    trained = train_model(Bunch(data=data, target=target, names=names), "log-mel", n_splits=2, say=said.append)
    text = "\n".join(said)
    assert "2 pairs of songs hold the same recording, and are kept in one fold: 0 = copy, 1 = softer." in text
    assert "The same recording has different labels: 1 (" in text
    assert any("0 = copy" in remark for remark in trained.card["remarks"])
    assert trained.card["estimate"]["protocol"] == "2 stratified folds, the songs of a group in one fold"
