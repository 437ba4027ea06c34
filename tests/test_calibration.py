"""Probabilities of songs: they agree with the prediction, and are calibrated on songs outside the training."""

import csv
import io
import json

import joblib
import numpy as np
import pytest
import soundfile
from scipy.special import softmax
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer import make_multi_duration_pipeline, make_sssl_pipeline
from skmer.aggregation import SpectrogramStatistics
from skmer.cli import main
from skmer.datasets import make_songs
from skmer.inspection import SongPredictor
from skmer.models import SYSTEMS, card_markdown, load_model, make_pipeline_of, save_model, train_model
from skmer.models.estimate import stratified_folds
from skmer.pipelines import CalibratedSVC, calibrate
from skmer.pipelines.calibration import UNCALIBRATED, calibration_error, fit_temperature, log_loss, pipeline_logits
from tests.models.tiny import SEGMENTS, tiny_songs
from tests.tiny_model import tiny_pipeline

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

CONFIG = {
    "segments": {**SEGMENTS, "harmony": False},
    "sssl": {"backbone_params": {"hidden": [8]}, "max_epochs": 2, "warmup_epochs": 1, "cv": 2},
    "descriptors": {"groups": ["dynamics"]},
}


def config_of(system):
    steps = [
        name for name in CONFIG if name in make_pipeline_of(system, device="cpu").get_params() or system == "joined"
    ]
    return {name: CONFIG[name] for name in steps}


def noisy(n_classes, n=400):
    X, y = make_classification(
        n, 12, n_informative=8, n_classes=n_classes, n_clusters_per_class=1, flip_y=0.3, random_state=n_classes
    )
    return X, np.array(list("abcdefghi"))[y]


@pytest.mark.parametrize("temperature", [0.4, 1, 3])
def test_the_temperature_of_planted_labels_is_found(temperature):
    rng = np.random.default_rng(0)
    logits = 3 * rng.normal(size=(20000, 5))
    probabilities = softmax(logits / temperature, axis=1)
    y = (probabilities.cumsum(axis=1) > rng.random((20000, 1))).argmax(axis=1)
    assert fit_temperature(logits, y) == pytest.approx(temperature, rel=0.03)
    assert calibration_error(probabilities, y) < 0.02
    # weights count as songs
    weights = rng.integers(0, 3, 20000)
    repeated = fit_temperature(np.repeat(logits, weights, axis=0), np.repeat(y, weights))
    assert fit_temperature(logits, y, weights) == pytest.approx(repeated, rel=1e-5)


def test_songs_that_are_all_right_make_no_certainty():
    # of 8 songs all are right: the next is wrong with a probability of 1 / 10
    temperature = fit_temperature(np.tile([1.0, -1.0], (8, 1)), np.zeros(8, dtype=int))
    assert softmax(np.array([1.0, -1.0]) / temperature)[1] == pytest.approx(0.1)


def test_scores_of_a_few_songs():
    probabilities = np.array([[0.5, 0.5], [0.25, 0.75]])
    assert log_loss(probabilities, [0, 0]) == pytest.approx((np.log(2) + np.log(4)) / 2)
    # one bin: 0.625 on average, and one of two is right
    assert calibration_error(probabilities, np.array([0, 0])) == pytest.approx(0.125)
    # two bins of ten: 0.6 with half of them right, 0.9 with all
    largest = np.repeat([0.6, 0.9], 10)
    y = np.r_[np.tile([0, 1], 5), np.zeros(10, dtype=int)]
    assert calibration_error(np.column_stack([largest, 1 - largest]), y) == pytest.approx(0.1)


