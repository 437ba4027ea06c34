"""The report's folder is written atomically, and edited tables or other files are never replaced."""

import csv

import pytest
import soundfile

from skmer.inspection import write_label_noise_report
from skmer.inspection.report.folder import check_folder
from tests.tiny_model import SR, tiny_pipeline, tiny_songs


@pytest.fixture
def files(tmp_path):
    """Two songs."""
    (tmp_path / "songs").mkdir()
    paths = [tmp_path / "songs" / f"{i}.wav" for i in range(2)]
    for path, y in zip(paths, tiny_songs().data, strict=False):
        soundfile.write(path, y, SR, subtype="FLOAT")
    return [str(path) for path in paths]


def labels(n=2):
    return tiny_songs().target[:n].tolist()


def table(path):
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def edits(table):
    """Yield the table as programs may save it, with and without another label."""
    header, *lines = csv.reader(table.splitlines())
    other = table.replace(f",{lines[0][1]},", ",Q9,", 1)
    yield other.encode()
    yield other.replace(",", ";").encode()  # in Germany
    yield other.replace(",", "\t").encode("utf-16")  # "Unicode text" of Excel
    yield table.replace("\n", "\r\n").encode()
    yield table.encode("utf-8-sig")
    yield "".join(",".join(row[::-1]) + "\n" for row in (header, *lines)).encode()
    yield table[: table.index("\n") + 1].encode()
    yield table.replace(f",{lines[0][1]},", f", {lines[0][1]},", 1).encode()
    yield (table + "\n").encode()
    yield b""


def test_edited_tables_and_other_files_are_not_overwritten(files, tmp_path):
    out = tmp_path / "report"
    write_label_noise_report(tiny_pipeline(), files[:1], labels(1), out, threshold=1.0)
    with pytest.raises(FileExistsError, match="a page exists already"):
        check_folder(out, force=False)
    (out / ".DS_Store").touch()
    write_label_noise_report(tiny_pipeline(), files[:2], labels(2), out, threshold=1.0, force=True)
    assert len({row["file"] for row in table(out / "segments.csv")}) == 2

    check_folder(out, force=True)
    path = out / "relabel.csv"
    untouched = path.read_bytes()
    for edited in edits(untouched.decode()):
        path.write_bytes(edited)
        with pytest.raises(FileExistsError, match=r"relabel\.csv: this table was changed since it was written"):
            check_folder(out, force=True)
    with pytest.raises(FileExistsError, match="Move it away first"):
        write_label_noise_report(tiny_pipeline(), files[:2], labels(2), out, force=True)
    assert path.read_bytes() == edited
    path.write_bytes(untouched)
    check_folder(out, force=True)
    page = (out / "index.html").read_bytes()
    (out / "index.html").unlink()  # by which the table is known
    with pytest.raises(FileExistsError, match="was changed since it was written"):
        check_folder(out, force=True)
    (out / "index.html").write_bytes(page)
    path.unlink()  # moved away, as the sentence asks
    check_folder(out, force=True)
    (out / "pictures").mkdir()
    (out / "thesis.docx").touch()
    with pytest.raises(FileExistsError, match=r"files that do not belong to such a page \(pictures, thesis.docx\)"):
        write_label_noise_report(tiny_pipeline(), files[:1], labels(1), out, force=True)


def test_a_folder_under_the_name_of_a_file_is_not_a_reports(tmp_path):
    (tmp_path / "report" / "index.html").mkdir(parents=True)
    with pytest.raises(FileExistsError, match=r"contains files that do not belong to such a page \(index.html\)"):
        check_folder(tmp_path / "report", force=True)


def test_the_current_folder_is_an_error_before_the_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    messages = []
    with pytest.raises(OSError, match="this is the current folder"):
        write_label_noise_report(tiny_pipeline(), ["none.wav"], ["Q1"], ".", log=messages.append)
    assert messages == []
    assert list(tmp_path.iterdir()) == []


def test_folders_that_will_not_do(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    check_folder(tmp_path / "empty", force=False)
    with pytest.raises(FileExistsError, match="this is a file"):
        check_folder(tmp_path / "file", force=True)
    with pytest.raises(FileNotFoundError, match="Create it first"):
        check_folder(tmp_path / "none" / "report", force=False)


def test_an_interrupted_report_is_removed_and_an_earlier_one_unchanged(files, tmp_path):
    out = tmp_path / "report"

    def stop(sentence):
        raise KeyboardInterrupt

    for force in (False, True):
        with pytest.raises(KeyboardInterrupt):
            write_label_noise_report(tiny_pipeline(), [files[0], "none.wav"], ["Q1", "Q2"], out, force=force, log=stop)
        assert sorted(path.name for path in tmp_path.iterdir()) == (["report", "songs"] if force else ["songs"])
        if not force:
            write_label_noise_report(tiny_pipeline(), files, labels(), out)
    assert len(table(out / "segments.csv")) == 10


def test_a_link_stays_a_link(files, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_label_noise_report(tiny_pipeline(), files[:1], labels(1), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "index.html").is_file()
