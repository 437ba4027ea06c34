"""load_csv: songs and labels from a table."""

import os

import pytest

from skmer.datasets._rating_columns import columns_of_numbers, find_rating_columns
from skmer.datasets.csv_songs import load_csv

LINES = ["label,path,group,year", "tense,b.mp3,Bo,1999", "calm,sub/a.mp3,Ana,2001", "calm,c.mp3,Bo,2001"]


def write(folder, lines=LINES, audio=("sub/a.mp3", "b.mp3", "c.mp3")):
    folder.mkdir(exist_ok=True)
    for name in audio:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "songs.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "songs.csv"


def test_songs_stand_in_the_order_of_the_file(tmp_path):
    songs = load_csv(write(tmp_path))
    assert songs.data == [str(tmp_path / name) for name in ("b.mp3", "sub/a.mp3", "c.mp3")]
    assert songs.target.tolist() == ["tense", "calm", "calm"]
    assert songs.target_names == ["calm", "tense"]
    assert songs.groups.tolist() == ["Bo", "Ana", "Bo"]
    for word in ("3 songs of 2 classes", "songs.csv", "Licence"):
        assert word in songs.DESCR


def test_without_groups_each_song_is_its_own(tmp_path):
    songs = load_csv(write(tmp_path, ["path,label", "b.mp3,1", "c.mp3,02"]))
    assert songs.groups.tolist() == ["b.mp3", "c.mp3"]
    assert songs.target.tolist() == ["1", "02"]  # numbers are names of classes
    assert "group of its own" in songs.DESCR


def test_paths_start_from_data_home_or_stand_for_themselves(tmp_path, monkeypatch):
    table = write(tmp_path / "tables", ["path,label", "b.mp3,calm", f"{tmp_path}/c.mp3,tense"], audio=())
    write(tmp_path / "songs", audio=["b.mp3"])
    (tmp_path / "c.mp3").touch()
    expected = [str(tmp_path / "songs" / "b.mp3"), str(tmp_path / "c.mp3")]
    assert load_csv(table, tmp_path / "songs").data == expected
    monkeypatch.chdir(tmp_path)
    assert load_csv("tables/songs.csv", "songs").data == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (" ,sub/a.mp3,Ana,2001", "line 3: label is missing; each song needs one"),
        *[
            (
                f"{word},sub/a.mp3,Ana,2001",
                f"line 3: label is missing: '{word}' is what programs write for an empty cell",
            )
            for word in ("nan", "NaN", "N/A", "<NA>", "None", "NULL")
        ],
        ("calm,,Ana,2001", "line 3: path is missing"),
        ("calm,sub/a.mp3,nan,2001", "line 3: group is missing: 'nan' is what programs write"),
        ("calm,sub/a.mp3,,2001", "line 3: group is missing; fill it, or leave out the column"),
        ("calm,b.mp3,Ana,2001", r"line 3: .*b\.mp3 is the same song as in .*line 2: list each song once"),
        ("calm,sub/../b.mp3,Ana,2001", r"line 3: .*b\.mp3 is the same song as in .*line 2: list each song once"),
    ],
)
def test_bad_lines_are_named(tmp_path, line, message):
    with pytest.raises(ValueError, match=r"songs\.csv, " + message):
        load_csv(write(tmp_path, [*LINES[:2], line, LINES[3]]))


def test_missing_audio_is_named_with_its_line(tmp_path):
    table = write(tmp_path, audio=("b.mp3", "c.mp3", "unnamed.mp3"))
    with pytest.raises(FileNotFoundError, match=r"songs\.csv, line 3: no such audio file: .*sub/a\.mp3"):
        load_csv(table)
    assert len(load_csv(table, check_audio=False).data) == 3
    (tmp_path / "sub" / "a.mp3").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"line 3: .*a\.mp3 is a folder, but must be an audio file"):
        load_csv(table)


