"""What the loaders share: the paths that they are given, the number of songs, and the audio beside a table."""

import errno
import os
import stat
import warnings
from pathlib import Path

import numpy as np

_KINDS = (
    (stat.S_ISREG, "a file"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode), "a device"),
)


def to_path(value, name):
    """Give the absolute path that the parameter `name` means."""
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a path, a str or a pathlib.Path, got {value!r}.")
    if not text.strip() or "\0" in text:
        wrong = "has a NUL character in it" if "\0" in text else "is empty"
        raise ValueError(f"{name} {wrong}: give a path, such as '.' for the folder that you are in; got {text!r}.")
    try:
        path = Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(
            f"{name} begins with the home folder of a user whom this system does not know: write the path in full, "
            f"got {text!r}."
        ) from error
    try:
        kind_of(path)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return path


def check_flag(value, name):
    """Refuse what is neither True nor False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}.")


def kind_of(path):
    """Say what stands at a path: "a file", "nothing", or another kind of thing in words; links are followed."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            text = os.fspath(path)
            raise ValueError(
                f"the path {text[:60]}... of {len(text):,} characters, or a name in it, is too long for this system."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise _not_allowed(path, error) from error
        if error.errno == errno.ELOOP:
            return "a link that leads back to itself"
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return "a link to nothing" if os.path.islink(path) else "nothing"
        raise
    return next((kind for holds, kind in _KINDS if holds(mode)), "of an unknown kind")


def _not_allowed(path, error):
    return PermissionError(f"{path} may not be read ({error.strerror}): check its permissions and its folder's.")


def read_file(path, source):
    """Give the bytes of a file of annotations."""
    kind = kind_of(path)
    if kind == "nothing":
        raise FileNotFoundError(f"The annotations {path} are missing. {source}")
    if kind == "a link to nothing":
        raise FileNotFoundError(f"{path} is {kind}, but the annotations must stand there. {source}")
    if kind != "a file":
        raise ValueError(f"{path} is {kind}, but the annotations must be a file. {source}")
    try:
        return path.read_bytes()
    except PermissionError as error:
        raise _not_allowed(path, error) from error


def list_folder(folder):
    """Give the paths in a folder, sorted."""
    try:
        return sorted(Path(folder).iterdir())
    except PermissionError as error:
        raise _not_allowed(folder, error) from error
    except OSError as error:
        raise ValueError(f"{folder}: the folder cannot be opened ({error.strerror}).") from error


def check_folder(folder, what, source):
    """Refuse a path at which no folder stands; `what` is how the error calls it."""
    kind = kind_of(folder)
    if kind in ("nothing", "a link to nothing"):
        raise FileNotFoundError(f"There is no folder {what}. {source}")
    if kind != "a folder":
        raise ValueError(f"{what} is {kind}, but must be a folder. {source}")


def resolve_data_home(data_home, name, source, holds):
    """Give the folder of a collection: `data_home`, or `$SKMER_DATA/name`.

    `source` says in words where the collection comes from; errors quote it. `holds` are paths
    in the folder: where it has none of them, but its sub-folder `name` has, the error says so.
    """
    if data_home is None:
        root = os.environ.get("SKMER_DATA")
        if not root:
            raise ValueError(
                f"Nothing says where {name} is: pass data_home, or set the environment variable SKMER_DATA "
                f"to the folder above {name}. {source}"
            )
        folder = to_path(root, "The environment variable SKMER_DATA") / name
    else:
        folder = to_path(data_home, "data_home")
    check_folder(folder, folder, source)
    if all(kind_of(folder / part) == "nothing" for part in holds):
        below = [part for part in holds if kind_of(folder / name / part) != "nothing"]
        if below:
            raise FileNotFoundError(
                f"{folder} has no {below[0]}, but its sub-folder {name} has: pass {folder / name} as data_home."
            )
    return folder


def check_counts(tables, unit="song"):
    """Warn once where tables do not hold the published number of songs.

    `tables` are (path, number of rows, published number, whether the last line has no end). Fewer rows
    may be a subset that somebody made on purpose: hence no error.
    """
    other = [table for table in tables if table[1] != table[2]]
    if not other:
        return
    said = [
        f"{path} has {plural(n_rows, unit, unit + 's')}, but {n_published:,} are published"
        + (", and its last line has no newline at its end" if unended else "")
        for path, n_rows, n_published, unended in other
    ]
    fewer = any(n_rows < n_published for _, n_rows, n_published, _ in other)
    what = "it may be cut short" if fewer else "it may be of another edition"
    # 3: the line of the user that calls the loader
    warnings.warn("; ".join(said) + f": {what}.", UserWarning, stacklevel=3)


def describe(text, n_songs, published, unit="song"):
    """Add to a description how many songs were loaded; `published` is a number, or says it in words."""
    published = published if isinstance(published, str) else f"{published:,}"
    return f"{text}\nLoaded: {plural(n_songs, unit, unit + 's')}; published: {published}."


def check_audio_files(paths, table, source, is_spare=lambda path: False, roster=None):
    """Refuse songs without audio, and audio files beside them that no song names.

    Files whose names begin with a dot are the operating system's and are passed over. Those
    that `is_spare` accepts belong to the collection without having a label; they are returned.
    `roster` is the table that names them all, where `table`, which names the songs, does not.
    """
    kinds = {path: kind_of(path) for path in paths}
    missing = [path for path, kind in kinds.items() if kind != "a file"]
    if missing:
        raise missing_audio(missing, f"of the songs in {table}", source)
    present = (path for folder in sorted({path.parent for path in paths}) for path in list_folder(folder))
    extra = [
        path for path in present if path not in kinds and not path.name.startswith(".") and kind_of(path) == "a file"
    ]
    unknown = [path for path in extra if not is_spare(path)]
    if unknown:
        what = f"no row in {roster or table}"
        raise ValueError(
            some(unknown, "file beside the audio has", "files beside the audio have", what)
            + " Either the table lacks rows, as one that was cut short does: get it again. Or the audio is of no song: "
            "move it away, or pass check_audio=False to leave it out."
        )
    return extra


def missing_audio(missing, of, source):
    """Give the error of songs without an audio file."""
    kinds = [kind_of(path) for path in missing[:3]]
    names = [str(path) if kind == "nothing" else f"{path} ({kind})" for path, kind in zip(missing, kinds, strict=False)]
    told = some([*names, *missing[3:]], f"{of} has", f"{of} have", "no audio file")
    return FileNotFoundError(f"{told}{beside(missing)} {source}")


def beside(missing):
    """Say which file stands beside a missing one and has its name but for ending or case; "" if none does."""
    listed: dict = {}
    for path in missing:
        folder = path.parent
        if folder not in listed:
            inside = list_folder(folder) if kind_of(folder) == "a folder" else []
            listed[folder] = {one.stem.casefold(): one for one in reversed(inside) if not one.name.startswith(".")}
        found = listed[folder].get(path.stem.casefold())
        if found is not None and found.name != path.name:
            return f" Beside stands {found}, of another ending or case: the file must be called {path.name}."
    return ""


def plural(number, one, many):
    """Say a number before what it counts: "1 file is", "2 files are"."""
    return f"{number:,} {one if number == 1 else many}"


def some(paths, one, many, what):
    """Say how many paths there are of a kind, and name the first three."""
    names = ", ".join(map(str, paths[:3])) + (", ..." if len(paths) > 3 else "")
    return f"{plural(len(paths), one, many)} {what}: {names}."
