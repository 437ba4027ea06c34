"""``skmer reproduce mirable`` on tiny audio in the published layout: whole, killed, taken up again, wrong."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import pytest

import skmer.cli.reproduce_mirable
from skmer.cli import main
from skmer.datasets import load_mtg_jamendo
from skmer.feature_extraction import TaggingTransformer
from skmer.reproduction.mirable import ROWS
from skmer.reproduction.mirable.inputs import Inputs
from skmer.reproduction.mirable.jobs import RowJob
from skmer.reproduction.mirable.songs import DATASETS
from tests.reproduction.commands import errors, sentence
from tests.reproduction.tiny import write_collection, write_song
from tests.reproduction.tiny_mirable import QUICK, UNTAGGED, path_of, write_jamendo

TRAINED = [name for name, row in ROWS.items() if row.length]
NAME = "mirable-mtg_jamendo-split-0"


def arguments(*further, home="home", out="out", store="store"):
    return ["reproduce", "mirable", "--data-home", home, "--out", out, "--store", store, *QUICK, *further]


def run(*further, **places):
    return main(arguments(*further, **places))


def figures(path):
    table = json.loads(Path(path).read_text(encoding="utf-8"))
    return [(row["name"], row["fold"], row["scores"], row.get("weight")) for row in table["rows"]]


def kept(ending=".json"):
    return {path: path.stat().st_mtime_ns for path in Path("store", "rows").glob(f"*{ending}")}


def file_of(row, ending=".json"):
    [path] = Path("store", "rows").glob(f"{row}-fold0-*{ending}")
    return path


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A collection, and a run from the shell that was killed after a few rows."""
    folder = tmp_path_factory.mktemp("mirable")
    write_jamendo(folder / "home")
    process = subprocess.Popen(
        [sys.executable, "-m", "skmer", *arguments()], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    rows, end = folder / "store" / "rows", time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None and len(list(rows.glob("*.json"))) < 3:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = {path.name: path.read_bytes() for path in rows.glob("*.json")}
    return folder, left


@pytest.fixture
def trained(monkeypatch):
    """The rows that are trained."""
    names, real = [], RowJob.run

    def counted(self, *args):
        names.append(self.name)
        return real(self, *args)

    monkeypatch.setattr(RowJob, "run", counted)
    return names


def test_a_killed_run_goes_on_and_a_finished_one_trains_nothing(killed, trained, monkeypatch, capsys):
    folder, left = killed
    monkeypatch.chdir(folder)
    assert 3 <= len(left) < len(TRAINED)
    for text in left.values():
        assert json.loads(text)["predictions"].keys() == {"validation", "test"}
    assert not [path for path in Path("store").rglob("*.npy") if path.stat().st_size == 0]
    blocks = {path: path.stat().st_mtime_ns for path in Path("store", "blocks").glob("*.npy")}
    assert len(blocks) == 36 + len(UNTAGGED)

    assert run() == 0
    out, err = capsys.readouterr()
    assert errors(err) == ""
    assert len(trained) == len(TRAINED) - len(left)
    assert len(kept()) == len(kept(".joblib")) == len(TRAINED)
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
    assert "6 tracks below the audio folder that the split does not name" in out
    dummy = table["rows"][0]["scores"]
    assert dummy["ROC-AUC"] == 0.5

    # an uninterrupted run says the same, to the last digit
    assert run("--rows", "long-hpcp-noisy", out="whole", store="other") == 0
    again = figures(f"whole/{NAME}.json")
    assert again == [row for row in figures(f"out/{NAME}.json") if row[0] in ("long-hpcp", "long-hpcp-noisy")]
    trained.clear()
    before, first = kept(), Path(f"out/{NAME}.csv").read_bytes()
    monkeypatch.setattr(Inputs, "_transform", None)  # nothing is read either
    assert run() == 0
    assert trained == []
    assert kept() == before
    assert Path(f"out/{NAME}.csv").read_bytes() == first


def test_a_row_that_is_gone_is_run_again_alone(killed, trained, monkeypatch, capsys):
    monkeypatch.chdir(killed[0])
    assert run() == 0
    trained.clear()
    before = figures(f"out/{NAME}.json")
    for row in ("long-hpcp", "short-hpcp-noisy"):
        file_of(row).unlink()
    assert run() == 0
    # the student of the first is kept: its teacher says what it said
    assert trained == ["long-hpcp", "short-hpcp-noisy"]
    # a tagger that is gone is missed by its student alone
    trained.clear()
    file_of("long-hpcp", ".joblib").unlink()
    assert run() == 0
    assert trained == []
    file_of("long-hpcp-noisy").unlink()
    assert run() == 0
    assert trained == ["long-hpcp-noisy", "long-hpcp"]
    assert figures(f"out/{NAME}.json") == before
    # a teacher that says something else has another student
    trained.clear()
    record = json.loads(file_of("short-hpcp").read_text())
    record["predictions"]["validation"][0][0] += 1
    file_of("short-hpcp").write_text(json.dumps(record))
    assert run() == 0
    assert trained == ["short-hpcp-noisy"]
    file_of("short-hpcp").unlink()
    assert run() == 0
    assert figures(f"out/{NAME}.json") == before


def test_kept_taggers_predict(killed, monkeypatch, capsys):
    monkeypatch.chdir(killed[0])
    assert run() == 0
    tagger = joblib.load(file_of("short-hpcp-noisy", ".joblib"))
    X = TaggingTransformer(duration=0.95).transform(sorted(Path("home", "audio").glob("*/353[01].mp3")))
    assert tagger.predict(X).shape == (2, 3)


def test_damage_is_named(killed, monkeypatch, capsys):
    monkeypatch.chdir(killed[0])
    assert run() == 0
    capsys.readouterr()
    for row, ending, others in (("baseline", ".json", ()), ("long-hpcp", ".joblib", ("long-hpcp-noisy",))):
        path = file_of(row, ending)
        whole = path.read_bytes()
        for other in others:
            file_of(other).unlink()
        path.write_bytes(whole[: len(whole) // 2])
        status, said = sentence(capsys, *arguments())
        assert status == 2
        assert str(path) in said
        assert "delete it" in said
        path.write_bytes(whole)
    record = json.loads(file_of("baseline").read_text())
    whole = file_of("baseline").read_text()
    record["predictions"]["test"].pop()
    file_of("baseline").write_text(json.dumps(record))
    assert "the finite logits of 8 validation and 8 test songs for 3 tags" in sentence(capsys, *arguments())[1]
    file_of("baseline").write_text(whole)
    assert run() == 0


def test_ctrl_c_leaves_no_half_row(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_jamendo(tmp_path / "home")

    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("skmer.reproduction.mirable.row_store.atomic_write_text", stop)
    assert run("--rows", "logistic-regression") == 130
    assert errors(capsys.readouterr().err) == "skmer reproduce: interrupted.\n"
    assert not kept()
    assert not list(Path("out").iterdir())


def test_emotify_and_a_store_of_single_folds(tmp_path, monkeypatch, capsys, trained):
    monkeypatch.chdir(tmp_path)
    write_collection("emotify", tmp_path)
    options = ["--dataset", "emotify", "--n-splits", "2", "--rows", "long-hpcp-noisy"]
    for fold in ("0", "1"):
        assert run(*options, "--folds", fold, home="emotify") == 0
        assert f"only fold {fold}, counted from 0" in capsys.readouterr().out
    assert trained == ["long-hpcp", "long-hpcp-noisy"] * 2
    assert run(*options, home="emotify") == 0
    assert len(trained) == 4
    out = capsys.readouterr().out
    assert "2 folds, an artist's songs always on one side" in out
    assert "whose tags are hidden from every row" in out
    assert "±" in out
    assert "paper" not in out.splitlines()[8]
    assert "Tags that no labelled song has" in out
    assert "Long: the first 1.4 s" in out
    # other rows learn from the same songs, whether or not there is a student
    parts = json.loads(Path("out/mirable-emotify.json").read_text())["parts"]
    assert run("--dataset", "emotify", "--n-splits", "2", "--rows", "dummy", home="emotify", out="dummy") == 0
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
    assert "no figure can be compared" in out
    assert "A subset: 20 tracks of 36" in out
    assert Path(f"out/{NAME}-subset-20.json").is_file()
    status, said = sentence(capsys, *arguments("--rows", "short-hpcp-noisy", "--hide", "0"))
    assert status == 2
    assert "hide=0 leaves the students without songs to hear" in said
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
    assert "36 of 36 tracks are shorter than the long input and begun again until it is full." in out
    assert out.count("±") == 6  # five figures of one row, and what it means
    # what no row hears is not decoded: no track without tags
    assert len(list(Path("store", "blocks").glob("*.npy"))) == 36
    # nor one whose tags are hidden
    assert run("--rows", "logistic-regression", "--hide", "0.5", out="half", store="half") == 0
    [part] = json.loads(Path(f"half/{NAME}.json").read_text())["parts"]
    assert part["hidden"] > 0
    heard = part["labelled"] + part["validation"] + part["test"]
    assert heard == 36 - part["hidden"] == len(list(Path("half", "blocks").glob("*.npy")))
    assert "No row hears songs without tags. Left out: 6 tracks" in capsys.readouterr().out


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
    assert "A subset: 30 tracks of 17,982, those whose audio is there: 36." in out
    assert "10/10/10 labelled training, validation and test tracks" in out
    assert "3 tracks below the audio folder that the split does not name" in out
    assert "Tags that no test song has, which are left out of the means: " in out
    assert len(json.loads(Path(f"out/{NAME}-subset-30.json").read_text())["tags"]) == 56
    # without a subset all audio must be there
    status, said = sentence(capsys, *arguments("--audio-home", "audio", home=str(found[0])))
    assert status == 2
    assert "17,946 of the 17,982 tracks" in said


WRONG = [
    (["--rows", "long"], "rows must be some of dummy, logistic-regression, baseline"),
    (["--n-splits", "3"], "--n-splits has no meaning for mtg_jamendo, only for emotify"),
    (["--folds", "0"], "--folds has no meaning for mtg_jamendo"),
    (["--dataset", "emotify", "--split", "1"], "--split has no meaning for emotify, only for mtg_jamendo"),
    (["--dataset", "emotify", "--unlabelled", "1"], "--unlabelled has no meaning for emotify"),
    (["--hide", "1"], "argument --hide: it must be a share"),
    (["--split", "5"], "argument --split: invalid choice"),
    (["--split", "1"], "There is neither a folder"),
    (["--params", "{"], "argument --params: it must be JSON"),
    (["--params", "[1]"], "argument --params: it must be a JSON object"),
    (["--params", '{"epochs": 3}'], "EmotionTagger has no parameter 'epochs'"),
    (["--params", '{"lr": -1}'], "'lr' parameter"),
    (["--noisy-params", '{"thresholds": "x"}'], "'thresholds' parameter"),
    (["--noisy-params", '{"positive_above": 95}'], "positive_above=95 and negative_below=1e-06 must be probabilities"),
    (["--params", '{"mask_range": [60, 20]}'], "must be two lengths, at least 0, the least first"),
    (["--device", "cuda"], "no CUDA device is present"),
    (["--backbone-params", '{"wide": 3}'], "do not suit the backbone"),
    (["--subset", "3"], "subset=3 must be from 6"),
    (["--short", "0.3"], "at least 4 blocks"),
    (["--audio-home", "nowhere"], "no folder audio_home="),
    (["--epochs", "0"], "argument --epochs"),
    (["--out", "home/audio/00/3500.mp3"], "this is a file"),
]


def test_what_is_wrong_is_said_in_a_sentence(tmp_path, monkeypatch, capsys):
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


def test_another_table_is_not_written_over(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_jamendo(tmp_path / "home")
    rows = ["--rows", "dummy,logistic-regression"]
    assert run(*rows) == 0
    before = Path(f"out/{NAME}.json").read_bytes()
    for options, message in (
        ([*rows, "--epochs", "3"], "other settings (epochs)"),
        (["--rows", "dummy,baseline"], "would lack, such as logistic-regression (fold 0). Run both together, or name"),
        ([*rows, "--hide", "0.5"], "other settings (parts)"),
    ):
        # what is refused is not decoded or trained before
        status, said = sentence(capsys, *arguments(*options, store="fresh"))
        assert status == 2
        assert message in said
        assert said.endswith("and share finished rows through --store.")
        assert Path(f"out/{NAME}.json").read_bytes() == before
        assert not Path("fresh").exists()
    # rows without a seed are the same with any; a table may grow by students, who hear more songs
    assert run(*rows, "--seeds", "1") == 0
    assert run("--rows", "dummy,logistic-regression,short-hpcp-noisy") == 0
    table = json.loads(before)
    table["rows"].append({**table["rows"][0], "name": "baseline", "seed": 0})
    Path(f"out/{NAME}.json").write_text(json.dumps(table))
    status, said = sentence(capsys, *arguments("--seeds", "1", store="fresh"))
    assert "would lack, such as baseline (fold 0, seed 0)" in said
    assert not Path("fresh").exists()
    Path(f"out/{NAME}.json").write_text("[1]")
    assert "this is no table of skmer reproduce" in sentence(capsys, *arguments(*rows))[1]


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