def test_no_table(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No such file: .*nowhere\.csv\. .*path,label,group"):
        load_csv(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("name", ["groups", "GROUPS"])
def test_a_column_that_is_all_but_called_group(tmp_path, name):
    table = write(tmp_path, [f"label,path,{name}", "tense,b.mp3,Bo", "calm,c.mp3,Ana"])
    with pytest.raises(ValueError, match=rf"the column '{name}' would not be read: name it 'group'"):
        load_csv(table)


def test_columns_that_are_not_read_are_told(tmp_path):
    assert load_csv(write(tmp_path)).DESCR.endswith(
        "Columns that were not read: 'year'.\nLicence and source: those of your songs."
    )


def test_one_class_only(tmp_path):
    with pytest.raises(ValueError, match=r"songs\.csv has 1 class, 'calm'; at least two are needed"):
        load_csv(write(tmp_path, ["path,label", "b.mp3,calm", "c.mp3,calm"]))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("songs.csv", r"songs\.csv is not an audio file by its extension"),
        ("x" * 5000 + ".mp3", "the path .* is too long"),
        ("folder.mp3", r"folder\.mp3 is a folder, but must be an audio file"),
    ],
)
def test_paths_of_no_audio(tmp_path, path, message):
    (tmp_path / "folder.mp3").mkdir()
    with pytest.raises(ValueError, match=rf"songs\.csv, line 3: .*{message}"):
        load_csv(write(tmp_path, ["path,label", "b.mp3,calm", f"{path},tense"]))


@pytest.mark.parametrize("label", ["Calm", "calm\u200b", "\ufeffCALM"])
def test_labels_that_look_alike(tmp_path, label):
    with pytest.raises(ValueError, match=r"line 4: the label .* differs from 'calm' .*line 2\) only in case or blanks"):
        load_csv(write(tmp_path, ["path,label", "b.mp3,calm", "c.mp3,tense", f"sub/a.mp3,{label}"]))


def test_the_folder_that_paths_start_from_is_named(tmp_path):
    table = write(tmp_path, audio=())
    with pytest.raises(FileNotFoundError, match=r"No such folder: data_home='.*attic'"):
        load_csv(table, tmp_path / "attic")
    with pytest.raises(FileNotFoundError, match=rf"line 2: .*paths start from {tmp_path}\."):
        load_csv(table, tmp_path)
    (tmp_path / "b.MP3").touch()
    with pytest.raises(FileNotFoundError, match=r"start from .*\. .*b\.MP3 differs from it in extension or case"):
        load_csv(table)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("header", [["path", "label", "group"], ["Path ", " LABEL", "Group"]])
def test_tables_as_spreadsheets_write_them(tmp_path, separator, header):
    write(tmp_path)
    rows = [header, ["b.mp3", "fröhlich", "Bo"], ["sub/a.mp3", "düster", "Ana"], ["", "", ""]]
    text = "\r\n".join(map(separator.join, rows)) + "\r\n"
    (tmp_path / "songs.csv").write_bytes(text.encode("utf-8-sig"))
    songs = load_csv(tmp_path / "songs.csv")
    assert songs.data == [str(tmp_path / name) for name in ("b.mp3", "sub/a.mp3")]
    assert songs.target.tolist() == ["fröhlich", "düster"]
    assert songs.groups.tolist() == ["Bo", "Ana"]


def test_semicolons_within_the_fields_of_a_table_with_commas(tmp_path):
    audio = ("a;1.mp3", "b;2.mp3")
    songs = load_csv(write(tmp_path, ["path,label,tags;moods", *(f"{name},{name[0]},x;y" for name in audio)], audio))
    assert songs.data == [str(tmp_path / name) for name in audio]
    assert songs.target.tolist() == ["a", "b"]


def test_labels_are_shown_as_they_are(tmp_path):
    with pytest.raises(ValueError, match="the label 'Fröhlich' differs from 'fröhlich' "):
        load_csv(write(tmp_path, ["path,label", "b.mp3,fröhlich", "c.mp3,Fröhlich"]))
    with pytest.raises(ValueError, match=r"the label 'calm\\u200b' differs"):
        load_csv(write(tmp_path, ["path,label", "b.mp3,calm", "c.mp3,calm\u200b"]))


@pytest.mark.skipif(os.sep != "/", reason="there the backslash is a separator")
def test_backslashes_are_no_separators(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"line 2: .* Folders are separated by / .* not by a backslash"):
        load_csv(write(tmp_path, ["path,label", "sub\\a.mp3,calm", "b.mp3,tense"]))


