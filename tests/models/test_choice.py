"""train_model with candidates: chooses the better one, estimates the choice without its test songs, resumes."""

import json

import numpy as np
import pytest
import soundfile
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.utils import Bunch

from skmer._pipeline_steps import leaf_steps
from skmer.model_selection import DUMMY, EstimatorSystem, corrected_paired_test
from skmer.models import CANDIDATES, SYSTEMS, card_markdown, make_pipeline_of, save_trained_model, train_model
from skmer.models.config import make_candidates
from skmer.models.estimate import CHOSEN, choose_inner_folds
from tests.models.tiny import SEGMENTS, tiny_songs, written

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
NETWORKS = ["cross-entropy", "sssl"]
QUICK = {
    "segments": {**SEGMENTS, "harmony": False},
    "sssl": {"backbone_params": {"hidden": [8]}, "max_epochs": 2, "warmup_epochs": 1},
}
OTHERS = {"segments": SEGMENTS, "descriptors": {"groups": ["dynamics"]}}


def alone(n_songs=24):
    """Songs without groups."""
    songs = Bunch(**tiny_songs(n_songs=n_songs, duration=2))
    del songs["groups"]
    return songs


@pytest.fixture
def others(monkeypatch):
    """Candidates whose first steps differ, and which are fitted in no time."""
    monkeypatch.setitem(CANDIDATES, "auto", ("log-mel", "descriptors"))


def rig(monkeypatch, is_right):
    """Replace each fit by true labels where ``is_right(system, inner, share of test songs)`` says so, else by none."""

    def run(self, X, y, train, test, *args, **kwargs):
        name = "cross-entropy" if self.estimator["sssl"].noise_model is None else "sssl"
        right = is_right(name, len(train) + len(test) < len(y))
        return {"predictions": {"": y[test].tolist() if right else ["none"] * len(test)}}

    monkeypatch.setattr(EstimatorSystem, "run", run)


def accuracies(card, name):
    return card["estimate"]["folds"][name]["accuracy"]


@pytest.mark.parametrize("better", NETWORKS)
def test_the_better_one_is_chosen_and_fitted(monkeypatch, better):
    rig(monkeypatch, lambda name, inner: name == better)
    [worse] = {*NETWORKS} - {better}
    trained = train_model(alone(), "auto", QUICK, n_splits=3, device="cpu")
    choice = trained.card["estimate"]["choice"]
    assert (choice["chosen"], trained.card["system"], choice["candidates"]) == (better, better, NETWORKS)
    assert (trained.pipeline["sssl"].noise_model is None) == (better == "cross-entropy")
    assert [accuracies(trained.card, name) for name in (better, worse, CHOSEN)] == [[1] * 3, [0] * 3, [1] * 3]
    assert choice["times_chosen"] == {better: 3, worse: 0}
    assert choice["inner_splits"] == 3
    # the same difference on each fold says nothing about its spread
    assert choice["tests"] == {worse: {"difference": 1.0, "p_value": None, "better": False}}
    assert f"{worse} has .000: a difference of +1.000, the same on every fold" in choice["sentence"]
    assert trained.pipeline.predict(alone().data).tolist() == (
        train_model(alone(), better, QUICK, n_splits=0, device="cpu").pipeline.predict(alone().data).tolist()
    )


@pytest.mark.parametrize("better", CANDIDATES["best"])
def test_the_best_of_all_systems_is_chosen(monkeypatch, better):
    def name_of(pipeline):
        if "sssl" in pipeline.named_steps:
            return "cross-entropy" if pipeline["sssl"].noise_model is None else "sssl"
        first = {"descriptors": "descriptors", "embedding": "musicnn", "segments": "log-mel", "features": "joined"}
        return first[pipeline.steps[0][0]]

    def run(self, X, y, train, test, *args, **kwargs):
        right = name_of(self.estimator) == better
        return {"predictions": {"": y[test].tolist() if right else ["none"] * len(test)}}

    monkeypatch.setattr(EstimatorSystem, "run", run)
    config = {**OTHERS, "segments": {**SEGMENTS, "harmony": False}, "sssl": {**QUICK["sssl"], "cv": 2}}
    trained = train_model(alone(24), "best", config, n_splits=2, device="cpu")
    assert name_of(trained.pipeline) == better
    choice = trained.card["estimate"]["choice"]
    assert choice["candidates"] == list(CANDIDATES["best"])
    assert choice["times_chosen"] == {name: 2 * (name == better) for name in CANDIDATES["best"]}
    assert all(test["difference"] == 1 for test in choice["tests"].values())


