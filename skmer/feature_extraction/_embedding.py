"""WindowEmbedder: applies an embedding (a network, a file or a function) to the windows of a waveform."""

import contextlib
import copy
import os
import threading
import warnings
import zipfile
from importlib.metadata import version

import numpy as np
import torch

from skmer._hash import stable_hash
from skmer._io import file_digest
from skmer._version import __version__
from skmer.audio import AudioError
from skmer.features.log_mel import count_segments
from skmer.training.runtime import torch_threads

__all__ = ["WindowEmbedder", "embedding_key"]

_PACKAGES = ("torch", "numpy", "scipy", "librosa", "scikit-learn")  # whose versions are part of a key
_WRAP = "Wrap it in a function or module that"


def _name(embedding):
    """Return the name of an embedding for messages."""
    if isinstance(embedding, str | os.PathLike):
        return f"The embedding in {os.fspath(embedding)}"
    return f"The embedding {getattr(embedding, '__qualname__', type(embedding).__name__)}"


def _last_line(error):
    """Return the last line of an error of torch, which may begin with pages of traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]


def _as_function(embedding, device):
    """Return a function from a float32 array of windows (n_windows, n_samples) to the output of the embedding.

    A network is copied, so that its mode and device do not change; it runs in eval mode and without gradients.
    """
    if isinstance(embedding, str | os.PathLike):
        network = _load(os.fspath(embedding), device)
    elif isinstance(embedding, torch.nn.Module):
        try:
            network = copy.deepcopy(embedding)
        except (RuntimeError, TypeError) as error:
            raise ValueError(
                f"{_name(embedding)} cannot be copied ({_last_line(error)}), and scikit-learn copies parameters too. "
                "Save it with torch.jit.save or torch.export.save, and pass the path."
            ) from error
    else:
        return embedding
    network = network.to(device)
    # an exported network keeps the mode of its export
    with contextlib.suppress(NotImplementedError):
        network.eval()

    def embed(windows):
        with torch.no_grad():
            try:
                return network(torch.from_numpy(windows).to(device))
            # an exported network guards its shapes with assertions
            except (RuntimeError, AssertionError) as error:
                raise ValueError(
                    f"{_name(embedding)} does not accept windows of shape {windows.shape}, float32: "
                    f"{_last_line(error)}. Check sr and window, which must be those used in its training."
                ) from error

    return embed


def _load(path, device):
    """Load a network written by torch.jit.save or torch.export.save."""
    if not os.path.exists(path):
        raise ValueError(f"embedding={path!r}: no such file. Check the path; nothing is downloaded.")
    if not os.path.isfile(path):
        raise ValueError(f"embedding={path!r}: this is not a file. Pass the path of one saved network.")
    names = _names_in_archive(path)
    try:
        with warnings.catch_warnings():
            # TorchScript is deprecated, but many networks are saved in it
            warnings.simplefilter("ignore", DeprecationWarning)
            if "constants.pkl" in names:
                return torch.jit.load(path, map_location=device)
            if "archive_format" in names:
                return _load_exported(path, device)
    # torch raises several kinds of errors on damaged files
    except Exception as error:
        raise ValueError(
            f"embedding={path!r}: torch cannot load this network ({_last_line(error)}). Save it again."
        ) from error
    raise ValueError(
        f"embedding={path!r}: this is not a network written by torch.jit.save or torch.export.save. For a state dict "
        "or a pickled module, build the module in Python, load its weights, and pass the module itself."
    )


def _load_exported(path, device):
    program = torch.export.load(path)
    if torch.device(device).type != "cpu":
        from torch.export.passes import move_to_device_pass

        # with the constants in the graph, which Module.to does not move
        program = move_to_device_pass(program, device)
    return program.module()


def _names_in_archive(path):
    """Return the names in a zip archive, without its one folder; an empty set for any other file."""
    if not zipfile.is_zipfile(path):
        return set()
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[2] for name in archive.namelist()}


class WindowEmbedder:
    """An embedding on a device, called with batches of windows by one thread at a time."""

    def __init__(self, embedding, device, batch_size, n_threads):
        self.name = _name(embedding)
        self.call = _as_function(embedding, device)
        self.batch_size = batch_size
        self.n_threads = n_threads
        self._calling = threading.Lock()

    def __call__(self, y, sr, length, step, padding, song):
        """Return the embedding of a song's windows, of shape (n_windows, n_dims)."""
        if len(y) < length and padding is None:
            raise AudioError(
                f"{song}: it lasts {len(y) / sr:.2f} s, shorter than one window of {length / sr:g} s. "
                'Leave the song out, or set padding="zero" or "circular".'
            )
        y = np.pad(y, (0, max(length - len(y), 0)), mode="wrap" if padding == "circular" else "constant")
        starts = [round(i * step) for i in range(count_segments(len(y), length, step))]
        batches = [starts[i : i + self.batch_size] for i in range(0, len(starts), self.batch_size)]
        parts = [self.embed([y[start : start + length] for start in batch]) for batch in batches]
        self.check_widths(parts, [f"the windows of {song} from {batch[0] / sr:.2f} s on" for batch in batches])
        rows = np.concatenate(parts)
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        if bad.size:
            raise ValueError(
                f"{self.name} returns NaN or infinity for {bad.size} windows of {song}; the first begins at "
                f"{starts[bad[0]] / sr:.2f} s. Wrap it in a function that guards its divisions and logarithms."
            )
        return rows

    def check_widths(self, parts, names):
        """Check that all parts have the same number of dimensions; `names` are those of the parts in messages."""
        for part, name in zip(parts, names, strict=True):
            if part.shape[1] != parts[0].shape[1]:
                raise ValueError(
                    f"{self.name} returns {parts[0].shape[1]} dimensions for {names[0]}, but {part.shape[1]} for "
                    f"{name}. Wrap it in a function that returns the same number for every batch."
                )

    def embed(self, windows):
        """Return the checked rows of a list of windows."""
        # one thread at a time: few embeddings are thread-safe
        with self._calling, torch_threads(self.n_threads):
            # a copy: an embedding may write into its input
            rows = self.call(np.stack(windows))
        return _check_rows(rows, len(windows), self.name)


