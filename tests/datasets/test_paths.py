"""Paths and switches that loaders are given: what is no path, what stands where, what may not be read."""

import errno
import os
from functools import partial
from pathlib import Path

import pytest

from skmer import datasets
from skmer.datasets import load_csv, load_emotify, load_folder, load_mtg_jamendo, load_pmemo
from tests.datasets import test_pmemo as pmemo

pytestmark = pytest.mark.filterwarnings("ignore:.*are published")

COLLECTIONS = ["pmemo", "eim", "deam", "four_q", "emopia", "emotify", "mtg_jamendo"]
LOADERS = {name: getattr(datasets, f"load_{name}") for name in [*COLLECTIONS, "folder"]}
FOLDERS = {
    "pmemo": ("PMEmo2019", "metadata.csv"),
    "eim": ("emoMusic", "annotations/static_annotations.csv"),
    "deam": ("DEAM", "static_annotations.csv"),
    "four_q": ("4Q", "panda_dataset_taffc_annotations.csv"),
    "emopia": ("emopia", "labels.csv"),
    "emotify": ("emotify", "labels.csv"),
    "mtg_jamendo": ("mtg_jamendo", "splits/split-0/x.tsv"),
}


def places(tmp_path):
    """Give every path parameter, under its name, as a function of it."""
    table = tmp_path / "songs.csv"
    table.write_text("path,label\na.mp3,x\nb.mp3,y\n")
    (tmp_path / "splits" / "split-0").mkdir(parents=True)
    yield from (("data_home", loader) for loader in LOADERS.values())
    yield "path", load_csv
    yield "data_home", partial(load_csv, table)
    yield "audio_home", lambda value: load_mtg_jamendo(tmp_path, audio_home=value)


@pytest.mark.parametrize("value", [3, [1], b"/tmp", True])
def test_what_is_no_path(tmp_path, value):
    for name, load in places(tmp_path):
        with pytest.raises(TypeError, match=f"{name} must be a path"):
            load(value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "is empty"),
        ("a\0b", "has a NUL character"),
        ("~nobody-of-this-name/x", "begins with the home folder of a user whom"),
        ("x" * 5000, "is too long for this system"),
    ],
)
def test_paths_that_cannot_be(tmp_path, value, message):
    for name, load in places(tmp_path):
        with pytest.raises(ValueError, match=f"{name}.* {message}"):
            load(value)


def test_a_path_that_is_needed():
    for name, load in (("path", load_csv), ("data_home", load_folder)):
        with pytest.raises(TypeError, match=f"{name} must be a path"):
            load(None)


def test_the_environment_variable_is_named(monkeypatch):
    monkeypatch.setenv("SKMER_DATA", "~nobody-of-this-name")
    with pytest.raises(ValueError, match="SKMER_DATA begins with the home folder"):
        load_pmemo()


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("value", ["no", None, 0])
def test_check_audio_is_true_or_false(name, value):
    with pytest.raises(TypeError, match="check_audio must be True or False"):
        LOADERS[name]("nowhere", check_audio=value)


def test_check_audio_of_a_table():
    with pytest.raises(TypeError, match="check_audio must be True or False, got 'no'"):
        load_csv("nowhere.csv", check_audio="no")


@pytest.mark.parametrize("value", [None, 3, ["valence"], "Valence", b"valence"])
@pytest.mark.parametrize("name", ["pmemo", "eim", "deam", "four_q", "emopia"])
def test_task_comes_before_files(name, value):
    with pytest.raises(ValueError, match="task must be one of"):
        LOADERS[name]("nowhere", task=value)


@pytest.mark.parametrize("value", [None, "Median", [0.5], True, {}])
@pytest.mark.parametrize("name", ["pmemo", "eim", "deam"])
def test_threshold_comes_before_files(name, value):
    with pytest.raises(ValueError, match="threshold must be a number or one of"):
        LOADERS[name]("nowhere", threshold=value)


@pytest.mark.parametrize("value", [3, True, [3], [["tension"]], {"tension": 1}, "tension"])
def test_emotions_come_before_files(value):
    with pytest.raises(ValueError, match="emotions must be a list"):
        load_emotify("nowhere", emotions=value)


@pytest.mark.parametrize("value", [3, ["parent"], {}, True])
def test_groups_come_before_files(value):
    with pytest.raises(ValueError, match="groups must be None or"):
        load_folder("nowhere", groups=value)


@pytest.mark.parametrize("name", COLLECTIONS)
def test_the_folder_above_is_told_from_the_folder(tmp_path, name):
    folder, file = FOLDERS[name]
    (tmp_path / folder / file).parent.mkdir(parents=True)
    (tmp_path / folder / file).touch()
    with pytest.raises(FileNotFoundError, match=rf"its sub-folder {folder} has: pass .*{folder} as data_home"):
        LOADERS[name](tmp_path)


def test_something_else_where_a_file_or_a_folder_is_needed(tmp_path):
    table = tmp_path / "metadata.csv"
    table.mkdir()
    with pytest.raises(ValueError, match=r"metadata\.csv is a folder, but the annotations must be a file"):
        load_pmemo(tmp_path)
    with pytest.raises(ValueError, match=r"metadata\.csv is a folder"):
        load_csv(table)
    table.rmdir()
    table.touch()
    with pytest.raises(ValueError, match=r"metadata\.csv is a file, but must be a folder"):
        load_folder(table)
    pmemo.write(tmp_path)
    (tmp_path / "chorus" / "2.mp3").unlink()
    (tmp_path / "chorus" / "2.mp3").mkdir()
    with pytest.raises(FileNotFoundError, match=r"2\.mp3 \(a folder\)"):
        load_pmemo(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system makes no named pipes")
def test_named_pipes(tmp_path):
    os.mkfifo(tmp_path / "metadata.csv")
    with pytest.raises(ValueError, match=r"metadata\.csv is a named pipe"):
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
    with pytest.raises(PermissionError, match=rf"{wanted} may not be read \(Permission denied\): check its perm"):
        load_pmemo(home)
