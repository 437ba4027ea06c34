"""load_mtg_jamendo: full tracks with several mood and theme tags each."""

import numbers
import re

import numpy as np
from sklearn.utils import Bunch

from skmer.datasets._base import (
    check_counts,
    check_flag,
    check_folder,
    describe,
    kind_of,
    missing_audio,
    plural,
    resolve_data_home,
    to_path,
)
from skmer.datasets._tables import check_unique, is_unended, read_text, refuse_control

__all__ = ["load_mtg_jamendo"]

HEADER = ["TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "DURATION", "TAGS"]
# what the fields before the tags are, and an example for errors
FIELDS = {
    "TRACK_ID": (r"track_\d{1,9}", "track_0003524"),
    "ARTIST_ID": (r"artist_\d+", "artist_000530"),
    "ALBUM_ID": (r"album_\d+", "album_000552"),
    "PATH": (r"\d+/\d+\.mp3", "24/3524.mp3"),
    "DURATION": (r"(?![0.]*$)\d{1,6}(\.\d+)?", "266.1, in seconds above 0"),
}
PARTS = ("train", "validation", "test")
N_PUBLISHED = {"split-0": {"train": 9949, "validation": 3802, "test": 4231}}
PREFIX = "mood/theme---"
TAGS = (
    "action", "adventure", "advertising", "background", "ballad", "calm", "children", "christmas", "commercial",
    "cool", "corporate", "dark", "deep", "documentary", "drama", "dramatic", "dream", "emotional", "energetic",
    "epic", "fast", "film", "fun", "funny", "game", "groovy", "happy", "heavy", "holiday", "hopeful", "inspiring",
    "love", "meditative", "melancholic", "melodic", "motivational", "movie", "nature", "party", "positive",
    "powerful", "relaxing", "retro", "romantic", "sad", "sexy", "slow", "soft", "soundscape", "space", "sport",
    "summer", "trailer", "travel", "upbeat", "uplifting",
)  # fmt: skip
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
    PermissionError
        If a file or a folder may not be read.
    TypeError
        If a path is no path, or `check_audio` neither True nor False.
    ValueError
        If neither `data_home` nor ``SKMER_DATA`` is given, `split` is no number from 0 to 4, a table is
        not as expected, or a track stands twice.

    Warns
    -----
    UserWarning
        If the annotations do not hold the 9,949/3,802/4,231 published tracks of split 0: they may be cut short.

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
    check_flag(check_audio, "check_audio")
    audio_home = None if audio_home is None else to_path(audio_home, "audio_home")
    name = f"split-{split}"
    home = resolve_data_home(data_home, "mtg_jamendo", SOURCE, [f"data/splits/{name}", f"splits/{name}"])
    folder = _find_split(home, name)
    tracks, unended = _read_parts(folder)
    files, absent = _find_audio(_find_audio_home(home, audio_home), [track["PATH"] for track in tracks])
    if check_audio and absent:
        raise missing_audio(absent, f"of the {len(files):,} tracks in {folder}", SOURCE)
    tag_names = sorted({tag for track in tracks for tag in track["TAGS"]})
    part = np.array([track["part"] for track in tracks])
    published = N_PUBLISHED.get(name, {})
    check_counts([(_table(folder, own), np.sum(part == own), n, unended[own]) for own, n in published.items()], "track")
    told = "/".join(f"{n:,}" for n in published.values()) or "a number that skmer does not know"
    return Bunch(
        data=[str(file) for file in files],
        target=_indicate([track["TAGS"] for track in tracks], tag_names),
        tag_names=tag_names,
        groups=np.array([track["ARTIST_ID"] for track in tracks]),
        splits={name: {own: np.flatnonzero(part == own) for own in PARTS}},
        track_id=np.array([track["TRACK_ID"] for track in tracks]),
        album_id=np.array([track["ALBUM_ID"] for track in tracks]),
        durations=np.array([track["DURATION"] for track in tracks]),
        DESCR=describe(DESCR, len(files), f"{told} in {name}", "track"),
    )


def _find_split(home, name):
    folders = [home / "data" / "splits" / name, home / "splits" / name]
    for folder in folders:
        if kind_of(folder) == "a folder":
            return folder
    raise FileNotFoundError(f"There is neither a folder {folders[0]} nor {folders[1]}. {SOURCE}")


def _table(folder, part):
    return folder / f"autotagging_moodtheme-{part}.tsv"


def _read_parts(folder):
    """Read the three tables of a split as a list of dicts, in the order of the tracks, and whether each is unended."""
    tracks: list = []
    owner: dict = {}
    unended = {}
    for part in PARTS:
        path = _table(folder, part)
        lines, own, unended[part] = _read_tracks(path)
        for name in ("TRACK_ID", "PATH"):
            check_unique([track[name] for track in own], path, name, lines)
        for name, thing in (("TRACK_ID", "track"), ("PATH", "track"), ("ARTIST_ID", "artist")):
            for line, track in zip(lines, own, strict=True):
                if track[name] in owner:
                    raise ValueError(
                        f"{path}, line {line}: {name} {track[name]!r} stands in {owner[track[name]]} already; "
                        f"each {thing} belongs to one part of a split."
                    )
        owner.update((track[name], path) for track in own for name in ("TRACK_ID", "PATH", "ARTIST_ID"))
        tracks += [{**track, "part": part} for track in own]
    return sorted(tracks, key=lambda track: track["TRACK_ID"]), unended


def _read_tracks(path):
    """Read one table: the line of every track, its fields as a dict, and whether the last line has no end."""
    text = read_text(path, SOURCE)
    # no csv reader: quotes have no meaning here, and rows differ in length
    lines = enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1)
    rows = [(line, row) for line, row in lines if row.strip()]
    for line, row in rows:
        refuse_control(row, f"{path}, line {line}")
    if not rows or [field.strip() for field in rows[0][1].split("\t")] != HEADER:
        raise ValueError(f"{path} must begin with the columns {HEADER}, divided by tabs. {SOURCE}")
    if len(rows) == 1:
        raise ValueError(f"{path} has a header, but no track. {SOURCE}")
    tracks = [_parse(row.split("\t"), f"{path}, line {line}") for line, row in rows[1:]]
    return [line for line, _ in rows[1:]], tracks, is_unended(text)


