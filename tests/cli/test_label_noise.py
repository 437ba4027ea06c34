"""skmer label-noise: a report from the shell, exit statuses, and messages instead of tracebacks."""

import csv
import json
import os
import warnings
from pathlib import Path

import joblib
import pytest
import soundfile
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from skmer import DescriptorTransformer, save_model
from skmer.cli import main
from tests.tiny_model import SR, tiny_pipeline, tiny_songs


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.skmer"
    return str(save_model(tiny_pipeline(), path))


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
    assert out.endswith(
        f"Page: {os.path.join('report', 'index.html')}\nLabels to correct: {os.path.join('report', 'relabel.csv')}\n"
    )
    assert err == ""
    assert list(dict.fromkeys(column("report/segments.csv", "file"))) == songs
    assert sorted(os.listdir("report")) == ["index.html", "relabel.csv", "segments.csv", "stretches.csv"]
    assert "../songs/Q1/" in Path("report/index.html").read_text(encoding="utf-8")


def test_report_of_a_table_with_a_threshold(model, songs, capsys):
    with open("labels.csv", "w") as table:
        table.write("path,label\n" + "".join(f"{name},{name[:2]}\n" for name in songs[::-1][:4]))
    options = ["--labels", "labels.csv", "--threshold", "1", "-q"]
    assert main(["label-noise", model, "songs", *options, "--out", "report"]) == 0
    assert capsys.readouterr() == ("", "")
    assert list(dict.fromkeys(column("report/segments.csv", "file"))) == songs[::-1][:4]
    assert column("report/stretches.csv", "end") == ["5.0"] * 4
    assert sorted(column("report/relabel.csv", "path")) == sorted(songs[::-1][:4])


def test_exit_status_where_songs_fail(model, songs, capsys):
    os.makedirs("songs/Q9")
    os.rename(f"songs/{songs[0]}", "songs/Q9/unknown.wav")
    with open(f"songs/{songs[1]}", "w") as file:
        file.write("no music")
    assert main(["label-noise", model, "songs", "--out", "report"]) == 1
    out, err = capsys.readouterr()
    assert "6 of 8 songs judged, 30 s heard. 2 failed; see the page for the reasons." in out
    assert f"skmer label-noise: {songs[1]}: " in err
    assert (
        "skmer label-noise: Q9/unknown.wav: the model was not trained on the label 'Q9'. Expected one of its classes: "
        in err
    )


