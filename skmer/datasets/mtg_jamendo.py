"""load_mtg_jamendo: full tracks with several mood and theme tags each."""

import numbers
import re
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skmer.datasets._base import _some, check_unique, resolve_data_home

__all__ = ["load_mtg_jamendo"]

HEADER = ["TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "DURATION", "TAGS"]
# what the fields before the tags are, and an example for errors
FIELDS = {
    "TRACK_ID": (r"track_\d+", "track_0003524"),
    "ARTIST_ID": (r"artist_\d+", "artist_000530"),
    "ALBUM_ID": (r"album_\d+", "album_000552"),
    "PATH": (r"\d+/\d+\.mp3", "24/3524.mp3"),
    "DURATION": (r"(?![0.]*$)\d{1,6}(\.\d+)?", "266.1, in seconds above 0"),
}
PARTS = ("train", "validation", "test")
PREFIX = "mood/theme---"
N_SPLITS = 5
SOURCE = (
    "MTG-Jamendo (Bogdanov et al. 2019) is not downloaded by skmer: its authors at the Music Technology Group of "
    "the Universitat Pompeu Fabra publish the tables in their repository mtg-jamendo-dataset on GitHub, with a script "
    "that gets the audio; data_home must hold data/splits/split-N/autotagging_moodtheme-{train,validation,test}.tsv, "
    "and its audio/, or audio_home, the tracks as 24/3524.mp3 or, in low quality, 24/3524.low.mp3."
)
DESCR = """MTG-Jamendo, mood and theme: tags of full tracks
Full tracks of music published on Jamendo, with one to eight of 56 mood and theme tags each, given by
the artists who uploaded them and not by listeners. `target` is multi-label: column k is 1 where a track
has the tag `tag_names[k]`; a tag that is not given may fit all the same.
`splits` is one of the five published splits into training, validation and test tracks; split-0, the one of
the MediaEval task on emotion and theme recognition, has 9,949/3,802/4,231 tracks. No artist is in two of
its parts; where it is not used, split by `groups`.
Licence: the tables CC BY-NC-SA 4.0; the audio under each track's own Creative Commons licence, which the
collection lists.
Source: D. Bogdanov, M. Won, P. Tovstogan, A. Porter, X. Serra, "The MTG-Jamendo dataset for automatic
music tagging", Machine Learning for Music Discovery Workshop, ICML, 2019."""


def load_mtg_jamendo(data_home=None, split=0, audio_home=None, check_audio=True):
    """Load the mood and theme tags of MTG-Jamendo: some 18,000 full tracks with 56 tags.

    Nothing is downloaded. The folder is expected as its authors publish it, with the tables
    ``data/splits/split-N/autotagging_moodtheme-{train,validation,test}.tsv``; ``splits/split-N``
    without the folder above is read too, where there is no ``data/splits/split-N``.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the collection; ``None`` is ``$SKMER_DATA/mtg_jamendo``.
    split : int, default=0
        Number of the published split, from 0 to 4.
    audio_home : str or path-like, default=None
        Folder of the tracks, which holds files such as ``24/3524.mp3`` or, in low quality,
        ``24/3524.low.mp3``. ``None`` is the folder ``audio`` of the collection, or
        the collection's own where there is no such folder.
    check_audio : bool, default=True
        Whether every track must have its audio file. Turn it off to read the tables alone. Files
        without a row are never refused: the whole collection has many tracks without a mood tag.

    Returns
    -------
    songs : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes. Tracks are in the order of `track_id`.

        data : list of str
            Absolute paths of the audio files: all in low quality where more tracks have
            such a file, else all in full quality. The two are never mixed.
        target : ndarray of shape (n_songs, n_tags)
            1 where a track has a tag, else 0; int8.
        tag_names : list of str
            Names of the columns of `target`, sorted and without their prefix ``mood/theme---``.
        groups : ndarray of shape (n_songs,)
            The artist of each track, such as "artist_000530".
        splits : dict of str to dict of str to ndarray
            The positions of the tracks in "train", "validation" and "test", under the name
            of the split, such as "split-0".
        track_id : ndarray of shape (n_songs,)
            Name of each track, such as "track_0003524".
        album_id : ndarray of shape (n_songs,)
            The album of each track.
        durations : ndarray of shape (n_songs,)
            Length of each track in seconds.
        DESCR : str
            Description of the data, with its licence and source.

    Raises
    ------
    FileNotFoundError
        If a folder, a table or an audio file is missing.
    ValueError
        If neither `data_home` nor ``SKMER_DATA`` is given, `split` is no number from 0 to 4, a table is
        not as expected, or a track stands twice.

    See Also
    --------
    load_emotify : Recordings with the emotions that listeners felt.
    load_emopia : Piano clips with quadrants and published splits.

    References
    ----------
    .. [1] D. Bogdanov, M. Won, P. Tovstogan, A. Porter and X. Serra, "The MTG-Jamendo dataset for automatic
       music tagging", Machine Learning for Music Discovery Workshop, ICML, 2019.

    Examples
    --------
    >>> from skmer.datasets import load_mtg_jamendo
    >>> songs = load_mtg_jamendo("~/mtg-jamendo-dataset", audio_home="/media/mtg-jamendo")  # doctest: +SKIP
    >>> songs.target.shape  # doctest: +SKIP
    (17982, 56)
    """
    if not isinstance(split, numbers.Integral) or isinstance(split, bool) or split not in range(N_SPLITS):
        raise ValueError(f"split must be a whole number from 0 to {N_SPLITS - 1}, got {split!r}.")
    home = resolve_data_home(data_home, "mtg_jamendo", SOURCE)
    folder = _find_split(home, f"split-{split}")
    tracks = _read_parts(folder)
    files, absent = _find_audio(_find_audio_home(home, audio_home), [track["PATH"] for track in tracks])
    if check_audio and absent:
        what = f"of the {len(files)} tracks in {folder} have no audio file"
        raise FileNotFoundError(f"{_some(absent, what)} {SOURCE}")
    tag_names = sorted({tag for track in tracks for tag in track["TAGS"]})
    part = np.array([track["part"] for track in tracks])
    return Bunch(
        data=[str(file) for file in files],
        target=_indicate([track["TAGS"] for track in tracks], tag_names),
        tag_names=tag_names,
        groups=np.array([track["ARTIST_ID"] for track in tracks]),
        splits={f"split-{split}": {name: np.flatnonzero(part == name) for name in PARTS}},
        track_id=np.array([track["TRACK_ID"] for track in tracks]),
        album_id=np.array([track["ALBUM_ID"] for track in tracks]),
        durations=np.array([track["DURATION"] for track in tracks]),
        DESCR=DESCR,
    )


def _find_split(home, name):
    folders = [home / "data" / "splits" / name, home / "splits" / name]
    for folder in folders:
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"There is neither a folder {folders[0]} nor {folders[1]}. {SOURCE}")


