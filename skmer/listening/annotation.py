"""write_annotation_page: a page on which people label or rate songs from nothing."""

import filecmp
import hashlib
import json
import os
import re
import shutil
import warnings
from collections import Counter
from pathlib import Path

from skmer._colours import COLOURS
from skmer._io import atomic_write, atomic_write_text, audio_link, format_names, is_missing
from skmer.audio.finding import find_audio_files
from skmer.listening.folder import PAGE, check_page_folder
from skmer.listening.page import environment, render

__all__ = ["SONGS", "find_songs", "write_annotation_page"]

SONGS = "songs"  # the folder of copied recordings
STEP = 0.5  # seconds of the song from one rating to the next
_SCRIPTS = ("dom", "csv", "store", "player", "song_list", "controls", "chart", "answers", "rating", "annotating")
_COLUMNS = {"path", "time", "label", "group", "rater", "decision", "when"}
_PLAYED = {
    *(".wav", ".wave", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".ogv", ".webm", ".weba", ".aac"),
    *(".m4a", ".m4b", ".mp4", ".m4v", ".mov"),
}
# in names of other systems, or with a meaning in addresses of the web
_UNSAFE = re.compile('[\0-\x1f\x7f<>:"|?*\\\\%#\ud800-\udfff]')

_BYTES = re.compile("[\ud800-\udfff]")  # in names that are no valid text


def write_annotation_page(
    songs,
    out,
    *,
    labels=None,
    ratings=None,
    limits=(-1, 1),
    seconds=None,
    names=None,
    groups=None,
    copy_songs=False,
    force=False,
    verbose=0,
):
    """Write a page on which people listen to songs and label them, or rate them while they play.

    The page opens from disk, without a server and the network. With `labels`, a person chooses one for each song, or
    is unsure, or skips it. With `ratings`, sliders are moved while a song plays, and their values are taken twice a
    second of the song, as in published collections; of two ratings, the point is also moved in their plane. Answers are
    kept in the browser under the person's name, and saved as a table that `skmer agreement`, `skmer train` and
    `skmer.datasets.load_csv` read. What was not rated stays empty.

    Parameters
    ----------
    songs : str, Path, or sequence of them
        Audio files, or folders that are searched for them with their subfolders.
    out : str or Path
        Folder of the page, which is created; its parent folder must exist. The page is its ``index.html``.
    labels : sequence of str, default=None
        Labels to choose from, at least two. The first nine have keys.
    ratings : sequence of str, default=None
        What is rated, such as ``["valence", "arousal"]``; the first is across and the second up in their plane. Either
        `labels` or `ratings` must be given.
    limits : tuple of (float, float), default=(-1, 1)
        Lowest and highest value of ratings.
    seconds : float, default=None
        Seconds of each song that are played, from its beginning; None is all.
    names : sequence of str, default=None
        Names of the songs on the page, and their paths in the saved table; None is their paths below the folder, or
        below the folder that all of `songs` have in common.
    groups : sequence of str, default=None
        Group of each song, such as its artist, which the saved table has too.
    copy_songs : bool, default=False
        Whether the recordings are copied into the folder ``songs`` beside the page, so that `out` can be sent to other
        people. A file that is there already is never replaced. Characters of names that other systems do not allow are
        replaced there by ``_``; the saved table has the names as they are.
    force : bool, default=False
        Whether an earlier page is replaced. A folder with other files than those of such a page is never used.
    verbose : int, default=0
        Above 0, a progress bar of the copies.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ValueError
        If there are no songs, a folder cannot be opened, a song is given twice or is missing, or a parameter is
        invalid.
    OSError
        If `out` cannot be written, has files that must not be replaced, or is where copies would be taken for songs.

    Warns
    -----
    UserWarning
        If songs are of kinds that browsers do not play.

    See Also
    --------
    skmer.inspection.write_label_noise_report : A page of songs with labels, the most doubtful first.
    skmer.inspection.write_timeline_page : A page of songs with predictions.
    skmer.datasets.load_csv : Loads the saved tables of one or several people.

    Notes
    -----
    A rating at the time t, a multiple of half a second, is what the slider showed at t, and stands for the half second
    that ends there. A person whose browser has answers under a name goes on with them; another person types another
    name. The page of other songs, labels or ratings begins anew.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skmer.listening import write_annotation_page
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     (Path(folder) / "songs").mkdir()
    ...     (Path(folder) / "songs" / "a.mp3").touch()
    ...     page = write_annotation_page(Path(folder) / "songs", Path(folder) / "page", labels=["happy", "sad"])
    ...     print(page.name, "songs/a.mp3" in page.read_text(encoding="utf-8"))
    index.html True
    """
    words = _check_words(labels, ratings)
    low, high = _check_limits(limits)
    if seconds is not None and not STEP <= seconds < float("inf"):
        raise ValueError(f"seconds must be a number of at least {STEP}, got {seconds!r}.")
    out = Path(out)
    check = _checker(out, force)
    check()
    files, found_names, _ = find_songs(songs)
    names = list(map(str, _check_one_each(files, found_names if names is None else names, "names")))
    _check_names(names)
    if copy_songs:
        _check_outside(songs, out)
    groups = [None] * len(files) if groups is None else _check_one_each(files, groups, "groups")
    copies = _copies(files, names, out) if copy_songs else None
    if copies is not None:
        _check_copies(files, copies)
    _warn_of_unplayed(files, names)
    links = [audio_link(path, out) for path in (copies or files)]
    groups = [None if group is None else str(group) for group in groups]
    content = {
        "kind": "labels" if labels is not None else "ratings",
        "names": words,
        "colours": [COLOURS[i % len(COLOURS)] for i in range(len(words))],
        "limits": [low, high],
        "step": STEP,
        "seconds": seconds,
        "grouped": any(group is not None for group in groups),
        "songs": [
            {"name": name, "url": link, "group": group} for name, link, group in zip(names, links, groups, strict=True)
        ],
    }
    # answers belong to these songs, labels or ratings; songs of another folder may have the same names
    sizes = [os.path.getsize(file) for file in files]
    known = json.dumps([content[key] for key in ("kind", "names", "limits", "seconds")] + [names, sizes]).encode()
    content["id"] = hashlib.sha256(known).hexdigest()[:16]
    html = _render(content)
    if copies is None:
        out.mkdir(exist_ok=True)
    else:
        _copy(files, copies, verbose)
    check()
    return atomic_write_text(out / PAGE, html)


