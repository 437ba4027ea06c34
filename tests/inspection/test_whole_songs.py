"""Pipelines without segment probabilities predict the label of songs, from the shell too."""

import csv
import io
import json
import warnings

import joblib
import numpy as np
import pytest
import soundfile
from sklearn.cluster import KMeans
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from skmer import (
    DescriptorTransformer,
    EmbeddingTransformer,
    SegmentTransformer,
    SongAggregator,
    SSSLClassifier,
    save_model,
)
from skmer.aggregation import SpectrogramStatistics
from skmer.cli import main
from skmer.inspection import EmotionTimelineDisplay, SongPredictor, emotion_over_time, label_trust, predict_files
from skmer.pipelines import make_multi_duration_pipeline
from skmer.two_stage import BiLSTMClassifier, MaskedMelAutoencoder
from tests.tiny_model import SR, tiny_pipeline, tiny_songs


def loudness(windows):
    return np.stack([windows.std(axis=1), np.abs(windows).max(axis=1)], axis=1)


def descriptors(**params):
    return DescriptorTransformer(sr=SR, groups=["dynamics"], **params)


def segments():
    return SegmentTransformer(duration=1, hop=1, sr=SR, n_mels=32)


PIPELINES = {
    "descriptors": lambda: make_pipeline(descriptors(), SVC()),
    "embedding": lambda: make_pipeline(
        EmbeddingTransformer(loudness, sr=SR, window=1.0), SongAggregator(statistics=["mean"]), SVC()
    ),
    "statistics": lambda: make_pipeline(segments(), SpectrogramStatistics(), SVC()),
    "two stages": lambda: make_pipeline(
        segments(),
        MaskedMelAutoencoder(n_components=4, width=2, max_epochs=1, random_state=0),
        BiLSTMClassifier(hidden_size=4, max_epochs=1, random_state=0),
    ),
    "stack": lambda: make_multi_duration_pipeline(
        [1, 2],
        backbone="small",
        backbone_params={"width": 4},
        max_epochs=1,
        warmup_epochs=1,
        average_epochs=None,
        random_state=0,
    ).set_params(segments__sr=SR, segments__n_mels=32),
}


@pytest.fixture(scope="module")
def wavs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    for i, y in enumerate(tiny_songs().data):
        soundfile.write(folder / f"{i}.wav", y, SR, subtype="FLOAT")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def pipe(wavs):
    return make_pipeline(descriptors(), SVC()).fit(wavs, tiny_songs().target)


