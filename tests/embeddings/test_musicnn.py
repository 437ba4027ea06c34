import copy
import os
import pickle
import subprocess
import sys
import zipfile
from importlib.util import find_spec

import librosa
import numpy as np
import pytest
import soundfile
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from torch.nn import functional as F

from skmer import EmbeddingTransformer, load_model, save_model
from skmer.embeddings import musicnn
from skmer.embeddings._musicnn_network import OUTPUTS, MusicnnNetwork
from skmer.feature_extraction._embedding import embedding_key
from tests.embeddings import checkpoints

# the package, of which these tests read the files; they may also be elsewhere: $SKMER_MUSICNN is a wheel or folder
PATH = os.environ.get("SKMER_MUSICNN")
needs_weights = pytest.mark.skipif(
    PATH is None and find_spec("musicnn") is None, reason="needs the weights: pip install --no-deps musicnn"
)

# Outputs of the published graphs (.meta in the wheel of musicnn 0.1.0, restored by TensorFlow 2.21) for the
# first 187 frames of the spectrograms of `waveforms`, computed as in musicnn's extractor with librosa 0.11 and
# pad_mode="reflect". Of each layer: some dimensions, their values in both windows, and the sums of all absolute values.
REFERENCE = {
    "MTT": {
        "penultimate": ([40, 79, 159], [4.18253, 3.87138, 1.99968], [0.82451, 0.00331, -0.07555], [108.7851, 78.4241]),
        "mean": (
            [88, 293, 518, 722],
            [16.37799, 7.30582, 22.49412, 11.13293],
            [1.25983, 1.38102, 0.92585, 2.32749],
            [593.2364, 233.9968],
        ),
        "max": (
            [121, 293, 525, 739],
            [10.27259, 17.78206, 22.15259, 31.60966],
            [35.80240, 2.47317, 1.70570, 3.91644],
            [1603.8259, 1533.4592],
        ),
        "logits": ([0, 10, 49], [-2.26573, -6.71532, -11.27585], [-2.39520, -0.65544, -6.30206], [334.2331, 255.8589]),
    },
    "MSD": {
        "penultimate": ([39, 104, 183], [6.97117, 5.63172, 5.45916], [1.06162, -0.06312, 0.41204], [220.4731, 82.8857]),
        "mean": (
            [70, 261, 520, 690],
            [7.54086, 3.65638, 7.40924, 16.69747],
            [-2.49277, -0.01222, -5.51865, 1.29167],
            [358.6361, 205.1723],
        ),
        "max": (
            [70, 261, 542, 706],
            [16.09428, 8.60014, 8.40776, 16.68215],
            [1.93510, 2.84461, 0.10215, 70.40185],
            [1468.7681, 1723.7880],
        ),
        "logits": ([0, 10, 49], [-5.85970, -8.26567, -9.36433], [-2.58710, -3.60846, -6.26950], [412.3505, 207.6420]),
    },
}


def waveforms():
    """Two windows: a rising tone in noise, and a chord that is struck four times a second."""
    t = np.arange(48000) / 16000
    noise = np.random.RandomState(0).standard_normal((2, 48000))  # whose numbers never change
    sweep = 0.05 * np.sin(2 * np.pi * (50 * t + 600 * t**2)) + 0.005 * noise[0]
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220.0, 277.18, 329.63, 440.0)) * np.exp(-6 * (t % 0.25))
    return np.stack([sweep, 0.02 * chord + 0.002 * noise[1]]).astype(np.float32)


TAGS = [f"tag {k}" for k in range(50)]


@pytest.fixture(scope="module")
def arrays():
    return checkpoints.random_arrays()


@pytest.fixture(scope="module")
def package(arrays, tmp_path_factory):
    """The folder of a package with random weights."""
    return checkpoints.write_package(tmp_path_factory.mktemp("package") / "musicnn", arrays)


@pytest.fixture(scope="module")
def network(package):
    return musicnn("MTT", precision="float32", path=package)


