"""load_mtg_jamendo: full tracks with several mood and theme tags each."""

import numbers

import numpy as np
from sklearn.utils import Bunch

from skmer.datasets._paths import check_flag, check_folder, is_file, path_kind, to_path
from skmer.datasets._published import Published, missing_audio
from skmer.datasets._tables import matching, seconds

__all__ = ["load_mtg_jamendo"]

PARTS = ("train", "validation", "test")
N_SPLITS = 5
N_PUBLISHED = {"split-0": (9949, 3802, 4231)}
PREFIX = "mood/theme---"
TAGS = (
    "action", "adventure", "advertising", "background", "ballad", "calm", "children", "christmas", "commercial",
    "cool", "corporate", "dark", "deep", "documentary", "drama", "dramatic", "dream", "emotional", "energetic",
    "epic", "fast", "film", "fun", "funny", "game", "groovy", "happy", "heavy", "holiday", "hopeful", "inspiring",
    "love", "meditative", "melancholic", "melodic", "motivational", "movie", "nature", "party", "positive",
    "powerful", "relaxing", "retro", "romantic", "sad", "sexy", "slow", "soft", "soundscape", "space", "sport",
    "summer", "trailer", "travel", "upbeat", "uplifting",
)  # fmt: skip
MTG_JAMENDO = Published(
    folder="mtg_jamendo",
    files=("data/splits", "splits"),
    n_songs=N_PUBLISHED["split-0"],
    unit="track",
    source="MTG-Jamendo (Bogdanov et al. 2019) is not downloaded by skmer: its authors at the Music Technology Group "
    "of the Universitat Pompeu Fabra publish the tables in their repository mtg-jamendo-dataset on GitHub, with a "
    "script that gets the audio; data_home must hold "
    "data/splits/split-N/autotagging_moodtheme-{train,validation,test}.tsv, and its audio/, or audio_home, the tracks "
    "as 24/3524.mp3 or, in low quality, 24/3524.low.mp3.",
    descr="""MTG-Jamendo, mood and theme: tags of full tracks
Full tracks of music published on Jamendo, with one to eight of 56 mood and theme tags each, given by
the artists who uploaded them and not by listeners. `target` is multi-label: column k is 1 where a track
has the tag `tag_names[k]`; a tag that was not given may nevertheless apply.
`splits` is one of the five published splits into training, validation and test tracks; split-0, the one of
the MediaEval task on emotion and theme recognition, has 9,949/3,802/4,231 tracks. No artist is in two of
its parts; where it is not used, split by `groups`.
Licence: the tables CC BY-NC-SA 4.0; the audio under each track's own Creative Commons licence, which the
collection lists.
Source: D. Bogdanov, M. Won, P. Tovstogan, A. Porter, X. Serra, "The MTG-Jamendo dataset for automatic
music tagging", Machine Learning for Music Discovery Workshop, ICML, 2019.""",
)


