"""Names of features from step to step, and the container that set_output chooses."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

from skmer import (
    SegmentStatistics,
    SegmentTransformer,
    SongAggregator,
    SongSequence,
    SSSLClassifier,
    TaggingTransformer,
    make_multi_duration_pipeline,
    make_sssl_pipeline,
)
from skmer.aggregation import MajorityVote, SpectrogramStatistics
from skmer.feature_extraction import DescriptorTransformer, EmbeddingTransformer, SegmentShortening
from skmer.features import BlockLayout
from skmer.tagging import EmotionTagger
from skmer.two_stage import BiLSTMClassifier, MaskedMelAutoencoder
from skmer.utils.estimator_checks import labels_for, make_input
from tests.estimators.instances import (
    BILSTM,
    ESTIMATORS,
    MASKED,
    SPECTROGRAM,
    SR,
    SSSL,
    TAGGER,
    TAGGING,
    WINDOWS,
    magnitudes,
)  # fmt: skip

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

CALM = ["calm", "happy", "tense"]
Y = np.array(CALM * 4)
MELS = [f"mel{k}" for k in range(16)]
EMBEDDING = [f"embedding{k}" for k in range(4)]
SEVEN = ("max", "min", "q1", "median", "q3", "mean", "share")
LOW = {key: value for key, value in SPECTROGRAM.items() if key not in ("duration", "hop")}
DYNAMICS = DescriptorTransformer(["dynamics"], sr=SR, n_fft=512, hop_length=128)


def low_rate(pipe):
    """A pipeline of skmer at the sampling rate of these tests."""
    return pipe.set_params(**{f"segments__{key}": value for key, value in LOW.items()})


def table(statistics, names):
    return [f"{statistic}_{name}" for statistic in statistics for name in names]


def first_samples(windows):
    return windows[:, :4]


SEGMENTS = SegmentTransformer(**SPECTROGRAM)
PIPELINES = {
    "sssl": (low_rate(make_sssl_pipeline(1, **SSSL)), table(SEVEN, CALM)),
    "durations": (
        low_rate(make_multi_duration_pipeline([1, 2], **SSSL)),
        [f"{d}s__{name}" for d in (1, 2) for name in table(SEVEN, CALM)],
    ),
    "2-stage": (make_pipeline(SEGMENTS, MaskedMelAutoencoder(**MASKED), BiLSTMClassifier(**BILSTM)), EMBEDDING),
    "descriptors": (make_pipeline(DYNAMICS, StandardScaler(), LogisticRegression()), DYNAMICS.get_feature_names_out()),
    "embedding of windows": (
        make_pipeline(EmbeddingTransformer(first_samples, **WINDOWS), SongAggregator(["max"]), LogisticRegression()),
        table(["max"], EMBEDDING),
    ),
    "embedding of songs": (
        make_pipeline(EmbeddingTransformer(first_samples, statistics=["std"], **WINDOWS), LogisticRegression()),
        table(["std"], EMBEDDING),
    ),
    "spectrogram": (
        make_pipeline(SEGMENTS, SpectrogramStatistics(), LogisticRegression()),
        table(("mean", "std", "change"), MELS),
    ),
    "blocks": (
        make_pipeline(TaggingTransformer(**TAGGING), SpectrogramStatistics(), LogisticRegression()),
        table(("mean", "std", "change"), TaggingTransformer(**TAGGING).get_feature_names_out()),
    ),
    "vote": (make_pipeline(SEGMENTS, SSSLClassifier(**SSSL), MajorityVote()), CALM),
}  # fmt: skip


@pytest.fixture(scope="module")
def waveforms():
    rng = np.random.default_rng(0)
    return [rng.normal(scale=0.1, size=int(n * SR)).astype(np.float32) for n in (2, 2.5, 3) * 4]


@pytest.mark.parametrize("container", ["default", "pandas"])
@pytest.mark.parametrize("name", PIPELINES)
def test_names_through_pipelines(name, container, waveforms):
    pipe, expected = PIPELINES[name]
    pipe = clone(pipe).set_output(transform=container).fit(waveforms, Y)
    for given in (None, ["path"], ["x0"]):
        assert pipe[:-1].get_feature_names_out(given).tolist() == list(expected)
    index = [*range(12)][::-1]
    out = pipe[:-1].transform(pd.Series(waveforms, index=index))
    assert len(out) == 12
    if container == "pandas" and not isinstance(out, SongSequence):
        assert (out.columns.tolist(), out.index.tolist()) == (list(expected), index)


def test_names_of_blocks_follow_the_layout():
    names = BlockLayout().names
    assert len(names) == 316
    assert [names[k] for k in (0, 127, 128, 255, 256, 267, 268, 315)] == [
        "mel0_step0", "mel127_step0", "mel0_step1", "mel127_step1",
        "hpcp0_step0", "hpcp11_step0", "hpcp0_step1", "hpcp11_step4",
    ]  # fmt: skip
    # each band and class has the value of its own name
    rows = np.array([[float(name.partition("_")[0].strip("melhpc")) for name in names]] * 3)
    mel, hpcp = BlockLayout().split(rows)
    assert (mel == np.arange(128)[:, None]).all()
    assert (hpcp == np.arange(12)[:, None]).all()
    assert BlockLayout(hpcp=False).names == names[:256]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (SegmentShortening(), MELS),
        (SegmentStatistics(), table(("mean", "std", "change"), MELS)),
        (MaskedMelAutoencoder(**MASKED), EMBEDDING),
        (SpectrogramStatistics(), table(("mean", "std", "change"), MELS)),
        (SSSLClassifier(**SSSL), CALM),
    ],
)
def test_steps_check_the_names_that_they_are_given(step, expected):
    songs = make_input("segments")
    with pytest.raises(NotFittedError):
        clone(step).get_feature_names_out()
    fitted = clone(step).fit(songs, Y)
    assert fitted.feature_names_in_.tolist() == MELS
    assert fitted.get_feature_names_out().tolist() == fitted.get_feature_names_out(MELS).tolist() == expected
    with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
        fitted.get_feature_names_out(MELS[::-1])
    with pytest.raises(ValueError, match=r"equal to number of features \(16\), got 1"):
        fitted.get_feature_names_out(["path"])
    # songs without names, as arrays after tables; others are another spectrogram
    fitted.transform(SongSequence(songs.items, window=songs.window))
    if not isinstance(step, SegmentShortening | SegmentStatistics):
        with pytest.raises(
            ValueError, match=r"named mel15, mel14.*was fitted on mel0, mel1, mel2, mel3, mel4 and 11 more"
        ):
            fitted.transform(SongSequence(songs.items, window=songs.window, names=MELS[::-1]))
    nameless = clone(step).fit(SongSequence(songs.items, window=songs.window), Y)
    assert not hasattr(nameless, "feature_names_in_")
    assert nameless.get_feature_names_out().tolist() == expected


def test_votes_take_the_scores_of_an_embedding():
    # whose dimensions are numbered, so that their names are no other classes
    scorer = EmbeddingTransformer(lambda windows: windows[:, :3], **WINDOWS)
    waveforms = [np.roll(np.r_[1, np.zeros(1023)], k) for k in (0, 1, 2)]
    assert make_pipeline(scorer, MajorityVote()).fit(waveforms, CALM).predict(waveforms).tolist() == CALM


@pytest.mark.parametrize(
    "estimator",
    [SSSLClassifier(**SSSL), BiLSTMClassifier(**BILSTM), EmotionTagger(**TAGGER), SongAggregator(), MajorityVote()],
)
def test_a_table_of_rows_has_names(estimator):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 3)), columns=CALM)
    estimator = clone(estimator).fit(X, labels_for(estimator))
    assert (estimator.n_features_in_, estimator.feature_names_in_.tolist()) == (3, CALM)
    with pytest.raises(ValueError, match="feature names should match"):
        (estimator.transform if hasattr(estimator, "transform") else estimator.predict)(X[CALM[::-1]])


# ---- set_output ------------------------------------------------------------------------------------

TRANSFORMERS = [name for name, (estimator, _) in ESTIMATORS.items() if hasattr(estimator, "transform")]


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_set_output(name):
    estimator, kind = ESTIMATORS[name]
    X, y = make_input(kind)[:6], labels_for(estimator)[:6]
    plain = clone(estimator).fit(X, y)
    expected = plain.transform(X)

    def check(transformer):
        out = transformer.transform(X)
        if isinstance(expected, SongSequence):
            assert isinstance(out, SongSequence)
            assert out.names == expected.names
        else:
            assert isinstance(out, pd.DataFrame)
            assert out.columns.tolist() == plain.get_feature_names_out().tolist()
        for one, other in zip(expected, out if isinstance(out, SongSequence) else out.to_numpy(), strict=True):
            np.testing.assert_array_equal(one, other)

    with sklearn.config_context(transform_output="pandas"):
        check(plain)
        with pytest.raises(ValueError, match="output config must be in"), sklearn.config_context(transform_output="x"):
            plain.transform(X)
    chosen = pickle.loads(pickle.dumps(plain))
    assert chosen.set_output(transform="pandas").set_output(transform=None) is chosen
    check(chosen)
    check(clone(chosen).fit(X, y))
    assert type(chosen.set_output(transform="default").transform(X)) is type(expected)
    for wrong in ("numpy", "", 3, ["pandas"]):
        with pytest.raises(ValueError, match=r"output config must be in \['default', 'pandas', 'polars'\], got"):
            chosen.set_output(transform=wrong)


@pytest.mark.parametrize("cv", ["insample", 2])
def test_probabilities_of_rows_are_a_table_of_classes(cv):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 3)), index=range(20, 32), columns=list("abc"))
    classifier = SSSLClassifier(**SSSL, cv=cv).set_output(transform="pandas")
    for out in (classifier.fit_transform(X, Y), classifier.transform(X)):
        assert (out.columns.tolist(), out.index.tolist()) == (CALM, list(X.index))
        np.testing.assert_allclose(out.sum(axis=1), 1)
    # songs of the same segments have no table
    assert isinstance(classifier.transform([row[None] for row in X.to_numpy()]), SongSequence)


def test_polars():
    polars = pytest.importorskip("polars", reason="polars is not installed")
    X = polars.DataFrame(np.random.default_rng(0).normal(size=(12, 3)), schema=list("abc"))
    for estimator in (SSSLClassifier(**SSSL), SongAggregator(["mean"])):
        estimator.set_output(transform="polars").fit(X, Y)
        out = estimator.transform(X)
        assert isinstance(out, polars.DataFrame)
        assert out.columns == estimator.get_feature_names_out().tolist()
    songs = make_input("waveforms")
    assert DYNAMICS.fit_transform(polars.Series(songs[:3])).shape == (3, 8)
    out = clone(DYNAMICS).set_output(transform="polars").fit_transform(songs)
    assert (type(out), out.shape) == (polars.DataFrame, (12, 8))


# ---- FeatureUnion and ColumnTransformer --------------------------------------------------------------

NETWORK = make_pipeline(SEGMENTS, SSSLClassifier(**SSSL), SongAggregator(["mean"]))
WINDOW = make_pipeline(EmbeddingTransformer(magnitudes, **WINDOWS), SongAggregator(["max"]))


@pytest.mark.parametrize(
    ("a", "b", "first", "n"), [(DYNAMICS, NETWORK, "dynamics_level", 8 + 3), (NETWORK, WINDOW, "mean_calm", 3 + 16)]
)
def test_feature_union(a, b, first, n, waveforms):
    union = FeatureUnion([("a", clone(a)), ("b", clone(b))])
    X = pd.Series(waveforms, index=np.random.default_rng(0).permutation(12))
    rows = union.fit_transform(X, Y)
    names = union.get_feature_names_out().tolist()
    assert (names[0], len(names), rows.shape) == (f"a__{first}", n, (12, n))
    frame = union.set_output(transform="pandas").transform(X)
    assert (frame.columns.tolist(), frame.index.tolist()) == (names, X.index.tolist())
    np.testing.assert_array_equal(frame, rows)


@pytest.fixture(scope="module")
def frame(waveforms, tmp_path_factory):
    """Paths beside numbers, in an order that the index does not follow."""
    soundfile = pytest.importorskip("soundfile")
    folder = tmp_path_factory.mktemp("songs")
    paths = [str(folder / f"{i}.wav") for i in range(12)]
    for path, y in zip(paths, waveforms, strict=True):
        soundfile.write(path, y, SR)
    index = np.random.default_rng(1).permutation(12)
    return pd.DataFrame({"path": paths, "year": np.arange(12), "tempo": np.arange(12) / 2}, index=index)


@pytest.mark.parametrize("columns", ["path", ["path"], make_column_selector(dtype_exclude=np.number)])
def test_column_transformer(columns, frame):
    union = ColumnTransformer([("a", DYNAMICS, columns), ("b", NETWORK, columns)], remainder="passthrough")
    rows = union.fit_transform(frame, Y)
    names = union.get_feature_names_out().tolist()
    assert [names[k] for k in (0, 8, 10, 11, 12)] == [
        "a__dynamics_level", "b__mean_calm", "b__mean_tense", "remainder__year", "remainder__tempo"
    ]  # fmt: skip
    table = union.set_output(transform="pandas").transform(frame)
    assert (table.columns.tolist(), table.index.tolist()) == (names, frame.index.tolist())
    np.testing.assert_array_equal(table, rows)
    pipe = make_pipeline(union, StandardScaler(), LogisticRegression())
    assert np.isfinite(cross_val_score(pipe, frame, Y, cv=2, error_score="raise")).all()
    assert pipe.fit(frame, Y)[:-1].get_feature_names_out().tolist() == names


def test_songs_are_no_columns(frame):
    for container in ("default", "pandas"):
        union = ColumnTransformer([("a", SEGMENTS, "path")]).set_output(transform=container)
        with pytest.raises(ValueError, match="The output of the 'a' transformer should be 2D"):
            union.fit_transform(frame)
        union = FeatureUnion([("a", SEGMENTS), ("b", DYNAMICS)]).set_output(transform=container)
        with pytest.raises(ValueError, match="Transformer 'a' returned an array or dataframe with 1 dimensions"):
            union.fit_transform(frame["path"])
    with pytest.raises(ValueError, match="X is a table of 2 columns: pass the one column that holds the paths"):
        ColumnTransformer([("a", DYNAMICS, ["path", "year"])]).fit_transform(frame)
