"""An exported network predicts in onnxruntime what it predicts in torch."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from torch import nn

from skmer import (
    DescriptorTransformer,
    SegmentStatistics,
    SegmentTransformer,
    SongAggregator,
    SSSLClassifier,
    TaggingTransformer,
)
from skmer.cli import main
from skmer.datasets import make_songs
from skmer.models import export_onnx
from skmer.tagging import EmotionTagger
from tests.estimators.instances import HARMONY, SPECTROGRAM, SR, TAGGING

needs_onnx = pytest.mark.skipif(
    not all(map(find_spec, ("onnx", "onnxscript", "onnxruntime"))), reason="the extra skmer[onnx] is not installed"
)
SSSL = {"max_epochs": 2, "warmup_epochs": 1, "random_state": 0}


@pytest.fixture(scope="module")
def songs():
    return make_songs(12, duration=3, sr=SR, random_state=0)


def run(path, segments, output="probabilities"):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    [found] = session.run([output], {"segments": np.ascontiguousarray(segments, dtype=np.float32)})
    return found, session.get_modelmeta().custom_metadata_map


@needs_onnx
@pytest.mark.parametrize(
    ("backbone", "params", "segments"),
    [
        ("small", {"width": 2}, SPECTROGRAM),
        ("multi_branch", {"width": 2, "n_mels": 16}, HARMONY),
        ("mlp", {"hidden": [8]}, SPECTROGRAM),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_classifiers_of_segments(songs, tmp_path, backbone, params, segments):
    network = SSSLClassifier(backbone, backbone_params=params, **SSSL)
    pipe = make_pipeline(SegmentTransformer(**segments), network, SongAggregator(), SVC())
    pipe.fit(songs.data, songs.target)
    metadata = export_onnx(pipe, tmp_path / "model.onnx")
    segments = pipe[0].transform(songs.data[:2])
    for own, expected in zip(segments, pipe[:2].transform(songs.data[:2]), strict=True):
        found, written = run(tmp_path / "model.onnx", own)
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert found.argmax(axis=1).tolist() == expected.argmax(axis=1).tolist()
    assert written == metadata
    assert json.loads(written["classes"]) == pipe[1].classes_.tolist()
    assert json.loads(written["segments"])["n_mels"] == 16
    assert json.loads(written["segments"])["harmony"] == pipe[0].harmony
    assert json.loads(written["steps"]) == ["SegmentTransformer"]
    alone, _ = run(tmp_path / "model.onnx", segments[0][:1])  # any number of segments
    assert alone.shape == (1, 4)


@needs_onnx
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_statistics_between_the_segments_and_the_network_are_in_the_metadata(songs, tmp_path):
    network = SSSLClassifier("mlp", backbone_params={"hidden": [8]}, **SSSL)
    pipe = make_pipeline(SegmentTransformer(**HARMONY), SegmentStatistics(), network, SongAggregator(), SVC())
    export_onnx(pipe.fit(songs.data, songs.target), tmp_path / "model.onnx")
    rows = pipe[:2].transform(songs.data[:1])[0]
    found, written = run(tmp_path / "model.onnx", rows)
    np.testing.assert_allclose(found, pipe[:3].transform(songs.data[:1])[0], atol=1e-4)
    assert json.loads(written["segment_shape"]) == [rows.shape[1]]
    assert json.loads(written["steps"]) == ["SegmentTransformer", "SegmentStatistics"]
    assert json.loads(written["segments"])["duration"] == HARMONY["duration"]


@needs_onnx
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_taggers(songs, tmp_path):
    tags = np.column_stack([songs.target == "Q1", songs.target != "Q4"]).astype(int)
    tagger = EmotionTagger("mlp", backbone_params={"hidden": [8]}, mask_range=None, max_epochs=2, random_state=0)
    pipe = make_pipeline(TaggingTransformer(**TAGGING), tagger).fit(songs.data, tags)
    export_onnx(pipe, tmp_path / "tags.onnx")
    blocks = pipe[0].transform(songs.data[:1])[0]
    logits, written = run(tmp_path / "tags.onnx", blocks, "logits")
    np.testing.assert_allclose(logits.mean(axis=0), pipe.decision_function(songs.data[:1])[0], atol=1e-3)
    assert written["kind"] == "tags"
    assert json.loads(written["steps"]) == ["TaggingTransformer"]


class Unknown(nn.Module):
    """A network that torch cannot trace."""

    def __init__(self, segment_shape, n_classes):
        super().__init__()
        self.last = nn.Linear(int(np.prod(segment_shape)), n_classes)

    def forward(self, x):
        if float(x.sum()) > 1e9:  # depends on values
            return self.last(-x.flatten(1))
        return self.last(x.flatten(1))


@needs_onnx
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_cannot_be_exported(songs, tmp_path):
    descriptors = make_pipeline(DescriptorTransformer(sr=SR, n_fft=512, hop_length=128), SVC())
    with pytest.raises(ValueError, match="has no network on segments: SVC cannot be exported"):
        export_onnx(descriptors.fit(songs.data, songs.target), tmp_path / "model.onnx")
    segments = SegmentTransformer(**SPECTROGRAM).transform(songs.data)
    classifier = SSSLClassifier(Unknown, noise_model=None, **SSSL).fit(segments, songs.target)
    with pytest.raises(ValueError, match="The network Unknown cannot be exported"):
        export_onnx(classifier, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


@needs_onnx
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_network_that_differs_is_not_written(songs, tmp_path, monkeypatch):
    segments = SegmentTransformer(**SPECTROGRAM).transform(songs.data)
    classifier = SSSLClassifier("mlp", **SSSL).fit(segments, songs.target)
    own = torch.onnx.export

    def export(network, *args, **kwargs):
        with torch.no_grad():
            network.mean += 1
            own(network, *args, **kwargs)
            network.mean -= 1

    monkeypatch.setattr(torch.onnx, "export", export)
    with pytest.raises(ValueError, match="differ from those in torch by"):
        export_onnx(classifier, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ImportError, match=r"needs the package onnx: install the extra with pip install skmer\[onnx\]"):
        export_onnx(None, tmp_path / "model.onnx")


@needs_onnx
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_command(songs, tmp_path, capsys):
    import joblib

    pipe = make_pipeline(SegmentTransformer(**SPECTROGRAM), SSSLClassifier("mlp", **SSSL)).fit(songs.data, songs.target)
    joblib.dump(pipe, tmp_path / "model.joblib")
    arguments = ["export", str(tmp_path / "model.joblib"), "--to", "onnx", "--out", str(tmp_path / "model.onnx")]
    assert main(arguments) == 0
    assert "segments of shape [16, 29] made by SegmentTransformer, classes" in capsys.readouterr().out
    assert main(arguments) == 2
    assert main([*arguments, "--force", "-q"]) == 0
