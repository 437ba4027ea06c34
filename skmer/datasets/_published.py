"""Published: location and size of a published collection, and checks of its audio."""

import os
import warnings
from dataclasses import dataclass

from skmer.datasets._paths import check_folder, is_file, list_folder, path_kind, to_path
from skmer.datasets._tables import read_table


@dataclass(frozen=True)
class Published:
    """Description of a published collection.

    `folder` is its folder in ``$SKMER_DATA``, `files` are some of its files, by which the folder is recognised,
    `n_songs` is the published number of songs, or a tuple with that of each table, and `source` is a sentence for
    error messages on where to get the collection.
    """

    folder: str
    files: tuple
    n_songs: int | tuple
    source: str
    descr: str
    unit: str = "song"

    def find(self, data_home):
        """Return the folder of the collection: `data_home`, or `folder` below ``$SKMER_DATA``."""
        if data_home is None:
            root = os.environ.get("SKMER_DATA")
            if not root:
                raise ValueError(
                    f"No folder is given for {self.folder}: pass data_home (--data-home on the command line), or set "
                    f"the environment variable SKMER_DATA to the folder above {self.folder}. {self.source}"
                )
            home = to_path(root, "The environment variable SKMER_DATA") / self.folder
        else:
            home = to_path(data_home, "data_home")
        check_folder(home, home, self.source)
        if all(path_kind(home / name) == "nothing" for name in self.files):
            below = [name for name in self.files if path_kind(home / self.folder / name) != "nothing"]
            if below:
                raise FileNotFoundError(
                    f"{home} has no {below[0]}, but its sub-folder {self.folder} has: pass {home / self.folder} "
                    "instead."
                )
        return home

    def read_table(self, paths, columns, **options):
        """Read a table of the collection."""
        return read_table(paths, columns, self.source, **options)

    def check_audio(self, paths, table, spare=(), roster=None):
        """Raise an error for songs without audio, and for audio without a song; return the audio of `spare` songs.

        `table` lists the songs, and `spare` are paths of songs of the collection without a label, which `roster` lists
        too.
        """
        missing = [path for path in paths if not is_file(path)]
        if missing:
            raise missing_audio(missing, f"of the songs in {table}", self.source)
        known, spare = set(paths), set(spare)
        present = [path for folder in sorted({path.parent for path in paths}) for path in list_folder(folder)]
        # names that begin with a dot are the operating system's
        extra = [path for path in present if path not in known and not path.name.startswith(".") and is_file(path)]
        unknown = [path for path in extra if path not in spare]
        if unknown:
            raise ValueError(
                f"{count(len(unknown), 'audio file has', 'audio files have')} no row in {roster or table}: "
                f"{first_three(unknown)}. Get the table again if it was cut short; otherwise move the audio away (in "
                "Python, check_audio=False ignores it)."
            )
        return extra

    def find_audio(self, folder, name):
        """Return the path of a song's audio in one of three formats; that of a FLAC file if there is none."""
        paths = [folder / f"{name}{extension}" for extension in (".flac", ".wav", ".mp3")]
        present = [path for path in paths if is_file(path)]
        if len(present) > 1:
            raise ValueError(
                f"The {self.unit} {name} has {len(present)} audio files, {', '.join(map(str, present))}: keep one of "
                "them."
            )
        return present[0] if present else paths[0]

    def check_size(self, table):
        """Warn if a table does not have the published number of songs; subsets are allowed, so this is no error."""
        published = self.n_songs if isinstance(self.n_songs, tuple) else (self.n_songs,)
        other = [(*file, n) for file, n in zip(table.files, published, strict=True) if file[1] != n]
        if other:
            parts = [
                f"{path} has {count(n_rows, self.unit)}, but {n:,} are published"
                + (", and its last line has no newline at its end" if unended else "")
                for path, n_rows, unended, n in other
            ]
            fewer = any(n_rows < n for _, n_rows, _, n in other)
            why = "it may be cut short" if fewer else "it may be of another edition"
            # 3: the line that calls the loader
            warnings.warn(f"{'; '.join(parts)}: {why}.", UserWarning, stacklevel=3)

    def describe(self, n_songs, published=None):
        """Return the description of the data, with the number of songs that were loaded."""
        if published is None:
            published = f"{self.n_songs if isinstance(self.n_songs, int) else sum(self.n_songs):,}"
        return f"{self.descr}\nLoaded: {count(n_songs, self.unit)}; published: {published}."


def missing_audio(missing, songs, source):
    """Return the error for songs without an audio file."""
    names = [str(p) if (kind := path_kind(p)) == "nothing" else f"{p} ({kind})" for p in missing[:3]]
    has = count(len(missing), f"{songs} has", f"{songs} have")
    return FileNotFoundError(
        f"{has} no audio file: {first_three([*names, *missing[3:]])}.{similar_file(missing)} {source}"
    )


def similar_file(missing):
    """Return a hint at a file whose name differs from a missing one only in extension or case, or ""."""
    listed: dict = {}
    for path in missing:
        folder = path.parent
        if folder not in listed:
            inside = list_folder(folder) if path_kind(folder) == "a folder" else []
            listed[folder] = {one.stem.casefold(): one for one in reversed(inside) if not one.name.startswith(".")}
        found = listed[folder].get(path.stem.casefold())
        if found is not None and found.name != path.name:
            return f" {found} differs from it in extension or case: the file must be called {path.name}."
    return ""


def count(number, one, many=None):
    """Return a number and what it counts: "1 file is", "2 files are"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def first_three(names):
    """Return up to three names, separated by commas."""
    return ", ".join(map(str, names[:3])) + (", ..." if len(names) > 3 else "")
