"""Fields of audio files: written as other programs read them, and the audio is unchanged."""

import json
import os
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from skmer import read_audio
from skmer.library.changes import UndoFile, plan_changes, read_undo, restore
from skmer.library.playlists import playlist_names, write_playlist
from skmer.library.tags import MOOD, open_tags
from tests.library.songs import FORMATS, SR, tone, write_song

mutagen = pytest.importorskip("mutagen", reason="needs skmer[tag]")

KEYS = {"mp3": "TMOO", "m4a": "----:com.apple.iTunes:MOOD"}


def read_mood(path):
    """The values of the mood, by mutagen alone."""
    tags = mutagen.File(path).tags
    found = (tags or {}).get(KEYS.get(path.suffix[1:], "MOOD"))
    if found is None:
        return None
    return [bytes(value).decode() for value in found] if path.suffix == ".m4a" else list(getattr(found, "text", found))


def content(path):
    """All fields of a file, as mutagen reads them."""
    tags = mutagen.File(path).tags
    return None if tags is None else sorted(map(repr, tags.items()))


def write(path, undo, replace=False, **values):
    tags = open_tags(path)
    changes = plan_changes(str(path), tags, values, replace)
    UndoFile(undo).apply(changes, tags)
    return [change.action for change in changes]


def undo_all(undo):
    found = read_undo(undo)
    return {file: [change.action for change in restore(file, open_tags(file), found[file])] for file in found}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("moods", [["calm"], ["dark", "fröhlich"]])
def test_the_mood_is_where_others_read_it_and_the_audio_is_unchanged(tmp_path, suffix, moods):
    path = write_song(tmp_path / f"song.{suffix}")
    before = read_audio(path, SR)
    assert write(path, tmp_path / "undo.jsonl", MOOD=moods, MOOD_VALENCE=["-0.125"]) == ["write", "write"]
    assert read_mood(path) == moods
    assert open_tags(path).get(MOOD) == moods
    assert open_tags(path).get("mood_valence") == ["-0.125"]
    np.testing.assert_array_equal(read_audio(path, SR), before)
    assert [file.name for file in tmp_path.iterdir() if file.name.endswith(".part")] == []


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="needs ffprobe")
@pytest.mark.parametrize("suffix", ["mp3", "flac", "m4a"])
def test_ffprobe_reads_the_mood(tmp_path, suffix):
    path = write_song(tmp_path / f"song.{suffix}")
    write(path, tmp_path / "undo.jsonl", MOOD=["calm"])
    command = ["ffprobe", "-v", "error", "-show_entries", "format_tags", "-of", "json", path]
    shown = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["format"]["tags"]
    assert {"TMOO": "calm", "MOOD": "calm"}[KEYS.get(suffix, "MOOD").rpartition(":")[2]] in shown.values()


@pytest.mark.parametrize("suffix", FORMATS)
def test_undo_restores_the_tags(tmp_path, suffix):
    """Fields that were absent, replaced and the same; the file is that of before to the byte if it had a tag."""
    path = write_song(tmp_path / f"song.{suffix}")
    start = content(path)
    write(path, tmp_path / "first.jsonl", MOOD=["sad", "slow"], TITLE=["Étude"])
    tagged = content(path)
    written = path.read_bytes()
    actions = write(path, tmp_path / "second.jsonl", replace=True, MOOD=["calm"], TITLE=["Étude"], AROUSAL=["0.500"])
    assert actions == ["write", "same", "write"]
    assert undo_all(tmp_path / "second.jsonl") == {str(path): ["restore", "restore"]}
    assert content(path) == tagged
    assert path.read_bytes() == written
    assert undo_all(tmp_path / "first.jsonl") == {str(path): ["restore", "restore"]}
    assert content(path) == start
    # a second time, there is nothing to restore
    assert undo_all(tmp_path / "first.jsonl") == {str(path): ["same", "same"]}


def test_undo_removes_the_tag_that_was_not_there(tmp_path):
    path = write_song(tmp_path / "song.mp3")
    before = path.read_bytes()
    assert not before.startswith(b"ID3")
    write(path, tmp_path / "undo.jsonl", MOOD=["calm"])
    assert path.read_bytes().startswith(b"ID3")
    assert path.read_bytes().endswith(before)
    undo_all(tmp_path / "undo.jsonl")
    assert path.read_bytes() == before


