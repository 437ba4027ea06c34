"""predict_file and predict_waveform: what SongPredictor gives, from threads too; no estimator is changed."""

import gc
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import soundfile
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import skmer
from skmer import (
    AudioError,
    DescriptorTransformer,
    EmotionTagger,
    LongShortEnsemble,
    SongAggregator,
    TaggingTransformer,
)
from skmer.inspection import SongEmotion, SongPredictor, SongRatings, SongTags
from skmer.models import SYSTEMS, make_pipeline_of
from skmer.pipelines import SongPipeline
from tests.estimators.instances import SR as TAGGING_SR
from tests.estimators.instances import TAGGER, TAGGING
from tests.tiny_model import SR, tiny_pipeline, tiny_rating_pipeline, tiny_songs

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def song_pipeline(pipe):
    return SongPipeline(pipe.steps)


@pytest.fixture(scope="module")
def emotions():
    return song_pipeline(tiny_pipeline())


@pytest.fixture(scope="module")
def descriptors():
    steps = [DescriptorTransformer(["timbre", "dynamics"], sr=SR), StandardScaler(), skmer.pipelines.CalibratedSVC()]
    names = ["descriptors", "scaler", "svm"]
    return SongPipeline(list(zip(names, steps, strict=True))).fit(tiny_songs().data, tiny_songs().target)