def test_of_equals_the_simpler_one_is_chosen(monkeypatch):
    rig(monkeypatch, lambda name, inner: True)
    choice = train_model(alone(), "auto", QUICK, n_splits=2, device="cpu").card["estimate"]["choice"]
    assert choice["chosen"] == "cross-entropy"
    assert choice["times_chosen"] == {"cross-entropy": 2, "sssl": 0}
    assert choice["tests"]["sssl"]["p_value"] == 1
    assert "Chosen: cross-entropy, which is as accurate as sssl (1.000) and simpler." in choice["sentence"]


def test_the_estimate_is_that_of_the_choice_within_the_training_songs(monkeypatch):
    # within the training songs sssl is better, on the test songs cross-entropy
    rig(monkeypatch, lambda name, inner: (name == "sssl") == inner)
    estimate = train_model(alone(), "auto", QUICK, n_splits=3, device="cpu").card["estimate"]
    assert estimate["choice"]["chosen"] == "cross-entropy"
    assert estimate["choice"]["times_chosen"] == {"cross-entropy": 0, "sssl": 3}
    assert estimate["mean"]["cross-entropy"]["accuracy"] == 1
    assert estimate["mean"][CHOSEN]["accuracy"] == 0
    difference = -np.mean(estimate["folds"][DUMMY]["accuracy"])
    assert estimate["test"]["difference"] == pytest.approx(difference)
    assert 'The row "chosen inside the folds" has the accuracy of these choices' in estimate["choice"]["sentence"]


def test_the_figures_are_those_of_scikit_learn(others, tmp_path):
    songs = alone()
    card = train_model(songs, "auto", OTHERS, n_splits=3, seed=1).card
    # of each system alone, on the same folds
    for name in CANDIDATES["auto"]:
        own = {step: OTHERS[step] for step in OTHERS if (step == "descriptors") == (name == "descriptors")}
        expected = train_model(songs, name, own, n_splits=3, seed=1).card["estimate"]
        for part in ("folds", "mean", "sd"):
            assert card["estimate"][part][name] == expected[part][name]
            assert card["estimate"][part][DUMMY] == expected[part][DUMMY]
    # nested cross-validation by hand
    X, y = np.empty(len(songs.data), dtype=object), np.asarray(songs.target)
    X[:] = songs.data
    pipelines = make_candidates("auto", OTHERS, seed=1)
    for pipeline in pipelines.values():
        pipeline.set_params(**{f"{pipeline.steps[0][0]}__memory": str(tmp_path)})
    chosen, scores, sizes = [], [], []
    for train, test in StratifiedKFold(3, shuffle=True, random_state=1).split(X, y):
        inside = StratifiedKFold(3, shuffle=True, random_state=1)
        means = {name: cross_val_score(pipe, X[train], y[train], cv=inside).mean() for name, pipe in pipelines.items()}
        chosen.append(max(means, key=means.get))
        scores.append(pipelines[chosen[-1]].fit(X[train], y[train]).score(X[test], y[test]))
        sizes.append((len(train), len(test)))
    choice = card["estimate"]["choice"]
    assert accuracies(card, CHOSEN) == pytest.approx(scores)
    assert choice["times_chosen"] == {name: chosen.count(name) for name in pipelines}
    # and the paired difference
    best, other = sorted(pipelines, key=lambda name: -card["estimate"]["mean"][name]["accuracy"])
    assert choice["chosen"] == best
    differences = np.subtract(accuracies(card, best), accuracies(card, other))
    expected = corrected_paired_test(differences, *map(list, zip(*sizes, strict=True)))
    assert choice["tests"][other]["difference"] == pytest.approx(expected.mean)
    assert choice["tests"][other]["p_value"] == pytest.approx(expected.p_value)


