"""Taggers predict the tags of files and their probabilities, from the shell too."""

import csv
import io
import json
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skmer import DescriptorTransformer, EmotionTagger, LongShortEnsemble, TaggingTransformer
from skmer.cli import main
from skmer.inspection import SongPredictor, predict_files
from tests.estimators.instances import SR, TAGGING

NAMES = ["high", "loud"]


def tagger(duration=1.0, store=None):
    front_end = TaggingTransformer(**{**TAGGING, "duration": duration, "store": store})
    network = EmotionTagger(backbone="small", backbone_params={"width": 4}, mask_range=None, max_epochs=2, lr=1e-2)
    return make_pipeline(front_end, network.set_params(validation_fraction=0.5, random_state=0))


def descriptors(one_each):
    return make_pipeline(DescriptorTransformer(sr=SR, n_fft=512, hop_length=128), StandardScaler(), one_each)


MODELS = {
    "tagger": tagger,
    "ensemble": lambda: LongShortEnsemble(tagger(), tagger("long"), validation_fraction=0.5, random_state=0),
    "search": lambda: GridSearchCV(tagger(), {"emotiontagger__max_epochs": [1]}, cv=2, error_score="raise"),
    "one-vs-rest": lambda: descriptors(OneVsRestClassifier(LogisticRegression())),
}


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Files of eight songs, high or low, loud or not, and their tags."""
    folder, rng, files = tmp_path_factory.mktemp("songs"), np.random.default_rng(0), []
    y = np.arange(16)[:, None] // [1, 2] % 2
    for i, (high, loud) in enumerate(y):
        time = np.arange(2 * SR) / SR
        y_song = (0.05 + 0.4 * loud) * np.sin(2 * np.pi * (300 + 900 * high) * time) + 0.01 * rng.normal(size=2 * SR)
        files.append(str(folder / f"{i:02}.wav"))
        soundfile.write(files[-1], y_song, SR, subtype="FLOAT")
    return files, pd.DataFrame(y, columns=NAMES)


@pytest.fixture(scope="module")
def models(songs):
    """The fitted models."""
    return {name: make().fit(*songs) for name, make in MODELS.items()}


@pytest.fixture(params=MODELS)
def fitted(request, models):
    return models[request.param]


def probabilities_of(model, files):
    return np.asarray(model.predict_proba(files))


def test_files_get_the_tags_and_probabilities_of_the_model(fitted, songs):
    files, _ = songs
    assert SongPredictor(fitted).output == "tags"
    found = [prediction.answer for prediction in predict_files(fitted, files, n_jobs=2)]
    np.testing.assert_allclose([song.probabilities for song in found], probabilities_of(fitted, files), atol=1e-6)
    np.testing.assert_array_equal([song.given for song in found], fitted.predict(files))


def test_the_shell_writes_tags_and_probabilities(fitted, songs, tmp_path, capsys):
    files, _ = songs
    model = str(tmp_path / "model.joblib")
    joblib.dump(fitted, model)
    assert main(["predict", model, *files[:3], str(tmp_path / "absent.wav"), "-q"]) == 1
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    names = list(map(str, SongPredictor(fitted).classes))
    assert list(lines[0]) == ["file", "tags", *(f"p_{name}" for name in names), "warning", "error"]
    given, probabilities = fitted.predict(files[:3]), probabilities_of(fitted, files[:3])
    for line, row, p in zip(lines[:3], given, probabilities, strict=True):
        assert line["tags"] == ";".join(np.array(names)[row == 1])
        assert [float(line[f"p_{name}"]) for name in names] == pytest.approx(p, abs=1e-5)
    assert "no such file" in lines[3]["error"]
    assert lines[3]["tags"] == lines[3][f"p_{names[0]}"] == ""
    assert main(["predict", model, files[0], "-q", "--format", "jsonl"]) == 0
    assert json.loads(capsys.readouterr().out)["tags"] == list(np.array(names)[given[0] == 1])


def test_names_of_a_table_are_the_columns(models):
    assert SongPredictor(models["tagger"]).classes.tolist() == NAMES


def test_no_store_is_written_to_when_songs_are_predicted(songs, tmp_path, monkeypatch):
    files, y = songs
    monkeypatch.chdir(tmp_path)
    fitted = LongShortEnsemble(tagger(store="blocks"), tagger("long", store="blocks"), validation_fraction=0.5)
    fitted.fit(files[:15], y[:15])
    kept = sorted(Path("blocks").iterdir())
    assert next(predict_files(fitted, files[15:])).error is None
    assert sorted(Path("blocks").iterdir()) == kept


def test_frozen_members_are_unwrapped(songs, models):
    files, y = songs
    frozen = [FrozenEstimator(member) for member in (models["tagger"], tagger("long").fit(files, y))]
    ensemble = LongShortEnsemble(*frozen).fit(files, y)
    [song] = predict_files(ensemble, files[:1])
    np.testing.assert_allclose(song.answer.probabilities, ensemble.predict_proba(files[:1])[0], atol=1e-6)


@pytest.mark.parametrize("kind", ["tagger", "ensemble"])
def test_taggers_of_labels_predict_the_emotion_of_a_song(songs, kind, tmp_path, capsys):
    files, y = songs
    model = MODELS[kind]()
    # with this seed both labels are predicted for all rates from 0.02 to 0.04; with others it depends on the epoch kept
    training = {"max_epochs": 20, "emotiontagger__lr": 0.03, "emotiontagger__random_state": 1}
    names = [(name, value) for name in model.get_params() for end, value in training.items() if name.endswith(end)]
    model.set_params(**dict(names)).fit(files, np.where(y["high"], "tense", "calm"))
    predictor = SongPredictor(model)
    assert predictor.output == "song"
    assert predictor.classes.tolist() == ["calm", "tense"]
    expected = model.predict(files).tolist()
    assert set(expected) == {"calm", "tense"}
    assert [prediction.answer.label for prediction in predict_files(predictor, files)] == expected
    joblib.dump(model, tmp_path / "model.joblib")
    assert main(["predict", str(tmp_path / "model.joblib"), *files[:3], "-q"]) == 0
    assert [line["emotion"] for line in csv.DictReader(io.StringIO(capsys.readouterr().out))] == expected[:3]


def test_taggers_without_probabilities(songs, tmp_path, capsys):
    files, y = songs
    model = descriptors(OneVsRestClassifier(LinearSVC())).fit(files, y.to_numpy())
    [song] = predict_files(model, files[3:4])
    assert song.answer.probabilities is None
    np.testing.assert_array_equal(song.answer.given, model.predict(files[3:4])[0])
    joblib.dump(model, tmp_path / "model.joblib")
    assert main(["predict", str(tmp_path / "model.joblib"), files[3], "-q"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "file,tags,p_0,p_1,warning,error"


def test_taggers_that_read_no_songs_and_commands_that_need_segments_are_errors(songs, models, tmp_path, capsys):
    files, y = songs
    rows = np.random.default_rng(0).normal(size=(16, 4))
    network = EmotionTagger(backbone="mlp", mask_range=None, max_epochs=1, random_state=0).fit(rows, y)
    with pytest.raises(ValueError, match="in a Pipeline whose first step reads songs"):
        SongPredictor(network)
    with pytest.raises(NotFittedError):
        SongPredictor(tagger())
    with pytest.raises(ValueError, match="got one after other steps"):
        SongPredictor(make_pipeline(StandardScaler(), LongShortEnsemble(network, network)).fit(rows, y))
    assert SongPredictor(descriptors(SVC()).fit(files, y["high"])).output == "song"
    model = str(tmp_path / "model.joblib")
    joblib.dump(models["tagger"], model)
    assert main(["predict", model, files[0], "--per-segment"]) == 2
    assert "leave --per-segment out" in capsys.readouterr().err
    assert main(["timeline", model, files[0], "--out", str(tmp_path / "a.png")]) == 2
    assert "this model predicts tags of whole songs only" in capsys.readouterr().err
    with pytest.raises(ValueError, match="got a tagger: EmotionTagger predicts whole songs only"):
        SongPredictor(joblib.load(model), require_segments=True)