@pytest.mark.parametrize("name", PIPELINES)
def test_labels_are_those_of_the_pipeline(name, wavs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe = PIPELINES[name]().fit(wavs, tiny_songs().target)
    assert SongPredictor(pipe).output == "song"
    songs = list(predict_files(pipe, wavs, n_jobs=2))
    assert [song.answer.label for song in songs] == pipe.predict(wavs).tolist()
    assert all(song.answer.mean_probabilities is None and not len(song.answer.starts) for song in songs)


def test_lines_without_segments_have_the_label_only(pipe, wavs, tmp_path, capsys):
    model = tmp_path / "model.joblib"
    joblib.dump(pipe, model)
    assert main(["predict", str(model), *map(str, wavs), str(tmp_path / "no.wav")]) == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["emotion"] for row in rows] == [*pipe.predict(wavs), ""]
    assert {row["p_Q1"] + row["seconds"] + row["n_segments"] for row in rows} == {""}
    assert "there is no such file" in rows[-1]["error"]
    assert main(["predict", str(model), str(wavs[0]), "--format", "jsonl", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["emotion"] == pipe.predict(wavs[:1])[0]


def test_what_needs_segments_is_an_error(pipe, wavs, tmp_path, capsys):
    model = tmp_path / "model.joblib"
    joblib.dump(pipe, model)
    assert main(["predict", str(model), str(wavs[0]), "--per-segment"]) == 2
    assert "this model predicts whole songs only" in capsys.readouterr().err
    assert main(["timeline", str(model), str(wavs[0])]) == 2
    assert "SegmentTransformer" in capsys.readouterr().err
    with pytest.raises(ValueError, match="SegmentTransformer"):
        next(emotion_over_time(pipe, wavs))


def test_unions_of_readers_and_nested_pipelines(wavs):
    target = tiny_songs().target
    scaled = make_pipeline(descriptors(), StandardScaler())
    statistics = make_pipeline(segments().set_params(n_jobs=2), SpectrogramStatistics())
    for pipe in (
        make_pipeline(make_union(scaled, statistics), SVC()),
        make_pipeline(scaled, SVC()),
        Pipeline([("features", Pipeline([("descriptors", descriptors())])), ("svm", SVC())]),
    ):
        pipe.fit(wavs, target)
        answers = [prediction.answer.label for prediction in predict_files(pipe, wavs)]
        assert answers == pipe.predict(wavs).tolist()
    with pytest.raises(ValueError, match="no SegmentTransformer; its steps are FeatureUnion, SVC"):
        SongPredictor(make_pipeline(make_union(StandardScaler(), DescriptorTransformer()), SVC()))


def test_segments_are_preferred():
    assert SongPredictor(tiny_pipeline()).output == "segments"


def test_the_folder_of_the_cache_stays_with_the_trainer(wavs, tmp_path):
    pipe = make_pipeline(descriptors(memory=tmp_path / "cache"), SVC())
    predictor = SongPredictor(pipe.fit(wavs, tiny_songs().target))
    n_files = len(list((tmp_path / "cache").rglob("*")))
    soundfile.write(tmp_path / "new.wav", tiny_songs().data[0][::-1], SR, subtype="FLOAT")
    predictor.predict(predictor.read(tmp_path / "new.wav"))
    assert len(list((tmp_path / "cache").rglob("*"))) == n_files


def test_steps_that_are_passed_through_are_skipped(wavs):
    pipe = Pipeline([("a", "passthrough"), ("songs", descriptors()), ("b", None), ("svm", SVC())])
    pipe.fit(wavs, tiny_songs().target)
    assert [song.answer.label for song in predict_files(pipe, wavs)] == pipe.predict(wavs).tolist()


def test_scikit_learns_classifiers_that_transform_give_no_segment_probabilities(wavs):
    pipe = make_pipeline(segments(), SpectrogramStatistics(), LinearDiscriminantAnalysis())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe.fit(wavs, tiny_songs().target)
    [song] = predict_files(pipe, wavs[:1])
    assert (song.answer.label, song.answer.mean_probabilities) == (pipe.predict(wavs[:1])[0], None)


def test_an_emotion_without_segments_has_no_stretches_and_no_plot(pipe, wavs):
    [song] = predict_files(pipe, wavs[:1])
    assert song.answer.stretches() == []
    assert song.answer.second_probabilities.shape == (0, 4)
    with pytest.raises(ValueError, match="predicts whole songs only"):
        EmotionTimelineDisplay.from_song_emotion(song.answer)


@pytest.mark.parametrize(
    ("estimator", "error", "message"),
    [
        (make_pipeline(FunctionTransformer(), SVC()), ValueError, "no SegmentTransformer"),
        (make_pipeline("passthrough", SVC()), ValueError, "no SegmentTransformer"),
        (make_pipeline("passthrough"), ValueError, "no SegmentTransformer"),
        (make_pipeline(descriptors()), ValueError, "must be a classifier or a regressor, got DescriptorTransformer"),
        (make_pipeline(descriptors(), KMeans()), ValueError, "must be a classifier or a regressor, got KMeans"),
        (make_pipeline(descriptors(), SVC()), NotFittedError, "is not fitted: call fit"),
        (SVC(), ValueError, "must be a Pipeline that reads songs.*got SVC"),
    ],
)
def test_estimators_that_read_no_songs_or_predict_no_label_are_errors(estimator, error, message):
    with pytest.raises(error, match=message):
        SongPredictor(estimator)


def combination(kind, second=None):
    second = make_pipeline(segments(), SpectrogramStatistics(), GaussianNB()) if second is None else second
    members = [("by segment", tiny_pipeline()[:2]), ("by song", second)]
    if kind == "average":
        return VotingClassifier(members, voting="soft")
    return StackingClassifier(members, LogisticRegression(), cv=2, stack_method="predict_proba")


@pytest.mark.parametrize("kind", ["average", "stack"])
def test_combined_pipelines_predict_songs(kind, tmp_path, capsys):
    songs = tiny_songs()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = combination(kind).fit(songs.data, songs.target)
    files = []
    for i, y in enumerate(songs.data[:3]):
        files.append(str(tmp_path / f"{i}.wav"))
        soundfile.write(files[-1], y, SR, subtype="FLOAT")
    predictor = SongPredictor(model)
    assert (predictor.output, predictor.max_duration) == ("song", None)
    assert predictor.classes.tolist() == model.classes_.tolist()
    expected = model.predict(files).tolist()
    assert [song.answer.label for song in predict_files(predictor, files)] == expected
    [missing] = predict_files(predictor, [str(tmp_path / "none.wav")])
    assert "there is no such file" in missing.error
    save_model(model, tmp_path / "model.skmer")
    assert main(["predict", str(tmp_path / "model.skmer"), *files, "-q"]) == 0
    assert [row["emotion"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))] == expected


def test_combinations_that_do_not_read_songs():
    with pytest.raises(NotFittedError, match="The VotingClassifier is not fitted"):
        SongPredictor(combination("average"))
    X, y = np.eye(4), ["a", "b"] * 2
    with pytest.raises(ValueError, match=r"VotingClassifier of pipelines whose first steps read songs, got .* SVC"):
        SongPredictor(VotingClassifier([("svm", SVC())]).fit(X, y))


def test_windows_of_an_embedding_are_segments(tmp_path):
    songs = tiny_songs()
    embedding = EmbeddingTransformer(loudness, sr=SR, window=1.0, hop=0.5)
    network = SSSLClassifier("mlp", backbone_params={"hidden": [4]}, noise_model=None, max_epochs=2, random_state=0)
    pipe = make_pipeline(embedding, network).fit(songs.data, songs.target)
    predictor = SongPredictor(pipe)
    assert predictor.output == "segments"
    emotion = predictor.predict(predictor.read(songs.data[0]))
    assert emotion.starts.tolist() == [0.5 * i for i in range(9)]
    assert emotion.ends.tolist() == [0.5 * i + 1 for i in range(9)]
    np.testing.assert_allclose(emotion.probabilities, pipe.transform(songs.data[:1])[0], atol=1e-6)
    assert emotion.label == pipe.predict(songs.data[:1])[0]
    trusts = list(label_trust(pipe, songs.data, songs.target, cv=2))
    assert [len(trust.starts) for trust in trusts] == [9] * len(songs.data)
    # without a hop, windows follow each other
    predictor = SongPredictor(pipe.set_params(embeddingtransformer__hop=None))
    assert predictor.predict(predictor.read(songs.data[0])).ends.tolist() == [1, 2, 3, 4, 5]
