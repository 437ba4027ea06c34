"""Tables and names in a line; files and folders are whole or as they were, whatever goes wrong."""

import csv
import hashlib
import io
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skmer import _io
from skmer._io import (
    atomic_folder,
    atomic_write,
    atomic_write_text,
    csv_writer,
    file_digest,
    format_names,
    is_partial,
    markdown_table,
)
from skmer.cli._lines import line_writer
from skmer.inspection import FilePrediction


def fail(*_):
    raise OSError("no space")


def test_columns_are_aligned_as_text_too():
    lines = markdown_table(["system", "a"], [["x", "1"], ["longer name", "10.5"]]).splitlines()
    assert lines == [
        "| system      |    a |",
        "|-------------|-----:|",
        "| x           |    1 |",
        "| longer name | 10.5 |",
    ]


def test_names_in_a_line():
    assert format_names([1, "b", "c"], 2) == "1, b and 1 more"
    assert format_names(["a", "b"], 2) == format_names(["a", "b"]) == "a, b"
    assert format_names([]) == ""


def test_files_are_whole_or_as_they_were(tmp_path, monkeypatch):
    path = atomic_write_text(tmp_path / "new" / "t.txt", "é")
    assert path.read_text(encoding="utf-8") == "é"
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", fail)
        with pytest.raises(OSError, match="no space"):
            atomic_write_text(path, "half")
    assert path.read_text(encoding="utf-8") == "é"
    assert [p.name for p in path.parent.iterdir()] == ["t.txt"]
    atomic_write_text(path, "text")
    assert path.read_text() == "text"


def break_off(path, error):
    path.write_text("half")
    raise error


def names(folder):
    return sorted(os.listdir(folder))


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def report(tmp_path):
    """A folder with a page, in a folder of its own."""
    folder = tmp_path / "home" / "report"
    folder.mkdir(parents=True)
    (folder / "page").write_text("earlier")
    return folder


def test_a_file_has_its_name_once_the_block_has_ended(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_write(path) as part:
        assert part.parent == tmp_path
        assert is_partial(part.name)
        part.write_text("first")
        assert not path.exists()
    with atomic_write(str(path)) as part, atomic_write(path) as other:
        assert part != other
        part.write_text("outer")
        other.write_text("inner")
    assert path.read_text() == "outer"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_the_file_as_it_was(tmp_path, error):
    path = atomic_write_text(tmp_path / "a.txt", "earlier")
    with pytest.raises(error) as caught, atomic_write(path) as part:
        break_off(part, error)
    assert path.read_text() == "earlier"
    assert names(tmp_path) == ["a.txt"]
    assert not hasattr(caught.value, "__notes__")


def test_a_part_with_something_in_it_is_kept_on_demand(tmp_path):
    with pytest.raises(KeyboardInterrupt), atomic_write(tmp_path / "empty", keep_part=True):
        raise KeyboardInterrupt
    assert names(tmp_path) == []
    with pytest.raises(KeyboardInterrupt) as caught, atomic_write(tmp_path / "a.txt", keep_part=True) as part:
        break_off(part, KeyboardInterrupt)
    kept = part.with_name(part.name.removeprefix("."))
    assert caught.value.__notes__ == [f"What was finished is in {kept}."]
    assert kept.read_text() == "half"
    kept.unlink()
    for words in ("Two lines are in", ""):
        with (
            pytest.raises(KeyboardInterrupt) as caught,
            atomic_write(tmp_path / "a", lambda words=words: words) as part,
        ):
            break_off(part, KeyboardInterrupt)
        kept = part.with_name(part.name.removeprefix("."))
        assert getattr(caught.value, "__notes__", []) == [f"{words} {kept}."] * bool(words)
        assert (kept.exists(), part.exists()) == (bool(words), False)


def test_a_link_stays_a_link(tmp_path, report):
    link = tmp_path / "link"
    link.symlink_to(report / "page")
    atomic_write_text(link, "new")
    assert link.is_symlink()
    assert (report / "page").read_text() == "new"
    (tmp_path / "ahead").symlink_to(report / "coming")
    atomic_write_text(tmp_path / "ahead", "here")
    assert (report / "coming").read_text() == "here"
    (tmp_path / "folder").symlink_to(report)
    with atomic_folder(tmp_path / "folder") as part:
        assert part.parent == report.parent
    assert (tmp_path / "folder").is_symlink()
    assert names(report) == []
    assert names(report.parent) == ["report"]
    (tmp_path / "round").symlink_to(tmp_path / "round")
    for whole in (atomic_write, atomic_folder):
        with pytest.raises(OSError, match="refers to itself"), whole(tmp_path / "round"):
            pytest.fail("the block is run")


def test_devices_and_pipes_are_written_as_they_are(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (os.devnull, tmp_path / "pipe"):
        before = os.stat(path)
        with atomic_write(path) as part:
            assert str(part) == str(path)
        assert os.path.samestat(os.stat(path), before)
    assert names(tmp_path) == ["pipe"]


def test_permissions_are_those_of_any_new_file_or_of_the_earlier_one(tmp_path):
    (tmp_path / "usual").touch()
    (tmp_path / "usual folder").mkdir()
    path, folder = tmp_path / "a.txt", tmp_path / "folder"
    for _ in range(2):
        atomic_write_text(path, "text")
        with atomic_folder(folder):
            pass
    assert (mode(path), mode(folder)) == (mode(tmp_path / "usual"), mode(tmp_path / "usual folder"))
    path.chmod(0o640)
    folder.chmod(0o750)
    atomic_write_text(path, "text")
    with atomic_folder(folder):
        pass
    assert (mode(path), mode(folder)) == (0o640, 0o750)


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "\N{MUSICAL SYMBOL G CLEF}" * 63])
def test_names_may_be_as_long_as_names_may_be(tmp_path, name):
    assert atomic_write_text(tmp_path / name, "text").read_text() == "text"