def _parse(fields, where):
    """Give the fields of a track by name; those from the sixth on are its tags."""
    fields = [field.strip() for field in fields]
    if len(fields) < len(HEADER):
        found = plural(len(fields), "field", "fields")
        raise ValueError(f"{where}: {found}, but a track has at least {len(HEADER)}, {HEADER}.")
    track = dict(zip(HEADER, fields, strict=False))
    for name, (pattern, example) in FIELDS.items():
        if not re.fullmatch(pattern, track[name], re.ASCII):
            raise ValueError(f"{where}: {name} must be like {example}, got {track[name]!r}.")
    number = int(track["TRACK_ID"].removeprefix("track_"))
    path = f"{number % 100:02}/{number}.mp3"
    if track["PATH"] != path:
        raise ValueError(f"{where}: PATH of {track['TRACK_ID']} must be {path}, got {track['PATH']!r}.")
    tags = fields[len(HEADER) - 1 :]
    for tag in tags:
        if not tag.startswith(PREFIX) or tag == PREFIX:
            raise ValueError(f"{where}: a tag must be {PREFIX!r} and a name, got {tag!r}.")
        if tag.removeprefix(PREFIX) not in TAGS:
            raise ValueError(f"{where}: {tag!r} is none of the {len(TAGS)} tags of the collection.")
        if tags.count(tag) > 1:
            raise ValueError(f"{where}: the tag {tag!r} stands more than once.")
    return {**track, "DURATION": float(track["DURATION"]), "TAGS": [tag.removeprefix(PREFIX) for tag in tags]}


def _find_audio_home(home, audio_home):
    if audio_home is None:
        return home / "audio" if kind_of(home / "audio") == "a folder" else home
    check_folder(audio_home, f"audio_home={str(audio_home)!r}", SOURCE)
    return audio_home


def _find_audio(root, paths):
    """Give the files of all tracks in one quality, the one that more tracks have, and those absent."""
    found = []
    for ending in (".mp3", ".low.mp3"):
        files = [root / (path.removesuffix(".mp3") + ending) for path in paths]
        found.append((files, [file for file in files if kind_of(file) != "a file"]))
    # a tie is the full quality's
    return min(found, key=lambda item: len(item[1]))


def _indicate(tags, names):
    """Give the indicator of every track's tags, of shape (n_tracks, n_names)."""
    position = {name: k for k, name in enumerate(names)}
    target = np.zeros((len(tags), len(names)), dtype=np.int8)
    for row, own in zip(target, tags, strict=True):
        row[[position[tag] for tag in own]] = 1
    return target
