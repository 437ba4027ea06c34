"""``skmer reproduce mirable`` on tiny audio in the published layout: finished, killed, resumed, refused."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import skmer.cli.reproduce_mirable
from skmer.cli import main
from skmer.datasets import load_mtg_jamendo
from skmer.feature_extraction import TaggingTransformer
from skmer.reproduction.mirable import fits
from skmer.reproduction.mirable.songs import DATASETS
from skmer.reproduction.mirable.systems import ROWS
from tests.reproduction.commands import errors, sentence
from tests.reproduction.tiny import write_collection, write_song
from tests.reproduction.tiny_mirable import QUICK, UNTAGGED, path_of, write_jamendo

# a student is fitted with its teacher
FITS = ["logistic-regression", "baseline", "long-normal", "long-hpcp-noisy", "short-normal", "short-hpcp-noisy"]
NAME = "mirable-mtg_jamendo-split-0"


def arguments(*further, home="home", out="out", store="store"):
    return ["reproduce", "mirable", "--data-home", home, "--out", out, "--store", store, *QUICK, *further]


def run(*further, **places):
    return main(arguments(*further, **places))


def figures(path):
    table = json.loads(Path(path).read_text(encoding="utf-8"))
    return [(row["name"], row["fold"], row["scores"], row.get("weight")) for row in table["rows"]]


def kept():
    return {path: path.stat().st_mtime_ns for path in Path("store", "rows").glob("*.json")}


def file_of(row):
    [path] = Path("store", "rows").glob(f"{row}-fold0-*.json")
    return path


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A collection, and a run from the shell that was killed after a few fits."""
    folder = tmp_path_factory.mktemp("mirable")
    write_jamendo(folder / "home")
    process = subprocess.Popen(
        [sys.executable, "-m", "skmer", *arguments()], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    rows, end = folder / "store" / "rows", time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None and len(list(rows.glob("*.json"))) < 2:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = {path.name: path.read_bytes() for path in rows.glob("*.json")}
    return folder, left


@pytest.fixture
def trained(monkeypatch):
    """The last row of each fit that is run."""
    names, real = [], fits._run

    def counted(rows, *args):
        names.append(rows[-1])
        return real(rows, *args)

    monkeypatch.setattr(fits, "_run", counted)
    return names


def test_a_killed_run_goes_on_and_a_finished_one_trains_nothing(killed, trained, monkeypatch, capsys):
    folder, left = killed
    monkeypatch.chdir(folder)
    assert 2 <= len(left) < len(FITS)
    blocks = {path: path.stat().st_mtime_ns for path in Path("store", "blocks").glob("*.npy")}
    assert len(blocks) == 36 + len(UNTAGGED)

    assert run() == 0
    out, err = capsys.readouterr()
    assert errors(err) == ""
    assert trained == FITS[len(left) :]
    assert len(kept()) == len(FITS)
    # a student's file holds its teacher, no fitted network is kept
    assert json.loads(file_of("long-hpcp-noisy").read_text())["rows"].keys() == {"long-hpcp", "long-hpcp-noisy"}
    assert not [path for path in Path("store").rglob("*") if path.is_file() and path.suffix not in (".json", ".npy")]
    assert {path: path.stat().st_mtime_ns for path in Path("store", "blocks").glob("*.npy")} == blocks
    assert {name: Path("store", "rows", name).read_bytes() for name in left} == left
    # what is printed is what is written
    assert out.endswith(Path(f"out/{NAME}.md").read_text())
    assert [row[0] for row in figures(f"out/{NAME}.json")] == list(ROWS)
    with open(f"out/{NAME}.csv", newline="") as file:
        lines = {(line["row"], line["score"]): line for line in csv.DictReader(file)}
    assert lines["ensemble", "TNR"]["paper"] == "0.8671"
    table = json.loads(Path(f"out/{NAME}.json").read_text())
    assert table["parts"][0]["unlabelled"] == len(UNTAGGED)
    assert (len(table["tags"]), table["protocol"]["hide"]) == (3, 0.0)
    assert "20/8/8 labelled training, validation and test tracks" in out
    assert "6 tracks in the audio folder that are not in the split" in out
    assert table["rows"][0]["scores"]["ROC-AUC"] == 0.5

    # an uninterrupted run, and a teacher alone, have the same figures to the last digit
    for rows in ("long-hpcp-noisy", "long-hpcp"):
        assert run("--rows", rows, out=rows, store="other") == 0
        again = figures(f"{rows}/{NAME}.json")
        assert again == [row for row in figures(f"out/{NAME}.json") if row[0] in ("long-hpcp", rows)]
    trained.clear()
    before, first = kept(), Path(f"out/{NAME}.csv").read_bytes()
    monkeypatch.setattr(TaggingTransformer, "_stored", None)  # no song is read either
    assert run() == 0
    assert trained == []
    assert kept() == before
    assert Path(f"out/{NAME}.csv").read_bytes() == first


def test_a_fit_that_is_gone_is_run_again_alone_and_a_damaged_one_is_named(killed, trained, monkeypatch, capsys):
    monkeypatch.chdir(killed[0])
    assert run() == 0
    trained.clear()
    before = figures(f"out/{NAME}.json")
    for row in ("baseline", "short-hpcp-noisy"):
        file_of(row).unlink()
    assert run() == 0
    assert trained == ["baseline", "short-hpcp-noisy"]
    assert figures(f"out/{NAME}.json") == before
    path = file_of("baseline")
    path.write_bytes(path.read_bytes()[:100])
    status, said = sentence(capsys, *arguments())
    assert status == 2
    assert str(path) in said
    assert "delete it" in said


def test_ctrl_c_leaves_no_half_written_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_jamendo(tmp_path / "home")

    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("skmer.model_selection._fits.atomic_write_text", stop)
    assert run("--rows", "logistic-regression") == 130
    assert errors(capsys.readouterr().err) == "skmer reproduce: interrupted.\n"
    assert not kept()
    assert not list(Path("out").iterdir())


def test_emotify_and_a_store_of_single_folds(tmp_path, monkeypatch, capsys, trained):
    monkeypatch.chdir(tmp_path)
    write_collection("emotify", tmp_path)
    options = ["--collection", "emotify", "--n-splits", "2", "--rows", "long-hpcp-noisy"]
    for fold in ("0", "1"):
        assert run(*options, "--folds", fold, home="emotify") == 0
        assert f"only fold {fold}, counted from 0" in capsys.readouterr().out
    assert trained == ["long-hpcp-noisy"] * 2
    assert run(*options, home="emotify") == 0
    assert len(trained) == 2
    out = capsys.readouterr().out
    assert "2 folds, the songs of an artist in one fold" in out
    assert "whose tags are hidden from every row" in out
    assert "±" in out
    assert "paper" not in out.splitlines()[8]
    assert "Tags that no labelled song has" in out
    assert "Long: the first 1.4 s" in out
    # other rows learn from the same songs, whether or not there is a student
    parts = json.loads(Path("out/mirable-emotify.json").read_text())["parts"]
    assert run("--collection", "emotify", "--n-splits", "2", "--rows", "dummy", home="emotify", out="dummy") == 0
    without = json.loads(Path("dummy/mirable-emotify.json").read_text())["parts"]
    assert [{**part, "looped": None} for part in parts] == without
    assert sorted(path.name for path in Path("out").glob("*.md")) == [
        "mirable-emotify-folds-0.md", "mirable-emotify-folds-1.md", "mirable-emotify.md",
    ]  # fmt: skip


def test_without_other_audio_half_of_the_training_tracks_serve(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_jamendo(tmp_path / "home", untagged=False)
    assert run("--rows", "short-hpcp-noisy", "--subset", "20") == 0
    out, err = capsys.readouterr()
    assert "the tags of half of the training tracks are hidden from every row" in err
    assert "figures cannot be compared" in out
    assert "A subset: 20 tracks of 36" in out
    assert Path(f"out/{NAME}-subset-20.json").is_file()
    status, said = sentence(capsys, *arguments("--rows", "short-hpcp-noisy", "--hide", "0"))
    assert status == 2
    assert "hide=0 leaves the students without songs" in said
    # rows without students hide nothing
    assert run("--rows", "logistic-regression", out="linear") == 0
    assert "20/8/8 labelled" in capsys.readouterr().out


def test_a_song_that_cannot_be_read_ends_the_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    paths = write_jamendo(tmp_path / "home")
    paths[3].write_bytes(b"no audio")
    status, said = sentence(capsys, *arguments("--rows", "logistic-regression"))
    assert status == 1
    assert str(paths[3].name) in said


def test_rows_without_a_seed_are_trained_once(tmp_path, monkeypatch, capsys, trained):
    monkeypatch.chdir(tmp_path)
    write_jamendo(tmp_path / "home")
    options = ["--rows", "dummy,logistic-regression,long-normal", "--epochs", "1", "--seeds", "0,1"]
    # the last --long counts: tracks have two seconds
    assert run(*options, "--long", "3") == 0
    assert trained == ["logistic-regression", "long-normal", "long-normal"]
    rows = json.loads(Path(f"out/{NAME}.json").read_text())["rows"]
    assert [(row["name"], row["seed"]) for row in rows] == [
        ("dummy", None), ("logistic-regression", None), ("long-normal", 0), ("long-normal", 1),
    ]  # fmt: skip
    assert [path.name.rsplit("-", 1)[0] for path in Path("store", "rows").glob("log*.json")] == [
        "logistic-regression-fold0"
    ]
    out = capsys.readouterr().out
    assert "Long: the first 3 s" in out
    assert "36 of 36 tracks are shorter than the long input and are repeated to fill it." in out
    assert out.count("±") == 6  # five figures of one row, and what it means
    # what no row hears is not decoded: no track without tags
    assert len(list(Path("store", "blocks").glob("*.npy"))) == 36
    # nor one whose tags are hidden
    assert run("--rows", "logistic-regression", "--hide", "0.5", out="half", store="half") == 0
    [part] = json.loads(Path(f"half/{NAME}.json").read_text())["parts"]
    assert part["hidden"] > 0
    heard = part["labelled"] + part["validation"] + part["test"]
    assert heard == 36 - part["hidden"] == len(list(Path("half", "blocks").glob("*.npy")))
    assert "No row uses songs without tags. Not used: 6 tracks" in capsys.readouterr().out


@pytest.mark.data
def test_the_published_tables_with_the_audio_of_a_few_tracks(tmp_path, monkeypatch, capsys):
    root = Path(os.environ.get("SKMER_DATA", ""))
    homes = [root / "mtg_jamendo", root / "metadata" / "mtg_jamendo"]
    found = [home for home in homes if any((home / split).is_dir() for split in ("data/splits", "splits"))]
    if not os.environ.get("SKMER_DATA") or not found:
        pytest.skip("the tables of MTG-Jamendo are neither in $SKMER_DATA nor in $SKMER_DATA/metadata")
    monkeypatch.chdir(tmp_path)
    songs = load_mtg_jamendo(found[0], check_audio=False)
    chosen = [songs.track_id[i] for own in songs.splits["split-0"].values() for i in own[:12]]
    for number in [int(track.removeprefix("track_")) for track in chosen] + [1, 2, 3]:
        write_song(Path("audio", path_of(number)), number)
    assert run("--audio-home", "audio", "--subset", "30", "--rows", "ensemble", home=str(found[0])) == 0
    out = capsys.readouterr().out
    assert "A subset: 30 tracks of 17,982, of which 36 have audio." in out
    assert "10/10/10 labelled training, validation and test tracks" in out
    assert "3 tracks in the audio folder that are not in the split" in out
    assert "Tags that no test song has, so that they are not in the means: " in out
    assert len(json.loads(Path(f"out/{NAME}-subset-30.json").read_text())["tags"]) == 56
    # without a subset all audio must be there
    status, said = sentence(capsys, *arguments("--audio-home", "audio", home=str(found[0])))
    assert status == 2
    assert "17,946 of the 17,982 tracks" in said


WRONG = [
    (["--rows", "long"], "rows must be some of dummy, logistic-regression, baseline"),
    (["--n-splits", "3"], "--n-splits has no meaning for mtg_jamendo, only for emotify"),
    (["--folds", "0"], "--folds has no meaning for mtg_jamendo"),
    (["--collection", "emotify", "--split", "1"], "--split has no meaning for emotify, only for mtg_jamendo"),
    (["--collection", "emotify", "--unlabelled", "1"], "--unlabelled has no meaning for emotify"),
    (["--hide", "1"], "argument --hide: expected a number from 0 to below 1"),
    (["--split", "5"], "argument --split: invalid choice"),
    (["--split", "1"], "split-1"),
    (["--params", "{"], "argument --params: expected JSON such as"),
    (["--params", "[1]"], "argument --params: expected a JSON object"),
    (["--params", '{"epochs": 3}'], "EmotionTagger has no parameter 'epochs'"),
    (["--params", '{"lr": -1}'], "'lr' parameter"),
    (["--noisy-params", '{"thresholds": "x"}'], "'thresholds' parameter"),
    (["--noisy-params", '{"positive_above": 95}'], "positive_above=95 and negative_below=1e-06 must be probabilities"),
    (["--params", '{"mask_range": [60, 20]}'], "mask_range must be"),
    (["--device", "cuda"], "device='cuda'"),
    (["--backbone-params", '{"wide": 3}'], "do not match the backbone"),
    (["--subset", "3"], "subset=3 must be from 6"),
    (["--short", "0.3"], "at least 4 blocks"),
    (["--audio-home", "nowhere"], "audio_home="),
    (["--epochs", "0"], "argument --epochs"),
    (["--out", "home/audio/00/3500.mp3"], "this is a file"),
]


def test_wrong_arguments(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_jamendo(tmp_path / "home")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for options, message in WRONG:
        status, said = sentence(capsys, *arguments(*options))
        assert status == 2, options
        assert message in said, options
    assert not Path("store", "blocks").exists()
    status, said = sentence(capsys, *arguments("--warmup-epochs", "2"))
    assert status == 2
    assert "unrecognized arguments: --warmup-epochs" in said


def test_another_table_is_not_replaced(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_jamendo(tmp_path / "home")
    rows = ["--rows", "dummy,logistic-regression"]
    assert run(*rows) == 0
    before = Path(f"out/{NAME}.json").read_bytes()
    for options, message in (
        ([*rows, "--epochs", "3"], "other settings (epochs)"),
        (
            ["--rows", "dummy,baseline"],
            "missing from the new table, such as logistic-regression (fold 0). Run them together, or choose",
        ),
        ([*rows, "--hide", "0.5"], "other settings (parts)"),
    ):
        # what is refused is not decoded or trained before
        status, said = sentence(capsys, *arguments(*options, store="fresh"))
        assert status == 2
        assert message in said
        assert said.endswith("share finished rows through --store.")
        assert Path(f"out/{NAME}.json").read_bytes() == before
        assert not Path("fresh").exists()
    # rows without a seed are the same with any; a table may grow by students, who hear more songs
    assert run(*rows, "--seeds", "1") == 0
    assert run("--rows", "dummy,logistic-regression,short-hpcp-noisy") == 0
    table = json.loads(before)
    table["rows"].append({**table["rows"][0], "name": "baseline", "seed": 0})
    Path(f"out/{NAME}.json").write_text(json.dumps(table))
    status, said = sentence(capsys, *arguments("--seeds", "1", store="fresh"))
    assert "missing from the new table, such as baseline (fold 0, seed 0)" in said
    assert not Path("fresh").exists()
    Path(f"out/{NAME}.json").write_text("[1]")
    assert "is not a table of skmer reproduce" in sentence(capsys, *arguments(*rows))[1]


def test_help_is_light_and_its_own(capsys):
    assert skmer.cli.reproduce_mirable.DATASETS == DATASETS
    code = (
        "import sys; from skmer.cli import main\n"
        "try: main(['reproduce', 'mirable', '-h'])\n"
        "finally: print([name for name in ('torch', 'sklearn', 'numpy') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    for word in ("--unlabelled", "--subset", "long-hpcp", "--noisy-params"):
        assert word in done.stdout
    assert "--warmup-epochs" not in done.stdout
    for name in ROWS:
        assert name.replace("-", "") in done.stdout.replace("\n", "").replace("-", "").replace(" ", "")
