"""Reading of tables: columns by name, cells by their readers, and errors that name the file, the line and the cure."""

import numpy as np
import pytest

from skmer.datasets._tables import between, matching, one_of, read_table, required, seconds, text, whole_number

COLUMNS = {"song": whole_number, "mood": text}
SOURCE = "Get it from Ana."


def write(folder, *lines, name="t.csv", end="\n", encoding="utf-8"):
    (folder / name).write_bytes("".join(line + end for line in lines).encode(encoding))
    return folder / name


def read(path, columns=COLUMNS, **options):
    return read_table(path, columns, SOURCE, **options)


def test_columns_are_arrays_of_what_the_readers_return(tmp_path):
    table = read(write(tmp_path, "mood,x, song", " calm ,1,10", '"a, b",2,2'))
    assert table["song"].tolist() == [10, 2]
    assert table["mood"].tolist() == ["calm", "a, b"]
    assert table.unread == ["x"]
    assert table.files == [(tmp_path / "t.csv", 2, False)]
    assert table.sort("song")["mood"].tolist() == ["a, b", "calm"]
    assert table.sort("song").where == [f"{tmp_path}/t.csv, line 3", f"{tmp_path}/t.csv, line 2"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_ends_of_lines_blank_lines_and_a_byte_order_mark(tmp_path, end, encoding):
    path = write(tmp_path, "song,mood", "", "1,froh", ",", "2,düster", end=end, encoding=encoding)
    assert read(path)["mood"].tolist() == ["froh", "düster"]


def test_lines_are_counted_through_blank_lines_and_breaks_within_a_field(tmp_path):
    path = write(tmp_path, "song,mood", "", '1,"calm,', 'calm"', "x,tense")
    with pytest.raises(ValueError, match=r"t\.csv, line 5: song must be a whole number, got 'x'"):
        read(path)


@pytest.mark.parametrize(
    ("separator", "header"), [(",", "song{0}mood"), (";", "Song {0} MOOD"), ("\t", "SONG{0}Mood{0}tags;moods")]
)
def test_separators_of_spreadsheets(tmp_path, separator, header):
    path = write(tmp_path, header.format(separator), separator.join(["1", "a;b" if separator != ";" else "a,b", "x;y"]))
    if separator == ";":
        path = write(tmp_path, header.format(separator), "1;a,b")
    elif separator == ",":
        path = write(tmp_path, header.format(separator), "1,a;b")
    assert read(path, any_case=True)["mood"].tolist() == ["a,b" if separator == ";" else "a;b"]


def test_a_table_of_one_column_has_no_separator(tmp_path):
    assert read(write(tmp_path, "mood", "a;b"), {"mood": text})["mood"].tolist() == ["a;b"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], r"t\.csv is empty\. Get it from Ana"),
        (["song,mood"], r"t\.csv has a header, but no row\. Get it"),
        (["mood,x", "a,b"], r"t\.csv has no columns \['song'\]; its header is \['mood', 'x'\]\. Get it"),
        (["song|mood", "1|a"], r"has no columns \['song', 'mood'\]; its header is \['song\|mood'\]"),
        (["song,mood,song", "1,a,1"], r"has the columns \['song'\] more than once"),
        (["song,mood", "1"], r"t\.csv, line 2: 1 field, but the header has 2\.$"),
        (["song;mood", "1;a;b"], r"line 2: 3 fields, but the header has 2\. A field that contains ';' needs quotes"),
        (["song,mood", '1,"a'], r"line 2: not valid CSV .*check its quotes\. Get it"),
        (["song,mood", "1,a\x1a"], r"line 2: control character '\\x1a': the file is damaged"),
        (["song,mood", "1,a\0"], "line 2: control character"),
    ],
)
def test_damaged_tables(tmp_path, lines, message):
    with pytest.raises(ValueError, match=message):
        read(write(tmp_path, *lines))


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("cp1252", r"t\.csv is not UTF-8 text \(line 2: .*\): save it again as UTF-8, which Excel calls 'CSV UTF-8'"),
        ("utf-16", r"t\.csv is text in UTF-16: save it again as UTF-8"),
        ("utf-32", r"t\.csv is text in UTF-32: save it again as UTF-8"),
    ],
)
def test_other_encodings(tmp_path, encoding, message):
    path = write(tmp_path, "song,mood", "1,fröhlich", encoding=encoding)
    with pytest.raises(ValueError, match=message):
        read(path)
    if encoding == "cp1252":
        assert read(path, encoding="cp1252")["mood"].tolist() == ["fröhlich"]
        path.write_bytes(b"\x81\xff\x8d")
        with pytest.raises(ValueError, match="not UTF-8 text"):
            read(path, encoding="cp1252")


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No such file: .*t\.csv\. Get it from Ana"):
        read(tmp_path / "t.csv")
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(ValueError, match=r"t\.csv is a folder, but must be a file of annotations"):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("reader", "cell", "message"),
    [
        *((whole_number, cell, "must be a whole number, got") for cell in ("1_0", "٣", "1e1", "3.0", "", "9" * 30)),
        *((between(0, 1), cell, "must be a number, got") for cell in ("nan", "inf", "", "x", "0_1")),
        *((between(0, 1), cell, "must lie between 0 and 1, got") for cell in ("-0.1", "1.1")),
        *((seconds, cell, "must be seconds above 0, got") for cell in ("0", "-1.5")),
        (one_of(("Q1", "Q2")), "q1", r"must be one of \['Q1', 'Q2'\], got 'q1'"),
        (matching("MT[0-9]+", "MT and digits"), "MT٣", "must be MT and digits, got 'MT٣'"),
        (required("it names the song"), "  ", "is missing; it names the song"),
    ],
)
def test_cells_that_cannot_be_read(tmp_path, reader, cell, message):
    with pytest.raises(ValueError, match=rf"t\.csv, line 3: mood {message}"):
        read(write(tmp_path, "song,mood", "", f'1,"{cell}"'), {"song": text, "mood": reader})