def test_what_cannot_be_written_is_refused_before_the_block(tmp_path, report, monkeypatch):
    below = report / "below"
    below.mkdir()

    def refused(whole, path, words, error=OSError):
        with pytest.raises(error, match=words), whole(path):
            pytest.fail("the block is run")

    refused(atomic_write, report, "this is a folder", IsADirectoryError)
    refused(atomic_folder, report / "page", "this is a file", NotADirectoryError)
    for whole in (atomic_write, atomic_folder):
        refused(whole, tmp_path / "no" / "x", "the folder .*no cannot be written to", FileNotFoundError)
    refused(atomic_folder, "/", "cannot be replaced")
    with monkeypatch.context() as patch:
        patch.setattr("os.path.ismount", lambda path: True)
        refused(atomic_folder, report, "mount point")
    for here in (report, below):
        monkeypatch.chdir(here)
        refused(atomic_folder, report, "this is the current folder")
        refused(atomic_folder, ".", "this is the current folder")
    assert names(report) == ["below", "page"]
    assert names(report.parent) == ["report"]


def test_a_folder_is_replaced_once_the_block_has_ended(report):
    theirs = report.parent / ".report.01234567.part"
    theirs.mkdir()
    with atomic_folder(report) as part:
        assert is_partial(part.name)
        assert names(part) == []
        (part / "new").touch()
        assert names(report) == ["page"]
    assert names(report) == ["new"]
    assert names(report.parent) == [theirs.name, "report"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_the_folder_as_it_was(report, error):
    for path in (report, report.parent / "new"):
        with pytest.raises(error), atomic_folder(path) as part:
            break_off(part / "half", error)
    assert names(report) == ["page"]
    assert names(report.parent) == ["report"]


@pytest.mark.parametrize("nth", [1, 2])
def test_where_a_folder_cannot_be_renamed_the_earlier_one_stays_and_the_work_is_kept(report, monkeypatch, nth):
    real, calls = os.replace, []

    def replace(*paths):
        calls.append(paths)
        if len(calls) == nth:
            raise OSError("busy")
        real(*paths)

    monkeypatch.setattr("os.replace", replace)
    with pytest.raises(OSError, match="busy") as caught, atomic_folder(report) as part:
        (part / "new").touch()
    assert caught.value.__notes__ == [f"What was finished is in {part}."]
    assert names(part) == ["new"]
    assert (report / "page").read_text() == "earlier"
    assert names(report.parent) == sorted([part.name, "report"])


def test_where_the_earlier_folder_cannot_be_put_back_it_is_named(report, monkeypatch):
    real = os.replace

    def replace(old, new):
        if new == report:
            raise OSError("busy")
        real(old, new)

    monkeypatch.setattr("os.replace", replace)
    with pytest.raises(OSError, match="busy") as caught, atomic_folder(report) as part:
        (part / "new").touch()
    old = part.with_suffix(".old")
    assert caught.value.__notes__ == [f"The earlier folder is {old}.", f"What was finished is in {part}."]
    assert names(old) == ["page"]
    assert not is_partial(old.name)


def test_a_folder_that_came_meanwhile_is_not_replaced(tmp_path):
    path = tmp_path / "report"
    with pytest.raises(OSError) as caught, atomic_folder(path) as part:
        atomic_write_text(path / "theirs", "text")
    assert str(part) in caught.value.__notes__[0]
    assert names(path) == ["theirs"]


def test_an_earlier_folder_that_cannot_be_removed_is_named(report, monkeypatch):
    monkeypatch.setattr(shutil, "rmtree", fail)
    with pytest.warns(UserWarning, match=r"delete .*\.old") as caught, atomic_folder(report) as part:
        (part / "new").touch()
    assert caught[0].filename == __file__
    assert names(report) == ["new"]


def test_what_a_killed_process_leaves_has_a_name_to_tell_it_by(report):
    code = (
        "import os\nfrom skmer._io import atomic_write, atomic_folder\n"
        "with atomic_write('a.txt'), atomic_folder('report'): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=report.parent, check=False).returncode == -9
    left = names(report.parent)
    assert [is_partial(name) for name in left] == [True, True, False]
    assert [name[:-14] for name in left[:2]] == [".a.txt", ".report"]
    assert not any(map(is_partial, ["a.part", ".a.part", ".a.0123456.part", ".a.01234567.part.wav", ".01234567.part"]))


@pytest.mark.parametrize("cell", ["a", "a\rb", "a\nb", "a\r\nb", "\r\n", "\r", 'a"\r', "a,b", ""])
def test_rows_come_back(cell):
    stream = io.StringIO(newline="")
    csv_writer(stream).writerows([[cell, "last"], ["first", cell]])
    text = stream.getvalue()
    assert list(csv.reader(io.StringIO(text, newline=""))) == [[cell, "last"], ["first", cell]]
    assert text.endswith("\n")
    assert text.count("\r\n") == 2 * cell.count("\r\n")


def test_a_prediction_of_a_file_with_line_breaks_in_its_name():
    stream = io.StringIO(newline="")
    write = line_writer(stream, "csv", np.array(["calm"]), "song")
    write(FilePrediction("a\rb\n.wav", None, error="no audio"))
    write(FilePrediction("c.wav", None, error="no audio"))
    rows = list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))
    assert [row["file"] for row in rows] == ["a\rb\n.wav", "c.wav"]
    assert stream.getvalue().startswith("file,emotion,p_calm,seconds,n_segments,warning,error\n")
    assert stream.getvalue().endswith("\nc.wav,,,,,,no audio\n")


def test_the_digest_is_sha256(tmp_path):
    path = tmp_path / "a.bin"
    for contents in (b"", b"one", b"two", b"other"):
        path.write_bytes(contents)
        assert file_digest(path) == file_digest(str(path)) == hashlib.sha256(contents).hexdigest()


def test_a_file_that_stands_is_read_once(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    path.write_bytes(b"one")
    os.utime(path, (1, 1))
    reads = []
    digest = hashlib.file_digest
    monkeypatch.setattr(_io.hashlib, "file_digest", lambda file, kind: reads.append(file) or digest(file, kind))
    monkeypatch.chdir(tmp_path)
    assert len({file_digest(p) for p in (path, str(path), "a.bin", Path("a.bin"))}) == 1
    assert len(reads) == 1
    before = file_digest(path)
    # as a copy that keeps the time and the size
    other = tmp_path / "b.bin"
    other.write_bytes(b"two")
    os.utime(other, (1, 1))
    os.replace(other, path)
    assert file_digest(path) != before
    assert len(reads) == 2


def test_what_is_no_file_is_an_error(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(OSError):
            file_digest(path)
