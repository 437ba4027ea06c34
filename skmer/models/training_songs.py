"""The labelled songs of a training: their validation, and reading each of them once into a cache."""

import errno
import os
import warnings
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from tqdm.auto import tqdm

from skmer._errors import format_error
from skmer._inputs import column_names
from skmer._io import format_names
from skmer._parallel import parallel_map
from skmer._validation import is_unlabelled
from skmer.audit.collection import find_copies, group_recordings, measure_songs, sets_that_differ
from skmer.feature_extraction._cache import CacheError
from skmer.model_selection.protocols import check_labels

__all__ = ["TrainingSongs", "UnreadableSongs", "check_songs", "join_copies", "read_songs"]

_SHOWN = 50
_COMPARED = 60.0  # seconds of each song that are compared with others
_WAVEFORM = "The waveform at position 0 of X"
# errors of the disk or the system rather than of a song
_SYSTEM_ERRORS = (errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EROFS)


class UnreadableSongs(ValueError):
    """Error for songs that cannot be used; the message lists each with the reason.

    Parameters
    ----------
    reasons : dict of str to str
        The reason for each song.
    n_songs : int
        Number of songs that were read.
    classes : sequence of str, default=()
        The classes of which no song can be used.

    Attributes
    ----------
    reasons : dict of str to str
        As passed.
    classes : tuple of str
        As passed.
    """

    def __init__(self, reasons, n_songs, classes=()):
        self.reasons, self.classes = reasons, tuple(classes)
        lines = [f"  {' '.join(name.splitlines())}: {reason}" for name, reason in list(reasons.items())[:_SHOWN]]
        if len(reasons) > _SHOWN:
            lines.append(f"  and {len(reasons) - _SHOWN:,} more")
        head = f"{len(reasons):,} of {n_songs:,} songs cannot be used"
        if classes:
            which = "class" if len(classes) == 1 else "classes"
            head += f", among them all of the {which} {format_names([repr(name) for name in classes])}"
        super().__init__("\n".join([f"{head}:", *lines]))


@dataclass(frozen=True)
class TrainingSongs:
    """Songs, their labels, their groups (None where each song is its own group) and their names in messages.

    If the labels are ratings, (n_songs, n_targets), `targets` are the names of the columns; otherwise it is None.
    """

    data: list
    target: np.ndarray
    groups: np.ndarray | None
    names: list
    targets: list | None = None

    def subset(self, positions):
        """Return the songs at some positions."""
        groups = None if self.groups is None else self.groups[positions]
        data, names = ([values[i] for i in positions] for values in (self.data, self.names))
        return replace(self, data=data, target=self.target[positions], groups=groups, names=names)


def check_songs(songs):
    """Validate a Bunch of labelled songs and return it as `TrainingSongs`."""
    n_songs = len(songs.data)
    target = check_labels(songs.target, "target")
    names = [str(song) if isinstance(song, str | os.PathLike) else f"waveform {i}" for i, song in enumerate(songs.data)]
    names = list(songs.get("names", names))
    groups = songs.get("groups")
    groups = None if groups is None else check_labels(groups, "groups")
    for name, values in (("target", target), ("names", names), ("groups", groups)):
        if values is not None and len(values) != n_songs:
            raise ValueError(f"{name} has {len(values)} entries for {n_songs} songs: give one for each song.")
    targets = None
    if target.ndim > 1 or target.dtype.kind == "f":
        target, targets = _check_ratings(target, songs)
    else:
        _check_classes(target, names)
    # reasons why songs cannot be used are kept by name
    count = Counter(names)
    names = [f"{name} (at position {i})" if count[name] > 1 else name for i, name in enumerate(names)]
    if groups is not None and len(np.unique(groups)) == n_songs:
        groups = None
    return TrainingSongs(list(songs.data), target, groups, names, targets)