def test_no_figures_where_all_labels_are_unknown(model, songs, capsys):
    with open("labels.csv", "w") as table:
        table.write(f"path,label,group\n{songs[0]},calm,Ana\n{songs[1]},tense,Ana\n")
    assert main(["label-noise", model, "songs", "--labels", "labels.csv", "--out", "report"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("0 of 2 songs judged. 2 failed; see the page for the reasons.\nPage: ")
    assert "%" not in out
    assert "the model was not trained on the label 'calm'" in err
    assert column("report/relabel.csv", "group") == ["Ana", "Ana"]
    assert column("report/relabel.csv", "expected_wrong") == ["", ""]


def test_the_timeline_too_refuses_models_of_whole_songs(songs, capsys):
    wholes = make_pipeline(DescriptorTransformer(sr=SR, groups=["dynamics"]), SVC())
    joblib.dump(wholes.fit(tiny_songs().data, tiny_songs().target), "wholes.joblib")
    assert main(["timeline", "wholes.joblib", f"songs/{songs[0]}"]) == 2
    assert "this model predicts emotions of whole songs only. Train one with" in capsys.readouterr().err


def test_a_corrected_table_is_kept_and_trained_with(model, songs, capsys):
    command = ["label-noise", model, "songs", "--out", "report", "-q"]
    assert main(command) == 0
    with open("report/relabel.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["path"]: row["old_label"] for row in rows} == {name: name[:2] for name in songs}
    changed = next(row for row in rows if row["label"] != "Q1")
    changed["label"] = "Q1"
    with open("report/relabel.csv", "w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert main([*command, "--force"]) == 2
    assert "relabel.csv: this table was changed since it was written" in capsys.readouterr().err

    options = ["--system", "log-mel", "--n-splits", "0", "--device", "cpu", "-q"]
    options += ["--config", json.dumps({"segments": {"duration": 1, "sr": SR, "n_mels": 32}})]
    assert main(["train", "songs", "--labels", "report/relabel.csv", "--out", "corrected.joblib", *options]) == 0
    data = json.loads(Path("corrected-card.json").read_text())["data"]
    assert data["labels_from"] == "the table relabel.csv"
    assert data["songs_per_class"]["Q1"] == 1 + sum(name.startswith("Q1") for name in songs)


def test_an_earlier_report_is_replaced_with_force(model, songs, capsys):
    command = ["label-noise", model, "songs", "--out", "report", "-q"]
    assert main(command) == 0
    assert main(command) == 2
    assert "report: a page exists already." in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    open("report/mine.txt", "w").close()
    assert main([*command, "--force"]) == 2
    assert "contains files that do not belong to such a page (mine.txt)" in capsys.readouterr().err


def test_the_current_folder_is_an_error(model, songs, capsys, monkeypatch):
    os.mkdir("here")
    monkeypatch.chdir("here")
    assert main(["label-noise", model, "../songs", "--out", "."]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("skmer label-noise: .: this is the current folder")
    assert (out, err.count("\n")) == ("", 1)


@pytest.mark.skipif(os.name == "nt", reason="no such names")
def test_line_breaks_in_names_leave_the_lines_whole(model, songs, capsys):
    os.rename(f"songs/{songs[0]}", "songs/Q1/a\nb\rc.wav")
    with open("songs/Q1/a\nbad.wav", "w") as file:
        file.write("no music")
    assert main(["label-noise", model, "songs", "--out", "report", "--threshold", "1"]) == 1
    out, err = capsys.readouterr()
    assert err.startswith("skmer label-noise: Q1/a\\nbad.wav: ")
    assert (err.count("\n"), err.count("bad.wav")) == (1, 1)
    assert "\r" not in out
    assert "Q1/a\nb\rc.wav" in column("report/relabel.csv", "path")


def test_quiet_is_quiet_whatever_the_classes_are_called(songs, capfd, monkeypatch):
    pipe = clone(tiny_pipeline()[:2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two epochs are too few for a good split
        pipe.fit(tiny_songs().data, [name.replace("Q1", "悲しい") for name in tiny_songs().target])
    save_model(pipe, "model.skmer")
    os.rename("songs/Q1", "songs/悲しい")
    command = ["label-noise", "model.skmer", "songs", "--threshold", "1", "--out"]
    assert main([*command, "quiet", "-q"]) == 0
    assert capfd.readouterr() == ("", "")
    assert main([*command, "loud"]) == 0
    assert capfd.readouterr().err == ""


def test_wrong_models_and_arguments_are_one_line_messages(model, songs, capsys):
    wholes = make_pipeline(DescriptorTransformer(sr=SR, groups=["dynamics"]), SVC())
    wholes.fit(tiny_songs().data, tiny_songs().target)
    joblib.dump(wholes, "wholes.joblib")
    for arguments, word in [
        (["none.joblib", "songs", "--out", "report"], "there is no such model"),
        (
            ["wholes.joblib", "songs", "--out", "report"],
            "this model predicts emotions of whole songs only. Train one with `skmer train --system sssl`",
        ),
        ([model, "none", "--out", "report"], "no such folder"),
        ([model, "songs", "--out", "none/report"], "Create it first"),
        ([model, "songs", "--out", "songs"], "files that do not belong to such a page"),
        ([model, "songs", "--out", "songs/report"], "songs/report: this is inside songs, where it would be taken for"),
        ([model, "songs", "--out", "songs/Q1/report", "--labels", "labels.csv"], "Name a folder outside"),
    ]:
        assert main(["label-noise", *arguments]) == 2
        out, err = capsys.readouterr()
        assert word in err
        assert err.count("\n") == 1
        assert out == ""
    with pytest.raises(SystemExit):
        main(["label-noise", model, "songs", "--out", "report", "--threshold", "2"])
    assert "expected a number from 0 to 1" in capsys.readouterr().err
    assert not os.path.exists("report")


def test_a_label_of_fewer_songs_than_folds_is_told_in_plain_words(model, songs, capsys):
    Path("songs/Q1/more.wav").write_bytes(next(Path("songs/Q1").iterdir()).read_bytes())
    assert main(["label-noise", model, "songs", "--out", "report", "--cross-fit", "3"]) == 0
    err = capsys.readouterr().err
    assert "The rarest label has fewer songs (2) than there are folds (3)" in err
    assert "n_splits" not in err


def test_cross_fitted_report(model, songs, capsys):
    assert main(["label-noise", model, "songs", "--out", "report", "--cross-fit", "2", "--smoothing", "0"]) == 0
    out, err = capsys.readouterr()
    assert "8 of 8 songs judged" in out
    assert "Another emotion than the label leads in" in out
    # two epochs are too few, which is told in a line
    assert err.startswith("skmer label-noise: warning: Epoch 2 is trained on the inherited labels")
    assert {line.partition(" warning: ")[0] for line in err.splitlines()} == {"skmer label-noise:"}
    assert "trained on other songs" in Path("report/index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cross-fit", "1"], "--cross-fit"),
        (["--cross-fit", "5", "--smoothing", "-1"], "--smoothing"),
        (["--cross-fit", "20"], "--cross-fit 20: 20 folds need 20 songs of a label, but the commonest"),
        (["--smoothing", "3"], "--smoothing has an effect with --cross-fit only"),
    ],
)
def test_what_cross_fitting_cannot_use(model, songs, options, message, capsys):
    try:
        status = main(["label-noise", model, "songs", "--out", "report", *options])
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert message in capsys.readouterr().err
    assert not os.path.exists("report")