def by_convolutions(arrays, x):
    """The published graph, layer by layer, for spectrograms of shape (n, n_frames, 96)."""

    def norm(x, i):
        name = f"batch_normalization_{i}" if i else "batch_normalization"
        gamma, beta, mean, variance = (
            torch.from_numpy(arrays[f"{name}/{part}"]) for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return F.batch_norm(x, mean, variance, gamma, beta, eps=1e-3)

    def convolve(x, i):
        name = f"conv2d_{i}" if i else "conv2d"
        kernel = torch.from_numpy(arrays[f"{name}/kernel"]).permute(3, 2, 0, 1)
        n_frames = kernel.shape[2]
        x = F.pad(x, (0, 0, (n_frames - 1) // 2, n_frames // 2))
        return norm(torch.relu(F.conv2d(x, kernel, torch.from_numpy(arrays[f"{name}/bias"]))), i + 1)

    x = norm(x[:, None], 0)
    front = torch.cat([convolve(x, i).amax(3) for i in range(5)], 1)
    layers = [front]
    for i in (5, 6, 7):
        made = convolve(layers[-1].transpose(1, 2)[:, None], i)[..., 0]
        layers.append(made + layers[-1] if i > 5 else made)
    maps = torch.cat(layers, 1)
    largest, mean = maps.amax(2), maps.mean(2)
    flat = norm(torch.stack([largest, mean], 2).flatten(1), 9)
    dense = flat @ torch.from_numpy(arrays["dense/kernel"]) + torch.from_numpy(arrays["dense/bias"])
    penultimate = norm(torch.relu(dense), 10)
    logits = penultimate @ torch.from_numpy(arrays["dense_1/kernel"]) + torch.from_numpy(arrays["dense_1/bias"])
    return {
        "penultimate": penultimate,
        "mean": mean,
        "max": largest,
        "logits": logits,
        "tags": 1 / (1 + torch.exp(-logits)),
    }


# ---- the spectrogram ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_samples", "n_frames"), [(512, 2), (767, 2), (16000, 62), (48000, 187)])
def test_the_spectrogram_is_that_of_librosa_as_float16(network, n_samples, n_frames):
    y = waveforms()[:, :n_samples]
    found = network.spectrogram(torch.from_numpy(y)).numpy()
    assert found.shape == (2, n_frames, 96)
    for window, spectrogram in zip(y, found, strict=True):
        mel = librosa.feature.melspectrogram(
            y=window, sr=16000, n_fft=512, hop_length=256, n_mels=96, pad_mode="reflect"
        ).T[:n_frames]
        expected = np.log10(10000 * mel.astype(np.float16) + 1)
        assert expected.dtype == np.float16
        # a band's last digits may lie on either side of a half
        assert np.mean(spectrogram == expected) > 0.99
        np.testing.assert_allclose(spectrogram, expected, atol=2e-3)


def test_loud_music_does_not_overflow(network):
    y = waveforms()[:1] * 19
    mel = librosa.feature.melspectrogram(y=y[0], sr=16000, n_fft=512, hop_length=256, n_mels=96, pad_mode="reflect")
    with np.errstate(over="ignore"):
        assert np.isinf(np.log10(10000 * mel.astype(np.float16) + 1)).any()
    found = network.spectrogram(torch.from_numpy(y))[0].numpy()
    np.testing.assert_allclose(found, np.log10(10000 * mel.T[:187] + 1), atol=3e-3)
    assert torch.isfinite(network(torch.from_numpy(y * 1e6))).all()


def test_silence_has_no_power(network):
    assert not network.spectrogram(torch.zeros(1, 600)).any()


# ---- the network -------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("n_samples", [512, 9000, 48000])
def test_products_are_the_convolutions_of_the_graph(arrays, output, n_samples):
    network = MusicnnNetwork(arrays, "MSD", TAGS, output, "float32")
    y = torch.from_numpy(np.concatenate([waveforms(), waveforms()[:1] / 3])[:, :n_samples])
    expected = by_convolutions(arrays, network.spectrogram(y))[output]
    np.testing.assert_allclose(network(y), expected, rtol=1e-4, atol=1e-4)


def test_bfloat16_is_near(arrays):
    y = torch.from_numpy(waveforms())
    exact, rounded = (MusicnnNetwork(arrays, "MSD", TAGS, precision=p)(y) for p in ("float32", "bfloat16"))
    assert rounded.dtype == torch.float32
    assert 0 < (exact - rounded).abs().max() < 0.02 * exact.std()


def test_a_window_does_not_depend_on_the_others(network):
    y = torch.from_numpy(np.concatenate([waveforms(), waveforms()[::-1]]))
    torch.testing.assert_close(network(y)[2:3], network(y[2:3]), rtol=0, atol=1e-5)


def test_short_windows_are_refused(network):
    with pytest.raises(ValueError, match=r"each of 512 samples or more.*got shape \(2, 511\)"):
        network(torch.zeros(2, 511))


def test_training_mode_and_gradients_change_nothing(network):
    y = torch.from_numpy(waveforms())
    expected = network(y)
    assert not expected.requires_grad
    assert not network.training
    assert torch.equal(copy.deepcopy(network).train()(y), expected)


def test_loading_leaves_random_numbers_as_they_are(package):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    musicnn(path=package)
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("precision", "share"), [("float32", 1e-3), ("bfloat16", 0.02)])
def test_cuda(arrays, precision, share):
    y = torch.from_numpy(np.tile(waveforms(), (20, 1)))
    expected = MusicnnNetwork(arrays, "MSD", TAGS, precision="float32")(y)
    found = MusicnnNetwork(arrays, "MSD", TAGS, precision=precision).to("cuda")(y.to("cuda")).cpu()
    assert (found - expected).abs().max() < share * expected.std()


# ---- EmbeddingTransformer ----------------------------------------------------------------------------


def test_songs(network, tmp_path):
    y = np.tile(waveforms()[0], 3)
    soundfile.write(tmp_path / "song.flac", y, 16000, subtype="PCM_24")
    options = {"sr": 16000, "window": 3.0, "hop": 1.5}
    (rows,) = EmbeddingTransformer(network, **options).transform([y])
    np.testing.assert_allclose(rows[0], network(torch.from_numpy(y[None, :48000]))[0], atol=1e-5)
    transformer = EmbeddingTransformer(network, **options, statistics=["mean", "std"], memory=tmp_path / "cache")
    expected = np.concatenate([rows.mean(axis=0), rows.std(axis=0)])
    for copied in (transformer, clone(transformer), pickle.loads(pickle.dumps(transformer))):
        np.testing.assert_allclose(copied.transform([tmp_path / "song.flac"])[0], expected, atol=1e-3)
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 1


def test_keys_tell_networks_apart(arrays, package):
    def key(arrays=arrays, **options):
        return embedding_key(MusicnnNetwork(arrays, "MSD", TAGS, **options))

    other = arrays | {"dense_1/bias": arrays["dense_1/bias"] + 1}
    keys = [key(), key(other), key(output="mean"), key(precision="bfloat16")]
    assert len(set(keys)) == 4
    assert key() == keys[0] == embedding_key(musicnn("MSD", path=package)) == embedding_key(musicnn(path=str(package)))
    assert repr(musicnn(path=package)) == "musicnn('MSD', output='penultimate', precision='auto')"


def test_a_saved_pipeline_needs_no_package(network, tmp_path):
    songs = [np.tile(y, 2) for y in waveforms()]
    embedding = EmbeddingTransformer(network, sr=16000, window=3.0, statistics=["mean"])
    pipe = make_pipeline(embedding, LogisticRegression()).fit(songs, ["rising", "struck"])
    loaded = load_model(save_model(pipe, tmp_path / "pipe.skmer"))
    assert loaded[0].embedding.tags == network.tags
    np.testing.assert_array_equal(loaded.predict_proba(songs), pipe.predict_proba(songs))


# ---- files -------------------------------------------------------------------------------------------


def test_folders_and_wheels_have_the_same_weights(package, tmp_path):
    with zipfile.ZipFile(tmp_path / "any.whl", "w") as wheel:
        for file in package.rglob(".*"):
            wheel.write(file, file.relative_to(package.parent))
    y = torch.from_numpy(waveforms())
    expected = musicnn("MSD", path=package)(y)
    for path in (package.parent, tmp_path / "any.whl", str(tmp_path / "any.whl")):
        assert torch.equal(musicnn("MSD", path=path)(y), expected)


def test_the_package_is_found_and_never_imported(package):
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    code = (
        "import sys; import skmer.embeddings as e; print('musicnn' in sys.modules); "
        "print(len(e.musicnn('MTT').tags), 'musicnn' in sys.modules)"
    )
    path = os.pathsep.join([str(package.parent), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": path}
    run = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    (package / "__init__.py").unlink()
    assert run.stdout.split() == ["False", "50", "False"]


def test_without_the_package_the_error_has_the_line_that_installs_it(monkeypatch):
    monkeypatch.setattr(sys.modules["skmer.embeddings.musicnn"], "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"install it with: pip install --no-deps musicnn"):
        musicnn()


def test_wrong_files_are_refused_in_words(package, arrays, tmp_path):
    def refused(path, message):
        with pytest.raises(ValueError, match=message) as caught:
            musicnn("MSD", path=path)
        assert "pip " in str(caught.value)
        assert "--no-deps" in str(caught.value)
        assert "\n" not in str(caught.value)

    refused(tmp_path / "none.whl", r"none\.whl'?: no such file or folder")
    (tmp_path / "text.whl").write_text("text")
    refused(tmp_path / "text.whl", r"text\.whl: this is not a wheel, or it is damaged")
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as wheel:
        wheel.writestr("numpy/__init__.py", "")
    refused(tmp_path / "other.whl", r"other\.whl: this is not the package musicnn, or it is incomplete")
    # as an unpacking that leaves out hidden files
    (tmp_path / "musicnn" / "MSD_musicnn").mkdir(parents=True)
    refused(tmp_path, r"the hidden files MSD_musicnn/\.index and \.data-00000-of-00001 beside it are not there")
    folder = tmp_path / "musicnn" / "MSD_musicnn"
    index, data = ((package / "MSD_musicnn" / name).read_bytes() for name in (".index", ".data-00000-of-00001"))
    (folder / ".index").write_bytes(index)
    (folder / ".data-00000-of-00001").write_bytes(data[:-1] + b"?")
    refused(tmp_path, r"MSD_musicnn/\.data-00000-of-00001: 'dense_1/kernel' cannot be read: its checksum is wrong")
    (folder / ".index").write_bytes(b"")
    refused(tmp_path, r"MSD_musicnn/\.index: this is not an index of a TensorFlow checkpoint")
    for other in ({"dense/bias": np.zeros(7, np.float32)}, {"dense/bias": arrays["dense/bias"].astype(float)}):
        index, data = checkpoints.checkpoint(arrays | other, checksum=checkpoints.masked_crc)
        (folder / ".index").write_bytes(index)
        (folder / ".data-00000-of-00001").write_bytes(data)
        refused(tmp_path, r"\.index: this is a checkpoint of another network, in which 'dense/bias' ")
    with zipfile.ZipFile(tmp_path / "damaged.whl", "w") as wheel:
        for name in (".index", ".data-00000-of-00001"):
            wheel.write(folder / name, f"musicnn/MSD_musicnn/{name}")
    content = bytearray((tmp_path / "damaged.whl").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "damaged.whl").write_bytes(content)
    refused(tmp_path / "damaged.whl", r"damaged\.whl: this is not a wheel, or it is damaged \(Bad CRC-32")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "MSD_musicnn"}, "model must be one of 'MTT', 'MSD', got 'MSD_musicnn'"),
        ({"output": "last"}, "output must be one of 'penultimate', 'mean', 'max', 'logits', 'tags', got 'last'"),
        ({"precision": "float16"}, "precision must be one of auto, float32, bfloat16, got 'float16'"),
    ],
)
def test_wrong_parameters_are_refused(package, options, message):
    with pytest.raises(ValueError, match=message):
        musicnn(path=package, **options)


# ---- the published weights ---------------------------------------------------------------------------


@needs_weights
@pytest.mark.parametrize("model", ["MTT", "MSD"])
@pytest.mark.parametrize("output", ["penultimate", "mean", "max", "logits"])
def test_outputs_are_those_of_the_published_graph(model, output):
    dimensions, *expected, sums = REFERENCE[model][output]
    found = musicnn(model, output, "float32", PATH)(torch.from_numpy(waveforms())).numpy()
    # the maximum of 187 frames follows a single last digit of the spectrogram
    atol = 1e-3 if output == "max" else 1e-4
    np.testing.assert_allclose(found[:, dimensions], expected, atol=atol)
    np.testing.assert_allclose(np.abs(found).sum(axis=1), sums, rtol=1e-4)


@needs_weights
@pytest.mark.parametrize("model", ["MTT", "MSD"])
def test_bfloat16_of_the_published_weights(model):
    y = torch.from_numpy(waveforms())
    exact, rounded = (musicnn(model, "tags", p, PATH)(y) for p in ("float32", "bfloat16"))
    torch.testing.assert_close(rounded, exact, rtol=0, atol=0.01)


@needs_weights
@pytest.mark.parametrize("model", ["MTT", "MSD"])
def test_tags_are_those_of_the_package(model):
    tags = musicnn(model, path=PATH).tags
    assert len(set(tags)) == 50
    if PATH is None:
        names = {}
        folder = find_spec("musicnn").submodule_search_locations[0]
        with open(os.path.join(folder, "configuration.py"), encoding="utf-8") as file:
            exec(file.read(), names)
        assert list(tags) == names[f"{model}_LABELS"]