@pytest.fixture(scope="module")
def ensemble():
    rng = np.random.default_rng(0)
    songs = [rng.normal(scale=0.1, size=TAGGING_SR).astype(np.float32) for _ in range(8)]
    tags = np.column_stack([np.arange(8) % 2, np.arange(8) // 2 % 2])
    members = [
        make_pipeline(TaggingTransformer(**{**TAGGING, "duration": d}), EmotionTagger(**TAGGER)) for d in (0.25, 0.5)
    ]
    return LongShortEnsemble(*members, validation_fraction=0.5, random_state=0).fit(songs, tags)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    paths = [folder / f"{i}.wav" for i in range(6)]
    for path, song in zip(paths, tiny_songs().data, strict=False):
        soundfile.write(path, np.repeat(song, 2), 2 * SR, subtype="FLOAT")
    return paths


def same(one, other):
    assert type(one) is type(other)
    for name, value in vars(other).items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            np.testing.assert_array_equal(vars(one)[name], value)
        else:
            assert np.all(vars(one)[name] == value)


@pytest.mark.parametrize("name", ["emotions", "descriptors", "ratings", "ensemble"])
def test_an_answer_is_that_of_the_predictor_from_threads_too(name, files, request):
    model = song_pipeline(tiny_rating_pipeline()) if name == "ratings" else request.getfixturevalue(name)
    predictor = SongPredictor(model)
    serial = [predictor.predict(predictor.read(file)) for file in files]
    kinds = {"ratings": SongRatings, "ensemble": SongTags}
    assert isinstance(serial[0], kinds.get(name, SongEmotion))
    before, state = joblib.hash(model), pickle.dumps(model)
    # several threads make the predictor at the same time
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(model.predict_file, files * 8))
    for answer, expected in zip(found, serial * 8, strict=True):
        same(answer, expected)
    assert (joblib.hash(model), pickle.dumps(model)) == (before, state)
    samples, rate = soundfile.read(files[0], dtype="float32")
    same(model.predict_waveform(samples, rate), serial[0])
    with ThreadPoolExecutor(8) as pool:
        for answer in pool.map(lambda _: model.predict_waveform(np.stack([samples, samples]), rate), range(16)):
            same(answer, serial[0])


def test_an_answer_is_what_predict_and_predict_proba_give(emotions, descriptors, files):
    paths = list(map(str, files))
    for model in (emotions, descriptors):
        assert [model.predict_file(file).label for file in files] == model.predict(paths).tolist()
    found = [descriptors.predict_file(file).song_probabilities for file in files]
    np.testing.assert_allclose(found, descriptors.predict_proba(paths), atol=1e-12)
    answer = emotions.predict_file(files[0])
    assert (answer.starts.tolist(), answer.ends.tolist()) == ([0, 1, 2, 3, 4], [1, 2, 3, 4, 5])
    assert answer.probabilities.shape == (5, 4)


def test_a_second_call_makes_nothing_anew(files, monkeypatch):
    model = song_pipeline(tiny_pipeline())
    made = []
    init = SongPredictor.__init__
    monkeypatch.setattr(SongPredictor, "__init__", lambda self, *args: made.append(1) or init(self, *args))
    for file in files[:3]:
        model.predict_file(file)
    assert made == [1]
    # parameters and steps that are changed are noticed
    assert len(model.predict_file(files[0]).starts) == 5
    changed = SongPipeline([("segments", clone(model[0])), *model.steps[1:]])
    changed.predict_file(files[0])
    changed.set_params(segments__max_duration=2)
    assert len(changed.predict_file(files[0]).starts) == 2
    assert made == [1] * 3
    model.fit(tiny_songs().data[:4], tiny_songs().target[:4])
    model.predict_file(files[0])
    assert made == [1] * 4
    tiny_pipeline.cache_clear()


def test_estimators_are_released(descriptors, ensemble, files):
    def predicted(model, state):
        vars(model).update(state)
        model.predict_file(files[0])
        return weakref.ref(model)

    references = [predicted(SongPipeline([]), vars(descriptors)), predicted(clone(ensemble), vars(ensemble))]
    gc.collect()
    assert [reference() for reference in references] == [None, None]


def test_clones_searches_and_files(descriptors, files, tmp_path):
    expected = descriptors.predict_file(files[0])
    assert type(clone(descriptors)) is SongPipeline
    assert isinstance(descriptors, Pipeline)
    assert type(descriptors[:2]) is SongPipeline
    joblib.dump(descriptors, tmp_path / "model.joblib")
    skmer.save_model(descriptors, tmp_path / "model.skmer")
    for again in (joblib.load(tmp_path / "model.joblib"), skmer.load_model(tmp_path / "model.skmer")):
        assert type(again) is SongPipeline
        same(again.predict_file(files[0]), expected)
    search = GridSearchCV(descriptors, {"svm__C": [1.0, 2.0]}, cv=2).fit(tiny_songs().data, tiny_songs().target)
    assert type(search.best_estimator_) is SongPipeline
    assert SongPredictor(search).predict_file(files[0]).label == search.predict([str(files[0])])[0]


def test_a_pipeline_of_a_former_version_is_loaded_with_the_methods(files, tmp_path):
    skmer.save_model(tiny_pipeline(), tmp_path / "model.skmer")
    again = skmer.load_model(tmp_path / "model.skmer")
    assert (type(tiny_pipeline()), type(again)) == (Pipeline, SongPipeline)
    assert [name for name, _ in again.steps] == [name for name, _ in tiny_pipeline().steps]
    same(again.predict_file(files[0]), song_pipeline(tiny_pipeline()).predict_file(files[0]))
    # one that does not read songs stays as it is
    skmer.save_model(make_pipeline(SongAggregator(), SVC()), tmp_path / "rest.skmer")
    assert type(skmer.load_model(tmp_path / "rest.skmer")) is Pipeline


def test_all_systems_and_functions_have_the_methods():
    made = [skmer.make_sssl_pipeline(), skmer.make_multi_duration_pipeline(), skmer.make_joined_pipeline()]
    made += [skmer.make_rating_pipeline(), *(make_pipeline_of(s, device="cpu") for s in SYSTEMS if s != "musicnn")]
    assert {type(pipe) for pipe in made} == {SongPipeline}


def test_other_estimators_by_their_predictor(descriptors, files):
    members = [("a", clone(descriptors)), ("b", Pipeline([*descriptors.steps[:2], ("last", LogisticRegression())]))]
    voting = VotingClassifier(members, voting="soft").fit(tiny_songs().data, tiny_songs().target)
    answer = SongPredictor(voting).predict_file(files[1])
    assert answer.label == voting.predict([str(files[1])])[0]
    np.testing.assert_allclose(answer.song_probabilities, voting.predict_proba([str(files[1])])[0])
    hard = VotingClassifier(members).fit(tiny_songs().data, tiny_songs().target)
    assert SongPredictor(hard).predict_file(files[1]).song_probabilities is None


def test_errors(emotions, files, tmp_path):
    (tmp_path / "text.mp3").write_text("no music")
    for path, message in ((tmp_path / "text.mp3", "text.mp3: this is text"), (tmp_path / "none.mp3", "no such file")):
        with pytest.raises(AudioError, match=message):
            emotions.predict_file(path)
    samples, rate = soundfile.read(files[0], dtype="float32")
    for waveform, sr, message in (
        (files[0], rate, "Expected a waveform and its sampling rate in Hz, got PosixPath"),
        (samples, None, "and None"),
        (samples, True, "and True"),
        (samples[:100], rate, "shorter than one segment"),
        (np.stack([samples, samples]).T, rate, "channels first|transpose"),
    ):
        with pytest.raises(AudioError, match=message):
            emotions.predict_waveform(waveform, sr)
    with pytest.raises(NotFittedError, match="not fitted"):
        clone(emotions).predict_file(files[0])
    with pytest.raises(ValueError, match="no SegmentTransformer"):
        SongPipeline([("statistics", SongAggregator()), ("svm", SVC())]).predict_file(files[0])