def test_cells_that_can_be_read(tmp_path):
    path = write(tmp_path, "n,rating,length", "10,1,0.25")
    table = read(path, {"n": whole_number, "rating": between(0, 1), "length": seconds})
    assert (table["n"][0], table["rating"][0], table["length"][0]) == (10, 1.0, 0.25)
    assert [column.dtype.kind for column in table.values()] == ["i", "f", "f"]


def test_spellings_and_optional_columns(tmp_path):
    columns = {("mood", "emotion"): text, "group": text}
    assert list(read(write(tmp_path, "emotion", "calm"), columns, optional=["group"])) == ["mood"]
    with pytest.raises(ValueError, match=r"has no columns \['mood or emotion'\]"):
        read(write(tmp_path, "label", "calm"), columns, optional=["group"])
    with pytest.raises(ValueError, match=r"\['mood'\] more than once"):
        read(write(tmp_path, "emotion,mood", "calm,calm"), columns, optional=["group"])


def test_values_are_unique_over_all_files(tmp_path):
    first, second = write(tmp_path, "song,mood", "1,a", "2,b"), write(tmp_path, "song,mood", "3,c", name="u.csv")
    table = read([first, second], unique=["song"])
    assert table["song"].tolist() == [1, 2, 3]
    assert str(table) == f"{first} and {second}"
    write(tmp_path, "song,mood", "2,c", name="u.csv")
    with pytest.raises(ValueError, match=r"u\.csv, line 2: song 2 is in more than one row \(also .*t\.csv, line 3\)"):
        read([first, second], unique=["song"])


def test_rows_that_contradict_themselves(tmp_path):
    def check(row):
        if row["song"] > 1:
            raise ValueError("too many.")

    with pytest.raises(ValueError, match=r"t\.csv, line 3: too many\.$"):
        read(write(tmp_path, "song,mood", "1,a", "2,b"), check_row=check)


def test_rows_of_another_table(tmp_path):
    songs, moods = read(write(tmp_path, "song,mood", "1,a", "2,b")), read(write(tmp_path, "song,mood", "2,c", name="u"))
    assert songs.match(moods, "song")["mood"].tolist() == ["b"]
    with pytest.raises(ValueError, match=r"t\.csv, line 2: song 1 has no row in .*u: get both tables again"):
        moods.match(songs, "song")


def test_tags_are_further_fields(tmp_path):
    path = write(tmp_path, "song\ttags", '1\t"calm', "2\ta\tb", end="\r\n")
    table = read(path, {"song": whole_number, "tags": text}, tags=True)
    assert table["tags"].tolist() == ['"calm', "a\tb"]
    with pytest.raises(ValueError, match=r"line 2: 1 field, but the header has 2\.$"):
        read(write(tmp_path, "song\ttags", "1"), {"song": whole_number, "tags": text}, tags=True)
    assert np.array_equal(table["song"], [1, 2])