@pytest.mark.parametrize("n_classes", [2, 3, 4, 7])
@pytest.mark.parametrize(
    "params", [{}, {"C": 100, "class_weight": "balanced"}, {"kernel": "linear", "break_ties": True}]
)
def test_the_largest_probability_is_that_of_the_prediction(n_classes, params):
    X, y = noisy(n_classes)
    svm = CalibratedSVC(**params).fit(X[:200], y[:200])
    probabilities = svm.predict_proba(X)
    assert (svm.classes_[probabilities.argmax(axis=1)] == svm.predict(X)).all()
    assert (svm.predict(X) == SVC(**params).fit(X[:200], y[:200]).predict(X)).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_allclose(np.log(probabilities), svm.predict_log_proba(X))


def test_logits_of_two_and_three_classes():
    X, y = noisy(2)
    svm = CalibratedSVC(cv=None).fit(X, y)
    np.testing.assert_allclose(svm.logits(X)[:, 1], svm.decision_function(X), atol=1e-8)
    assert svm.temperature_ == UNCALIBRATED
    X, y = noisy(3)
    svm = CalibratedSVC(decision_function_shape="ovo", cv=None).fit(X, y)
    ab, ac, bc = svm.decision_function(X).T
    sums = np.column_stack([ab + ac, bc - ab, -ac - bc]) * 2 / 3
    agree = svm.classes_[sums.argmax(axis=1)] == svm.predict(X)
    assert 0.5 < agree.mean() < 1
    np.testing.assert_allclose(svm.logits(X)[agree], sums[agree], atol=1e-8)
    # where the votes are for another class, the two change places
    np.testing.assert_allclose(np.sort(svm.logits(X)), np.sort(sums), atol=1e-8)


def test_the_temperature_is_that_of_the_folds():
    X, y = noisy(4)
    groups = np.arange(len(y)) // 5
    for given, splitter in ((None, StratifiedKFold(5)), (groups, StratifiedGroupKFold(5))):
        svm = CalibratedSVC().fit(X, y, groups=given)
        folds = list(splitter.split(X, y, groups))
        logits = [CalibratedSVC(cv=None).fit(X[a], y[a]).logits(X[b]) for a, b in folds]
        columns = np.searchsorted(svm.classes_, np.concatenate([y[b] for _, b in folds]))
        assert svm.temperature_ == pytest.approx(fit_temperature(np.concatenate(logits), columns))
        assert CalibratedSVC(cv=folds).fit(X, y).temperature_ == pytest.approx(svm.temperature_)


def test_few_songs():
    X, y = noisy(2)
    few = np.r_[np.flatnonzero(y == "a")[:6], np.flatnonzero(y == "b")[:3]]
    lowered = CalibratedSVC().fit(X[few], y[few])
    assert lowered.temperature_ == CalibratedSVC(cv=3).fit(X[few], y[few]).temperature_ != UNCALIBRATED
    for one in (few[:7], few[[0, -1]]):
        assert CalibratedSVC().fit(X[one], y[one]).temperature_ == UNCALIBRATED
    # all songs of b are of one group
    assert CalibratedSVC().fit(X[few], y[few], groups=[0, 1, 2, 3, 4, 5, 6, 6, 6]).temperature_ == UNCALIBRATED


def test_weights():
    X, y = noisy(3, n=120)
    weights = np.where(np.arange(120) < 20, 0, 1.0)
    # the default of gamma depends on songs of weight 0 too
    svm = CalibratedSVC(gamma=0.1)
    weighted, without = clone(svm).fit(X, y, sample_weight=weights), svm.fit(X[20:], y[20:])
    assert weighted.temperature_ == pytest.approx(without.temperature_, rel=1e-4)
    np.testing.assert_allclose(weighted.predict_proba(X), without.predict_proba(X), atol=1e-4)


def test_groups_of_other_songs_are_an_error():
    X, y = make_classification(random_state=0)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        CalibratedSVC().fit(X, y, groups=y[:7])