def _check_classes(target, names):
    unlabelled = is_unlabelled(target)
    if unlabelled.any():
        raise ValueError(
            f"target has -1 for {names[unlabelled.argmax()]}, which means unlabelled: leave such songs out, or give "
            "the class another name."
        )
    classes = np.unique(target)
    if len(classes) < 2:
        which = f"all songs are of the class {str(classes[0])!r}" if len(classes) else "there are no songs"
        raise ValueError(f"At least two classes are needed, but {which}.")


def _check_ratings(target, songs):
    """Return ratings as an array (n_songs, n_targets), and the names of their columns."""
    if target.ndim > 2 or target.dtype.kind not in "iuf":
        raise ValueError(
            f"target must hold a class for each song, or ratings of shape (n_songs, n_targets), got {target.shape}."
        )
    ratings = target.reshape(len(target), -1).astype(np.float64)
    n_targets = ratings.shape[1]
    given = songs.get("target_names") or column_names(songs.target) or [f"target{k}" for k in range(n_targets)]
    targets = [str(name) for name in given]
    if len(targets) != n_targets or len(set(targets)) < n_targets:
        raise ValueError(f"target_names must be {n_targets} different names, one for each rating, got {given!r}.")
    for name, values in zip(targets, ratings.T, strict=True):
        if not len(values) or np.ptp(values) == 0:
            which = f"{name} is {values[0]:g} for all songs" if len(values) else "there are no songs"
            raise ValueError(f"Ratings that differ are needed, but {which}.")
    return ratings, targets


def join_copies(songs, n_jobs=None, verbose=0):
    """Return the songs with copies of one recording in one group, and remarks on what was found.

    Only the first minute of each file is compared; waveforms are not.
    """
    if not all(isinstance(song, str | os.PathLike) for song in songs.data):
        return songs, []
    copies = find_copies(songs.data, measure_songs(songs.data, _COMPARED, n_jobs, verbose))
    if not copies:
        return songs, []
    shown = [f"{songs.names[copy.first]} = {songs.names[copy.second]}" for copy in copies]
    pairs = "1 pair of songs holds" if len(copies) == 1 else f"{len(copies):,} pairs of songs hold"
    remarks = [f"{pairs} the same recording, and are kept in one fold: {format_names(shown, most=5)}."]
    recordings = group_recordings(len(songs.data), copies)
    what = "labels" if songs.targets is None else "ratings"
    for own in sets_that_differ(recordings, songs.target):
        named = [f"{songs.names[i]} ({_format(songs.target[i])})" for i in own]
        remarks.append(f"The same recording has different {what}: {format_names(named)}.")
    joined = group_recordings(len(songs.data), copies, songs.groups)
    return replace(songs, groups=joined), remarks


def _format(label):
    return ", ".join(f"{value:g}" for value in label) if np.ndim(label) else str(label)


def read_songs(reader, songs, names, n_jobs=None, verbose=0, description="Reading"):
    """Read each song by a first step of a pipeline, which caches the results; return counts and reasons.

    The counts are the number of segments of each song (0 if the step does not return segments), or None if the song
    cannot be used; the reasons are the errors by name of the song. Errors of the cache or the disk are raised.
    """
    with warnings.catch_warnings():
        # the same warnings are raised again when the model is fitted
        warnings.simplefilter("ignore", UserWarning)
        results = parallel_map(_read, ((reader, song) for song in songs), n_jobs, threads=True)
        found = list(tqdm(results, total=len(songs), desc=description, unit="song", disable=not verbose))
    reasons = {
        # each waveform is read alone, and its position is in its name
        name: format_error(error, song if isinstance(song, str | os.PathLike) else _WAVEFORM)
        for (_, error), name, song in zip(found, names, songs, strict=True)
        if error is not None
    }
    return [count for count, _ in found], reasons


def _read(reader, song):
    """Return the number of segments, or None and the error."""
    try:
        made = reader.transform([song])
    except MemoryError:
        raise
    except Exception as error:  # a broken file can raise anything in a decoder
        if isinstance(error, CacheError) or (isinstance(error, OSError) and error.errno in _SYSTEM_ERRORS):
            raise
        return None, error
    return int(made.n_segments[0]) if hasattr(made, "n_segments") else 0, None
