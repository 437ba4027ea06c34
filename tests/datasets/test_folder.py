"""load_folder: classes from the names of folders."""

import os
from pathlib import Path

import pytest

from skmer.datasets.folder import load_folder


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_songs_of_each_class_are_found_below_its_folder(tmp_path):
    names = ["tense/a.mp3", "calm/z.FLAC", "calm/x/y/b.wav", "calm/.hidden.mp3", "calm/.x/c.mp3", ".git/d.mp3"]
    songs = load_folder(write(tmp_path, *names))
    assert songs.data == [str(tmp_path / name) for name in ("calm/z.FLAC", "calm/x/y/b.wav", "tense/a.mp3")]
    assert songs.target.tolist() == ["calm", "calm", "tense"]
    assert songs.target_names == ["calm", "tense"]
    assert songs.groups.tolist() == ["calm/z.FLAC", "calm/x/y/b.wav", "tense/a.mp3"]
    assert songs.left_out == []
    for word in ("3 songs of 2 classes", "group of its own", "Licence"):
        assert word in songs.DESCR


def test_artists_are_groups_across_classes(tmp_path):
    write(tmp_path, "calm/Ana/a.mp3", "calm/Bo/b.mp3", "tense/Ana/c.mp3")
    assert load_folder(tmp_path, groups="parent").groups.tolist() == ["Ana", "Bo", "Ana"]
    assert len(set(load_folder(tmp_path).groups)) == 3


@pytest.mark.parametrize("name", ["calm/x.mp3", "calm/Ana/album/x.mp3"])
def test_an_artist_that_is_not_told(tmp_path, name):
    write(tmp_path, "calm/Ana/a.mp3", "tense/Ana/c.mp3", name)
    with pytest.raises(ValueError, match=rf"{name} is not at <class>/<artist>/<song> in .*, as groups=.parent."):
        load_folder(tmp_path, groups="parent")


def test_files_that_are_no_audio_are_named_or_left_out(tmp_path):
    write(tmp_path, "calm/a.mp3", "calm/cover.jpg", "tense/b.mp3", "README.txt", ".DS_Store")
    with pytest.raises(ValueError, match=r"2 files are not audio files .*README\.txt.*check_audio=False"):
        load_folder(tmp_path)
    songs = load_folder(tmp_path, check_audio=False)
    assert len(songs.data) == 2
    assert songs.left_out == [str(tmp_path / "README.txt"), str(tmp_path / "calm" / "cover.jpg")]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["calm/a.mp3", "tense/b.mp3", "c.ogg"], r"c\.ogg is not in a class folder"),
        (["calm/a.mp3"], "has 1 class folder; at least two"),
        ([], "has 0 class folders"),
        (["calm/a.mp3", "tense/list.txt"], "tense has no audio file in it or below"),
    ],
)
def test_what_is_no_collection(tmp_path, names, message):
    with pytest.raises(ValueError, match=message):
        load_folder(write(tmp_path, *names), check_audio=False)


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No such folder: .*nowhere.*a folder for each class"):
        load_folder(tmp_path / "nowhere")


def test_paths_are_absolute(tmp_path, monkeypatch):
    write(tmp_path / "songs", "calm/a.mp3", "tense/b.mp3")
    monkeypatch.chdir(tmp_path)
    assert load_folder("songs").data[0] == str(tmp_path / "songs" / "calm" / "a.mp3")


def link(source, target):
    try:
        source.symlink_to(target)
    except OSError:
        pytest.skip("this system makes no links")


def test_links(tmp_path):
    home = write(tmp_path / "home", "calm/a.mp3", "tense/b.mp3")
    elsewhere = write(tmp_path / "elsewhere", "c.mp3")
    link(home / "calm" / "more", elsewhere)
    link(home / "calm" / "circle", home / "calm")
    assert [Path(path).name for path in load_folder(home).data] == ["a.mp3", "c.mp3", "b.mp3"]
    link(home / "tense" / "again.mp3", home / "calm" / "a.mp3")
    with pytest.raises(ValueError, match=r"again\.mp3 is the same file as .*a\.mp3"):
        load_folder(home)
    (home / "tense" / "again.mp3").unlink()
    link(home / "tense" / "broken.mp3", tmp_path / "gone.mp3")
    with pytest.raises(FileNotFoundError, match=r"broken\.mp3 is a link to a file that does not exist"):
        load_folder(home)
    assert len(load_folder(home, check_audio=False).data) == 4


def test_links_that_loop(tmp_path):
    write(tmp_path, "calm/a.mp3", "tense/b.mp3")
    link(tmp_path / "calm" / "self.mp3", tmp_path / "calm" / "self.mp3")
    with pytest.raises(ValueError, match=r"self\.mp3 is a link that leads back to itself"):
        load_folder(tmp_path)
    assert len(load_folder(tmp_path, check_audio=False).data) == 3
    (tmp_path / "calm" / "self.mp3").unlink()
    link(tmp_path / "calm" / "there", tmp_path / "tense")
    link(tmp_path / "tense" / "back", tmp_path / "calm")
    with pytest.raises(ValueError, match=r"tense/b\.mp3 is the same file as .*calm/there/b\.mp3: keep one"):
        load_folder(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system makes no named pipes")
@pytest.mark.parametrize("check_audio", [True, False])
def test_a_named_pipe(tmp_path, check_audio):
    write(tmp_path, "calm/a.mp3", "tense/b.mp3")
    os.mkfifo(tmp_path / "calm" / "pipe.mp3")
    with pytest.raises(ValueError, match=r"pipe\.mp3 is a named pipe, not an audio file: remove it"):
        load_folder(tmp_path, check_audio=check_audio)


def test_one_file_that_is_no_audio(tmp_path):
    with pytest.raises(ValueError, match="1 file is not an audio file by extension"):
        load_folder(write(tmp_path, "calm/a.mp3", "calm/cover.jpg", "tense/b.mp3"))
