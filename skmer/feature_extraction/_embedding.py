"""WindowEmbedder: an embedding (a network, a file or a function) as a function from waveforms to checked rows."""

import contextlib
import copy
import os
import warnings
import zipfile
from functools import cache
from importlib.metadata import version

import numpy as np
import torch

import skmer
from skmer._io import file_digest
from skmer.audio import AudioError
from skmer.content_key import content_key, given_key
from skmer.features.segment_log_mel import count_segments
from skmer.training.runtime import isolated

__all__ = ["WindowEmbedder", "embedding_key"]

# code that the content key knows by its name; versions are read without importing anything
_PACKAGES = ("torch", "numpy", "scipy", "librosa", "scikit-learn")
_WRAP = "Wrap it in a function or module that"


def name_of(embedding):
    """Give what messages call an embedding."""
    if isinstance(embedding, str | os.PathLike):
        return f"The embedding in {os.fspath(embedding)}"
    return f"The embedding {getattr(embedding, '__qualname__', type(embedding).__name__)}"


def _last_line(error):
    """Give the end of an error of torch, which may begin with pages of traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]


def open_embedding(embedding, device):
    """Give a function from a float32 array of windows (n_windows, n_samples) to whatever the embedding returns.

    A network is copied, so that neither its mode nor its place changes; it runs in eval mode
    and without gradients.
    """
    if isinstance(embedding, str | os.PathLike):
        network = _load(os.fspath(embedding), device)
    elif isinstance(embedding, torch.nn.Module):
        try:
            network = copy.deepcopy(embedding)
        except (RuntimeError, TypeError) as error:
            raise ValueError(
                f"{name_of(embedding)} cannot be copied ({_last_line(error)}), and scikit-learn copies parameters too. "
                "Save it with torch.jit.save or torch.export.save, and pass the path."
            ) from error
    else:
        return embedding
    network = network.to(device)
    # an exported network keeps the mode of its export, and refuses
    with contextlib.suppress(NotImplementedError):
        network.eval()

    def embed(windows):
        with torch.no_grad():
            try:
                return network(torch.from_numpy(windows).to(device))
            # an exported network guards its shapes with assertions
            except (RuntimeError, AssertionError) as error:
                raise ValueError(
                    f"{name_of(embedding)} does not take windows of shape {windows.shape}, float32: "
                    f"{_last_line(error)}. Check sr and window, which have to be those that it was made for."
                ) from error

    return embed


def _load(path, device):
    """Load a network that torch.jit.save or torch.export.save wrote."""
    if not os.path.exists(path):
        raise ValueError(f"embedding={path!r}: there is no such file. Check the path; nothing is downloaded.")
    if not os.path.isfile(path):
        raise ValueError(f"embedding={path!r}: this is no file. Pass the path of one saved network.")
    names = _names_in_archive(path)
    try:
        with warnings.catch_warnings():
            # torch calls its own format old; files in it are around
            warnings.simplefilter("ignore", DeprecationWarning)
            if "constants.pkl" in names:
                return torch.jit.load(path, map_location=device)
            if "archive_format" in names:
                return _load_exported(path, device)
    # torch raises several kinds on a damaged file
    except Exception as error:
        raise ValueError(
            f"embedding={path!r}: torch cannot load this network ({_last_line(error)}). Save it again."
        ) from error
    raise ValueError(
        f"embedding={path!r}: this is no network that torch.jit.save or torch.export.save wrote. Of a state dict or a "
        "pickled module, build the module in Python, load its weights, and pass the module itself."
    )


def _load_exported(path, device):
    program = torch.export.load(path)
    if torch.device(device).type != "cpu":
        from torch.export.passes import move_to_device_pass

        # constants within the graph too
        program = move_to_device_pass(program, device)
    return program.module()


def _names_in_archive(path):
    """Give the names in a zip archive, without its one folder; none, where the file is something else."""
    if not zipfile.is_zipfile(path):
        return set()
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[2] for name in archive.namelist()}


class WindowEmbedder:
    """An opened embedding with what does not change its result: batch size and threads."""

    def __init__(self, embedding, call, batch_size, n_threads):
        self.name = name_of(embedding)
        self.call = call
        self.batch_size = batch_size
        self.n_threads = n_threads

    def __call__(self, y, sr, length, step, padding, song):
        """Give the embedding of a song's windows, (n_windows, n_dims), and whether the song is silent."""
        silent = not y.any()
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
                f"{self.name} gives NaN or infinity for {bad.size} windows of {song}; the first begins at "
                f"{starts[bad[0]] / sr:.2f} s. Wrap it in a function that guards its divisions and logarithms."
            )
        return rows, silent

    def check_widths(self, parts, names):
        """Refuse rows of different numbers of dimensions; the names say whose they are."""
        for part, name in zip(parts, names, strict=True):
            if part.shape[1] != parts[0].shape[1]:
                raise ValueError(
                    f"{self.name} gives {parts[0].shape[1]} dimensions for {names[0]}, but {part.shape[1]} for {name}. "
                    "Wrap it in a function that gives as many for all windows, however many it gets at once."
                )

    def embed(self, windows):
        """Give the checked rows of a list of windows."""
        # in turn: few networks are made to be called by several threads
        with isolated(None, self.n_threads):
            # a copy: an embedding may write into what it gets
            rows = self.call(np.stack(windows))
        return check_rows(rows, len(windows), self.name)


def check_rows(rows, n_windows, name):
    """Give an embedding's output as an array (n_windows, n_dims); anything else is refused in words."""
    if isinstance(rows, torch.Tensor):
        rows = rows.detach().cpu()
        rows = (rows if rows.dtype == torch.float64 else rows.float()).numpy()
    elif not isinstance(rows, np.ndarray):
        # a list of lists is an array; the outputs of a model, in a tuple or a class of its own, are none
        wanted = f"{_WRAP} returns the one array (n_windows, n_dims) that is wanted."
        raise ValueError(f"{name} returns a {type(rows).__name__}, no array or tensor. {wanted}")
    if rows.dtype.kind not in "fiub":
        raise ValueError(f"{name} returns values of dtype {rows.dtype}. {_WRAP} returns real numbers.")
    if rows.ndim > 2 and len(rows) == n_windows:
        raise ValueError(
            f"{name} returns shape {rows.shape} for {n_windows} windows: more than one vector a window. {_WRAP} "
            f"averages or flattens the rest, such as x.mean(axis={rows.ndim - 1}) where that axis is time."
        )
    if rows.ndim != 2 or len(rows) != n_windows or rows.shape[1] == 0:
        raise ValueError(
            f"{name} returns shape {rows.shape} for {n_windows} windows, not (n_windows, n_dims). "
            f"{_WRAP} gives one vector a window."
        )
    return rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float32)


def embedding_key(embedding):
    """Give the key of an embedding: of a file its bytes, of all else what `skmer.content_key` says.

    To the latter belong the versions of the packages that `skmer.content_key` knows by name.
    An attribute ``cache_key`` of the embedding, a text, is taken for all of it.
    """
    if isinstance(embedding, str | os.PathLike):
        return f"file {file_digest(embedding)}"
    given = given_key(embedding)
    if given is not None:
        return f"own {given}"
    try:
        return f"{_versions()} {content_key(embedding)}"
    except TypeError as error:
        raise ValueError(
            f"memory is set, but embedding={embedding!r:.80} cannot be told from others of its kind, so that old "
            f"results might be taken for new ones (memory=None keeps none): {error}"
        ) from error


@cache
def _versions():
    return " ".join([f"skmer {skmer.__version__}", *(f"{package} {version(package)}" for package in _PACKAGES)])
