"""export_onnx: the network of a model as an ONNX file, with its standardisation."""

import json
import logging
import warnings
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import torch

from skmer._io import atomic_write
from skmer._version import __version__
from skmer.inspection.song_predictor import as_predictor
from skmer.training.data import LIMIT

__all__ = ["export_onnx"]

_TOLERANCE = 1e-4  # of a probability
_OPSET = 18
_SPECTROGRAM_PARAMS = ("n_fft", "hop_length", "n_mels", "fmin", "fmax", "harmony", "average")
_READER_PARAMS = ("duration", "hop", "sr", *_SPECTROGRAM_PARAMS, "max_duration")


class _Exported(torch.nn.Module):
    """A fitted network with its standardisation before it and its probabilities after it."""

    def __init__(self, classifier, is_tagger):
        super().__init__()
        standardizer = classifier.standardizer_
        self.network, self.is_tagger = classifier.net_.module_, is_tagger
        self.is_image = len(classifier.segment_shape_) > 1
        shape = (-1,) + (1,) * (len(classifier.segment_shape_) - 1)
        self.register_buffer("mean", torch.from_numpy(np.asarray(standardizer.mean, np.float64)).reshape(shape))
        self.register_buffer("scale", torch.from_numpy(np.asarray(standardizer.scale, np.float64)).reshape(shape))

    def forward(self, segments):
        x = ((segments.double() - self.mean) / self.scale).clamp(-LIMIT, LIMIT).float()
        if self.is_image:
            # spectrograms are kept in float16
            x = x.half().float().unsqueeze(1)
        logits = self.network(x)
        return torch.sigmoid(logits) if self.is_tagger else torch.softmax(logits, 1), logits


def export_onnx(model, path):
    """Write the network of a fitted model as an ONNX file, and compare it with torch.

    Parameters
    ----------
    model : Pipeline, SSSLClassifier, EmotionTagger or SongPredictor
        Fitted model with a network on segments. Of a pipeline only the network is written: the SVM after it is not.
    path : str or path-like
        The file, which is replaced if it exists.

    Returns
    -------
    dict
        The metadata of the file, see Notes.

    Raises
    ------
    ImportError
        If the packages of the extra ``skmer[onnx]`` are not installed.
    ValueError
        If the model has no network on segments, the network cannot be exported, or its probabilities in onnxruntime
        differ by more than 1e-4 from those in torch.

    Notes
    -----
    The input ``segments``, float32 of shape (n_segments, ...), are segments as `skmer.SegmentTransformer` (or
    `skmer.TaggingTransformer`) computes them, in dB, or, if other steps such as `skmer.SegmentStatistics` stand between
    it and the network, their output, for example one row of statistics per segment. Standardisation is part of the
    network. The outputs ``probabilities`` and ``logits`` have shape (n_segments, n_classes). The class of a song is
    that of the largest mean probability of its segments; a tagger takes the mean of the logits, and thresholds, which
    are not written.

    The metadata of the file are texts: ``classes``, ``segment_shape`` (of the input), ``steps`` (the classes of the
    steps before the network, in order), and ``segments`` (the parameters of the first of them) as JSON, ``kind``
    ("classes" or "tags"), and ``skmer``, the version. They are found in ``InferenceSession.get_modelmeta()``.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmer import SSSLClassifier
    >>> from skmer.models import export_onnx
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = SSSLClassifier("mlp", max_epochs=2, warmup_epochs=1, random_state=0).fit(X[:200], y[:200])
    >>> export_onnx(classifier, "digits.onnx")["segment_shape"]  # doctest: +SKIP
    '[64]'
    """
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"Exporting a network needs the package {error.name}: install the extra with pip install skmer[onnx]."
        ) from error
    classifier, steps = _find_network(model)
    reader = steps[0] if steps else None
    is_tagger = np.ndim(classifier.classes_) > 1 or hasattr(classifier, "thresholds_")
    network = _Exported(classifier, is_tagger).to("cpu").eval()
    names = classifier.tags_ if hasattr(classifier, "tags_") else classifier.classes_
    metadata = {
        "classes": json.dumps([str(name) for name in names]),
        "segment_shape": json.dumps(list(classifier.segment_shape_)),
        "steps": json.dumps([type(step).__name__ for step in steps]),
        "segments": json.dumps({name: getattr(reader, name) for name in _READER_PARAMS if hasattr(reader, name)}),
        "kind": "tags" if is_tagger else "classes",
        "skmer": __version__,
    }
    rng = np.random.default_rng(0)
    mean, scale = (dict(network.named_buffers())[name].numpy() for name in ("mean", "scale"))
    segments = (mean + scale * rng.normal(size=(5, *classifier.segment_shape_))).astype(np.float32)
    with atomic_write(Path(path)) as part:
        _write(network, torch.from_numpy(segments), part)
        written = onnx.load(part)
        for name, value in metadata.items():
            written.metadata_props.add(key=name, value=value)
        onnx.save(written, part)
        session = onnxruntime.InferenceSession(str(part), providers=["CPUExecutionProvider"])
        [found] = session.run(["probabilities"], {"segments": segments})
        with torch.no_grad():
            expected = network(torch.from_numpy(segments))[0].numpy()
        difference = float(np.abs(found - expected).max())
        if not difference <= _TOLERANCE:
            raise ValueError(
                f"The probabilities of the exported network differ from those in torch by {difference:.1g}, more than "
                f"{_TOLERANCE:g}: nothing was written."
            )
    return metadata


def _find_network(model):
    """Return the estimator that holds a network on segments, and the steps before it, from the one that reads songs."""
    classifier, steps = model, []
    if not hasattr(model, "net_"):
        try:
            predictor = as_predictor(model)
        except ValueError as error:
            raise ValueError(f"This model cannot be exported: {error}") from error
        classifier, steps = predictor.classifier, [predictor.first_step, *predictor.steps_between]
    if not all(hasattr(classifier, name) for name in ("net_", "standardizer_", "segment_shape_", "classes_")):
        raise ValueError(
            f"This model has no network on segments: {type(classifier).__name__} cannot be exported. Train one with "
            "`skmer train --system sssl`, or export the members of an ensemble one by one."
        )
    return classifier, steps


def _write(network, example, path):
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)  # of packages that are not needed
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network,
                (example,),
                str(path),
                input_names=["segments"],
                output_names=["probabilities", "logits"],
                dynamic_shapes=({0: torch.export.Dim("n_segments", min=1)},),
                opset_version=_OPSET,
                external_data=False,
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # whatever torch's exporter raises for a layer that it does not know
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise ValueError(f"The network {type(network.network).__name__} cannot be exported ({reason}).") from error
    finally:
        logging.disable(disabled)