def test_a_stopped_choice_goes_on_and_gives_the_same(others, tmp_path, monkeypatch):
    whole = train_model(alone(), "auto", OTHERS, n_splits=2)
    run, done = EstimatorSystem.run, []

    def stopped(self, *args, **kwargs):
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(1)
        return run(self, *args, **kwargs)

    monkeypatch.setattr(EstimatorSystem, "run", stopped)
    with pytest.raises(KeyboardInterrupt):
        train_model(alone(), "auto", OTHERS, n_splits=2, store=tmp_path)
    monkeypatch.setattr(EstimatorSystem, "run", lambda *args, **kw: done.append(1) or run(*args, **kw))
    said: list = []
    again = train_model(alone(), "auto", OTHERS, n_splits=2, store=tmp_path, say=said.append)
    assert len(done) == 2 * 2 * (1 + 3)  # systems, folds, folds within them
    assert "(5 of 16 trainings finished by an earlier run)" in "\n".join(said)
    assert again.card["estimate"] == whole.card["estimate"]
    np.testing.assert_array_equal(again.pipeline.predict(alone().data), whole.pipeline.predict(alone().data))


def test_a_song_that_one_candidate_cannot_use_is_used_by_none(others, tmp_path):
    songs = written(tmp_path, n_songs=24, duration=2)
    soundfile.write(tmp_path / "short.wav", np.full(9000, 0.1), 11264)  # too short for a segment of 1 s
    songs.data, songs.target = [*songs.data, str(tmp_path / "short.wav")], [*songs.target, "Q1"]
    del songs["groups"]
    card = train_model(songs, "auto", OTHERS, n_splits=2, skip_unreadable=True).card
    assert list(card["data"]["unreadable"]) == [str(tmp_path / "short.wav")]
    assert card["data"]["n_songs"] == 24
    assert card["data"]["used"].startswith("The first 30 s of each song were used")


def test_songs_are_read_once_where_the_first_steps_are_equal(monkeypatch):
    from skmer.models import train

    readers = []
    read = train.read_songs
    monkeypatch.setattr(train, "read_songs", lambda reader, *args: readers.append(reader) or read(reader, *args))
    rig(monkeypatch, lambda name, inner: True)
    train_model(alone(), "auto", QUICK, n_splits=2, device="cpu")
    assert len(readers) == 1


@pytest.mark.parametrize(("own", "n_readers"), [({"sr": 11264}, 2), ({}, 3)])
def test_songs_are_read_once_by_the_equal_steps_of_a_union(monkeypatch, own, n_readers):
    from skmer.models import train

    monkeypatch.setitem(CANDIDATES, "auto", ("descriptors", "sssl", "joined"))
    readers = []
    read = train.read_songs
    monkeypatch.setattr(train, "read_songs", lambda reader, *args: readers.append(reader) or read(reader, *args))
    monkeypatch.setattr(
        EstimatorSystem, "run", lambda self, X, y, train, test, *_, **__: {"predictions": {"": y[test].tolist()}}
    )
    config = {**QUICK, "sssl": {**QUICK["sssl"], "cv": 2}, "descriptors": {"groups": ["dynamics"], **own}}
    train_model(alone(), "auto", config, n_splits=2, device="cpu")
    # the rate of the descriptors of joined is that of its segments, unless the config sets it
    assert len(readers) == n_readers


def test_the_card_names_the_choice(monkeypatch, tmp_path):
    rig(monkeypatch, lambda name, inner: name == "sssl")
    said: list = []
    trained = train_model(alone(), "auto", QUICK, n_splits=2, device="cpu", say=said.append)
    _, page, plain = save_trained_model(trained, tmp_path / "model.skmer")
    estimate = trained.card["estimate"]
    text = page.read_text()
    assert "System: **sssl**" in text
    assert "Chosen among cross-entropy, sssl." in text
    for part in (estimate["table"], estimate["sentence"], estimate["choice"]["sentence"], "skmer timeline model.skmer"):
        assert part in text
    for part in ("table", "sentence"):
        assert estimate[part] in "\n".join(said)
    assert estimate["choice"]["sentence"] in said
    assert [line.split()[1] for line in said if line.startswith("System ")] == NETWORKS
    assert [row.split("|")[1].strip() for row in estimate["table"].splitlines()[2:]] == [DUMMY, *NETWORKS, CHOSEN]
    assert json.loads(plain.read_text())["estimate"]["choice"] == estimate["choice"]
    single = {name: value for name, value in estimate.items() if name != "choice"}
    for other in (single, None):
        assert "Chosen" not in card_markdown({**trained.card, "estimate": other})