def _read_parts(folder):
    """Read the three tables of a split as a list of dicts, in the order of the tracks."""
    tracks: list = []
    owner: dict = {}
    for part in PARTS:
        path = folder / f"autotagging_moodtheme-{part}.tsv"
        lines, own = _read_tracks(path)
        for name in ("TRACK_ID", "PATH"):
            check_unique([track[name] for track in own], path, name, lines)
            for line, track in zip(lines, own, strict=True):
                if track[name] in owner:
                    raise ValueError(
                        f"{path}, line {line}: {name} {track[name]!r} stands in {owner[track[name]]} already; "
                        "each track belongs to one part of a split."
                    )
        owner.update((track[name], path) for track in own for name in ("TRACK_ID", "PATH"))
        tracks += [{**track, "part": part} for track in own]
    return sorted(tracks, key=lambda track: track["TRACK_ID"])


def _read_tracks(path):
    """Read one table: the line of every track, and its fields as a dict."""
    if not path.is_file():
        raise FileNotFoundError(f"The table {path} is missing. {SOURCE}")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8 ({error}). {SOURCE}") from error
    # no csv reader: quotes have no meaning here, and rows differ in length
    rows = [(line, row.split("\t")) for line, row in enumerate(text.split("\n"), start=1) if row.strip()]
    if not rows or [field.strip() for field in rows[0][1]] != HEADER:
        raise ValueError(f"{path} must begin with the columns {HEADER}, divided by tabs. {SOURCE}")
    if len(rows) == 1:
        raise ValueError(f"{path} has a header, but no track. {SOURCE}")
    return [line for line, _ in rows[1:]], [_parse(fields, f"{path}, line {line}") for line, fields in rows[1:]]


def _parse(fields, where):
    """Give the fields of a track by name; those from the sixth on are its tags."""
    fields = [field.strip() for field in fields]
    if len(fields) < len(HEADER):
        raise ValueError(f"{where}: {len(fields)} fields, but a track has at least {len(HEADER)}, {HEADER}.")
    track = dict(zip(HEADER, fields, strict=False))
    for name, (pattern, example) in FIELDS.items():
        if not re.fullmatch(pattern, track[name], re.ASCII):
            raise ValueError(f"{where}: {name} must be like {example}, got {track[name]!r}.")
    tags = fields[len(HEADER) - 1 :]
    for tag in tags:
        if not tag.startswith(PREFIX) or tag == PREFIX:
            raise ValueError(f"{where}: a tag must be {PREFIX!r} and a name, got {tag!r}.")
        if tags.count(tag) > 1:
            raise ValueError(f"{where}: the tag {tag!r} stands more than once.")
    return {**track, "DURATION": float(track["DURATION"]), "TAGS": [tag.removeprefix(PREFIX) for tag in tags]}


def _find_audio_home(home, audio_home):
    if audio_home is None:
        return home / "audio" if (home / "audio").is_dir() else home
    folder = Path(audio_home).expanduser().absolute()
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder audio_home={str(folder)!r}. {SOURCE}")
    return folder


def _find_audio(root, paths):
    """Give the files of all tracks in one quality, the one that more tracks have, and those absent."""
    found = []
    for ending in (".mp3", ".low.mp3"):
        files = [root / (path.removesuffix(".mp3") + ending) for path in paths]
        found.append((files, [file for file in files if not file.is_file()]))
    # a tie is the full quality's
    return min(found, key=lambda item: len(item[1]))


def _indicate(tags, names):
    """Give the indicator of every track's tags, of shape (n_tracks, n_names)."""
    position = {name: k for k, name in enumerate(names)}
    target = np.zeros((len(tags), len(names)), dtype=np.int8)
    for row, own in zip(target, tags, strict=True):
        row[[position[tag] for tag in own]] = 1
    return target
