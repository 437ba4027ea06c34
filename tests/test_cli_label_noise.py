"""skmer label-noise: a report from the shell, honest exit statuses, no tracebacks."""

import csv
import os
from pathlib import Path

import joblib
import pytest
import soundfile
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from skmer import DescriptorTransformer
from skmer.cli import main
from tests.tiny_model import SR, tiny_pipeline, tiny_songs


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.joblib"
    joblib.dump(tiny_pipeline(), path)
    return str(path)


@pytest.fixture
def songs(tmp_path, monkeypatch):
    """A folder with a folder for each class, in the current one."""
    monkeypatch.chdir(tmp_path)
    names = []
    for i, (y, label) in enumerate(zip(tiny_songs().data, tiny_songs().target, strict=True)):
        os.makedirs(f"songs/{label}", exist_ok=True)
        names.append(f"{label}/{i}.wav")
        soundfile.write(f"songs/{names[-1]}", y, SR, subtype="FLOAT")
    return sorted(names)


def column(path, name):
    with open(path, newline="") as stream:
        return [row[name] for row in csv.DictReader(stream)]


def test_report_of_a_folder_of_folders(model, songs, capsys):
    assert main(["label-noise", model, "songs", "--out", "report", "--n-jobs", "2"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("8 of 8 songs judged, 40 s heard.\n")
    assert out.endswith(f"Page: {os.path.join('report', 'index.html')}\n")
    assert err == ""
    assert list(dict.fromkeys(column("report/segments.csv", "file"))) == songs
    assert sorted(os.listdir("report")) == ["index.html", "pictures", "relabel.csv", "segments.csv"]
    assert "../songs/Q1/" in Path("report/index.html").read_text(encoding="utf-8")


def test_report_of_a_table_with_a_threshold(model, songs, capsys):
    with open("labels.csv", "w") as table:
        table.write("path,label\n" + "".join(f"{name},{name[:2]}\n" for name in songs[::-1][:4]))
    options = ["--labels", "labels.csv", "--threshold", "1", "-q"]
    assert main(["label-noise", model, "songs", *options, "--out", "report"]) == 0
    assert capsys.readouterr() == ("", "")
    assert list(dict.fromkeys(column("report/segments.csv", "file"))) == songs[::-1][:4]
    assert column("report/relabel.csv", "end") == ["5.0"] * 4


def test_songs_that_fail_cost_the_exit_status_alone(model, songs, capsys):
    os.makedirs("songs/Q9")
    os.rename(f"songs/{songs[0]}", "songs/Q9/unknown.wav")
    with open(f"songs/{songs[1]}", "w") as file:
        file.write("no music")
    assert main(["label-noise", model, "songs", "--out", "report"]) == 1
    out, err = capsys.readouterr()
    assert "6 of 8 songs judged, 30 s heard. 2 failed; the page says why." in out
    assert f"skmer label-noise: {songs[1]}: " in err
    assert (
        "skmer label-noise: Q9/unknown.wav: the model does not know the label 'Q9'; it knows Q1, Q2, Q3, Q4.\n" in err
    )


def test_an_earlier_report_is_replaced_when_asked(model, songs, capsys):
    command = ["label-noise", model, "songs", "--out", "report", "-q"]
    assert main(command) == 0
    assert main(command) == 2
    assert "report: there is a report already." in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    open("report/mine.txt", "w").close()
    assert main([*command, "--force"]) == 2
    assert "holds other things than a report (mine.txt)" in capsys.readouterr().err


def test_wrong_models_and_arguments_are_said_in_a_line(model, songs, capsys):
    wholes = make_pipeline(DescriptorTransformer(sr=SR, groups=["dynamics"]), SVC())
    wholes.fit(tiny_songs().data, tiny_songs().target)
    joblib.dump(wholes, "wholes.joblib")
    for arguments, word in [
        (["none.joblib", "songs", "--out", "report"], "there is no such model"),
        (["wholes.joblib", "songs", "--out", "report"], "the labels of songs cannot be judged by this model: "),
        ([model, "none", "--out", "report"], "there is no such folder"),
        ([model, "songs", "--out", "none/report"], "Make it first"),
        ([model, "songs", "--out", "songs"], "holds other things"),
    ]:
        assert main(["label-noise", *arguments]) == 2
        out, err = capsys.readouterr()
        assert word in err
        assert err.count("\n") == 1
        assert out == ""
    with pytest.raises(SystemExit):
        main(["label-noise", model, "songs", "--out", "report", "--threshold", "2"])
    assert "it must be a number from 0 to 1" in capsys.readouterr().err
    assert not os.path.exists("report")
