"""Containers of every kind, at every door: used like a list, or refused in one sentence that says what to do."""

import array
import collections
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import soundfile
import torch
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from skmer import EmotionTagger, MajorityVote, MaskedMelAutoencoder, SegmentTransformer, SongAggregator, SongSequence
from skmer import SSSLClassifier as Classifier
from skmer._validation import check_spectrograms, encode_groups
from skmer.aggregation import SpectrogramStatistics
from skmer.songs import as_song_sequence, is_song_data
from skmer.tagging._base import check_tags
from skmer.utils.estimator_checks import N_SONGS, make_input
from tests.estimators.instances import SPECTROGRAM, SR, TAGGER

pytestmark = pytest.mark.filterwarnings("ignore")

Y = ["calm", "happy", "tense"] * 4
ORDER = "whose order may differ from that of"
ONCE = "which can be read only once: pass a list"
PLAIN = Classifier("mlp", backbone_params={"hidden": [4]}, noise_model=None, max_epochs=1, random_state=0)


def library(name):
    return pytest.importorskip(name, reason=f"{name} is optional")


def polars():
    return library("polars")


def pyarrow():
    return library("pyarrow")


def objects(items):
    made = np.empty(len(items), dtype=object)
    made[:] = items
    return made


def texts(items, **params):
    if not hasattr(np.dtypes, "StringDType"):
        pytest.skip("NumPy 2 has StringDType")
    return np.array(items, dtype=np.dtypes.StringDType(**params))


def arrow_texts(items):
    return pd.Series(items, dtype=pd.ArrowDtype(pyarrow().string()))


def chunked(items):
    return pyarrow().chunked_array([items[:5], items[5:]])


# what any collection of n items may be, and the sentence with which it is refused, or None if it is used
COLLECTIONS = {
    "tuple": (tuple, None),
    "deque": (collections.deque, None),
    "values of a dict": (lambda items: dict(enumerate(items)).values(), None),
    "keys of a dict": (lambda items: dict.fromkeys(range(len(items))).keys(), rf"is a dict_keys, {ORDER} .: pass"),
    "dict": (lambda items: dict(enumerate(items)), rf"is a dict, {ORDER} .: pass a list"),
    "set": (lambda items: set(range(len(items))), rf"is a set, {ORDER} .: pass a list"),
    "object array": (objects, None),
    "pandas.Series": (lambda items: pd.Series(items, index=range(5, 5 + len(items))), None),
    "pandas.DataFrame": (lambda items: pd.DataFrame({"song": items}), None),
}
TEXTS = {
    "str array": (np.array, None),
    "StringDType": (texts, None),
    "column": (lambda items: objects(items)[:, None], None),
    "pandas string": (lambda items: pd.Series(items, dtype="string"), None),
    "pandas with pyarrow": (arrow_texts, None),
    "pandas.Categorical": (pd.Categorical, None),
    "pandas.Index": (pd.Index, None),
    "polars.Series": (lambda items: polars().Series(items), None),
    "polars categories": (lambda items: polars().Series(items, dtype=polars().Categorical), None),
    "polars.DataFrame": (lambda items: polars().DataFrame({"song": items}), None),
    "polars.LazyFrame": (lambda items: polars().LazyFrame({"song": items}), r"is a LazyFrame.*collect\(\)"),
    "pyarrow.array": (lambda items: pyarrow().array(items), None),
    "pyarrow.chunked_array": (chunked, None),
    "pyarrow dictionary": (lambda items: pyarrow().array(items).dictionary_encode(), None),
    "pyarrow.table": (lambda items: pyarrow().table({"song": items}), None),
}
PATHS = {
    **COLLECTIONS,
    **TEXTS,
    "generator": (iter, None),
    "Path": (lambda items: [Path(item) for item in items], None),
    "Path array": (lambda items: objects([Path(item) for item in items]), None),
    "bytes": (lambda items: [item.encode() for item in items], r"^Item 0 of X is b'.*': convert .* with os\.fsdecode"),
    "bytes array": (lambda items: np.array(items).astype("S"), r"^Item 0 of X is b'.*': convert .* with os\.fsdecode"),
    "one str": (lambda items: items[0], r"^X must hold one path per song: pass a list, \['.*0\.wav'\]"),
    "one Path": (lambda items: Path(items[0]), r"^X must hold one path per song: pass a list, \['.*0\.wav'\]"),
    "one bytes": (lambda items: items[0].encode(), "^X must be a list of paths or waveforms, got bytes"),
    "0-d array": (lambda items: np.array(items[0]), r"^X must be a list of paths .*, got an array of shape \(\)"),
    "None": (lambda items: None, "^X must be a list of paths or waveforms, got NoneType"),
    "missing": (lambda items: [*items[:-1], None], "^Item 11 of X is None: each song must be a path"),
    "pyarrow null": (lambda items: pyarrow().array([*items[:-1], None]), "^Item 11 of X is None: each song must"),
    "StringDType with NaN": (
        lambda items: texts([*items[:-1], np.nan], na_object=np.nan),
        "^Item 11 of X is nan:",
    ),
    "nested": (lambda items: [[item] for item in items], r"^Item 0 of X is \['.*: each song must be a path"),
    "two columns": (lambda items: pd.DataFrame({"p": items, "n": 1}), r"^X is a table of 2 columns: .*X\['p'\]"),
    "pyarrow columns": (lambda items: pyarrow().table({"p": items, "n": items}), r"^X is a table of 2 .*X\['p'\]"),
    "polars columns": (lambda items: polars().DataFrame({"p": items, "n": items}), r"^X is a table of 2 .*X\['p'\]"),
}
# scikit-learn itself cannot index them
NOT_INDEXED = {"values of a dict", "generator", "pandas.Index"}