def load_mtg_jamendo(data_home=None, split=0, audio_home=None, check_audio=True):
    """Load the mood and theme tags of MTG-Jamendo: some 18,000 full tracks with 56 tags.

    Nothing is downloaded. The folder is expected as its authors publish it, with the tables
    ``data/splits/split-N/autotagging_moodtheme-{train,validation,test}.tsv``; ``splits/split-N``
    is read if there is no ``data/splits/split-N``.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the collection; ``None`` is ``$SKMER_DATA/mtg_jamendo``.
    split : int, default=0
        Number of the published split, from 0 to 4.
    audio_home : str or path-like, default=None
        Folder of the tracks, which holds files such as ``24/3524.mp3`` or, in low quality,
        ``24/3524.low.mp3``. ``None`` is the folder ``audio`` of the collection, or the folder of the
        collection if it has no such folder.
    check_audio : bool, default=True
        Whether every track must have its audio file. With False, only the tables are read. Files
        without a row are allowed: the whole collection has many tracks without a mood tag.

    Returns
    -------
    songs : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes. Tracks are in the order of `track_id`.

        data : list of str
            Absolute paths of the audio files: all in low quality if more tracks have such a file,
            otherwise all in full quality.
        target : ndarray of shape (n_songs, n_tags)
            1 if a track has a tag, otherwise 0; int8.
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
            Length of each track, in seconds.
        DESCR : str
            Description of the data, with its licence and source.

    Raises
    ------
    FileNotFoundError
        If a folder, a table or an audio file is missing.
    PermissionError
        If a file or a folder cannot be read.
    TypeError
        If a path is not a str or path-like, or `check_audio` is not a bool.
    ValueError
        If neither `data_home` nor ``SKMER_DATA`` is given, `split` is not a number from 0 to 4, a table is
        not as expected, or a track is in it twice.

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
    home = MTG_JAMENDO.find(data_home)
    folder = _find_split(home, name)
    tracks = MTG_JAMENDO.read_table(
        [folder / f"autotagging_moodtheme-{part}.tsv" for part in PARTS],
        {
            "TRACK_ID": matching("track_[0-9]{1,9}", "like track_0003524"),
            "ARTIST_ID": matching("artist_[0-9]+", "like artist_000530"),
            "ALBUM_ID": matching("album_[0-9]+", "like album_000552"),
            "PATH": matching(r"[0-9]+/[0-9]+\.mp3", "like 24/3524.mp3"),
            "DURATION": seconds,
            "TAGS": _read_tags,
        },
        unique=["TRACK_ID", "PATH"],
        check_row=_check_path,
        tags=True,
    )
    part = np.repeat(PARTS, [n_rows for _, n_rows, _ in tracks.files])
    _check_artists(tracks, part)
    order = np.argsort(tracks["TRACK_ID"])
    tracks, part = tracks.take(order), part[order]
    files, absent = _find_audio(_find_audio_home(home, audio_home), tracks["PATH"])
    if check_audio and absent:
        raise missing_audio(absent, f"of the {len(files):,} tracks in {folder}", MTG_JAMENDO.source)
    if name in N_PUBLISHED:
        MTG_JAMENDO.check_size(tracks)
    tags = [cell.split("\t") for cell in tracks["TAGS"]]
    tag_names = sorted({tag for own in tags for tag in own})
    published = "/".join(f"{n:,}" for n in N_PUBLISHED.get(name, ())) or "an unknown number"
    return Bunch(
        data=[str(file) for file in files],
        target=np.array([[tag in own for tag in tag_names] for own in tags], dtype=np.int8),
        tag_names=tag_names,
        groups=tracks["ARTIST_ID"],
        splits={name: {own: np.flatnonzero(part == own) for own in PARTS}},
        track_id=tracks["TRACK_ID"],
        album_id=tracks["ALBUM_ID"],
        durations=tracks["DURATION"],
        DESCR=MTG_JAMENDO.describe(len(files), f"{published} in {name}"),
    )


def _find_split(home, name):
    folders = [home / "data" / "splits" / name, home / "splits" / name]
    for folder in folders:
        if path_kind(folder) == "a folder":
            return folder
    raise FileNotFoundError(f"Neither {folders[0]} nor {folders[1]} is a folder. {MTG_JAMENDO.source}")


def _read_tags(cell):
    """Return the names of tags, separated by tabs."""
    tags = cell.split("\t")
    for tag in tags:
        if not tag.startswith(PREFIX) or tag == PREFIX:
            raise ValueError(f"must be {PREFIX!r} and a name, got {tag!r}.")
        if tag.removeprefix(PREFIX) not in TAGS:
            raise ValueError(f"must be some of the {len(TAGS)} tags of the collection, got {tag!r}.")
        if tags.count(tag) > 1:
            raise ValueError(f"must be different, got {tag!r} more than once.")
    return "\t".join(tag.removeprefix(PREFIX) for tag in tags)


def _check_path(row):
    number = int(row["TRACK_ID"].removeprefix("track_"))
    path = f"{number % 100:02}/{number}.mp3"
    if row["PATH"] != path:
        raise ValueError(f"PATH of {row['TRACK_ID']} must be {path}, got {row['PATH']!r}.")


def _check_artists(tracks, part):
    first: dict = {}
    for artist, own, where in zip(tracks["ARTIST_ID"].tolist(), part, tracks.where, strict=True):
        known, line = first.setdefault(artist, (own, where))
        if known != own:
            raise ValueError(f"{where}: ARTIST_ID {artist!r} is in another part of the split too ({line}).")


def _find_audio_home(home, audio_home):
    if audio_home is None:
        return home / "audio" if path_kind(home / "audio") == "a folder" else home
    check_folder(audio_home, f"audio_home={str(audio_home)!r}", MTG_JAMENDO.source)
    return audio_home


def _find_audio(folder, paths):
    """Return the files of all tracks in the quality that more tracks have, and those of them that are absent."""
    found = []
    for extension in (".mp3", ".low.mp3"):
        files = [folder / (path.removesuffix(".mp3") + extension) for path in paths]
        found.append((files, [file for file in files if not is_file(file)]))
    # full quality if both are equal
    return min(found, key=lambda item: len(item[1]))