RATED = [
    "Path,Valence,arousal,mood,group,n",
    "b.mp3,0.5,-1e-1,calm,Bo,3",
    "sub/a.mp3,,NaN,calm,Ana,4",
    "c.mp3,-2,.25,tense,Bo,5",
]


def test_ratings_are_numbers_of_the_columns_that_are_named(tmp_path):
    songs = load_csv(write(tmp_path, RATED), targets=["arousal", "valence"])
    assert songs.target.dtype == float
    assert songs.target.tolist() == [[-0.1, 0.5], [0.25, -2]]
    assert songs.target_names == ["arousal", "Valence"]  # as in the header
    assert songs.data == [str(tmp_path / name) for name in ("b.mp3", "c.mp3")]
    assert songs.groups.tolist() == ["Bo", "Bo"]
    assert songs.unrated == [str(tmp_path / "sub/a.mp3")]
    assert "2 songs with arousal, Valence, listed in" in songs.DESCR
    assert "1 more have no ratings" in songs.DESCR
    assert "Columns that were not read: 'mood', 'n'." in songs.DESCR
    one = load_csv(write(tmp_path, RATED), targets="n")
    assert one.target.tolist() == [[3], [4], [5]]
    assert one.unrated == []


def test_audio_of_songs_without_ratings_may_be_missing(tmp_path):
    assert len(load_csv(write(tmp_path, RATED, audio=("b.mp3", "c.mp3")), targets=["valence"]).data) == 2


@pytest.mark.parametrize(
    ("targets", "line", "message"),
    [
        (["valance"], None, r"songs\.csv has no column 'valance'; its columns of numbers are: Valence, arousal, n\."),
        (["mood"], None, r"songs\.csv: the column 'mood' holds no numbers; its columns of numbers are: Valence, "),
        (["valence"], "d.mp3,high,0,calm,Bo,1", r"songs\.csv, line 5: valence must be a number, got 'high'"),
        (["valence"], "d.mp3,inf,0,calm,Bo,1", r"songs\.csv, line 5: valence must be a number, got 'inf'"),
        (["arousal", "valence"], "d.mp3,,0,calm,Bo,1", r"line 5: valence is missing, but the song has other ratings"),
        (["arousal", "valence"], "d.mp3,1,-,calm,Bo,1", r"line 5: arousal must be a number, got '-'"),
        (["valence", "Valence"], None, "targets must be different names of columns other than path and group"),
        (["group"], None, "targets must be different names"),
        ([], None, "targets must be different names"),
    ],
)
def test_columns_that_are_no_ratings(tmp_path, targets, line, message):
    with pytest.raises(ValueError, match=message):
        load_csv(write(tmp_path, [*RATED, *([line] if line else [])], ("b.mp3", "c.mp3", "d.mp3")), targets=targets)


def test_a_column_without_any_rating(tmp_path):
    with pytest.raises(ValueError, match=r"songs\.csv: the column 'valence' holds no numbers; .* are: none\."):
        load_csv(write(tmp_path, ["path,valence", "b.mp3,", "c.mp3,nan"]), targets=["valence"])


@pytest.mark.parametrize(
    ("header", "cells", "found"),
    [
        ("label", ["0.5", "-0.0", "1"], (["label"], True)),
        ("Label", ["0.5", "", "nan"], (["Label"], True)),
        ("label", ["1", "02", "3.0"], (["label"], False)),  # few whole numbers name classes
        ("label", list(map(str, range(21))), (["label"], True)),
        ("label", list(map(str, range(20))), (["label"], False)),
        ("label", ["0.5", "calm", "1"], ([], False)),
        ("n,arousal,Valence", ["1,2,3", "1,4,5"], (["Valence", "arousal"], True)),
        ("n,arousal,label", ["1,2.5,calm", "1,4.5,tense"], ([], False)),
        ("n,arousal", ["1,low", "2,high"], ([], True)),
    ],
)
def test_ratings_are_told_from_classes(tmp_path, header, cells, found):
    lines = [f"path,{header}", *(f"{i}.mp3,{cell}" for i, cell in enumerate(cells))]
    table = write(tmp_path, lines, ())
    assert find_rating_columns(table) == found
    assert "path" not in columns_of_numbers(table)