def test_in_pipelines_searches_and_files(tmp_path):
    X, y = noisy(3, n=120)
    groups = np.arange(120) // 4
    pipe = make_pipeline(StandardScaler(), CalibratedSVC())
    with config_context(enable_metadata_routing=True):
        routed = clone(pipe).fit(X, y, groups=groups)
    assert routed[-1].temperature_ != pipe.fit(X, y)[-1].temperature_
    search = GridSearchCV(pipe, {"calibratedsvc__C": [0.1, 1]}, scoring="neg_log_loss", cv=3).fit(X, y)
    expected = search.predict_proba(X)
    joblib.dump(search, tmp_path / "search.joblib")
    save_model(search, tmp_path / "search.skmer")
    for again in (joblib.load(tmp_path / "search.joblib"), load_model(tmp_path / "search.skmer")):
        np.testing.assert_array_equal(again.predict_proba(X), expected)


@pytest.fixture(scope="module", params=SYSTEMS)
def trained(request):
    if request.param == "musicnn":
        pytest.importorskip("musicnn", reason="the package musicnn is not installed")
    songs = tiny_songs(n_songs=24, duration=2)
    return songs, train_model(songs, request.param, config_of(request.param), n_splits=2, device="cpu")


def test_probabilities_of_every_system_agree_with_the_emotion(trained, tmp_path, monkeypatch, capsys):
    songs, model = trained
    rng = np.random.default_rng(1)
    # many songs between those of the training
    pairs = rng.integers(0, len(songs.data), (150, 2))
    weights = rng.random((150, 1))
    many = [w * songs.data[a] + (1 - w) * songs.data[b] for (a, b), w in zip(pairs, weights, strict=True)]
    many = [song.astype(np.float32) for song in many]
    probabilities, labels = model.pipeline.predict_proba(many), model.pipeline.predict(many)
    assert (model.pipeline.classes_[probabilities.argmax(axis=1)] == labels).all()
    assert len(np.unique(labels)) > 1
    predictor = SongPredictor(model.pipeline)
    assert predictor.has_probabilities
    for song, label, own in zip(many[:5], labels, probabilities, strict=False):
        answer = predictor.predict(predictor.read(song))
        assert answer.label == label
        np.testing.assert_allclose(answer.song_probabilities, own, atol=1e-6)
    monkeypatch.chdir(tmp_path)
    save_model(model.pipeline, "model.skmer")
    files = [f"{i}.wav" for i in range(5)]
    for file, song in zip(files, many, strict=False):
        soundfile.write(file, song, 11264, subtype="FLOAT")
    assert main(["predict", "model.skmer", "."]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["emotion"] for row in rows] == model.pipeline.predict(files).tolist()
    for row in rows:
        found = {name: float(row[f"p_{name}"]) for name in model.pipeline.classes_}
        assert found[row["emotion"]] == max(found.values())
        assert ("segment_mean_Q1" in row) == (predictor.output == "segments")
    assert main(["predict", "model.skmer", "0.wav", "--format", "jsonl", "--quiet"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["probabilities"] == {name: pytest.approx(float(rows[0][f"p_{name}"])) for name in line["probabilities"]}
    assert ("segment_means" in line) == (predictor.output == "segments")


def test_the_temperature_is_that_of_the_estimate(trained):
    songs, model = trained
    found = model.card["estimate"]["calibration"]
    assert model.pipeline[-1].temperature_ == found["temperature"] != UNCALIBRATED
    folds = stratified_folds(songs.target, songs.groups, 2, 0)
    logits, columns = [], []
    for train, test in folds:
        other = make_pipeline_of(model.card["system"], config_of(model.card["system"]), "cpu", 0)
        with config_context(enable_metadata_routing=True):
            other.fit([songs.data[i] for i in train], songs.target[train], groups=songs.groups[train])
        logits.append(pipeline_logits(other, [songs.data[i] for i in test]))
        columns.append(np.searchsorted(other.classes_, songs.target[test]))
    assert found["temperature"] == pytest.approx(fit_temperature(np.concatenate(logits), np.concatenate(columns)))
    # each fold with the temperature of the other
    swapped = [softmax(logits[i] / fit_temperature(logits[1 - i], columns[1 - i]), axis=1) for i in (0, 1)]
    assert found["log_loss"] == pytest.approx(log_loss(np.concatenate(swapped), np.concatenate(columns)))
    assert found["log_loss_of_shares"] == pytest.approx(np.log(4))
    assert found["sentence"] in card_markdown(model.card)


def test_tags_and_the_summary_of_a_timeline_have_them(trained, tmp_path, monkeypatch, capsys):
    pytest.importorskip("mutagen", reason="needs mutagen")
    songs, model = trained
    monkeypatch.chdir(tmp_path)
    save_model(model.pipeline, "model.skmer")
    soundfile.write("song.flac", songs.data[0], 11264)
    answer = model.pipeline.predict_file("song.flac")
    of_song = {name: f"{p:.3f}" for name, p in zip(answer.classes, answer.song_probabilities, strict=True)}
    assert main(["tag", "model.skmer", "song.flac", "--field", "Q1", "--field", "Q3"]) == 0
    rows = {row["field"]: row["new"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert rows == {"MOOD": answer.label, "MOOD_Q1": of_song["Q1"], "MOOD_Q3": of_song["Q3"]}
    largest = answer.song_probabilities.max()
    for least, action in ((largest - 1e-4, "write"), (min(largest + 1e-4, 1), "abstain")):
        assert main(["tag", "model.skmer", "song.flac", "--at-least", str(least)]) == 0
        assert [row["action"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))] == [action]
    if len(answer.starts):
        assert main(["timeline", "model.skmer", "song.flac"]) == 0
        lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line.startswith("Q"))
        means = zip(answer.classes, answer.mean_probabilities, strict=True)
        assert {name: text.split() for name, text in lines.items()} == {
            name: [of_song[name], f"{mean:.3f}"] for name, mean in means
        }


def test_a_network_on_its_training_songs_calibrates_nothing():
    assert make_sssl_pipeline()["svm"].cv is None
    assert make_sssl_pipeline(cv=3)["svm"].cv == 5
    assert make_multi_duration_pipeline([1, 2])["svm"].cv is None
    assert make_pipeline_of("joined", device="cpu")["svm"].cv == 5


def test_calibrate_replaces_the_temperature_of_a_pipeline():
    songs = make_songs(16, duration=2, sr=11264, random_state=0)
    first = make_pipeline_of("log-mel", {"segments": SEGMENTS})[0]
    pipe = make_pipeline(first, SpectrogramStatistics(), StandardScaler(), CalibratedSVC(cv=None))
    pipe.fit(songs.data, songs.target)
    before = pipe.predict(songs.data)
    assert calibrate(pipe, songs.data, songs.target, songs.groups, cv=2) is pipe
    assert pipe[-1].temperature_ != UNCALIBRATED
    assert (pipe.predict(songs.data) == before).all()
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CalibratedSVC, "logits", lambda self, X: seen.append(len(X)) or np.zeros((len(X), 4)))
        calibrate(pipe, songs.data, songs.target, cv=4)
    assert seen == [4] * 4
    with pytest.raises(ValueError, match="must be a CalibratedSVC, got SVC"):
        calibrate(tiny_pipeline(), songs.data, songs.target)


def test_a_model_of_a_former_version_has_no_probabilities_of_songs(tmp_path, monkeypatch, capsys):
    songs = make_songs(2, duration=5, sr=11264, random_state=0)
    save_model(tiny_pipeline(), tmp_path / "model.skmer")
    predictor = SongPredictor(load_model(tmp_path / "model.skmer"))
    answer = predictor.predict(predictor.read(songs.data[0]))
    assert answer.song_probabilities is None
    assert answer.mean_probabilities.shape == (4,)
    monkeypatch.chdir(tmp_path)
    soundfile.write("song.wav", songs.data[0], 11264)
    assert main(["predict", "model.skmer", "song.wav"]) == 0
    [row] = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["p_Q1"] == ""
    assert float(row["segment_mean_Q1"]) == pytest.approx(answer.mean_probabilities[0], abs=1e-3)
