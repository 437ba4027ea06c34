"""write_annotation_page and skmer annotate: what is found, named, copied and refused; tests/browser tests the page."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from skmer.cli import main
from skmer.listening import write_annotation_page


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def songs():
    for name in ("b.mp3", "a/1.wav", "a/2 #1?.ogg"):
        Path("songs", name).parent.mkdir(parents=True, exist_ok=True)
        Path("songs", name).write_bytes(name.encode())
    return Path("songs")


def content(page):
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', page.read_text(encoding="utf-8"))
    return json.loads(found[1])


def test_songs_are_named_below_their_folder_and_linked_from_the_page(songs):
    page = write_annotation_page(songs, "page", labels=["happy", "sad"])
    assert page == Path("page", "index.html")
    found = content(page)
    assert [(song["name"], song["url"]) for song in found["songs"]] == [
        ("b.mp3", "../songs/b.mp3"),
        ("a/1.wav", "../songs/a/1.wav"),
        ("a/2 #1?.ogg", "../songs/a/2%20%231%3F.ogg"),
    ]
    assert (found["kind"], found["names"], found["seconds"]) == ("labels", ["happy", "sad"], None)
    assert os.listdir("page") == ["index.html"]


def test_several_folders_and_files_are_named_below_the_folder_they_share(songs):
    Path("more").mkdir()
    Path("more/c.mp3").touch()
    page = write_annotation_page(["songs/a", "more/c.mp3"], "page", ratings=["valence"], limits=(1, 9), seconds=30)
    found = content(page)
    assert [song["name"] for song in found["songs"]] == ["songs/a/1.wav", "songs/a/2 #1?.ogg", "more/c.mp3"]
    assert (found["limits"], found["step"], found["seconds"]) == ([1, 9], 0.5, 30)
    given = write_annotation_page("songs/a", "named", labels=["x", "y"], names=["one", "two"], groups=["g", 5])
    assert [(song["name"], song["group"]) for song in content(given)["songs"]] == [("one", "g"), ("two", "5")]


def test_answers_belong_to_songs_and_labels(songs):
    def identity(name, **options):
        return content(write_annotation_page(songs, name, **options))["id"]

    one = identity("1", labels=["x", "y"])
    assert one == identity("2", labels=["x", "y"], copy_songs=True)
    assert len({one, identity("3", labels=["x", "z"]), identity("4", ratings=["x", "y"])}) == 3
    Path("songs/b.mp3").write_bytes(b"another song of this name")
    assert identity("5", labels=["x", "y"]) != one
    Path("songs/b.mp3").write_bytes(b"b.mp3")
    assert identity("6", labels=["x", "y"]) == one
    Path("songs/z.mp3").touch()
    assert identity("7", labels=["x", "y"]) != one


def test_copies_keep_their_folders_and_are_never_replaced(songs):
    page = write_annotation_page(songs, "page", labels=["x", "y"], copy_songs=True)
    urls = [song["url"] for song in content(page)["songs"]]
    assert urls == ["songs/b.mp3", "songs/a/1.wav", "songs/a/2%20_1_.ogg"]
    assert [song["name"] for song in content(page)["songs"]][2] == "a/2 #1?.ogg"
    assert Path("page/songs/a/2 _1_.ogg").read_bytes() == b"a/2 #1?.ogg"
    copied = Path("page/songs/b.mp3").stat()
    with pytest.raises(FileExistsError, match="a page exists already"):
        write_annotation_page(songs, "page", labels=["x", "z"], copy_songs=True)
    write_annotation_page(songs, "page", labels=["x", "z"], copy_songs=True, force=True)
    assert content(page)["names"] == ["x", "z"]
    assert Path("page/songs/b.mp3").stat().st_mtime_ns == copied.st_mtime_ns
    Path("page/songs/b.mp3").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"songs/b\.mp3: another file is there already, and is not replaced"):
        write_annotation_page(songs, "page", labels=["x", "y"], copy_songs=True, force=True)
    assert Path("page/songs/b.mp3").read_bytes() == b"mine"
    assert content(page)["names"] == ["x", "z"]


def test_copies_whose_names_other_systems_hold_to_be_the_same(songs):
    for name in ("2 _1_.ogg", "2 _1_.OGG"):
        Path("songs/a", name).write_text(name)
    write_annotation_page(songs, "page", labels=["x", "y"], copy_songs=True)
    found = sorted(path.name for path in Path("page/songs/a").iterdir())
    assert len(found) == len({name.casefold() for name in found}) == 4


def test_copies_have_the_names_that_are_given_and_their_extensions(songs):
    options = {"labels": ["x", "y"], "copy_songs": True}
    page = write_annotation_page(songs, "page", names=["one", "../two", "three.ogg"], **options)
    assert [song["url"] for song in content(page)["songs"]] == ["songs/one.mp3", "songs/two.wav", "songs/three.ogg"]


def test_a_page_beside_the_songs(songs):
    write_annotation_page(songs, ".", labels=["x", "y"], copy_songs=True)
    assert content(Path("index.html"))["songs"][0]["url"] == "songs/b.mp3"
    assert Path("songs/b.mp3").read_bytes() == b"b.mp3"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Give labels or ratings, and not both"),
        ({"labels": ["x", "y"], "ratings": ["z"]}, "Give labels or ratings, and not both"),
        ({"labels": ["x"]}, "labels must be at least two words"),
        ({"labels": ["x", "X"]}, "labels: 'X' is there twice"),
        ({"labels": ["x", "NaN"]}, "labels: 'NaN' would be read as an empty cell"),
        ({"labels": ["x", " "]}, "labels: '' would be read as an empty cell"),
        ({"labels": ["x", "\udcff"]}, r"labels: '\\udcff' is no valid text"),
        ({"ratings": []}, "ratings must be a word or more"),
        ({"ratings": ["Time"]}, "ratings: 'Time' is the name of another column"),
        ({"ratings": ["x"], "limits": (1, 1)}, "limits must be the lowest and the highest rating"),
        ({"ratings": ["x"], "limits": 3}, "limits must be the lowest and the highest rating"),
        ({"ratings": ["x"], "limits": (0, float("inf"))}, "limits must be"),
        ({"ratings": ["x"], "seconds": 0.1}, r"seconds must be a number of at least 0\.5"),
        ({"labels": ["x", "y"], "names": ["one"]}, "There are 3 songs but 1 names"),
        ({"labels": ["x", "y"], "names": ["one", "two", "one"]}, "names must differ"),
        ({"labels": ["x", "y"], "names": [" one", "two", "three"]}, "a saved table cannot name this song"),
        ({"labels": ["x", "y"], "names": ["", "two", "three"]}, "'': a saved table cannot name this song"),
        ({"labels": ["x", "y"], "groups": ["one"]}, "There are 3 songs but 1 groups"),
    ],
)
def test_parameters_that_are_wrong(songs, options, message):
    with pytest.raises(ValueError, match=message):
        write_annotation_page(songs, "page", **options)
    assert not Path("page").exists()


def test_names_of_bytes_are_refused_before_anybody_listens(songs):
    try:
        Path("songs", os.fsdecode(b"\xff.mp3")).touch()
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(ValueError, match=r"'\\udcff\.mp3': a saved table cannot name this song"):
        write_annotation_page(songs, "page", labels=["x", "y"])
    assert not Path("page").exists()


def test_copies_are_not_among_the_songs(songs):
    with pytest.raises(
        FileExistsError, match=r"songs/page: this is inside songs, where copies would be taken for songs"
    ):
        write_annotation_page(songs, "songs/page", labels=["x", "y"], copy_songs=True)
    assert not Path("songs/page").exists()
    write_annotation_page(songs, "songs/page", labels=["x", "y"])


def test_songs_that_are_missing(songs):
    with pytest.raises(ValueError, match=r"none\.mp3: there is no such file"):
        write_annotation_page(["none.mp3"], "page", labels=["x", "y"])
    with pytest.raises(ValueError, match="this song is given twice"):
        write_annotation_page(["songs/a", "songs/a/1.wav"], "page", labels=["x", "y"])
    with pytest.raises(ValueError, match="There are no songs"):
        write_annotation_page([], "page", labels=["x", "y"])
    Path("empty").mkdir()
    with pytest.raises(ValueError, match="contain no audio file"):
        write_annotation_page("empty", "page", labels=["x", "y"])


def test_a_folder_with_other_files_is_not_used(songs):
    Path("page").mkdir()
    Path("page/thesis.txt").touch()
    with pytest.raises(FileExistsError, match=r"do not belong to such a page \(thesis\.txt\)"):
        write_annotation_page(songs, "page", labels=["x", "y"], force=True)
    Path("page/thesis.txt").unlink()
    Path("page/other").mkdir()
    with pytest.raises(FileExistsError, match=r"\(other\)"):
        write_annotation_page(songs, "page", labels=["x", "y"], copy_songs=True, force=True)


def test_songs_that_browsers_do_not_play_are_named(songs):
    Path("songs/c.wma").touch()
    with pytest.warns(UserWarning, match=r"1 song is of a kind that browsers do not play \(c\.wma\)"):
        write_annotation_page(songs, "page", labels=["x", "y"])


def test_the_command(songs, capsys):
    Path("songs/cover.jpg").touch()
    assert main(["annotate", "songs", "--ratings", "valence,arousal", "--out", "page", "--copy-songs"]) == 0
    out, err = capsys.readouterr()
    home = Path("songs").absolute()
    assert out == f"3 songs; paths in saved tables start from {home}\nSongs: page/songs\nPage: page/index.html\n"
    assert err == "skmer annotate: files without an audio extension were left out: 1 .jpg (songs/cover.jpg).\n"
    found = content(Path("page/index.html"))
    assert (found["names"], found["limits"]) == (["valence", "arousal"], [-1, 1])
    assert main(["annotate", "songs", "--ratings", "joy", "--range", "-3", "3", "--out", "page", "--force", "-q"]) == 0
    assert capsys.readouterr() == ("", "")
    assert content(Path("page/index.html"))["limits"] == [-3, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--labels a,b --range 0 1", "--range is for ratings"),
        ("--labels a", "--labels must be at least two words"),
        ("--labels a,A", "--labels: 'A' is there twice"),
        ("--ratings joy --range 3 -3", "--range must be the lowest and the highest rating"),
        ("--ratings joy --seconds 0.1", "--seconds must be a number of at least 0.5"),
        ("--labels a,b --out nowhere/page", "the folder .*nowhere does not exist"),
    ],
)
def test_the_command_tells_what_is_wrong(songs, capsys, options, message):
    assert main(["annotate", "songs", "--out", "page", *options.split()]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_the_command_does_without_torch(songs):
    code = (
        "import sys; from skmer.cli import main; "
        "main(['annotate', 'songs', '--labels', 'a,b', '--out', 'page', '--copy-songs', '-q']); "
        "print({'torch', 'sklearn', 'librosa'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed == "set()\n"
