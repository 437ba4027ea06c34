"""What holds for every loader, whichever module it is in: parameters, paths, the folder and its audio."""

import errno
import os
import sys
import warnings
from dataclasses import replace
from functools import partial
from inspect import signature
from pathlib import Path

import pytest

from skmer import datasets
from skmer.datasets import load_csv, load_emotify, load_folder, load_mtg_jamendo, load_pmemo
from skmer.datasets._published import Published
from tests.datasets import test_deam as deam
from tests.datasets import test_eim as eim
from tests.datasets import test_emopia as emopia
from tests.datasets import test_emotify as emotify
from tests.datasets import test_four_q as four_q
from tests.datasets import test_mtg_jamendo as mtg_jamendo
from tests.datasets import test_pmemo as pmemo
from tests.datasets import test_vgmidi as vgmidi

quiet = pytest.mark.filterwarnings("ignore:.*are published")

LOADERS = {name: getattr(datasets, name) for name in datasets.__all__ if name.startswith("load_")}
PARAMETERS = {name: signature(loader).parameters for name, loader in LOADERS.items()}
PUBLISHED = {
    name: next(thing for thing in vars(module).values() if isinstance(thing, Published))
    for name, loader in LOADERS.items()
    if hasattr(module := sys.modules[loader.__module__], "Published")
}
TINY = {
    "load_pmemo": pmemo, "load_eim": eim, "load_deam": deam, "load_four_q": four_q, "load_emopia": emopia,
    "load_emotify": emotify, "load_mtg_jamendo": mtg_jamendo, "load_vgmidi": vgmidi,
}  # fmt: skip


def test_every_module_of_a_collection_is_found():
    folder = Path(datasets.__file__).parent
    modules = {path.stem for path in folder.glob("*.py") if "\ndef load_" in path.read_text(encoding="utf-8")}
    assert {loader.__module__.rpartition(".")[2] for loader in LOADERS.values()} == modules
    assert len(PUBLISHED) == len(LOADERS) - 2  # all but your own folder and table


def places(tmp_path):
    """Every path parameter, under its name, as a function of it."""
    table = tmp_path / "songs.csv"
    table.write_text("path,label\na.mp3,x\nb.mp3,y\n")
    (tmp_path / "splits" / "split-0").mkdir(parents=True)
    for name, loader in LOADERS.items():
        yield next(iter(PARAMETERS[name])), loader
    yield "data_home", partial(load_csv, table)
    yield "audio_home", lambda value: load_mtg_jamendo(tmp_path, audio_home=value)


def test_paths_that_cannot_be(tmp_path):
    for name, load in places(tmp_path):
        for value in (3, [1], b"/tmp", True):
            with pytest.raises(TypeError, match=f"{name} must be a path"):
                load(value)
        for value, message in {
            "": "is empty",
            "a\0b": "contains a NUL character",
            "~nobody-of-this-name/x": "starts with the home folder of an unknown user",
            "x" * 5000: "is too long for this system",
        }.items():
            with pytest.raises(ValueError, match=f"{name}.* {message}"):
                load(value)


def test_a_path_that_is_needed():
    for name, load in (("path", load_csv), ("data_home", load_folder)):
        with pytest.raises(TypeError, match=f"{name} must be a path"):
            load(None)


