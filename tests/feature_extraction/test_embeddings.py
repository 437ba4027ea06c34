import copy
import pickle
import warnings
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import nn

import skmer.feature_extraction._base
from skmer import SongAggregator
from skmer.audio import AudioError, read_audio
from skmer.feature_extraction import EmbeddingTransformer
from skmer.feature_extraction._embedding import embedding_key

# torch calls TorchScript old; networks in it are around
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

SR = 8000
WINDOW = 0.25
LENGTH = 2000


class ToneNet(nn.Module):
    """A small network of raw samples, with what a mode changes: dropout and batch norm."""

    def __init__(self, n_classes=3):
        super().__init__()
        self.scale = 1.0
        self.filters = nn.Conv1d(1, 8, 64, stride=16)
        self.norm = nn.BatchNorm1d(8)
        self.drop = nn.Dropout(0.5)
        self.out = nn.Linear(8, n_classes)

    def forward(self, x):
        x = x / (x.std(dim=1, keepdim=True) + 1e-6)
        x = torch.log1p(self.norm(self.filters(x.unsqueeze(1))) ** 2).mean(dim=2)
        return self.out(self.drop(x)) * self.scale


def tones(label, seconds, rng, sr=SR):
    """A tone of one of three ranges of pitch, at any level, in noise."""
    t = np.arange(round(seconds * sr)) / sr
    y = np.sin(2 * np.pi * (250 * 3**label * rng.uniform(0.85, 1.15) * t + rng.uniform()))
    return rng.uniform(0.02, 0.8) * (y + 0.1 * rng.normal(size=len(t)))


@pytest.fixture(scope="module")
def network():
    """A network trained on tones, as somebody else's would be; afterwards it is only read."""
    rng = np.random.default_rng(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ToneNet()
        labels = np.arange(96) % 3
        x = torch.tensor(np.stack([tones(label, WINDOW, rng) for label in labels]), dtype=torch.float32)
        y = torch.from_numpy(labels)
        optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
        for _ in range(40):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x), y).backward()
            optimizer.step()
        optimizer.zero_grad()
        # running means settle
        network.train()(x)
        assert (network.eval()(x).argmax(1) == y).float().mean() > 0.95
    return network.eval()


@pytest.fixture(scope="module")
def saved(network, tmp_path_factory):
    """The same network in files: TorchScript and exported."""
    folder = tmp_path_factory.mktemp("networks")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(copy.deepcopy(network).train()), folder / "network.pt")
        example = (torch.zeros(4, LENGTH),)
        program = torch.export.export(network, example, dynamic_shapes=({0: torch.export.Dim.AUTO},))
        torch.export.save(program, folder / "network.pt2")
    return {"script": folder / "network.pt", "export": folder / "network.pt2"}


@pytest.fixture
def reads(monkeypatch):
    """Collect the names of the files that are decoded."""
    names = []

    def counting(path, **options):
        names.append(Path(path).name)
        return read_audio(path, **options)

    monkeypatch.setattr(skmer.feature_extraction._base, "read_audio", counting)
    return names


def make(embedding, **options):
    return EmbeddingTransformer(embedding, **{"sr": SR, "window": WINDOW, **options})


def first_samples(windows):
    return windows[:, :3].copy()


def mean_and_square(windows):
    return np.stack([windows.mean(axis=1), (windows**2).mean(axis=1)], axis=1)


def ramp(n):
    """A waveform whose sample i is i / 65,536: exact in single precision."""
    return np.arange(n) / 65536


def songs(n=3):
    rng = np.random.default_rng(1)
    return [tones(i % 3, 0.6 + 0.35 * i, rng).astype(np.float32) for i in range(n)]


