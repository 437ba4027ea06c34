"""audit_songs: find what would flatter or spoil results on a collection of labelled songs."""

import os
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.utils.multiclass import type_of_target
from tqdm.auto import tqdm

from skmer._io import file_digest
from skmer._parallel import parallel_map
from skmer.audit.fingerprints import find_same_recordings
from skmer.audit.labels import accuracy_by_group, label_group_information, shared_between_parts
from skmer.audit.recording import measure_recording

__all__ = ["Audit", "Copy", "audit_songs", "find_copies", "group_recordings", "measure_songs", "sets_that_differ"]


class Copy(NamedTuple):
    """Two songs that hold the same recording; `bit_error_rate` and `offset` are None for equal bytes."""

    first: int
    second: int
    same_bytes: bool
    bit_error_rate: float | None = None
    offset: float | None = None
    overlap: float | None = None


@dataclass(frozen=True)
class Audit:
    """What `audit_songs` found.

    Parameters
    ----------
    names : list of str
        Name of each song.
    paths : list
        Path of each song.
    facts : list of RecordingFacts
        Facts about each recording.
    recordings : ndarray of shape (n_songs,)
        Number of the recording that each song holds; copies have the same number.
    copies : list of Copy
        Pairs of songs that hold the same recording.
    target, groups : ndarray of shape (n_songs,) or None
        Labels and groups.
    splits : dict of str to dict of str to ndarray
        Published splits: positions of the songs of each part.
    contradictions : list of list of int
        Songs that hold the same recording and have different labels.
    across_groups : list of list of int
        Songs that hold the same recording and have different groups.
    shared_groups, shared_recordings : dict of str to dict
        For each split, what `shared_between_parts` counts for groups and for recordings.
    label_by_group, group_by_label : tuple of (float, float) or None
        What `accuracy_by_group` returns for labels by group, and for groups by label.
    information : float or None
        Adjusted mutual information of labels and groups.
    label_by_format : tuple of (float, float) or None
        What `accuracy_by_group` returns for labels by format, sampling rate and number of channels.

    See Also
    --------
    audit_songs : Audits a collection.

    Examples
    --------
    >>> from skmer.audit import Audit, RecordingFacts
    >>> facts = [RecordingFacts(error="this file is empty"), RecordingFacts(duration=30.0)]
    >>> Audit(["a.mp3", "b.mp3"], ["a.mp3", "b.mp3"], facts, [0, 1], []).unreadable
    [0]
    """

    names: list
    paths: list
    facts: list
    recordings: np.ndarray
    copies: list
    target: np.ndarray | None = None
    groups: np.ndarray | None = None
    splits: dict = field(default_factory=dict)
    contradictions: list = field(default_factory=list)
    across_groups: list = field(default_factory=list)
    shared_groups: dict = field(default_factory=dict)
    shared_recordings: dict = field(default_factory=dict)
    label_by_group: tuple | None = None
    group_by_label: tuple | None = None
    information: float | None = None
    label_by_format: tuple | None = None

    @property
    def unreadable(self):
        """Positions of the songs that cannot be read."""
        return [i for i, facts in enumerate(self.facts) if facts.error is not None]


