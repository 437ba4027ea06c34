"""``skmer reproduce``: every table and the figure, on every collection."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import skmer.cli.reproduce
from skmer.cli import main
from skmer.datasets import COLLECTIONS
from skmer.reproduction.systems import EMBEDDING, STACK
from tests.reproduction.commands import errors, finished, read, run
from tests.reproduction.tiny import LAYOUTS, N_SONGS, write_collection

SYSTEMS = ["log-mel statistics + SVM", "inherited labels (cross-entropy)", "Proposed* (lambda = 0)", "Proposed (SSSL)"]


@pytest.fixture
def songs(tmp_path, monkeypatch):
    """PMEmo in the current folder, as most tests want it."""
    monkeypatch.chdir(tmp_path)
    _, paths = write_collection("pmemo", tmp_path)
    return paths


def test_the_datasets_are_the_collections(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["reproduce", "table3", "--collection", "gtzan"])
    named = re.findall(r"[\w]+", capsys.readouterr().err.partition("choose from ")[2])
    assert named == list(COLLECTIONS)


def test_the_names_of_rows_are_those_of_the_systems():
    assert (skmer.cli.reproduce._STACK, skmer.cli.reproduce._EMBEDDING) == (STACK, EMBEDDING)


def test_help_is_light():
    code = (
        "import sys; from skmer.cli import main\n"
        "try: main(['reproduce', '-h'])\n"
        "finally: print([name for name in ('torch', 'sklearn', 'numpy') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    assert "figure2" in done.stdout


@pytest.mark.parametrize("dataset", LAYOUTS)
def test_table_3_of_every_collection(tmp_path, monkeypatch, capsys, dataset):
    monkeypatch.chdir(tmp_path)
    write_collection(dataset, tmp_path)
    # networks of one collection do
    systems = SYSTEMS if dataset == "folder" else SYSTEMS[:1]
    assert run("table3", dataset, *([] if dataset == "folder" else ["--systems", "log"])) == 0
    out, err = capsys.readouterr()
    assert errors(err) == ""
    collection = COLLECTIONS[dataset]
    base = Path("out", f"table3-{dataset}-{collection.folds}")
    table = read(f"{base}.json")
    assert list(table["experiments"]) == list(collection.tasks)
    for experiment in table["experiments"].values():
        for name in systems:
            rows = [row for row in experiment["rows"] if row["name"] == name]
            assert [row["fold"] for row in rows] == [0, 1]
            assert sum(row["n_test"] for row in rows) == N_SONGS
    assert len(finished()) == len(collection.tasks) * len(systems) * 2
    # what is printed is what is written
    markdown = Path(f"{base}.md").read_text()
    assert out == f"Written: {base}.json, {base}.md, {base}.csv\n\n{markdown}"
    with open(f"{base}.csv", newline="") as file:
        lines = [line for line in csv.DictReader(file) if (line["system"], line["score"]) == (systems[-1], "accuracy")]
    assert [line["task"] for line in lines] == list(collection.tasks)
    for line in lines:
        rows = [r for r in table["experiments"][line["task"]]["rows"] if r["name"] == systems[-1]]
        assert float(line["mean"]) == pytest.approx(sum(r["scores"]["accuracy"] for r in rows) / 2)


def test_table_1(songs, capsys):
    assert run("table1", "pmemo", "--durations", "0.5,2") == 0
    out, err = capsys.readouterr()
    assert errors(err) == ""
    assert read("out/table1-pmemo.json")["counts"]["2"]["segments"] == N_SONGS
    assert out.endswith(Path("out/table1-pmemo.md").read_text())
    assert re.search(r"\| 2 s +\| +12 \| +12 \| +12 \| +0 \| 22,184 \| +-99\.9 % \|", out)
    assert sorted(os.listdir("out")) == ["table1-pmemo.json", "table1-pmemo.md"]


def test_table_1_without_audio(songs, capsys):
    for path in songs:
        path.unlink()
    assert run("table1", "pmemo", "--from-metadata") == 0
    assert "durations stated by the collection: 2.0 s on average" in capsys.readouterr().out
    assert run("table1", "pmemo", out="other") == 2
    assert "no audio file" in capsys.readouterr().err


def test_table_2(songs, capsys):
    assert run("table2", "pmemo", "--durations", "0.5,1", "--inner", "2", "--tasks", "valence") == 0
    out = capsys.readouterr().out
    table = read("out/table2-pmemo-stratified.json")
    for experiment in table["experiments"].values():
        assert "ratings are split at the median of the training songs" in experiment["protocol"]["description"]
        names = {row["name"] for row in experiment["rows"]}
        assert "best duration, read off the test folds (the paper's protocol)" in names
        assert "duration chosen inside the folds" in names
    assert "| 5 s (paper only) " in out
    assert "segments of" not in out  # the rows say it


def test_ablations(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_collection("folder", tmp_path)
    assert run("ablations", "folder") == 0
    lines = capsys.readouterr().out.splitlines()
    for name in (*SYSTEMS, 'padding="zero"', 'padding="circular"', "whole clip as one segment"):
        assert any(line.startswith(f"| {name} ") for line in lines)


def test_a_published_split(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_collection("emopia", tmp_path)
    assert run("table3", "emopia", "--protocol", "split_cls_repo", "--systems", "log-mel") == 0
    assert "12 clips of 6 songs" in (out := capsys.readouterr().out)
    assert "1 of the 12 not in the split" in out
    assert "±" not in out
    assert Path("out/table3-emopia-split_cls_repo.json").is_file()


def test_figure_2(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    write_collection("4q", tmp_path)
    before = "out/figure2-4q-quadrant-MT0000000003"
    assert run("figure2", "4q", "--song", "MT0000000003") == 0
    out, err = capsys.readouterr()
    assert all(line.startswith("skmer reproduce: warning: ") for line in err.splitlines())
    assert re.match(r"MT0000000003\.mp3: labelled Q4, heard as Q[1-4]\.\n2 stratified folds.*trained on 6 songs", out)
    picture = Path(f"{before}.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    with open(f"{before}.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(float(line["start"]), float(line["end"])) for line in lines] == [(0, 0.5), (1, 1.5)]
    for line in lines:
        assert sum(float(line[f"p_Q{k}"]) for k in (1, 2, 3, 4)) == pytest.approx(1, abs=1e-5)
    # another network's picture of the song is not written over
    assert run("figure2", "4q", "--song", "MT0000000003", "--seeds", "1") == 0
    assert Path(f"{before}.png").read_bytes() == picture
    assert Path(f"{before}-2.png").is_file()
    assert Path(f"{before}-2.csv").is_file()
    assert str(Path(f"{before}-2.png")) in capsys.readouterr().out


@pytest.mark.data
def test_table_1_of_the_real_annotations(tmp_path, monkeypatch, capsys):
    home = Path(os.environ.get("SKMER_DATA", "")) / "metadata" / "PMEmo2019"
    if not os.environ.get("SKMER_DATA") or not home.is_dir():
        pytest.skip("the PMEmo annotations are not under $SKMER_DATA/metadata/PMEmo2019")
    monkeypatch.chdir(tmp_path)
    command = [
        "reproduce",
        "table1",
        "--collection",
        "pmemo",
        "--data-home",
        str(home),
        "--from-metadata",
        "--out",
        "out",
    ]
    assert main(command) == 0
    out = capsys.readouterr().out
    for count in ("21,821", "21,054", "20,287", "19,520", "18,753", "203 shorter than 30 s", "767 songs"):
        assert count in out


def test_a_deep_embedding_is_tried_before_any_song(songs, capsys):
    for options, message in [
        (
            ["--embedding", "net.pt"],
            "--embedding-sr is missing: a deep embedding needs a file",
        ),
        (["--embedding-sr", "8000", "--embedding-window", "1"], "--embedding is missing"),
        (["--embedding", "net.pt", "--embedding-sr", "8000", "--embedding-window", "1"], "net.pt"),
    ]:
        assert run("table3", "pmemo", *options) == 2
        assert message in errors(capsys.readouterr().err)
    with pytest.raises(SystemExit, match="2"):
        run("table2", "pmemo", "--embedding", "net.pt")
    assert "unrecognized arguments: --embedding net.pt" in capsys.readouterr().err


def test_durations_that_are_taken_together_are_whole_seconds(songs, capsys):
    assert run("table3", "pmemo", "--systems", "all", "--durations", "0.5,1") == 2
    assert "--durations: durations that are combined must be whole seconds, not 0.5" in errors(capsys.readouterr().err)


@pytest.mark.parametrize("systems", [[], ["--systems", "Proposed,log"]])
def test_options_of_rows_that_are_not_asked_for(songs, capsys, systems):
    assert run("table3", "pmemo", *systems, "--durations", "1,2") == 2
    assert errors(capsys.readouterr().err) == (
        "skmer reproduce: --durations: only 'SSSL of several durations' combines durations in table3, but it is not "
        "among the systems: add it, as in --systems Proposed,SSSL, or all.\n"
    )
    if systems:
        options = ["--embedding", "net.pt", "--embedding-sr", "8000", "--embedding-window", "1"]
        assert run("table3", "pmemo", *systems, *options) == 2
        message = "--embedding: 'deep embedding + SVM' is not among the systems: add it"
        assert message in errors(capsys.readouterr().err)
    assert not Path("out").exists()


@pytest.mark.parametrize("systems", ["all", "SSSL", "SSSL of several durations (1", "log,SSSL of"])
def test_rows_are_found_by_how_they_begin(systems):
    names_row = skmer.cli.reproduce._names_row
    assert names_row(systems.split(","), skmer.cli.reproduce._STACK)
    assert not names_row(["Proposed (SSSL)", "deep"], skmer.cli.reproduce._STACK)
    assert names_row(["Proposed", "deep"], skmer.cli.reproduce._EMBEDDING)


def test_tables_of_one_store_share_their_finished_folds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_collection("emopia", tmp_path)
    options = ["--tasks", "quadrant", "--systems", "log-mel", "--store", "kept"]
    assert run("table3", "emopia", *options, out="one") == 0
    kept = {path: path.stat().st_mtime_ns for path in Path("kept", "folds").rglob("*.json")}
    assert len(kept) == 2
    assert run("ablations", "emopia", *options, out="two") == 0
    assert {path: path.stat().st_mtime_ns for path in Path("kept", "folds").rglob("*.json")} == kept
    assert sorted(p.name for p in Path("two").iterdir()) == [
        f"ablations-emopia-grouped.{ending}" for ending in ("csv", "json", "md")
    ]