# ---- windows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sr", "window", "hop", "n"),
    [(8000, 0.25, None, 9999), (8000, 0.25, 0.1, 6000), (16000, 0.96, 0.96, 50000), (22050, 0.5, 0.3333, 40000)],
)
def test_windows_lie_at_the_right_samples(sr, window, hop, n):
    (rows,) = EmbeddingTransformer(first_samples, sr=sr, window=window, hop=hop).transform([ramp(n)])
    step = (window if hop is None else hop) * sr
    starts = [round(i * step) for i in range(100) if round(i * step) + round(window * sr) <= n]
    assert len(starts) == int((n - round(window * sr)) // step) + 1
    np.testing.assert_array_equal(rows * 65536, np.array(starts)[:, None] + [0, 1, 2])


def test_a_song_of_one_window_exactly():
    (rows,) = make(first_samples).transform([ramp(LENGTH)])
    assert rows.shape == (1, 3)


def test_statistics_are_those_of_the_windows():
    # windows of constant value
    y = np.repeat([0.1, 0.2, 0.6], LENGTH)
    X = make(mean_and_square, statistics=["mean", "std", "max", "median"]).transform([y, y[:LENGTH]])
    squares = np.array([0.01, 0.04, 0.36])
    expected = [0.3, squares.mean(), np.std([0.1, 0.2, 0.6]), squares.std(), 0.6, 0.36, 0.2, 0.04]
    np.testing.assert_allclose(X, [expected, [0.1, 0.01, 0, 0, 0.1, 0.01, 0.1, 0.01]], atol=1e-6)


def test_without_statistics_an_aggregator_gives_the_same():
    X = songs()
    pipe = make_pipeline(make(mean_and_square), SongAggregator(["mean", "max"]))
    np.testing.assert_allclose(
        pipe.fit_transform(X), make(mean_and_square, statistics=["mean", "max"]).transform(X), rtol=1e-6
    )


def test_names_equal_columns():
    transformer = make(mean_and_square, statistics=("mean", "std")).set_output(transform="pandas")
    table = transformer.transform(songs())
    assert list(table.columns) == ["mean_embedding0", "mean_embedding1", "std_embedding0", "std_embedding1"]
    np.testing.assert_allclose(table["mean_embedding1"][0], (songs()[0][: 2 * LENGTH] ** 2).mean(), rtol=1e-5)
    windows = make(mean_and_square).set_output(transform="pandas")
    assert windows.get_feature_names_out().tolist() == ["embedding0", "embedding1"]
    assert windows.transform(songs()).names == ("embedding0", "embedding1")
    assert windows.transform(songs()).n_segments.tolist() == [2, 3, 5]


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_batches_and_order_are_irrelevant(network, batch_size):
    X = songs()
    expected = list(make(network).transform(X))
    got = make(network, batch_size=batch_size, n_jobs=2).transform(X[::-1])
    for one, other in zip(list(got)[::-1], expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_batches_are_as_large_as_said():
    sizes = []

    def watch(windows):
        sizes.append(windows.shape)
        assert windows.dtype == np.float32
        assert windows.flags.c_contiguous
        return windows[:, :1]

    make(watch, batch_size=2).transform([np.zeros(5 * LENGTH) + 0.1])
    assert sizes == [(2, LENGTH), (2, LENGTH), (1, LENGTH)]


def test_an_embedding_that_writes_into_its_windows_harms_nothing():
    def spoil(windows):
        out = windows[:, :1].copy()
        windows[:] = np.nan
        return out

    y = ramp(3 * LENGTH).astype(np.float32)
    (rows,) = make(spoil, hop=WINDOW / 2).transform([y])
    np.testing.assert_array_equal(rows[:, 0] * 65536, np.arange(5) * LENGTH // 2)
    assert np.isfinite(y).all()


def test_padding():
    short, long = ramp(1500), ramp(LENGTH)
    with pytest.raises(AudioError, match=r"position 1 of X: it lasts 0.19 s, shorter than one window of 0.25 s"):
        make(first_samples).transform([long, short])
    last = lambda windows: windows[:, -3:] * 65536  # noqa: E731
    (zeros,) = make(last, padding="zero").transform([short])
    (circle,) = make(last, padding="circular").transform([short])
    np.testing.assert_array_equal(zeros, [[0, 0, 0]])
    np.testing.assert_array_equal(circle, [[497, 498, 499]])
    for padding in ("zero", "circular"):
        np.testing.assert_array_equal(make(last, padding=padding).transform([long])[0], [[1997, 1998, 1999]])


# ---- files -------------------------------------------------------------------------------------------


def test_files_are_resampled_to_sr(tmp_path):
    path = tmp_path / "song.wav"
    t = np.arange(44100) / 44100
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 440 * t), 44100, subtype="FLOAT")

    def crossings(windows):
        assert windows.shape[1] == LENGTH
        return (np.diff(np.signbit(windows), axis=1)).sum(axis=1, keepdims=True)

    (rows,) = make(crossings).transform([path])
    # 440 Hz for a quarter of a second, four times
    np.testing.assert_allclose(rows, np.full((4, 1), 220), atol=2)
    # the same file in windows of as many samples, at another rate
    (fewer,) = EmbeddingTransformer(crossings, sr=4000, window=0.5).transform([str(path)])
    np.testing.assert_allclose(fewer, np.full((2, 1), 440), atol=3)


def test_files_waveforms_and_series_agree(tmp_path, network):
    paths = [tmp_path / f"{i}.wav" for i in range(3)]
    for path, y in zip(paths, songs(), strict=True):
        soundfile.write(path, y, SR, subtype="FLOAT")
    transformer = make(network, statistics=["mean"], max_duration=0.5)
    expected = transformer.transform([y[: SR // 2] for y in songs()])
    for X in (paths, [str(path) for path in paths], pd.Series(paths), pd.DataFrame({"path": paths}), songs()):
        np.testing.assert_allclose(transformer.transform(X), expected, atol=1e-5)


# ---- networks ----------------------------------------------------------------------------------------


def test_a_network_is_left_as_it_is(network):
    given = copy.deepcopy(network).train()
    given.norm.eval()  # a mode of its own
    given.filters.weight.requires_grad_(False)
    modes = [module.training for module in given.modules()]
    before = {name: value.clone() for name, value in given.state_dict().items()}
    state = torch.get_rng_state()
    threads = torch.get_num_threads()
    (rows, *_) = make(given).transform(songs())
    with torch.no_grad():
        expected = network(torch.from_numpy(songs()[0][: 2 * LENGTH].reshape(2, LENGTH))).numpy()
    np.testing.assert_allclose(rows, expected, atol=1e-6)  # in eval mode
    assert [module.training for module in given.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in given.state_dict().items())
    assert all(parameter.grad is None for parameter in given.parameters())
    assert not next(given.parameters()).requires_grad
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_a_network_gets_a_tensor_without_gradients():
    class Watch(nn.Module):
        def forward(self, x):
            assert isinstance(x, torch.Tensor)
            assert x.dtype == torch.float32
            assert not torch.is_grad_enabled()
            assert not self.training
            assert torch.get_num_threads() == 1
            return x[:, :4]

    assert make(Watch()).transform(songs()).segment_shape == (4,)


@pytest.mark.parametrize("kind", ["script", "export"])
def test_a_file_is_the_network_that_was_saved(network, saved, kind):
    expected = make(network).transform(songs())
    for path in (saved[kind], str(saved[kind])):
        for one, other in zip(make(path).transform(songs()), expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(saved["script"]).transform(songs())


def test_clone_and_pickle(network, saved):
    expected = make(network, statistics=["mean"]).transform(songs())
    for embedding in (network, saved["script"], mean_and_square):
        transformer = make(embedding, statistics=["mean"])
        for copied in (clone(transformer), pickle.loads(pickle.dumps(transformer))):
            np.testing.assert_array_equal(copied.transform(songs()), transformer.transform(songs()))
    np.testing.assert_allclose(make(saved["script"], statistics=["mean"]).transform(songs()), expected, atol=1e-5)


def test_a_frozen_network_separates_songs_that_level_cannot(saved, tmp_path):
    rng = np.random.default_rng(5)
    y = np.arange(30) % 3
    paths = []
    for i, label in enumerate(y):
        paths.append(tmp_path / f"{i}.wav")
        # another rate than the network's
        soundfile.write(paths[-1], tones(label, 0.7, rng, sr=22050), 22050)
    by_level = make_pipeline(make(mean_and_square, statistics=["mean", "std"]), StandardScaler(), SVC())
    by_network = make_pipeline(make(saved["script"], statistics=["mean"]), StandardScaler(), SVC())
    assert cross_val_score(by_level, paths, y, cv=4).mean() < 0.6
    assert cross_val_score(by_network, paths, y, cv=4).mean() > 0.95


# ---- the cache ---------------------------------------------------------------------------------------


@pytest.fixture
def wave_file(tmp_path):
    soundfile.write(tmp_path / "song.wav", songs()[2], SR, subtype="FLOAT")
    return tmp_path / "song.wav"


def test_cache_knows_the_file_and_the_parameters(wave_file, reads, tmp_path):
    options = {"memory": tmp_path / "cache"}
    first = make(mean_and_square, **options).transform([wave_file])[0]
    for same in ({"batch_size": 1}, {"n_threads": 2}, {"statistics": ["mean"]}, {"sr": 8000.0}, {"hop": WINDOW}):
        make(mean_and_square, **{**options, **same}).transform([wave_file])
    again = make(mean_and_square, **options).transform([str(wave_file)])[0]
    np.testing.assert_array_equal(again, first)
    assert len(reads) == 1
    for change in ({"sr": 4000}, {"window": 0.5}, {"hop": 0.1}, {"max_duration": 0.5}, {"padding": "zero"}):
        before = len(reads)
        make(mean_and_square, **{**options, **change}).transform([wave_file])
        assert len(reads) == before + 1
    soundfile.write(wave_file, songs(2)[1], SR, subtype="FLOAT")
    assert len(make(mean_and_square, **options).transform([wave_file])[0]) == 3
    largest = max(path.stat().st_size for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert largest < len(songs()[2])  # bytes: no waveform is in there


def test_cache_never_takes_other_weights_for_these(network, wave_file, reads, tmp_path):
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.out.bias += 1
    scaled = copy.deepcopy(network)
    scaled.scale = 2.0
    results = [make(net, memory=tmp_path / "c").transform([wave_file])[0] for net in (network, other, scaled)]
    np.testing.assert_allclose(results[1], results[0] + 1, atol=1e-5)
    np.testing.assert_allclose(results[2], results[0] * 2, atol=1e-5)
    assert len(reads) == 3
    # a clone, and the same in another mode, are the same
    make(clone(make(network)).embedding.train(), memory=tmp_path / "c").transform([wave_file])
    assert len(reads) == 3


def test_cache_of_a_file_follows_its_bytes(network, wave_file, reads, tmp_path):
    path = tmp_path / "network.pt"
    results = []
    for shift in (0, 1):
        changed = copy.deepcopy(network)
        with torch.no_grad():
            changed.out.bias += shift
        torch.jit.save(torch.jit.script(changed), path)
        results += [make(path, memory=tmp_path / "c").transform([wave_file])[0] for _ in range(2)]
    np.testing.assert_allclose(results[3], results[0] + 1, atol=1e-5)
    assert len(reads) == 2


class Callable:
    def __init__(self, weights):
        self.weights = weights

    def __call__(self, windows):
        return windows[:, :2] * self.weights


def test_keys_tell_embeddings_apart(network):
    with_attribute = partial(first_samples)
    with_attribute.cache_key = "weights of May"
    kinds = [first_samples, mean_and_square, partial(first_samples), Callable(np.ones(2)), Callable(np.zeros(2))]
    kinds += [Callable(np.ones(2)).__call__, network, network.forward, with_attribute]
    keys = [embedding_key(kind) for kind in kinds]
    assert len(set(keys)) == len(keys)
    assert [embedding_key(kind) for kind in kinds] == keys
    assert embedding_key(Callable(np.ones(2))) == keys[3]
    assert embedding_key(pickle.loads(pickle.dumps(network))) == embedding_key(network)
    assert f"torch {torch.__version__.partition('+')[0]}" in keys[0]


def test_files_have_the_same_key_wherever_they_lie(tmp_path):
    paths = [tmp_path / "a.pt", tmp_path / "b.pt", tmp_path / "c.pt"]
    for path, contents in zip(paths, (b"one", b"one", b"two"), strict=True):
        path.write_bytes(contents)
    one, same, other = map(embedding_key, paths)
    assert one == same == embedding_key(str(paths[0])) != other


def test_an_embedding_without_a_hash_needs_a_cache_key(wave_file, tmp_path, network):
    def local(windows):
        return windows[:, :2]

    assert make(local).transform([wave_file]).segment_shape == (2,)
    for embedding in (local, torch.jit.script(network)):
        with pytest.raises(ValueError, match=r"(?s)^memory is set, but .* cannot be hashed .* cache_key"):
            embedding_key(embedding)
    with pytest.raises(ValueError, match="cannot be hashed"):
        make(local, memory=tmp_path / "cache").transform([wave_file])
    local.cache_key = "local, version 1"
    assert make(local, memory=tmp_path / "cache").transform([wave_file]).segment_shape == (2,)
    with pytest.raises(ValueError, match=r"memory='/dev/null/cache'"):
        make(first_samples, memory="/dev/null/cache").transform([wave_file])


# ---- what is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("embedding", "message"),
    [
        (
            lambda w: np.zeros((len(w), 4, 7)),
            r"returns shape \(2, 4, 7\) for 2 windows: .*mean\(axis=2\)",
        ),
        (lambda w: w[:, 0], r"returns shape \(2,\) for 2 windows, not \(n_windows, n_dims\)"),
        (lambda w: w[:1, :3], r"returns shape \(1, 3\) for 2 windows"),
        (lambda w: w[:, :0], r"returns shape \(2, 0\)"),
        (lambda w: (w, w), "returns a tuple, not an array or tensor. Wrap it"),
        (lambda w: {"x": w}, "returns a dict"),
        (lambda w: None, "returns a NoneType"),
        (lambda w: w[:, :2].astype(complex), "dtype complex"),
        (lambda w: w[:, :2].astype(str), "dtype <U32"),
        (lambda w: np.where(np.arange(2) == 1, np.nan, w[:, :2]), r"NaN or infinity for 2 windows of The waveform at"),
        (lambda w: np.log(np.zeros((len(w), 1)), where=False, out=np.full((len(w), 1), -np.inf)), "NaN or infinity"),
        (nn.Linear(7, 3), r"Linear does not accept windows of shape \(2, 2000\), float32: mat1 .* Check sr and window"),
    ],
)
def test_wrong_outputs_are_refused_in_words(embedding, message):
    with pytest.raises(ValueError, match=message):
        make(embedding).transform(songs(1))


def test_errors_of_saved_networks_are_one_line(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(nn.Sequential(nn.Linear(1000, 3))), tmp_path / "network.pt")
        example = (torch.zeros(4, 1000),)
        dynamic = ({0: torch.export.Dim.AUTO},)
        torch.export.save(
            torch.export.export(nn.Linear(1000, 3).eval(), example, dynamic_shapes=dynamic), tmp_path / "network.pt2"
        )
    for path, reason in [("network.pt", "RuntimeError: mat1 and mat2 shapes"), ("network.pt2", "1000")]:
        with pytest.raises(ValueError, match="does not accept windows of shape") as caught:
            make(tmp_path / path).transform(songs(1))
        message = str(caught.value)
        assert reason in message
        assert message.endswith("Check sr and window, which must be those used in its training.")
        assert "\n" not in message
        assert len(message) < 500


def test_dimensions_that_vary_are_told_with_song_or_windows(wave_file):
    def by_batch(windows):
        return windows[:, : 3 if len(windows) == 2 else 4]

    with pytest.raises(
        ValueError,
        match=r"by_batch returns 3 dimensions for the windows .*0 of X from 0\.00 s on, but 4 for .* 0\.50 s on\. Wrap",
    ):
        make(by_batch, batch_size=2).transform([ramp(3 * LENGTH)])
    with pytest.raises(ValueError, match=r"3 dimensions for The waveform at position 0 of X, but 4 for .*song\.wav\."):
        make(by_batch).transform([ramp(2 * LENGTH), wave_file])


def test_the_window_with_nan_is_named():
    def third(windows):
        return np.where(windows[:, :1] * 65536 == 2 * LENGTH, np.nan, 1)

    with pytest.raises(ValueError, match=r"for 1 windows of .* position 1 of X; the first begins at 0.50 s"):
        make(third).transform([ramp(LENGTH), ramp(4 * LENGTH)])


def test_half_precision_and_whole_numbers_become_floats():
    for embedding, dtype in [
        (lambda w: torch.from_numpy(w[:, :2]).to(torch.bfloat16), np.float32),
        (lambda w: w[:, :2].astype(np.float16), np.float32),
        (lambda w: w[:, :2] > 0, np.float32),
        (lambda w: w[:, :2].astype(np.float64), np.float64),
    ]:
        assert make(embedding).transform(songs(1))[0].dtype == dtype


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"embedding": ToneNet}, "embedding is the class ToneNet: pass an instance"),
        ({"embedding": 3}, "embedding"),
        ({"sr": 0}, "sr"),
        ({"window": 0.00001}, "one sample or more"),
        ({"hop": -1}, "hop"),
        ({"statistics": []}, "statistics is empty"),
        ({"statistics": ["share"]}, "Unknown statistic 'share'"),
        ({"statistics": "mean"}, "statistics"),
        ({"max_duration": 0.1}, "no window fits"),
        ({"padding": "reflect"}, "padding"),
        ({"device": "abacus"}, "device='abacus' is unknown"),
    ],
)
def test_wrong_parameters_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make(**{"embedding": first_samples, **options}).transform(songs())


def test_files_that_are_no_network_are_refused(tmp_path, network):
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    torch.save(network, tmp_path / "pickled.pt")
    (tmp_path / "text.pt").write_text("no network")
    for name, message in [
        ("none.pt", "no such file. Check the path; nothing is downloaded"),
        ("weights.pt", "build the module in Python, load its weights, and pass the module"),
        ("pickled.pt", "not a network written by torch.jit.save or torch.export.save"),
        ("text.pt", "not a network written by torch.jit.save"),
        (".", "this is not a file"),
    ]:
        with pytest.raises(ValueError, match=message):
            make(tmp_path / name, memory=tmp_path / "cache").transform(songs())


def test_a_damaged_network_file_is_refused(tmp_path):
    for name, inside in (("damaged.pt", "constants.pkl"), ("damaged.pt2", "archive_format")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(f"network/{inside}", b"spoilt")
        with pytest.raises(ValueError, match=rf"{name}'?: torch cannot load this network"):
            make(tmp_path / name).transform(songs())


def test_silence_is_warned_of(network):
    with pytest.warns(UserWarning, match=r"Digital silence in 1 of the songs, .* position 1 of X"):
        X = make(network, statistics=["mean", "std"]).transform([*songs(1), np.zeros(SR)])
    assert np.isfinite(X).all()


def test_verbose_shows_progress(capsys):
    make(first_samples).transform(songs())
    assert capsys.readouterr().err == ""
    make(first_samples, verbose=1).transform(songs())
    assert "Embeddings" in capsys.readouterr().err