def audit_songs(songs, *, n_jobs=None, verbose=0):
    """Find copies, contradictory labels, groups shared between parts of splits, and damaged or odd recordings.

    Parameters
    ----------
    songs : :class:`~sklearn.utils.Bunch`
        As the loaders of `skmer.datasets` return it: ``data`` (paths) and, where there are any, ``target``, ``groups``,
        ``splits`` and ``names``. The tags of a song count as one label; ratings are not compared.
    n_jobs : int, default=None
        Number of threads that read songs.
    verbose : int, default=0
        1 shows progress with the time left.

    Returns
    -------
    Audit
        The findings.

    See Also
    --------
    write_audit : Writes a page and tables.

    Notes
    -----
    Copies are files of equal bytes, and recordings whose fingerprints agree: see `find_same_recordings`. Each song is
    decoded once.

    Examples
    --------
    >>> from skmer.audit import audit_songs
    >>> from skmer.datasets import load_folder, make_songs, write_songs
    >>> import shutil, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_songs(make_songs(4, duration=8, random_state=0), folder)
    ...     songs = load_folder(f"{folder}/songs")
    ...     _ = shutil.copy(songs.data[0], songs.data[1])
    ...     audit = audit_songs(songs)
    >>> [(copy.first, copy.second, copy.same_bytes) for copy in audit.copies]
    [(0, 1, True)]
    """
    paths = list(songs.data)
    if not paths:
        raise ValueError("songs.data holds no song: at least one is needed.")
    if not all(isinstance(path, str | os.PathLike) for path in paths):
        raise ValueError("songs.data must hold paths of audio files, not waveforms.")
    facts = measure_songs(paths, None, n_jobs, verbose)
    copies = find_copies(paths, facts)
    recordings = group_recordings(len(paths), copies)
    target, groups = _labels(songs.get("target")), songs.get("groups")
    groups = None if groups is None or len(np.unique(groups)) == len(paths) else np.asarray(groups)
    splits = {name: parts for name, parts in (songs.get("splits") or {}).items() if len(parts) > 1}
    coding = np.array([str((known.format, known.sample_rate, known.channels)) for known in facts])
    return Audit(
        names=[str(name) for name in songs.get("names", paths)],
        paths=paths,
        facts=facts,
        recordings=recordings,
        copies=copies,
        target=target,
        groups=groups,
        splits=splits,
        contradictions=sets_that_differ(recordings, target),
        across_groups=sets_that_differ(recordings, groups),
        shared_groups={} if groups is None else _shared(splits, groups),
        shared_recordings=_shared(splits, recordings),
        label_by_group=None if target is None or groups is None else accuracy_by_group(target, groups),
        group_by_label=None if target is None or groups is None else accuracy_by_group(groups, target),
        information=None if target is None or groups is None else label_group_information(target, groups),
        label_by_format=None if target is None or len(set(coding)) < 2 else accuracy_by_group(target, coding),
    )


def _labels(target):
    """Return one label per song, of which the tags of a song are one; None for ratings."""
    if target is None or type_of_target(target).startswith("continuous"):
        return None
    target = np.asarray(target)
    return target if target.ndim == 1 else np.array([" ".join(map(str, row)) for row in target.astype(int).tolist()])


def measure_songs(paths, max_duration=None, n_jobs=None, verbose=0):
    """Return the `RecordingFacts` of each file."""
    results = parallel_map(measure_recording, ((path, max_duration) for path in paths), n_jobs, threads=True)
    return list(tqdm(results, total=len(paths), desc="Comparing", unit="song", disable=not verbose))


def find_copies(paths, facts):
    """Return the pairs of songs with the same bytes or the same sound."""
    readable = [i for i, known in enumerate(facts) if known.error is None]
    by_bytes: dict = {}
    for i in readable:
        by_bytes.setdefault(file_digest(paths[i]), []).append(i)
    copies = [Copy(own[0], other, True) for own in by_bytes.values() for other in own[1:]]
    # of equal files, the first stands for all
    first = [own[0] for own in by_bytes.values()]
    for pair in find_same_recordings([facts[i].fingerprint for i in first]):
        place = pair._replace(first=first[pair.first], second=first[pair.second])
        copies.append(Copy(place.first, place.second, False, place.bit_error_rate, place.offset, place.overlap))
    return sorted(copies)


def group_recordings(n_songs, copies, groups=None):
    """Return a number for each song, the same for copies and, where `groups` are given, for songs of one group."""
    pairs = [(copy.first, copy.second) for copy in copies]
    if groups is not None:
        _, first, inverse = np.unique(np.asarray(groups), return_index=True, return_inverse=True)
        pairs += list(zip(first[inverse].tolist(), range(n_songs), strict=True))
    rows, columns = np.array(pairs, dtype=int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(n_songs, n_songs))
    return connected_components(graph, directed=False)[1]


def sets_that_differ(recordings, values):
    """Return the songs of each recording whose songs differ in a value."""
    if values is None:
        return []
    members: dict = {}
    for i, recording in enumerate(recordings.tolist()):
        members.setdefault(recording, []).append(i)
    return [own for own in members.values() if len({str(values[i]) for i in own}) > 1]


def _shared(splits, groups):
    shared = {name: shared_between_parts(parts, groups) for name, parts in splits.items()}
    return {name: counts for name, counts in shared.items() if counts}