def test_undo_keeps_what_was_changed_since(tmp_path):
    path = write_song(tmp_path / "song.flac")
    write(path, tmp_path / "undo.jsonl", MOOD=["calm"], MOOD_P=["0.900"])
    write(path, tmp_path / "other.jsonl", replace=True, MOOD=["mine"])
    assert undo_all(tmp_path / "undo.jsonl") == {str(path): ["restore", "keep"]}
    assert (read_mood(path), open_tags(path).get("MOOD_P")) == (["mine"], None)


def test_an_existing_mood_is_kept(tmp_path):
    path = write_song(tmp_path / "song.ogg")
    write(path, tmp_path / "first.jsonl", MOOD=["mine"])
    before = path.read_bytes()
    assert write(path, tmp_path / "second.jsonl", MOOD=["calm"]) == ["keep"]
    assert write(path, tmp_path / "second.jsonl", replace=True, MOOD=None) == ["abstain"]
    assert path.read_bytes() == before
    assert not (tmp_path / "second.jsonl").exists()


def test_the_old_values_are_recorded_before_the_file_changes(tmp_path, monkeypatch):
    path = write_song(tmp_path / "song.flac")
    before = path.read_bytes()

    def fail(*arguments):
        raise OSError("the disk is full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="full"):
        write(path, tmp_path / "undo.jsonl", MOOD=["calm"])
    assert path.read_bytes() == before
    [line] = (tmp_path / "undo.jsonl").read_text().splitlines()
    expected = {"file": str(path), "field": "MOOD", "old": None, "new": ["calm"], "had_tags": True}
    assert json.loads(line) == expected
    monkeypatch.undo()
    assert undo_all(tmp_path / "undo.jsonl") == {str(path): ["same"]}


def test_an_undo_file_is_never_overwritten_and_lines_are_checked(tmp_path):
    path, undo = write_song(tmp_path / "song.flac"), tmp_path / "undo.jsonl"
    write(path, undo, MOOD=["calm"])
    with pytest.raises(FileExistsError):
        write(path, undo, replace=True, MOOD=["sad"])
    assert read_mood(path) == ["calm"]
    # a line that was cut by a power failure: its file had not been changed
    undo.write_text(undo.read_text() + '{"file": "x')
    assert list(read_undo(undo)) == [str(path)]
    for text, message in [
        ("{}\n", "line 1: this is not a line"),
        ("", "no lines"),
        ('{"file": "a", "field": "MOOD", "old": 1, "new": null, "had_tags": true}\n', "line 1"),
    ]:
        undo.write_text(text)
        with pytest.raises(ValueError, match=message):
            read_undo(undo)


# Formats


@pytest.mark.parametrize("version", [3, 4])
def test_the_version_of_id3_and_other_frames_are_kept(tmp_path, version):
    from mutagen.id3 import ID3, TIT2, TPE1, TXXX, TYER

    path = write_song(tmp_path / "song.mp3")
    tags = ID3()
    tags.add(TIT2(encoding=1, text="Étude"))
    tags.add(TPE1(encoding=0, text=["A", "B"]))
    tags.add(TXXX(encoding=0, desc="Key", text="Am"))
    if version == 3:
        tags.add(TYER(encoding=0, text="1999"))
    tags.save(path, v2_version=version, v23_sep=None)
    before = path.read_bytes()
    write(path, tmp_path / "undo.jsonl", MOOD=["calm", "dark"])
    found = ID3(path, translate=False)
    assert found.version == (2, version, 0)
    assert {key: frame.text for key, frame in found.items() if key != "TMOO"} == {
        key: frame.text for key, frame in tags.items()
    }
    assert found["TMOO"].text == ["calm", "dark"]
    undo_all(tmp_path / "undo.jsonl")
    assert path.read_bytes() == before


def test_id3v1_stays_as_it_is_and_its_fields_remain_visible(tmp_path):
    path = write_song(tmp_path / "song.mp3")
    # a title in the Cyrillic code page of Windows
    end = b"TAG" + "Весна".encode("cp1251").ljust(30, b"\0") + b"Ana".ljust(30, b"\0") + b"\0" * 64 + b"\xff"
    assert len(end) == 128
    path.write_bytes(path.read_bytes() + end)
    before = path.read_bytes()
    write(path, tmp_path / "undo.jsonl", MOOD=["calm"])
    assert path.read_bytes().endswith(before)
    assert mutagen.File(path).tags["TPE1"].text == ["Ana"]
    undo_all(tmp_path / "undo.jsonl")
    assert path.read_bytes() == before


def test_frames_that_mutagen_does_not_know_are_kept(tmp_path):
    path = write_song(tmp_path / "song.mp3")
    frames = b"XYZA\0\0\0\5\0\0hello" + b"TIT2\0\0\0\4\0\0\0abc"
    path.write_bytes(b"ID3\3\0\0\0\0\0" + bytes([len(frames)]) + frames + path.read_bytes())
    write(path, tmp_path / "undo.jsonl", MOOD=["calm"])
    assert frames[:15] in path.read_bytes()
    assert mutagen.File(path).tags["TIT2"].text == ["abc"]


def test_a_mood_in_a_custom_frame_of_id3_counts(tmp_path):
    from mutagen.id3 import ID3, TXXX

    path = write_song(tmp_path / "song.mp3")
    tags = ID3()
    tags.add(TXXX(encoding=0, desc="Mood", text="mine"))
    tags.save(path)
    assert write(path, tmp_path / "undo.jsonl", MOOD=["calm"]) == ["keep"]
    assert write(path, tmp_path / "undo.jsonl", replace=True, MOOD=["calm"]) == ["write"]
    assert {key: frame.text for key, frame in ID3(path).items()} == {"TXXX:Mood": ["calm"]}


def test_vorbis_comments_keep_their_order_and_the_case_of_names(tmp_path):
    path = write_song(tmp_path / "song.flac")
    audio = mutagen.File(path)
    pairs = [("Title", "a"), ("Mood", "x"), ("artist", "b"), ("MOOD", "y"), ("Comment", "c")]
    audio.tags[:] = pairs
    audio.save()
    write(path, tmp_path / "undo.jsonl", replace=True, MOOD=["calm"])
    assert mutagen.File(path).tags[:] == [pairs[0], ("Mood", "calm"), pairs[2], pairs[4]]


def test_wav_is_tagged_only_where_it_has_a_tag(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, tone(), SR)
    with pytest.raises(ValueError, match=r"song\.wav: WAV and AIFF files without an ID3 tag are not tagged"):
        open_tags(path)
    audio = mutagen.File(path)
    audio.add_tags()
    audio.tags.add(mutagen.id3.TIT2(encoding=3, text="a"))
    audio.save()
    before = read_audio(path, SR)
    write(path, tmp_path / "undo.jsonl", MOOD=["calm"])
    found = mutagen.File(path).tags
    assert (found["TMOO"].text, found["TIT2"].text) == (["calm"], ["a"])
    np.testing.assert_array_equal(read_audio(path, SR), before)


def test_files_that_cannot_be_tagged_are_named_with_the_reason(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.mp3: there is no such file"):
        open_tags(tmp_path / "no.mp3")
    path = write_song(tmp_path / "song.flac")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match=r"song\.flac: the file is read-only"):
        open_tags(path)
    (tmp_path / "a.txt").write_text("no music")
    with pytest.raises(ValueError, match=r"a\.txt: tags of \.txt are not written"):
        open_tags(tmp_path / "a.txt")
    (tmp_path / "cut.flac").write_bytes(path.read_bytes()[:30])
    with pytest.raises(ValueError, match=r"cut\.flac: its tags cannot be read"):
        open_tags(tmp_path / "cut.flac")


def test_links_and_permissions_remain(tmp_path):
    path, link = write_song(tmp_path / "song.flac"), tmp_path / "link.flac"
    path.chmod(0o640)
    # players look for changed files by their time
    os.utime(path, (1e9, 1e9))
    link.symlink_to(path)
    write(link, tmp_path / "undo.jsonl", MOOD=["calm"])
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.stat().st_mtime > 1e9
    assert read_mood(path) == ["calm"]


# Playlists


def test_a_playlist_has_relative_paths_once_each(tmp_path):
    (tmp_path / "lists").mkdir()
    files = [tmp_path / "music" / "é.mp3", tmp_path / "lists" / "#1.mp3", tmp_path / "music" / "é.mp3"]
    write_playlist(tmp_path / "lists" / "calm.m3u8", map(str, files))
    text = (tmp_path / "lists" / "calm.m3u8").read_bytes().decode("utf-8")
    assert text == "#EXTM3U\n../music/é.mp3\n./#1.mp3\n"
    with pytest.raises(ValueError, match="line break"):
        write_playlist(tmp_path / "lists" / "calm.m3u8", ["a\nb.mp3"])


def test_playlists_have_names_that_file_systems_allow():
    names = playlist_names(["happy", "Happy", "a/b", "..", "a:b", "mood/theme---calm"])
    assert list(names.values()) == [
        "happy.m3u8",
        "Happy-2.m3u8",
        "a_b.m3u8",
        "_.m3u8",
        "a_b-2.m3u8",
        "mood_theme---calm.m3u8",
    ]