def _check_rows(rows, n_windows, name):
    """Return an embedding's output as an array (n_windows, n_dims); raise ValueError if it is anything else."""
    if isinstance(rows, torch.Tensor):
        rows = rows.detach().cpu()
        rows = (rows if rows.dtype == torch.float64 else rows.float()).numpy()
    elif not isinstance(rows, np.ndarray):
        raise ValueError(
            f"{name} returns a {type(rows).__name__}, not an array or tensor. "
            f"{_WRAP} returns one array of shape (n_windows, n_dims)."
        )
    if rows.dtype.kind not in "fiub":
        raise ValueError(f"{name} returns values of dtype {rows.dtype}. {_WRAP} returns real numbers.")
    if rows.ndim > 2 and len(rows) == n_windows:
        raise ValueError(
            f"{name} returns shape {rows.shape} for {n_windows} windows: more than one vector per window. {_WRAP} "
            f"averages or flattens the rest, such as x.mean(axis={rows.ndim - 1}) where that axis is time."
        )
    if rows.ndim != 2 or len(rows) != n_windows or rows.shape[1] == 0:
        raise ValueError(
            f"{name} returns shape {rows.shape} for {n_windows} windows, not (n_windows, n_dims). "
            f"{_WRAP} returns one vector per window."
        )
    return rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float32)


def embedding_key(embedding):
    """Return the cache key of an embedding: the digest of a file, else its `stable_hash` and versions of packages."""
    if isinstance(embedding, str | os.PathLike):
        return f"file {file_digest(embedding)}"
    try:
        versions = " ".join(f"{package} {version(package)}" for package in _PACKAGES)
        return f"skmer {__version__} {versions} {stable_hash(embedding)}"
    except ValueError as error:
        raise ValueError(f"memory is set, but {error}") from error
