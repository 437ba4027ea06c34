import pytest

from skmer.writing import markdown_table, name_some, write_whole


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
    assert name_some([1, "b", "c"], 2) == "1, b and 1 more"
    assert name_some(["a", "b"], 2) == name_some(["a", "b"]) == "a, b"
    assert name_some([]) == ""


def test_files_are_whole_or_as_they_were(tmp_path, monkeypatch):
    path = write_whole(tmp_path / "new" / "t.txt", "é")
    assert path.read_text(encoding="utf-8") == "é"
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", fail)
        with pytest.raises(OSError, match="no space"):
            write_whole(path, "half")
    assert path.read_text(encoding="utf-8") == "é"
    assert [p.name for p in path.parent.iterdir()] == ["t.txt"]
    write_whole(path, "text")
    assert path.read_text() == "text"
