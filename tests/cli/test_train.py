"""``skmer train``: learns the labels of the folders, goes on after a stop, and names what is wrong with its input."""

import csv
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch

from skmer.cli import main
from skmer.datasets import load_folder
from skmer.model_selection import EstimatorSystem
from skmer.models import CANDIDATES, SYSTEMS, load_model, train_model
from skmer.models.card import usage_commands
from skmer.models.files import RunFolder
from tests.models.tiny import CONFIG, LOG_MEL, MLP, written

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
TINY = ["--config", json.dumps(CONFIG), "--n-splits", "2"]
FAST = ["--system", "log-mel", "--config", json.dumps(LOG_MEL), "--n-splits", "2"]
WRITTEN = ["model-card.json", "model-card.md", "model.skmer"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    written(folder)
    return folder / "songs"


@pytest.fixture
def home(made, tmp_path, monkeypatch):
    """A folder to work in, with the songs in it."""
    shutil.copytree(made, tmp_path / "songs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def card():
    return json.loads(Path("model-card.json").read_text())


@pytest.mark.parametrize("filename", [None, "elsewhere/file"])
def test_a_full_disk_is_said_in_a_sentence(home, capsys, monkeypatch, filename):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device", filename)

    monkeypatch.setattr("skmer.models.train.estimate", full)
    assert main(["train", "songs", "--out", "model.joblib", *FAST, "-q"]) == 2
    err = capsys.readouterr().err
    where = "model.folds" if filename is None else filename
    assert re.search(rf"{where}: nothing can be written there \(No space left on device\)\. Free some space", err)
    assert "Errno" not in err


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_run_resumes_and_gives_the_same_figures(home, capsys):
    for epochs in (40, 160, 640):
        config = {**CONFIG, "sssl": {**CONFIG["sssl"], "max_epochs": epochs, "warmup_epochs": 20}}
        command = ["train", "songs", "--out", "model.skmer", "--config", json.dumps(config), "--n-splits", "3"]
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        process = subprocess.Popen([sys.executable, "-m", "skmer", *command, "-q"], env=env)
        until = time.monotonic() + 120
        while not list(Path().glob("model.folds/folds/*.json")) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        process.kill()
        if process.wait() != 0 and len(list(Path().glob("model.folds/folds/*.json"))) < 3:
            break
        # all folds were finished before the process was killed: once more, with longer ones
        for name in {*os.listdir()} - {"songs"}:
            shutil.rmtree(name) if Path(name).is_dir() else Path(name).unlink()
    assert process.wait() == -signal.SIGKILL
    n = len(list(Path().glob("model.folds/folds/*.json")))
    assert 1 <= n < 3
    assert main(command) == 0
    assert f"({n} of them finished by an earlier run)" in capsys.readouterr().out
    assert sorted(os.listdir()) == [*WRITTEN, "songs"]
    whole = train_model(load_folder("songs"), "sssl", config, n_splits=3)
    assert card()["estimate"] == whole.card["estimate"]


def test_it_learns_what_stands_in_the_folders(home, capsys):
    assert main(["train", "songs", "--artists", "--out", "model.skmer", *TINY]) == 0
    out, err = capsys.readouterr()
    assert sorted(os.listdir()) == [*WRITTEN, "songs"]
    songs = load_folder("songs", groups="parent")
    expected = train_model(songs, "sssl", CONFIG, n_splits=2)
    for part in ("estimate", "parameters", "classes"):
        assert card()[part] == expected.card[part]
    assert card()["data"]["songs"] == [os.path.relpath(path, home / "songs") for path in songs.data]
    np.testing.assert_array_equal(load_model("model.skmer").predict(songs.data), expected.pipeline.predict(songs.data))
    assert out.startswith("16 songs to read: Q1 4, Q2 4, Q3 4, Q4 4. The songs are in 4 groups")
    assert expected.card["estimate"]["table"] in out
    assert expected.card["estimate"]["sentence"] in out
    assert out.endswith("Written: model.skmer, model-card.md, model-card.json\n")
    assert "Traceback" not in err


def test_the_other_commands_take_the_model_from_any_folder(home, tmp_path_factory, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    # the network on statistics of segments, which a CPU trains by default
    config = ["--config", json.dumps(MLP), "--device", "cpu", "--n-splits", "0"]
    assert main(["train", "songs", "--out", "model.skmer", "-q", *config]) == 0
    model, song = str(home / "model.skmer"), str(next(Path("songs").absolute().rglob("*.wav")))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert main(["predict", model, str(home / "songs"), "--out", "emotions.csv"]) == 0
    with open("emotions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["emotion"] for row in rows] == load_model(model).predict([row["file"] for row in rows]).tolist()
    assert main(["timeline", model, song]) == 0
    assert main(["label-noise", model, str(home / "songs"), "--out", "report", "-q"]) == 0
    assert Path("report/relabel.csv").is_file()


def test_the_network_and_descriptors_joined(home, capsys):
    config = {**MLP, "sssl": {**MLP["sssl"], "cv": 2}, "descriptors": {"sr": 11264, "groups": ["dynamics"]}}
    # segments with harmony need a higher rate than these songs have
    config["segments"] = {**config["segments"], "harmony": False}
    command = ["train", "songs", "--artists", "--out", "model.skmer", "--system", "joined", "--device", "cpu"]
    assert main([*command, "--config", json.dumps(config), "--n-splits", "2"]) == 0
    assert "| joined " in capsys.readouterr().out
    assert card()["usage"] == ["skmer predict model.skmer FOLDER --out emotions.csv"]
    assert main(["predict", "model.skmer", "songs", "--out", "emotions.csv"]) == 0
    assert capsys.readouterr().err.endswith("16 of 16 files predicted. The model uses the first 30 s of each song.\n")
    with open("emotions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["emotion"] for row in rows] == load_model("model.skmer").predict([row["file"] for row in rows]).tolist()
    for other in (
        ["timeline", "model.skmer", rows[0]["file"]],
        ["label-noise", "model.skmer", "songs", "--out", "new"],
    ):
        assert main(other) == 2
        assert "predicts emotions of whole songs only. Train one with `skmer train --sys" in capsys.readouterr().err


def test_auto_keeps_the_more_accurate_of_two_networks(home, capsys):
    assert main(["train", "songs", "--out", "model.skmer", "--system", "auto", "--device", "cpu", *TINY]) == 0
    out = capsys.readouterr().out
    estimate = card()["estimate"]
    choice = estimate["choice"]
    assert card()["system"] == choice["chosen"]
    accuracy = {name: estimate["mean"][name]["accuracy"] for name in ("cross-entropy", "sssl")}
    # of equals the first
    assert choice["chosen"] == max(accuracy, key=accuracy.get)
    assert sum(choice["times_chosen"].values()) == 2
    for part in (estimate["table"], estimate["sentence"], choice["sentence"]):
        assert part in out
        assert part in Path("model-card.md").read_text()
    network = load_model("model.skmer")["sssl"]
    assert (network.noise_model is None) == (choice["chosen"] == "cross-entropy")


def test_a_pickle_is_written_where_its_name_is_given(home, capsys):
    assert main(["train", "songs", "--out", "model.joblib", *FAST]) == 0
    assert sorted(os.listdir()) == ["model-card.json", "model-card.md", "model.joblib", "songs"]
    assert "joblib.load(path)" in Path("model-card.md").read_text()
    songs = load_folder("songs").data
    pickled = joblib.load("model.joblib").predict(songs)
    assert main(["train", "songs", "--out", "model.skmer", "--force", *FAST]) == 0
    page = Path("model-card.md").read_text()
    assert "`skmer.load_model(path).predict(list_of_audio_files)`, or `.predict_file(audio_file)`" in page
    assert "joblib" not in page
    np.testing.assert_array_equal(load_model("model.skmer").predict(songs), pickled)
    assert card()["model"] == "model.skmer"


def test_a_table_says_the_labels_and_the_groups(home, capsys):
    songs = sorted(path.relative_to("songs").as_posix() for path in Path("songs").rglob("*.wav"))
    with open("labels.csv", "w") as file:
        print("path,label,group", file=file)
        for i, name in enumerate(songs[:-1]):
            print(f"{name},{'calm' if name[1] in '34' else 'wild'},{i // 2}", file=file)
    assert main(["train", "songs", "--labels", "labels.csv", "--out", "model.skmer", *FAST]) == 0
    out, err = capsys.readouterr()
    assert card()["classes"] == ["calm", "wild"]
    assert card()["data"]["labels_from"] == "the table labels.csv"
    assert card()["data"]["left_out"] == [songs[-1]]
    assert "15 songs to read: calm 7, wild 8. The songs are in 8 groups" in out
    assert err == f"skmer train: 1 file is left out, not in labels.csv: {songs[-1]}.\n"


def test_the_card_says_how_many_labels_were_changed_and_by_whom(home, capsys):
    rows = [["path", "label", "old_label", "decision", "rater", "when"]]
    for i, path in enumerate(sorted(Path("songs").rglob("*.wav"))):
        name = path.relative_to("songs").as_posix()
        label = "calm" if name[1] in "34" else "wild"
        # as a page saves them: three that were changed, one that was left out, and the others as they were
        old = {"calm": "wild", "wild": "calm"}[label] if i in (0, 4, 9) else label
        own = ["changed", "Bo" if i == 9 else "Jo"] if old != label else ["", ""]
        rows.append([name, label, old, *own, ""])
    rows[3][1:5] = ["", "wild", "left out", "Jo"]
    with open("checked.csv", "w", newline="") as table:
        csv.writer(table).writerows(rows)
    assert main(["train", "songs", "--labels", "checked.csv", "--out", "model.skmer", *FAST]) == 0
    remark = "3 labels were changed in checked.csv, by Bo and Jo."
    assert f"skmer train: {remark}\n" in capsys.readouterr().err
    assert remark in Path("model-card.md").read_text()


def test_rare_classes_are_left_out_and_named(home, capsys):
    songs = load_folder("songs", check_audio=False)
    names = [Path(path).relative_to(home / "songs").as_posix() for path in songs.data]
    labels, artists = songs.target.tolist(), [str(i) for i in range(len(names))]
    rare = labels[0]
    of_rare = [i for i, label in enumerate(labels) if label == rare]
    for i in of_rare:
        artists[i] = "Ana"  # as many songs as the others, by one artist
    artists[-1] = artists[-2]  # so that others have groups too
    with open("labels.csv", "w", newline="") as table:
        csv.writer(table).writerows([["path", "label", "group"], *zip(names, labels, artists, strict=True)])
    command = ["train", "songs", "--labels", "labels.csv", "--out", "model.skmer", *FAST]
    assert main([*command, "--min-songs", "2"]) == 0
    remark = f"Left out, since fewer than 2 groups have the label: {rare} ({len(of_rare)})."
    assert f"skmer train: {remark}\n" in capsys.readouterr().err
    assert remark in Path("model-card.md").read_text()
    assert sorted(card()["data"]["songs_per_class"]) == sorted(set(labels) - {rare})
    assert main([*command, "--min-songs", "99", "--force"]) == 2
    assert "--min-songs 99: each class has fewer groups: lower it." in capsys.readouterr().err


def test_the_card_says_how_labels_of_several_people_were_joined(home):
    songs = sorted(path.relative_to("songs").as_posix() for path in Path("songs").rglob("*.wav"))
    for rater in ("Ann", "Bob"):
        rows = [f"{name},{'calm' if name[1] in '34' else 'wild'},{rater}" for name in songs]
        Path(f"{rater}.csv").write_text("\n".join(["path,label,rater", *rows]))
    assert main(["train", "songs", "--labels", "Ann.csv", "--labels", "Bob.csv", "--out", "model.skmer", *FAST]) == 0
    labels = "the tables Ann.csv and Bob.csv. The label of a song is the one that most of 2 people (Ann, Bob) chose."
    assert f"Labels: {labels} " in Path("model-card.md").read_text()
    network = {"system": "sssl", "data": card()["data"]}
    command = "skmer label-noise a.skmer SONGS --labels Ann.csv --labels Bob.csv --cross-fit 5 --out report"
    assert command in usage_commands(network, "a.skmer")


def test_quiet_says_nothing(home, capfd):
    Path("songs/Q1/cover.jpg").touch()
    assert main(["train", "songs", "--out", "model.skmer", "--quiet", *FAST]) == 0
    assert capfd.readouterr() == ("", "")
    assert card()["data"]["left_out"] == ["Q1/cover.jpg"]
    assert "1 file was left out, not audio by extension: Q1/cover.jpg." in Path("model-card.md").read_text()


def test_nothing_is_replaced_unasked_and_that_is_said_before_any_work(home, capsys):
    Path("model-card.md").write_text("mine")
    command = ["train", "songs", "--out", "model.skmer", *FAST]
    assert main(command) == 2
    assert "model-card.md: this file exists already" in capsys.readouterr().err
    assert sorted(os.listdir()) == ["model-card.md", "songs"]
    assert main([*command, "--force"]) == 0
    assert sorted(os.listdir()) == [*WRITTEN, "songs"]


def test_broken_songs_are_all_named_and_left_out_on_demand(home, capsys):
    Path("songs/Q1/a.mp3").write_text("no music")
    Path("songs/Q2/b.wav").touch()
    command = ["train", "songs", "--out", "model.skmer", *FAST]
    assert main(command) == 1
    out, err = capsys.readouterr()
    assert "skmer train: 2 of 18 songs cannot be used:\n  Q1/a.mp3: " in err
    assert "\n  Q2/b.wav: " in err
    assert err.endswith(
        "or leave them out with --skip-unreadable. model.folds is kept, so that the other songs need not be read "
        "again.\n"
    )
    assert out.startswith("18 songs to read: Q1 5, Q2 5, Q3 4, Q4 4.")
    assert "accuracy" not in out
    assert sorted(os.listdir()) == ["model.folds", "songs"]
    assert main([*command, "--skip-unreadable"]) == 0
    out, err = capsys.readouterr()
    assert "\n16 of 18 songs are used: Q1 4, Q2 4, Q3 4, Q4 4. Each song is a group of its own" in out
    assert "\nFit on all 16 songs.\n" in out
    assert "2 songs could not be used and were left out:\n  Q1/a.mp3: " in err
    assert list(card()["data"]["unreadable"]) == ["Q1/a.mp3", "Q2/b.wav"]
    assert sorted(os.listdir()) == [*WRITTEN, "songs"]


def test_no_folder_stays_where_no_song_could_be_read(home, capsys):
    shutil.rmtree("songs")
    for name in ("songs/a/1.mp3", "songs/a/2.mp3", "songs/b/1.mp3", "songs/b/2.mp3"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("no music")
    assert main(["train", "songs", "--out", "model.skmer", *FAST]) == 1
    err = capsys.readouterr().err
    assert "4 of 4 songs cannot be used, among them all of the classes 'a', 'b':" in err
    assert err.endswith("All songs of a class are unreadable: repair one, or remove the class.\n")
    assert os.listdir() == ["songs"]


def test_ctrl_c_says_how_it_goes_on(home, capsys, monkeypatch):
    run, done = EstimatorSystem.run, []

    def stopped(self, *args, **kwargs):
        if done:
            raise KeyboardInterrupt
        done.append(1)
        return run(self, *args, **kwargs)

    monkeypatch.setattr(EstimatorSystem, "run", stopped)
    command = ["train", "songs", "--out", "model.skmer", *FAST]
    assert main(command) == 130
    assert "Finished parts are kept in model.folds; run the same command again to continue." in capsys.readouterr().err
    assert sorted(os.listdir()) == ["model.folds", "songs"]
    monkeypatch.setattr(EstimatorSystem, "run", run)
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "model.folds was left by a run that did not end" in out
    assert "(1 of them finished by an earlier run)" in out
    assert sorted(os.listdir()) == [*WRITTEN, "songs"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("nowhere --out m", "nowhere: no such folder"),
        ("labels.csv --out m", "labels.csv: this is a file"),
        ("taken.folds --out m", "taken.folds has 0 class folders; at least two are needed"),
        ("songs --out songs", "songs: this is a folder"),
        ("songs --out none/m", "the folder .*none does not exist"),
        ("songs --out new/", "new/: this names a folder"),
        ("songs --out songs/m", "is inside songs, whose folders are the classes"),
        ("songs --labels none.csv --out m", "--labels: none.csv does not exist"),
        ("songs --labels songs --out m", "--labels: songs is a folder"),
        ("songs --labels labels.csv --out m", "labels.csv, line 2: no such audio file"),
        ("songs --labels labels.csv --artists --out m", "--artists is for folders"),
        ("songs --labels labels.csv --out labels.csv --force", "is read by the same command"),
        ("songs --out m --config none.json", "config: no such file: none.json"),
        ("songs --out m --config {", "config: expected JSON such as"),
        ('songs --out m --config {"x":{}}', "unknown section 'x'; the steps of this model are"),
        ('songs --out m --config {"svm":{"random_state":1}}', "set the seed instead"),
        ("songs --out m --system auto --n-splits 0", "system='auto' chooses by cross-validation"),
        ("songs --out m --device gpu", "device='gpu' is unknown"),
        ("songs --out m --device meta", "device='meta' cannot be used here"),
        ("songs --out link.joblib", "link.folds: .* a link to a folder that does not exist"),
        ('songs --out m --config {"segments":{"sr":1e13}}', "config, section 'segments'"),
        ('songs --out m --config {"sssl":{"cv":100}}', "config, section 'sssl': cv=100 does not divide"),
        (
            "songs --out m --system joined --device cpu",
            "config, section 'sssl': cv=5 does not divide .* for joined, or add",
        ),
        ("songs --out taken.joblib", "taken.folds: this path is needed for finished folds"),
    ],
)
def test_wrong_input_ends_in_a_sentence(home, arguments, told, capsys, monkeypatch):
    Path("labels.csv").write_text("path,label\na.mp3,x\nb.mp3,y\n")
    Path("taken.folds").mkdir()
    Path("taken.folds/mine").touch()
    Path("link.folds").symlink_to("none")
    monkeypatch.setattr("skmer.models.train.read_songs", lambda *_: pytest.fail("a song was read"))
    before = sorted(os.listdir())
    assert main(["train", *arguments.split()]) == 2
    out, err = capsys.readouterr()
    assert re.search(told, err)
    assert err.count("\n") == 1
    assert out == ""
    assert sorted(os.listdir()) == before


def test_the_shell_speaks_of_its_own_arguments(home, capsys):
    Path("labels.csv").write_text("path;label\na.mp3;x\nb.mp3;y\n")
    assert main(["train", "songs", "--labels", "labels.csv", "--out", "m"]) == 2
    err = capsys.readouterr().err
    assert "labels.csv, line 2: no such audio file" in err
    assert f"paths start from {Path('songs').absolute()}." in err


def test_artists_must_have_folders(home, capsys):
    shutil.copy(next(Path("songs").rglob("*.wav")), "songs/Q1/loose.wav")
    assert main(["train", "songs", "--artists", "--out", "model.skmer", *FAST]) == 2
    assert "Q1/loose.wav is not at <class>/<artist>/<song> in " in capsys.readouterr().err


def test_two_trainings_into_one_model_leave_each_other_alone(home, capsys):
    run = RunFolder("model.folds")
    (Path("model.folds") / "songs").mkdir()
    command = ["train", "songs", "--out", "model.skmer", *FAST]
    assert main(command) == 2
    err = capsys.readouterr().err
    assert f"model.folds: another skmer train (process {os.getpid()} on " in err
    assert err.count("\n") == 1
    assert Path("model.folds/songs").is_dir()
    run.close()
    assert main(command) == 0
    assert sorted(os.listdir()) == [*WRITTEN, "songs"]


def test_a_fit_is_not_lost_where_it_cannot_be_saved(home, capsys, monkeypatch):
    from skmer.models import files

    def meanwhile(trained, path):
        Path("model.skmer").write_text("of somebody else")
        return save_trained_model(trained, path)

    save_trained_model = files.save_trained_model
    monkeypatch.setattr(files, "save_trained_model", meanwhile)
    assert main(["train", "songs", "--out", "model.skmer", *FAST]) == 2
    err = capsys.readouterr().err
    assert "model.skmer: this file exists already" in err
    assert "The finished model and its cards are in model.folds/finished: move the three files" in err
    assert Path("model.skmer").read_text() == "of somebody else"
    assert sorted(os.listdir("model.folds/finished")) == WRITTEN
    assert len(load_model("model.folds/finished/model.skmer").predict(load_folder("songs").data)) == 16
    Path("model.skmer").unlink()
    monkeypatch.setattr(files, "save_trained_model", save_trained_model)
    monkeypatch.setattr(files, "copy_model", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert main(["train", "songs", "--out", "model.skmer", *FAST]) == 2
    err = capsys.readouterr().err
    assert "No space left on device" in err
    assert "are in model.folds/finished" in err
    monkeypatch.undo()
    monkeypatch.chdir(home)
    assert main(["train", "songs", "--out", "model.skmer", *FAST]) == 0
    assert "s in the last run, which used" in Path("model-card.md").read_text()
    assert sorted(os.listdir()) == [*WRITTEN, "songs"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 2 GiB."), "the device has not enough memory"),
        (MemoryError(), "there is not enough memory: use fewer --n-jobs"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp]\nyou tried to allocate memory"), "not enough memory"),
        (BrokenProcessPool("a\nb"), "a worker process died, possibly because the memory ran out: use fewer --n-jobs"),
        (RuntimeError("odd\nthing"), "the training failed (RuntimeError: odd thing)"),
    ],
)
def test_what_fails_on_the_way_ends_in_a_sentence(home, error, told, capsys, monkeypatch):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("skmer.models.train.fit_with_groups", fail)
    assert main(["train", "songs", "--out", "model.skmer", *FAST]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.endswith("Finished parts are kept in model.folds; run the same command again to continue.\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize("wrong", ["--n-splits 1", "--seed -1", "--system vgg", "--n-jobs 0"])
def test_wrong_usage_is_status_2(wrong, capsys):
    with pytest.raises(SystemExit) as end:
        main(["train", "songs", "--out", "m", *wrong.split()])
    assert end.value.code == 2


def test_help_describes_the_systems(capsys, monkeypatch):
    # lines are not broken at hyphens
    monkeypatch.setenv("COLUMNS", "10000")
    with pytest.raises(SystemExit):
        main(["train", "-h"])
    text = " ".join(capsys.readouterr().out.split())
    assert "auto evaluates cross-entropy and sssl on the same folds" in text
    assert f"--system {{{','.join([*SYSTEMS, *CANDIDATES])}}}" in text