def find_songs(songs):
    """Return the paths of audio files, their names, which are paths below one folder with ``/``, and this folder."""
    given = [songs] if isinstance(songs, str | os.PathLike) else list(songs)
    found = find_audio_files(given)
    for path, error in found:
        if error is not None:
            raise ValueError(str(error))
        if not os.path.isfile(path):
            raise ValueError(f"{path}: there is no such file. Check the path.")
    if not found:
        raise ValueError("There are no songs: pass audio files, or a folder of them.")
    files = [os.path.abspath(path) for path, _ in found]
    if twice := [path for path, n in Counter(files).items() if n > 1]:
        raise ValueError(f"{twice[0]}: this song is given twice. Give it once.")
    homes = [path if os.path.isdir(path) else os.path.dirname(path) for path in map(os.path.abspath, given)]
    try:
        home = os.path.commonpath(homes)
    except ValueError as error:  # several drives of Windows
        raise ValueError("The songs are on several drives: make a page of each.") from error
    return files, [Path(os.path.relpath(path, home)).as_posix() for path in files], home


def _render(content):
    n = f"{len(content['songs']):,} {'song' if len(content['songs']) == 1 else 'songs'}"
    if content["kind"] == "labels":
        title, lead = "Label songs", f"Listen to {n}, and choose the label that fits each best."
    else:
        *first, last = content["names"]
        what = f"{', '.join(first)} and {last}" if first else last
        title, lead = "Rate songs", f"Listen to {n}, and rate {what} while they play."
    template = environment().get_template("annotating.html")
    values = {name: content[name] for name in ("kind", "names", "colours", "grouped")}
    return render(template, content, _SCRIPTS, "startAnnotating", title=title, lead=lead, **values)


# Checks