def test_parameters_are_checked_before_files():
    for name, loader in LOADERS.items():
        for value in ("no", None, 0):
            with pytest.raises(TypeError, match="check_audio must be True or False"):
                loader("nowhere", check_audio=value)
        for value in (None, 3, ["valence"], "Valence", b"valence") if "task" in PARAMETERS[name] else ():
            with pytest.raises(ValueError, match="task must be one of"):
                loader("nowhere", task=value)
        for value in (None, "Median", [0.5], True, {}) if "threshold" in PARAMETERS[name] else ():
            with pytest.raises(ValueError, match="threshold must be a number or one of"):
                loader("nowhere", threshold=value)
    for value in (3, True, [3], [["tension"]], {"tension": 1}, "tension", [], ["joy"]):
        with pytest.raises(ValueError, match=r"emotions must be a list of some of .*amazement.*sadness"):
            load_emotify("nowhere", emotions=value)
    for value in (3, ["parent"], {}, True, "artist"):
        with pytest.raises(ValueError, match=r"groups must be None or .parent., got"):
            load_folder("nowhere", groups=value)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_folder_of_a_published_collection(tmp_path, monkeypatch, name):
    published, load = PUBLISHED[name], LOADERS[name]
    monkeypatch.delenv("SKMER_DATA", raising=False)
    with pytest.raises(ValueError, match=r"pass data_home .*, or set the environment variable SKMER_DATA") as error:
        load()
    assert published.source in str(error.value)
    monkeypatch.setenv("SKMER_DATA", "~nobody-of-this-name")
    with pytest.raises(ValueError, match="SKMER_DATA starts with the home folder"):
        load()
    monkeypatch.setenv("SKMER_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=rf"^No such folder: {tmp_path / published.folder}\. ") as error:
        load()
    assert published.source in str(error.value)
    file = tmp_path / published.folder / published.files[-1]
    file.parent.mkdir(parents=True)
    file.touch()
    with pytest.raises(FileNotFoundError, match=rf"its sub-folder {published.folder} has: pass .* instead"):
        load(tmp_path)


@quiet
@pytest.mark.parametrize("name", TINY)
def test_every_table_is_needed(tmp_path, monkeypatch, name):
    home = TINY[name].write(tmp_path / PUBLISHED[name].folder)
    monkeypatch.setenv("SKMER_DATA", str(tmp_path))
    assert len(LOADERS[name]().data) >= 3
    tables = [path for path in home.rglob("*") if path.suffix in (".csv", ".tsv")]
    assert tables
    for path in tables:
        content = path.read_bytes()
        path.write_bytes(b"")
        with pytest.raises(ValueError, match=f"{path.name} is empty"):
            LOADERS[name]()
        path.unlink()
        with pytest.raises(FileNotFoundError, match=rf"^No such file: .*{path.name}\. ") as error:
            LOADERS[name]()
        assert PUBLISHED[name].source in str(error.value)
        path.write_bytes(content)


@quiet
@pytest.mark.parametrize("name", TINY)
def test_every_song_has_its_audio_and_all_audio_is_of_songs(tmp_path, name):
    home = TINY[name].write(tmp_path)
    first = Path(LOADERS[name](home).data[0])
    (first.parent / ".DS_Store").touch()
    other = first.with_name("Zugabe.mp3")
    other.touch()
    if name == "load_mtg_jamendo":
        LOADERS[name](home)  # most tracks of the whole collection have no mood tag
    else:
        with pytest.raises(
            ValueError, match=r"^1 audio file has no row in .*Zugabe\.mp3\. Get the table again .*move the audio away"
        ):
            LOADERS[name](home)
    assert len(LOADERS[name](home, check_audio=False).data) >= 3
    other.unlink()
    first.unlink()
    message = rf"1 of the .* has no audio file: .*{first.stem}"
    with pytest.raises(FileNotFoundError, match=message) as error:
        LOADERS[name](home)
    assert PUBLISHED[name].source in str(error.value)
    assert LOADERS[name](home, check_audio=False).data[0].startswith(str(first.with_suffix("")))


@quiet
@pytest.mark.parametrize("name", ["2.MP3", "2.wav", "2.Flac"])
def test_audio_of_another_extension_or_case(tmp_path, name):
    (pmemo.write(tmp_path) / "chorus" / "2.mp3").rename(tmp_path / "chorus" / name)
    message = rf"no audio file: .*2\.mp3\. .*chorus/{name} differs from it in extension or case: .* be called 2\.mp3"
    with pytest.raises(FileNotFoundError, match=message):
        load_pmemo(tmp_path)


@pytest.mark.parametrize(
    ("name", "warning", "described"),
    [
        ("load_pmemo", r"static_annotations\.csv has 3 songs, but 767", "Loaded: 3 songs; published: 767."),
        ("load_eim", r"static_annotations\.csv has 3 songs, but 744", "Loaded: 3 songs; published: 744."),
        (
            "load_deam", r"1_2000\.csv has 2 songs, but 1,744 .*2058\.csv has 1 song, but 58 ",
            "Loaded: 3 songs; published: 1,802.",
        ),
        ("load_four_q", r"annotations\.csv has 4 songs, but 900", "Loaded: 4 songs; published: 900."),
        ("load_emopia", r"labels\.csv has 5 clips, but 1,078", "Loaded: 5 clips; published: 1,078."),
        ("load_emotify", r"labels\.csv has 3 songs, but 400", "Loaded: 3 songs; published: 400."),
        (
            "load_mtg_jamendo",
            r"train\.tsv has 2 tracks, but 9,949 .*validation\.tsv has 1 .*3,802 .*test\.tsv has 1 .*4,231 ",
            "Loaded: 4 tracks; published: 9,949/3,802/4,231 in split-0.",
        ),
    ],
)  # fmt: skip
def test_other_numbers_than_published_are_warned_of_once(tmp_path, name, warning, described):
    with pytest.warns(UserWarning, match=rf"{warning}.*are published: it may be cut short\.") as caught:
        songs = LOADERS[name](TINY[name].write(tmp_path))
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert songs.DESCR.splitlines()[-1] == described


def test_the_published_number_is_not_warned_of(tmp_path, monkeypatch):
    path = pmemo.write(tmp_path) / "annotations" / "static_annotations.csv"
    for n_songs, message in ((3, None), (2, "2 are published: it may be of another edition")):
        monkeypatch.setattr("skmer.datasets.pmemo.PMEMO", replace(PUBLISHED["load_pmemo"], n_songs=n_songs))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            load_pmemo(tmp_path)
        assert [message in str(warning.message) for warning in caught] == ([] if message is None else [True])
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    with pytest.warns(UserWarning, match="2 are published, and its last line has no newline at its end: it may be"):
        load_pmemo(tmp_path)


@quiet
def test_something_else_where_a_file_or_a_folder_is_needed(tmp_path):
    table = tmp_path / "metadata.csv"
    table.touch()
    with pytest.raises(ValueError, match=r"metadata\.csv is a file, but must be a folder"):
        load_folder(table)
    if hasattr(os, "mkfifo"):
        table.unlink()
        os.mkfifo(table)
        with pytest.raises(ValueError, match=r"metadata\.csv is a named pipe, but must be a file of annotations"):
            load_pmemo(tmp_path)
        table.unlink()
    pmemo.write(tmp_path)
    (tmp_path / "chorus" / "2.mp3").unlink()
    (tmp_path / "chorus" / "2.mp3").mkdir()
    with pytest.raises(FileNotFoundError, match=r"2\.mp3 \(a folder\)"):
        load_pmemo(tmp_path)


def refused(path):
    raise PermissionError(errno.EACCES, "Permission denied", str(path))


@pytest.mark.parametrize("name", ["metadata.csv", "chorus", "chorus/2.mp3", "."])
def test_what_may_not_be_read(tmp_path, monkeypatch, name):
    home = pmemo.write(tmp_path / "home")
    wanted, old_stat, old_read, old_list = home / name, os.stat, Path.read_bytes, Path.iterdir
    if name in ("chorus/2.mp3", "."):
        monkeypatch.setattr(os, "stat", lambda p, **k: refused(p) if p == wanted else old_stat(p, **k))
    monkeypatch.setattr(Path, "read_bytes", lambda p: refused(p) if p == wanted else old_read(p))
    monkeypatch.setattr(Path, "iterdir", lambda p: refused(p) if p == wanted else old_list(p))
    with pytest.raises(PermissionError, match=rf"{wanted} cannot be read \(Permission denied\): check its perm"):
        load_pmemo(home)
