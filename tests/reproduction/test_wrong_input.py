"""``skmer reproduce`` with what is wrong: a sentence, an exit status, and nothing written over."""

import os
import re
from pathlib import Path

import pytest

from tests.reproduction.commands import arguments, errors, run, sentence
from tests.reproduction.tiny import write_collection


@pytest.fixture
def songs(tmp_path, monkeypatch):
    """PMEmo in the current folder, as most tests want it."""
    monkeypatch.chdir(tmp_path)
    _, paths = write_collection("pmemo", tmp_path)
    return paths


OTHER = [
    (["--epochs", "3"], "other settings (epochs)"),
    (["--recipe", "none"], "other settings (recipe)"),
    (["--duration", "1"], "other settings (duration)"),
    (["--n-splits", "3"], "other settings (n_splits)"),
    (["--threshold", "0.5"], "other settings (threshold)"),
    (["--tasks", "arousal"], "missing from the new table, such as 'dummy (commonest class)' (valence, seed 0)"),
    (["--seeds", "1"], "missing from the new table"),
]


def test_a_table_of_other_settings_is_not_written_over(songs, capsys):
    assert run("table3", "pmemo", "--systems", "log") == 0
    files = [Path(f"out/table3-pmemo-stratified.{ending}") for ending in ("json", "md", "csv")]
    before = [path.read_bytes() for path in files]
    capsys.readouterr()
    for further, expected in OTHER:
        assert run("table3", "pmemo", "--systems", "log", *further) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert errors(err).startswith("skmer reproduce: out/table3-pmemo-stratified.json contains ")
        assert expected in err
        assert "another folder for the results (--out) and share finished folds through --store." in err
        assert [path.read_bytes() for path in files] == before
    # more of the same is welcome
    assert run("table3", "pmemo", "--systems", "log,inherited", "--seeds", "0,1") == 0


@pytest.mark.parametrize("what", ["table1", "table3"])
@pytest.mark.parametrize("text", ["{}", "[1]", '{"settings": null}', "not json"])
def test_a_strangers_file_is_not_written_over(songs, capsys, what, text):
    path = Path("out", {"table1": "table1-pmemo.json", "table3": "table3-pmemo-stratified.json"}[what])
    path.parent.mkdir()
    path.write_text(text)
    assert run(what) == 2
    assert re.match(
        rf"skmer reproduce: {path} is not a table of skmer reproduce.* Move it away\.\n$",
        errors(capsys.readouterr().err),
    )
    assert path.read_text() == text
    assert os.listdir("out") == [path.name]