@pytest.fixture(scope="module")
def waveforms():
    return make_input("waveforms")


@pytest.fixture(scope="module")
def paths(waveforms, tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    for i, waveform in enumerate(waveforms):
        soundfile.write(folder / f"{i}.wav", waveform, SR, subtype="FLOAT")
    return [str(folder / f"{i}.wav") for i in range(N_SONGS)]


def outcome(call, sentence):
    """Return what a call returns, or None if it is refused, as it should be, in one line."""
    if sentence is None:
        return call()
    with pytest.raises(ValueError, match=sentence) as error:
        call()
    assert "\n" not in str(error.value)
    return None


def assert_same(actual, desired, **tolerance):
    assert len(actual) == len(desired)
    for one, other in zip(actual, desired, strict=True):
        np.testing.assert_allclose(one, other, **{"rtol": 1e-6, "atol": 1e-6, **tolerance})


@pytest.mark.parametrize("kind", PATHS)
def test_paths(kind, paths, waveforms):
    make, sentence = PATHS[kind]
    transformer = SegmentTransformer(**SPECTROGRAM)
    found = outcome(lambda: transformer.fit_transform(make(paths)), sentence)
    if found is None:
        return
    assert_same(found, transformer.transform(paths))
    if kind not in NOT_INDEXED:
        pipe = make_pipeline(transformer, SpectrogramStatistics(), SVC())
        scores = cross_val_score(pipe, make(paths), Y, cv=StratifiedKFold(2), error_score="raise")
        np.testing.assert_array_equal(scores, cross_val_score(pipe, waveforms, Y, cv=StratifiedKFold(2)))


EQUAL = 2048  # samples of waveforms in one array
WAVEFORMS = {
    **COLLECTIONS,
    "generator": (iter, None),
    "tensors": (lambda items: [torch.tensor(item) for item in items], None),
    "tensors with gradients": (lambda items: [torch.tensor(item, requires_grad=True) for item in items], None),
    "sparse tensors": (lambda items: [torch.tensor(item).to_sparse() for item in items], None),
    "meta tensors": (lambda items: [torch.zeros(9, device="meta")] * 12, "^X holds a tensor on meta .*: pass NumPy"),
    "lists": (lambda items: [item.tolist() for item in items], None),
    "tuples": (lambda items: [tuple(item) for item in items], None),
    "array.array": (lambda items: [array.array("f", item) for item in items], None),
    "list of pandas.Series": (lambda items: [pd.Series(item, index=range(7, 7 + len(item))) for item in items], None),
    "list of polars.Series": (lambda items: [polars().Series(item) for item in items], None),
    "list of pyarrow.array": (lambda items: [pyarrow().array(item) for item in items], None),
    "polars.Series": (lambda items: polars().Series([item.tolist() for item in items]), None),
    "pyarrow.array": (lambda items: pyarrow().array([item.tolist() for item in items]), None),
    "pyarrow.table": (lambda items: pyarrow().table({"song": [item.tolist() for item in items]}), None),
    "one": (lambda items: items[0], r"^X is one array of numbers: .* pass a list, \[y\]"),
    "one tensor": (lambda items: torch.tensor(items[0]), r"^X is one array of numbers: .* pass a list, \[y\]"),
    "one column": (lambda items: pd.DataFrame({"y": items[0]}), r"^X is a table of numbers: .* \[X\['y'\]\]"),
    "channels": (lambda items: torch.zeros(12, 2, 99), r"^X must be a list of paths or waveforms, got .*\(12, 2, 99\)"),
    "masked": (lambda items: [np.ma.masked_equal(item, item[0]) for item in items], "^X has masked values: .* filled"),
    "with a rate": (lambda items: [(item, SR) for item in items], None),
    "tensors with a rate": (lambda items: [(torch.tensor(item, requires_grad=True), SR) for item in items], None),
    "rates first": (lambda items: [(SR, item) for item in items], "^Item 0 of X is .*: each song must be a path"),
    "dataset": (lambda items: torch.utils.data.TensorDataset(torch.zeros(12, 99)), "^X must be .*, got TensorDataset"),
}


@pytest.mark.parametrize("kind", WAVEFORMS)
def test_waveforms(kind, waveforms):
    make, sentence = WAVEFORMS[kind]
    transformer = SegmentTransformer(**SPECTROGRAM)
    found = outcome(lambda: transformer.fit_transform(make(waveforms)), sentence)
    if found is not None:
        assert_same(found, transformer.transform(waveforms), atol=1e-3)


@pytest.mark.parametrize("make", [np.array, torch.tensor, lambda block: torch.tensor(block, requires_grad=True)])
def test_waveforms_of_equal_length_in_one_block(make, waveforms):
    block = np.stack([waveform[:EQUAL] for waveform in waveforms])
    transformer = SegmentTransformer(**SPECTROGRAM)
    assert_same(transformer.transform(make(block)), transformer.transform(list(block)))


SONGS = {
    **COLLECTIONS,
    "generator": (iter, rf"is a list_iterator, {ONCE}"),
    "map": (lambda items: map(np.array, items), rf"is a map, {ONCE}"),
    "SongSequence": (SongSequence, None),
    "object column": (lambda items: objects(items)[:, None], None),
    "tensors": (lambda items: [torch.tensor(item) for item in items], None),
    "tensors with gradients": (lambda items: [torch.tensor(item, requires_grad=True) for item in items], None),
    "nested lists": (lambda items: [item.tolist() for item in items], None),
    "lists of arrays": (lambda items: [list(item) for item in items], None),
    "arrays and lists": (lambda items: [items[0].tolist(), *items[1:]], None),
    "polars.Series": (lambda items: polars().Series([item.tolist() for item in items]), None),
    "polars objects": (lambda items: polars().Series(items, dtype=polars().Object), None),
    "polars.DataFrame": (lambda items: polars().DataFrame({"song": [item.tolist() for item in items]}), None),
    "pyarrow.array": (lambda items: pyarrow().array([item.tolist() for item in items]), None),
    "pyarrow.table": (lambda items: pyarrow().table({"song": [item.tolist() for item in items]}), None),
    "first missing": (lambda items: [None, *items[1:]], "^Song 0 must be an array of real numbers"),
    "last missing": (lambda items: [*items[:-1], None], "^Song 11 must be an array of real numbers"),
    "ragged song": (lambda items: [*items[:-1], [[1.0], [1.0, 2.0]]], "^Song 11 has segments of unequal lengths"),
    "bytes": (lambda items: [b"a.wav"] * N_SONGS, "^X holds paths, such as b'a.wav': put "),
    "masked": (lambda items: [np.ma.masked_equal(item, item.flat[0]) for item in items], "^X has masked values"),
}
# these may be rows, too, and an estimator that takes rows says so
SONGS_OR_ROWS = {
    "two columns": (lambda items: pd.DataFrame({"song": items, "year": 1}), "^X must hold one row of numbers per song"),
    "dicts": (lambda items: [{"song": item} for item in items], "^Item 0 of X is a dict: pass an array for each song"),
    "waveforms": (lambda items: [item.ravel() for item in items], "^X has rows of unequal lengths, .*: if they are"),
}
DOORS = {
    "SongAggregator": ("probabilities", lambda X: SongAggregator().fit_transform(X)),
    "SSSLClassifier": ("probabilities", lambda X: PLAIN.fit(X, Y).predict_proba(X)),
    "SpectrogramStatistics": ("segments", lambda X: SpectrogramStatistics().fit_transform(X)),
    "MaskedMelAutoencoder": ("segments", lambda X: check_spectrograms(MaskedMelAutoencoder(), X)),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", [*SONGS, *SONGS_OR_ROWS])
def test_songs(door, kind):
    contents, call = DOORS[door]
    if kind in SONGS_OR_ROWS and contents == "segments":
        pytest.skip("takes no rows")
    make, sentence = {**SONGS, **SONGS_OR_ROWS}[kind]
    songs = [np.array(song) for song in make_input(contents)]
    found = outcome(lambda: call(make(songs)), sentence)
    if found is not None:
        assert_same(found, call(songs))
        if door == "SSSLClassifier" and kind not in NOT_INDEXED:
            scores = cross_val_score(PLAIN, make(songs), Y, cv=StratifiedKFold(2), error_score="raise")
            np.testing.assert_array_equal(scores, cross_val_score(PLAIN, songs, Y, cv=StratifiedKFold(2)))


@pytest.mark.parametrize("table", [pd.DataFrame, lambda song: polars().DataFrame(song)])
def test_a_song_may_be_a_table_of_its_segments(table):
    songs = [np.array(song) for song in make_input("probabilities")]
    assert_same(SongAggregator().fit_transform([table(song) for song in songs]), SongAggregator().fit_transform(songs))


ROWS = {
    "list": (list, None),
    "lists": (np.ndarray.tolist, None),
    "values of a dict": (lambda rows: dict(enumerate(rows)).values(), None),
    "objects": (lambda rows: rows.astype(object), None),
    "tensor": (torch.tensor, None),
    "tensor with gradients": (lambda rows: torch.tensor(rows, requires_grad=True), None),
    "tensors": (lambda rows: [torch.tensor(row, requires_grad=True) for row in rows], None),
    "sparse tensor": (lambda rows: torch.tensor(rows).to_sparse(), None),
    "bfloat16": (lambda rows: torch.tensor(rows).bfloat16(), None),
    "pandas": (lambda rows: pd.DataFrame(rows).rename(columns=str), None),
    "pandas Float64": (lambda rows: pd.DataFrame(rows).rename(columns=str).astype("Float64"), None),
    "pandas lists": (lambda rows: pd.Series(rows.tolist()), None),
    "polars": (lambda rows: polars().DataFrame(rows), None),
    "polars arrays": (lambda rows: polars().Series(rows), None),
    "pyarrow": (lambda rows: pyarrow().table({str(i): column for i, column in enumerate(rows.T)}), None),
    "polars.LazyFrame": (lambda rows: polars().LazyFrame(rows), r"^X is a LazyFrame.*X\.collect\(\)"),
    "generator": (iter, rf"^X is a .*iterator, {ONCE}"),
    "dict of columns": (lambda rows: {str(i): column for i, column in enumerate(rows.T)}, f"^X is a dict, {ORDER} y"),
    "dicts": (lambda rows: [dict(enumerate(row)) for row in rows], "^Item 0 of X is a dict"),
    "masked": (lambda rows: np.ma.masked_equal(rows, rows[0, 0]), "^X has masked values"),
}


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("door", ["SongAggregator", "SSSLClassifier"])
def test_rows(door, kind):
    make, sentence = ROWS[kind]
    rows = np.random.default_rng(0).integers(-8, 8, size=(N_SONGS, 4)) / 4  # exact in bfloat16
    call = DOORS[door][1]
    found = outcome(lambda: call(make(rows)), sentence)
    if found is not None:
        assert_same(found, call(rows))


def test_sparse_rows_are_left_to_scikit_learn():
    for sparse in (scipy.sparse.csr_array, scipy.sparse.dok_matrix):
        with pytest.raises(TypeError, match="Sparse data was passed for X, but dense data is required"):
            SongAggregator().fit(sparse(np.eye(3)))


LABELS = {
    **{kind: case for kind, case in COLLECTIONS.items() if kind not in ("set", "keys of a dict")},
    **TEXTS,
    "generator": (iter, rf"is a list_iterator, {ONCE}"),
    "set": (set, rf"is a set, {ORDER} X: pass a list"),
    "lists": (lambda items: [[item] for item in items], None),
    "ragged": (lambda items: [["a", "b"], ["c"]], "has rows of unequal lengths: pass one value per song"),
    "missing": (lambda items: [*items[:-1], None], "has no (label|group) for song 11: pass one (label|group) per song"),
    "pandas NA": (lambda items: pd.Series([*items[:-1], None], dtype="string"), "has no (label|group) for song 11"),
    "pyarrow null": (lambda items: pyarrow().array([*items[:-1], None]), "has no (label|group) for song 11"),
    "polars null": (lambda items: polars().Series([*items[:-1], None]), "has no (label|group) for song 11"),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels(kind):
    make, sentence = LABELS[kind]
    songs = make_input("probabilities")
    found = outcome(lambda: MajorityVote().fit(songs, make(Y)), sentence and f"^y {sentence}")
    if found is not None:
        assert found.classes_.tolist() == ["calm", "happy", "tense"]
        crossfit = clone(PLAIN).set_params(cv=2)
        assert_same(crossfit.fit_transform(songs, make(Y)), crossfit.fit_transform(songs, Y))


@pytest.mark.parametrize("kind", LABELS)
def test_groups(kind):
    make, sentence = LABELS[kind]
    groups = ["b", "b", "a", "c"] * 3
    found = outcome(lambda: encode_groups(make(groups), N_SONGS), sentence and f"^groups {sentence}")
    if found is not None:
        assert found.tolist() == [1, 1, 0, 2] * 3
        songs, crossfit = make_input("probabilities"), clone(PLAIN).set_params(cv=2)
        same = crossfit.fit_transform(songs, Y, groups=groups)
        assert_same(crossfit.fit_transform(songs, Y, groups=make(groups)), same)
        held = [clone(PLAIN).set_params(validation_fraction=0.3).fit(songs, Y, of) for of in (groups, make(groups))]
        np.testing.assert_array_equal(*(classifier.validation_songs_ for classifier in held))


@pytest.mark.parametrize("groups", [dict(enumerate("bbac" * 3)).values(), torch.ones(12).cumsum(0).requires_grad_()])
def test_groups_that_numpy_does_not_read(groups):
    fitted = clone(PLAIN).set_params(validation_fraction=0.3).fit(make_input("probabilities"), Y, groups)
    assert len(fitted.validation_songs_)


@pytest.mark.parametrize(
    "kind", ["tuple", "values of a dict", "pandas.Series", "polars.Series", "pyarrow.array", "tensor"]
)
def test_weights(kind):
    make = torch.tensor if kind == "tensor" else {**COLLECTIONS, **TEXTS}[kind][0]
    songs, weights = make_input("probabilities"), [1.0, 2.0, 0.5, 0.0] * 3
    found = clone(PLAIN).fit(songs, Y, sample_weight=make(weights)).predict_proba(songs)
    assert_same(found, clone(PLAIN).fit(songs, Y, sample_weight=np.array(weights)).predict_proba(songs))


def test_groups_that_cannot_be_sorted():
    with pytest.raises(
        ValueError, match=r"^groups holds values that cannot be sorted: pass numbers only, or texts only\.$"
    ):
        encode_groups(objects(["a", 1]), 2)


@pytest.mark.parametrize(
    "make",
    [
        torch.tensor,
        lambda y: torch.tensor(y)[:, None],
        lambda y: [torch.tensor(label) for label in y],
        lambda y: pd.Series(y, dtype="Int64"),
        lambda y: pd.Series(y, dtype=pd.ArrowDtype(pyarrow().int64())),
        lambda y: pd.Categorical(y, categories=[9, 2, 1, 0]),
        lambda y: polars().Series(y),
        lambda y: pyarrow().array(y),
    ],
)
def test_numbers_as_labels_stay_integers(make):
    classifier = PLAIN.fit(make_input("probabilities"), make([0, 1, 2] * 4))
    assert classifier.classes_.dtype.kind == "i"
    assert classifier.classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("make", "tags"),
    [
        (torch.tensor, [0, 1]),
        (lambda y: torch.tensor(y).float().requires_grad_(), [0, 1]),
        (lambda y: list(map(list, y)), [0, 1]),
        (lambda y: dict(enumerate(y)).values(), [0, 1]),
        (lambda y: pd.DataFrame(y, columns=["calm", "sad"]), ["calm", "sad"]),
        (lambda y: pd.DataFrame(y, columns=["calm", "sad"]).astype("Int64"), ["calm", "sad"]),
        (lambda y: polars().DataFrame(y, schema=["calm", "sad"]), ["calm", "sad"]),
        (lambda y: pyarrow().table({"calm": y[:, 0], "sad": y[:, 1]}), ["calm", "sad"]),
    ],
)
def test_tags(make, tags):
    y = np.array([[0, 1], [1, 1], [1, 0]])
    names, found = check_tags(EmotionTagger(), make(y), 3)
    assert names.tolist() == tags
    np.testing.assert_array_equal(found, y)


def test_a_tagger_takes_tensors_and_refuses_a_generator():
    songs, y = [torch.tensor(song) for song in make_input("segments")], torch.tensor([[0, 1], [1, 1], [1, 0]] * 4)
    tagger = EmotionTagger(**TAGGER).fit(songs, y.float().requires_grad_())
    assert tagger.score(songs, y) == tagger.score([song.numpy() for song in songs], y.numpy())
    for wrong in (iter(y.tolist()), dict(enumerate(y.tolist()))):
        with pytest.raises(ValueError, match=rf"^y is a .*({ONCE}|{ORDER} X)"):
            tagger.fit(songs, wrong)


def test_the_container_and_its_checks():
    items = [np.ones((2, 3)), np.zeros((1, 3))]
    for made in (iter(items), (item for item in items), dict(enumerate(items)).values()):
        assert SongSequence(made).n_segments.tolist() == [2, 1]
    assert SongSequence(torch.zeros(2, 4, 3)).n_segments.tolist() == [4, 4]
    assert is_song_data(torch.zeros(2, 4, 3))
    assert not any(map(is_song_data, [iter(items), dict(enumerate(items)), torch.zeros(2, 4), None, "a.wav", []]))
    for wrong, sentence in [
        (dict(enumerate(items)), rf"^items is a dict, {ORDER} X: pass a list"),
        (pd.DataFrame({"a": [1.0], "b": [2.0]}), "^items must be a sequence of arrays, one per song"),
        ("song.npy", "^items must be a sequence of arrays, one per song"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            SongSequence(wrong)
    for wrong in (iter(items), pd.DataFrame({"a": [1.0], "b": [2.0]}), "song.npy", None, 3):
        with pytest.raises(ValueError, match=f"^X (must be a sequence of arrays|is a list_iterator, {ONCE})"):
            as_song_sequence(wrong)


@pytest.mark.parametrize("index", [torch.tensor([2, 0]), pd.Series([2, 0]), lambda: polars().Series([2, 0]), (2, 0)])
def test_songs_are_indexed_by_containers_of_positions(index):
    index = index() if callable(index) and not isinstance(index, torch.Tensor | pd.Series) else index
    songs = make_input("probabilities")
    chosen = songs[list(index)] if isinstance(index, tuple) else songs[index]
    assert_same(chosen, [songs[2], songs[0]])