def _check_words(labels, ratings):
    """Return the labels or the names of the ratings; raise if they cannot be told apart or be read from a table."""
    if (labels is None) == (ratings is None):
        raise ValueError("Give labels or ratings, and not both.")
    option, given = ("labels", labels) if labels is not None else ("ratings", ratings)
    words = [given] if isinstance(given, str) else [str(word).strip() for word in given]
    if len(words) < (2 if option == "labels" else 1):
        raise ValueError(f"{option} must be {'at least two words' if option == 'labels' else 'a word or more'}.")
    for i, word in enumerate(words):
        if is_missing(word) or any(ord(char) < 32 for char in word):
            raise ValueError(f"{option}: {word!r} would be read as an empty cell of a table: choose another word.")
        if _BYTES.search(word):
            raise ValueError(f"{option}: {word!r} is no valid text: choose another word.")
        if word.casefold() in [other.casefold() for other in words[:i]]:
            raise ValueError(f"{option}: {word!r} is there twice. Case makes no difference.")
        if option == "ratings" and word.casefold() in _COLUMNS:
            raise ValueError(f"ratings: {word!r} is the name of another column of the table: choose another one.")
    return words


def _check_limits(limits):
    try:
        low, high = (float(limit) for limit in limits)
    except (TypeError, ValueError):
        low = high = float("nan")
    if not (low < high and abs(low) < float("inf") and high < float("inf")):
        raise ValueError(f"limits must be the lowest and the highest rating, two numbers in order, got {limits!r}.")
    return low, high


def _check_one_each(files, values, what):
    values = list(values)
    if len(values) != len(files):
        raise ValueError(f"There are {len(files)} songs but {len(values)} {what}: give one each.")
    return values


def _check_names(names):
    """Raise ValueError for names that two songs share, or that a table would not give back."""
    if len(set(names)) < len(names):
        raise ValueError("names must differ: answers are stored and saved by name.")
    for name in names:
        if not name or name != name.strip() or _BYTES.search(name):
            raise ValueError(
                f"{name!r}: a saved table cannot name this song, because its path is empty, begins or ends with a "
                "blank, or is no valid text: rename it."
            )


def _check_outside(songs, out):
    """Raise FileExistsError if copies would be among the songs the next time."""
    copies = Path(os.path.realpath(out / SONGS))
    for folder in [songs] if isinstance(songs, str | os.PathLike) else songs:
        if copies != Path(os.path.realpath(folder)) and copies.is_relative_to(os.path.realpath(folder)):
            raise FileExistsError(
                f"{out}: this is inside {folder}, where copies would be taken for songs the next time. Name a folder "
                "outside."
            )


def _checker(out, force):
    """Return the check of the folder, before and after the work: only an earlier page needs `force`."""

    def check():
        check_page_folder(out, force or not os.path.lexists(out / PAGE), folders=(SONGS,))

    return check


def _warn_of_unplayed(files, names):
    kinds = [os.path.splitext(file)[1].lower() for file in files]
    odd = [name for name, kind in zip(names, kinds, strict=True) if kind not in _PLAYED]
    if odd:
        are = "1 song is" if len(odd) == 1 else f"{len(odd):,} songs are"
        warnings.warn(
            f"{are} of a kind that browsers do not play ({format_names(odd, most=3)}): convert to WAV, FLAC or MP3.",
            UserWarning,
            stacklevel=3,
        )


# Copies


def _copies(files, names, out):
    """Return where each song is copied: its name below the folder of songs, with safe characters only."""
    copies, taken = [], set()
    for file, name in zip(files, names, strict=True):
        suffix = os.path.splitext(file)[1]
        parts = [part for part in str(name).removesuffix(suffix).split("/") if part not in ("", ".", "..")]
        stem = "/".join(_UNSAFE.sub("_", part).rstrip(". ") or "_" for part in parts) or "_"
        suffix, n = _UNSAFE.sub("_", suffix), 1
        path = f"{stem}{suffix}"
        # file systems may ignore case
        while path.casefold() in taken:
            n += 1
            path = f"{stem}-{n}{suffix}"
        taken.add(path.casefold())
        copies.append(str(out / SONGS / path))
    return copies


def _check_copies(files, copies):
    for file, copy in zip(files, copies, strict=True):
        if os.path.lexists(copy) and not _is_same(file, copy):
            raise FileExistsError(f"{copy}: another file is there already, and is not replaced. Name a new folder.")


def _is_same(file, copy):
    return os.path.isfile(copy) and (os.path.samefile(file, copy) or filecmp.cmp(file, copy, shallow=False))


def _copy(files, copies, verbose):
    from tqdm import tqdm

    for file, copy in tqdm(list(zip(files, copies, strict=True)), desc="Copies", unit="song", disable=not verbose):
        if not os.path.lexists(copy):
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            with atomic_write(copy) as part:
                shutil.copyfile(file, part)