def test_a_table_of_other_songs_is_not_written_over(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_collection("folder", tmp_path)
    assert run("table1", "folder", "--durations", "1") == 0
    assert run("table3", "folder", "--systems", "log") == 0
    # the same songs elsewhere are the same
    Path("folder").rename("moved")
    Path("folder").symlink_to("moved")
    assert run("table1", "folder", "--durations", "1") == 0
    next(Path("moved").rglob("*.*")).unlink()
    capsys.readouterr()
    for command in (["table1", "folder", "--durations", "1"], ["table3", "folder", "--systems", "log"]):
        assert run(*command) == 2
        assert "other settings (songs)" in capsys.readouterr().err


def test_counts_of_other_durations_are_not_written_over(songs, capsys):
    assert run("table1", "pmemo", "--durations", "0.5,1") == 0
    capsys.readouterr()
    assert run("table1", "pmemo", "--durations", "1") == 2
    assert "other settings (durations)" in capsys.readouterr().err
    assert run("table1", "pmemo", "--durations", "0.5,1", "--from-metadata") == 2
    assert "other settings (source)" in capsys.readouterr().err
    assert run("table1", "pmemo", "--durations", "0.5,1,2") == 0


@pytest.mark.parametrize(
    ("what", "further", "expected"),
    [
        ("table3", ["--tasks", "mood"], r"PMEmo has the tasks valence, arousal; got \['mood'\]"),
        ("table3", ["--collection", "fma"], r"invalid choice: 'fma' \(choose from '?csv"),
        ("table9", [], "invalid choice: 'table9'"),
        ("table3", ["--data-home", "nowhere"], r"No such folder: .*nowhere\. PMEmo2019"),
        ("table3", ["--folds", "99"], r"folds must be some of 0 to 1, got \[99\]"),
        (
            "table3",
            ["--folds", "x"],
            "argument --folds: expected whole numbers of at least 0, separated by commas, got 'x'",
        ),
        ("table3", ["--seeds", "0,-1"], "argument --seeds: expected whole numbers of at least 0"),
        ("table3", ["--params", "{lr: 1}"], r'argument --params: expected JSON such as \{"lr": 0\.001\}; Expecting'),
        ("table3", ["--params", "[1]"], "argument --params: expected a JSON object such as"),
        ("table3", ["--params", '{"lrate": 1}'], "--params: SSSLClassifier has no parameter 'lrate'; it has .* lr, "),
        ("table3", ["--params", '{"lr": -1}'], "The 'lr' parameter of SSSLClassifier must be .* Got -1 instead"),
        ("table3", ["--params", '{"backbone_params": {"wide": 1}}'], r"backbone_params=\{'wide': 1\} do not match"),
        ("table3", ["--params", '{"max_epochs": 3}'], "max_epochs must be set by its own option, --epochs"),
        ("table3", ["--params", '{"random_state": 3}'], "random_state must be set by its own option, --seeds"),
        ("table3", ["--backbone", "alexnet"], "argument --backbone: invalid choice: 'alexnet'"),
        ("table3", ["--protocol", "split_x"], "There is no protocol 'split_x': choose one of stratified, grouped"),
        ("table3", ["--systems", "SVM"], "No system has a name that begins with 'SVM'. The names are: desc"),
        ("table3", ["--cross-fit", "1"], "argument --cross-fit: expected a whole number of at least 2, got '1'"),
        ("table3", ["--n-splits", "1"], "argument --n-splits: expected a whole number of at least 2, got '1'"),
        ("table3", ["--n-splits", "13"], "n_splits=13"),
        ("table3", ["--epochs", "0"], "argument --epochs: expected a whole number of at least 1, got '0'"),
        ("table3", ["--epochs", "1"], "--epochs 1 leaves no epoch after --warmup-epochs 1"),
        ("table3", ["--max-duration", "0.4"], r"max_duration=0\.4 s is shorter than duration=0\.5 s: no segment fits"),
        ("table3", ["--duration", "-1"], "argument --duration: expected a positive number, got '-1'"),
        ("table3", ["--duration", "nan"], "argument --duration: expected a positive number, got 'nan'"),
        ("table3", ["--max-duration", "inf"], "argument --max-duration: expected a positive number, got 'inf'"),
        (
            "table3",
            ["--threshold", "high"],
            "argument --threshold: expected median, midpoint or a number, got 'high'",
        ),
        ("table3", ["--threshold", "5"], "threshold must be above 0 and at most 1, the scale of PMEmo2019, got 5"),
        ("table3", ["--threshold", "0.99"], r"All 12 songs are 'low' in valence at the threshold 0\.99"),
        ("table3", ["--device", "tpu"], "device='tpu' is unknown"),
        ("ablations", ["--durations", "1"], "unrecognized arguments: --durations"),
        ("table3", ["--inner", "2"], "unrecognized arguments: --inner"),
        ("table3", ["--song", "1.mp3"], "unrecognized arguments: --song"),
        ("table3", ["--from-metadata"], "unrecognized arguments: --from-metadata"),
        ("table2", ["--inner", "1"], "argument --inner: expected a whole number of at least 2"),
        ("table2", ["--durations", "1,nan"], "argument --durations: expected positive numbers"),
        ("table2", ["--durations", "1,3"], r"max_duration=2 s is shorter than duration=3 s"),
        ("table1", ["--protocol", "grouped"], "unrecognized arguments: --protocol"),
        ("table1", ["--seeds", "1"], "unrecognized arguments: --seeds"),
        ("figure2", ["--folds", "0"], "unrecognized arguments: --folds"),
        ("figure2", ["--tasks", "valence,arousal"], "--tasks: figure2 shows one song and one network; name one"),
        ("figure2", ["--seeds", "0,1"], "--seeds: figure2 shows one song and one network; name one"),
        ("figure2", ["--song", "x.mp3"], "song must name one song of the collection; 'x.mp3' names 0 of 12"),
    ],
)
def test_wrong_arguments_end_in_a_sentence(songs, capsys, what, further, expected):
    status, said = sentence(capsys, *arguments(what, "pmemo", *further))
    assert status == 2
    assert re.search(expected, said), said
    assert not [path for pattern in ("*.json", "*.csv", "*.png") for path in Path("out").glob(pattern)]


@pytest.mark.parametrize(
    ("dataset", "further", "expected"),
    [
        ("4q", ["--threshold", "0.5"], "4Q has classes, not ratings: there is nothing to divide by a threshold"),
        ("emopia", ["--protocol", "split_x"], "no protocol 'split_x': .*split_cls_repo"),
        ("folder", ["--tasks", "valence"], r"Your folder has the tasks label; got \['valence'\]"),
    ],
)
def test_what_a_collection_lacks(tmp_path, monkeypatch, capsys, dataset, further, expected):
    monkeypatch.chdir(tmp_path)
    write_collection(dataset, tmp_path)
    status, said = sentence(capsys, *arguments("table3", dataset, *further))
    assert status == 2
    assert re.search(expected, said), said


@pytest.mark.parametrize("dataset", ["pmemo", "folder", "csv"])
def test_songs_whose_place_is_not_told(tmp_path, monkeypatch, capsys, dataset):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SKMER_DATA", raising=False)
    status, said = sentence(capsys, "reproduce", "table1", "--collection", dataset)
    assert status == 2
    assert "pass data_home (--data-home on the command line)" in said


def test_places_that_cannot_hold_results(songs, capsys):
    Path("file").write_text("mine")
    for out, expected in [
        ("file", "file: this is a file. Name a folder for the results."),
        ("file/below", "file/below: this folder cannot be made (Not a directory). Name another one with --out."),
    ]:
        status, said = sentence(capsys, *arguments("table3", out=out))
        assert (status, said) == (2, f"skmer reproduce: {expected}")
    assert Path("file").read_text() == "mine"


def test_annotations_that_are_wrong_are_named_with_file_and_line(songs, capsys):
    songs[4].unlink()
    status, said = sentence(capsys, *arguments("table3"))
    assert status == 2
    assert re.search(r"1 of the songs in .*static_annotations\.csv has no audio file: .*chorus/5\.mp3", said)
    ratings = Path("pmemo/annotations/static_annotations.csv")
    lines = ratings.read_text().splitlines()
    ratings.write_text("\n".join([*lines[:3], "3,0.5,many", *lines[4:]]))
    status, said = sentence(capsys, *arguments("table3"))
    assert status == 2
    assert re.search(r"static_annotations\.csv, line 4: Valence\(mean\) must be a number, got 'many'", said)


@pytest.mark.parametrize("what", ["table1", "table3", "figure2"])
@pytest.mark.parametrize("further", [[], ["--n-jobs", "2"]])
def test_audio_that_cannot_be_read_is_named(songs, capsys, what, further):
    songs[6].write_bytes(songs[6].read_bytes()[:9000])
    status, said = sentence(capsys, *arguments(what, "pmemo", *further))
    assert status == 1
    assert re.search(r"chorus/7\.mp3: the file is truncated", said), said
    songs[6].write_text("no music" * 99)
    status, said = sentence(capsys, *arguments(what, "pmemo", *further))
    assert status == 1
    assert re.search(r"chorus/7\.mp3: this is text, not audio: it begins with 'no music", said), said


def test_songs_that_are_shorter_than_a_segment_are_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_collection("pmemo", tmp_path, seconds=[2.0] * 5 + [0.4] + [2.0] * 6)
    status, said = sentence(capsys, *arguments("table3"))
    assert status == 1
    assert re.search(r"chorus/6\.mp3: it lasts 0\.40 s, shorter than one segment of duration=0\.5 s", said), said