def test_few_songs_lower_the_folds_within_the_folds():
    y, halves = np.array(["a", "b"] * 6), [(np.arange(6), np.arange(6, 12)), (np.arange(6, 12), np.arange(6))]
    assert choose_inner_folds(y, None, halves) == 3
    assert choose_inner_folds(y, None, [(np.arange(4), np.arange(4, 12))]) == 2
    assert choose_inner_folds(y, np.arange(12) // 4, halves) == 2
    with pytest.raises(ValueError, match="The class 'b' has 1 song in the training songs of a fold, but needs 2"):
        choose_inner_folds(y, None, [(np.arange(3), np.arange(3, 12))])
    with pytest.raises(ValueError, match="The class 'a' has 1 group in the training songs"):
        choose_inner_folds(y, np.arange(12) // 6, halves)


@pytest.mark.parametrize(
    ("n_songs", "changed", "told"),
    [
        (24, {"n_splits": 0}, "system='auto' chooses by cross-validation, which needs n_splits of at least 2, not 0"),
        (8, {"n_splits": 2}, "The class 'Q1' has 1 song in the training songs of a fold, but needs 2"),
        (24, {"system": "finest"}, "system='finest' is unknown: choose from sssl, .*, musicnn, joined, auto, best"),
        (24, {"config": {"descriptors": {}}}, "unknown section 'descriptors'; the steps of this model are segments, "),
        (24, {"config": {"sssl": {"max_epochs": 1}}}, "section 'sssl': max_epochs=1 leaves no epoch after"),
        (24, {"config": {"sssl": {"cv": 3}}}, "section 'sssl': cv=3 does not divide .* of which 8 train in a fold"),
    ],
)
def test_what_cannot_be_chosen_is_refused_before_any_song_is_read(monkeypatch, n_songs, changed, told):
    monkeypatch.setattr("skmer.models.train.read_songs", lambda *_: pytest.fail("a song was read"))
    arguments = {"system": "auto", "config": None, "n_splits": 2, "device": "cpu", **changed}
    with pytest.raises(ValueError, match=told):
        train_model(alone(n_songs), **arguments)


def test_a_section_applies_to_the_candidates_that_have_the_step(others):
    config = {"segments": {"duration": 2}, "descriptors": {"groups": ["dynamics"]}, "svm": {"C": 2}}
    pipelines = make_candidates("auto", config)
    assert pipelines["log-mel"]["segments"].duration == 2
    assert pipelines["descriptors"]["descriptors"].groups == ["dynamics"]
    assert {name: pipeline["svm"].C for name, pipeline in pipelines.items()} == {"log-mel": 2, "descriptors": 2}
    with pytest.raises(ValueError, match="unknown section 'sssl'; the steps of this model are segments, statistics,"):
        make_candidates("auto", {"sssl": {}})


def test_sections_reach_the_steps_in_a_union(monkeypatch):
    monkeypatch.setitem(CANDIDATES, "auto", ("descriptors", "sssl", "joined"))
    config = {"sssl": {"max_epochs": 9}, "descriptors": {"groups": ["dynamics"]}}
    steps = {name: dict(leaf_steps(pipe)) for name, pipe in make_candidates("auto", config, device="cpu").items()}
    assert [steps[name]["sssl"].max_epochs for name in ("sssl", "joined")] == [9, 9]
    assert [steps[name]["descriptors"].groups for name in ("descriptors", "joined")] == [["dynamics"]] * 2


def test_candidates_are_systems():
    assert not {*CANDIDATES} & {*SYSTEMS}
    for name, systems in CANDIDATES.items():
        pipelines = make_candidates(name, {"svm": {"C": 2}}, device="cpu", seed=3)
        assert tuple(pipelines) == systems
        for system, pipeline in pipelines.items():
            assert str(pipeline) == str(make_pipeline_of(system, {"svm": {"C": 2}}, device="cpu", seed=3))
