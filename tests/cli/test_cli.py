"""The command line: a line for each file, exit statuses, and messages instead of tracebacks."""

import csv
import gc
import io
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import types
from copy import deepcopy
from itertools import pairwise
from pathlib import Path

import joblib
import numpy as np
import pytest
import soundfile
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from skmer import __version__, save_model
from skmer.aggregation import SpectrogramStatistics
from skmer.cli import main
from skmer.inspection import SongPredictor, emotion_over_time
from skmer.models import TrainedModel, save_trained_model
from tests.tiny_model import SR, tiny_pipeline, tiny_songs

CLASSES = ["Q1", "Q2", "Q3", "Q4"]
COLUMNS = ["file", "emotion", *(f"p_{name}" for name in CLASSES), *(f"segment_mean_{name}" for name in CLASSES)]
COLUMNS += ["seconds", "n_segments", "warning", "error"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.skmer"
    return str(save_model(tiny_pipeline(), path))


@pytest.fixture
def songs(tmp_path, monkeypatch):
    """Three songs in the current folder, one of whose names needs quoting."""
    monkeypatch.chdir(tmp_path)
    os.makedirs("music/sub")
    names = ["music/a.WAV", 'music/b, "live".wav', "music/sub/é.flac"]
    for name, y in zip(names, tiny_songs().data, strict=False):
        soundfile.write(name, y, SR, subtype="PCM_16")
    return names


def table(text):
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert all(None not in row and None not in row.values() for row in rows)
    return rows


def test_predict_gives_the_pipelines_emotions_in_order(model, songs, capsys):
    assert main(["predict", model, "music"]) == 0
    out, err = capsys.readouterr()
    rows = table(out)
    assert list(rows[0]) == COLUMNS
    assert [row["file"] for row in rows] == songs
    assert [row["emotion"] for row in rows] == tiny_pipeline().predict(songs).tolist()
    for row, p in zip(rows, tiny_pipeline()[:2].transform(songs), strict=True):
        np.testing.assert_allclose([float(row[f"segment_mean_{name}"]) for name in CLASSES], p.mean(axis=0), atol=2e-6)
        assert (float(row["seconds"]), int(row["n_segments"]), row["error"], row["warning"]) == (5, 5, "", "")
    assert err == "skmer predict: 3 of 3 files predicted.\n"


def test_files_that_are_passed_over_are_named(model, songs, capsys):
    for name in ("cover.jpg", "more.JPG", "song.xyz", "README"):
        Path("music", name).touch()
    assert main(["predict", model, "music"]) == 0
    err = capsys.readouterr().err
    assert "passed over: 1 without an extension (music/README), 2 .jpg (such as music/cover.jpg), 1 .xyz" in err
    assert err.endswith("skmer predict: 3 of 3 files predicted.\n")


def test_per_segment_lines_are_what_transform_gives(model, songs, capsys):
    assert main(["predict", model, *songs[:2], "--per-segment", "--format", "jsonl", "--quiet"]) == 0
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert err == ""
    assert [line["file"] for line in lines] == [name for name in songs[:2] for _ in range(5)]
    assert [(line["start"], line["end"]) for line in lines] == [(s, s + 1) for s in range(5)] * 2
    expected = np.concatenate(list(tiny_pipeline()[:2].transform(songs[:2])))
    np.testing.assert_allclose([[line["probabilities"][k] for k in CLASSES] for line in lines], expected, atol=2e-6)
    assert [line["leading_emotion"] for line in lines] == [CLASSES[k] for k in expected.argmax(axis=1)]


@pytest.fixture
def bad(songs):
    """Files that fail, with a word of the reason."""
    os.makedirs("bad/empty-folder")
    soundfile.write("bad/full.wav", tiny_songs().data[0], SR, subtype="PCM_16")
    with open("bad/full.wav", "rb") as full, open("bad/truncated.wav", "wb") as cut:
        cut.write(full.read()[:30000])
    os.remove("bad/full.wav")
    open("bad/empty.flac", "wb").close()
    with open("bad/text.mp3", "w") as file:
        file.write("this is a letter, not music\n" * 100)
    soundfile.write("bad/short.wav", np.full(SR // 2, 0.1), SR)
    for name, value in (("nan", np.nan), ("infinite", np.inf)):
        soundfile.write(f"bad/{name}.wav", np.where(np.arange(3 * SR) == 99, value, 0.1), SR, subtype="FLOAT")
    return {
        "bad/missing.wav": "no such file",
        "bad/empty-folder": "no audio file",
        "bad/truncated.wav": "truncated",
        "bad/empty.flac": "empty",
        "bad/text.mp3": "not audio",
        "bad/short.wav": "shorter than one segment",
        "bad/nan.wav": "NaN or infinite",
        "bad/infinite.wav": "NaN or infinite",
    }


@pytest.mark.parametrize("options", [[], ["--format", "jsonl"], ["--per-segment"], ["--n-jobs", "2"]])
def test_bad_files_have_a_line_with_the_reason_and_the_others_succeed(model, songs, bad, capsys, options):
    files = [songs[0], *bad, songs[1]]
    assert main(["predict", model, *files, *options]) == 1
    out, err = capsys.readouterr()
    rows = [json.loads(line) for line in out.splitlines()] if "jsonl" in options else table(out)
    assert list(dict.fromkeys(row["file"] for row in rows)) == files
    errors = {row["file"]: row["error"] for row in rows}
    for file in files:
        if file in bad:
            assert bad[file] in errors[file]
            assert f"skmer predict: {file}: {errors[file]}\n" in err
        else:
            assert not errors[file]
    assert next(row for row in rows if row["error"]).get("emotion") in ("", None)
    assert err.endswith("2 of 10 files predicted. 8 failed; see the error on their lines.\n")


def test_threads_change_nothing(model, songs, capsys):
    assert main(["predict", model, "music", "music"]) == 0
    one = capsys.readouterr().out
    assert main(["predict", model, "music", "music", "--n-jobs", "3"]) == 0
    assert capsys.readouterr().out == one


def test_silence_is_predicted_with_a_warning_on_its_line(model, songs, capsys):
    soundfile.write("silent.wav", np.zeros(2 * SR), SR)
    assert main(["predict", model, songs[0], "silent.wav", "silent.wav"]) == 0
    out, err = capsys.readouterr()
    rows = table(out)
    assert ["silence" in row["warning"] for row in rows] == [False, True, True]
    assert all(row["emotion"] for row in rows)
    assert err.count("silent.wav: warning: Digital silence") == 2


def test_progress_is_shown_with_verbose(model, songs, capsys):
    main(["predict", model, songs[0]])
    assert "Songs:" not in capsys.readouterr().err
    main(["predict", model, songs[0], "-v"])
    assert "1/1" in capsys.readouterr().err


def test_seconds_are_limited_by_the_maximum_duration(songs, capsys):
    steps = [step for _, step in tiny_pipeline().steps]
    short = type(tiny_pipeline())([("s", clone(steps[0]).set_params(max_duration=2)), *tiny_pipeline().steps[1:]])
    joblib.dump(short, "short.joblib")
    assert main(["predict", "short.joblib", songs[0]]) == 0
    out, err = capsys.readouterr()
    assert float(table(out)[0]["seconds"]) == 2
    assert "first 2 s of each song" in err


def test_out_is_written_atomically_and_replaces_a_file_with_force(model, songs, capsys):
    assert main(["predict", model, "music", "--out", "all.jsonl"]) == 0
    with open("all.jsonl") as file:
        assert [json.loads(line)["file"] for line in file] == songs
    assert capsys.readouterr().out == ""
    before = Path("all.jsonl").read_text()
    assert main(["predict", model, songs[0], "--out", "all.jsonl"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert Path("all.jsonl").read_text() == before
    assert main(["predict", model, songs[0], "--out", "all.jsonl", "--force"]) == 0
    assert len(Path("all.jsonl").read_text().splitlines()) == 1
    assert main(["predict", model, songs[0], "--out", os.devnull]) == 0
    assert main(["predict", model, songs[0], "--out", "music"]) == 2
    assert main(["predict", model, songs[0], "--out", "nowhere/all.csv"]) == 2
    assert sorted(os.listdir()) == ["all.jsonl", "music"]


@pytest.mark.parametrize("read", ["model", "song"])
def test_what_is_read_is_never_written_over(model, songs, capsys, read):
    path = {"model": model, "song": songs[0]}[read]
    before = Path(path).read_bytes()
    assert main(["predict", str(model), songs[0], "--out", str(path), "--force"]) == 2
    assert main(["timeline", str(model), songs[0], "--out", "x.png", "--csv", str(path), "--force"]) == 2
    assert "is read by the same command" in capsys.readouterr().err
    assert Path(path).read_bytes() == before


def test_ctrl_c_keeps_the_finished_lines(model, songs, capsys, monkeypatch):
    real = SongPredictor.read

    def segments(self, song):
        if song == songs[1]:
            raise KeyboardInterrupt
        return real(self, song)

    monkeypatch.setattr(SongPredictor, "read", segments)
    assert main(["predict", model, *songs, "--out", "all.csv"]) == 130
    [part] = [name for name in os.listdir() if name.endswith(".part")]
    assert re.search(rf"{part}\. It holds the lines of 1 file; all\.csv is not written\.$", capsys.readouterr().err)
    assert [row["file"] for row in table(Path(part).read_text())] == songs[:1]
    assert not os.path.exists("all.csv")
    os.remove(part)
    assert main(["predict", model, songs[1], "--out", "all.csv"]) == 130
    assert capsys.readouterr().err.endswith("interrupted. No file was predicted yet; all.csv is not written.\n")
    assert os.listdir() == ["music"]


def test_models_that_cannot_be_used_end_in_a_sentence(model, songs, capsys):
    with open("text.joblib", "w") as file:
        file.write("not a model")
    open("empty.joblib", "w").close()
    joblib.dump(tiny_pipeline(), "cut.joblib")
    os.truncate("cut.joblib", 20000)
    shutil.copy(model, "cut.skmer")
    os.truncate("cut.skmer", 20000)
    whole = Path(model).read_bytes()
    Path("bit.skmer").write_bytes(whole[:9000] + bytes([whole[9000] ^ 8]) + whole[9001:])
    Path("head.skmer").write_bytes(b"Q" + whole[1:])
    joblib.dump({"a": 1}, "dict.joblib")
    joblib.dump(clone(tiny_pipeline()), "unfitted.joblib")
    joblib.dump(tiny_pipeline()[:3], "features.joblib")
    for name, word in [
        ("none.joblib", "no such model"),
        ("music", "folder"),
        ("text.joblib", "cannot be opened"),
        ("empty.joblib", "cannot be opened"),
        ("cut.joblib", "cannot be opened"),
        ("cut.skmer", "its end is missing"),
        ("bit.skmer", "damaged: its contents do not fit the SHA-256"),
        ("head.skmer", "damaged: its contents do not fit the SHA-256"),
        (songs[0], "cannot be opened"),
        ("dict.joblib", "must be a Pipeline.*got dict"),
        ("unfitted.joblib", "not fitted"),
        ("features.joblib", "must be a classifier"),
    ]:
        assert main(["predict", name, songs[0]]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert re.search(word, err), err
        assert name in err


def test_a_pickle_is_told_from_a_model_file_by_content(model, songs, capsys):
    shutil.copy(model, "model.joblib")
    assert main(["predict", "model.joblib", songs[0]]) == 0
    expected, err = capsys.readouterr()
    assert "joblib.dump" not in err
    joblib.dump(tiny_pipeline(), "pickle")
    assert main(["predict", "pickle", songs[0]]) == 0
    out, err = capsys.readouterr()
    assert out == expected
    assert err.count("pickle: warning: this is a file of joblib.dump: loading it ran whatever code is in it.") == 1
    assert main(["predict", "pickle", songs[0], "--quiet"]) == 0
    assert capsys.readouterr() == (expected, "")
    assert main(["predict", "pickle", songs[0], "--device", "cpu"]) == 2
    assert "--device is not for pickles" in capsys.readouterr().err
    assert main(["predict", model, songs[0], "--device", "moon"]) == 2
    assert "device='moon' is unknown" in capsys.readouterr().err


def test_the_precision_of_predictions(model, songs, capsys):
    found = {}
    for precision in ("float32", "bfloat16"):
        assert main(["predict", model, "music", "--precision", precision]) == 0
        found[precision] = [
            [float(row[f"segment_mean_{name}"]) for name in CLASSES] for row in table(capsys.readouterr().out)
        ]
        pipe = deepcopy(tiny_pipeline()).set_params(ssslclassifier__prediction_precision=precision)
        expected = [song.mean_probabilities for song in emotion_over_time(pipe, songs)]
        np.testing.assert_allclose(found[precision], expected, atol=1e-6)
    assert found["float32"] != found["bfloat16"]
    assert main(["predict", model, "music"]) == 0
    assert [
        [float(row[f"segment_mean_{name}"]) for name in CLASSES] for row in table(capsys.readouterr().out)
    ] == found["float32"]
    pipe = make_pipeline(tiny_pipeline()[0], SpectrogramStatistics(), SVC())
    save_model(pipe.fit(tiny_songs().data, tiny_songs().target), "svm.skmer")
    assert main(["predict", "svm.skmer", songs[0], "--precision", "bfloat16"]) == 2
    assert "svm.skmer: no step of this model has a prediction_precision" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["model.skmer", "model.joblib"])
def test_a_model_that_is_not_the_one_of_its_card(name, songs, capsys):
    save_trained_model(TrainedModel(tiny_pipeline(), made_up_card()), name)
    assert main(["predict", name, songs[0]]) == 0
    assert "model-card.json" not in capsys.readouterr().err
    if name == "model.skmer":
        save_model(clone(tiny_pipeline()).set_params(svc__C=0.5).fit(tiny_songs().data, tiny_songs().target), name)
    else:
        # a bit of a support vector
        whole = bytearray(Path(name).read_bytes())
        found = whole.find(tiny_pipeline()[-1].support_vectors_.tobytes())
        whole[found + 4] ^= 1
        Path(name).write_bytes(whole)
    assert main(["predict", name, songs[0]]) == 0
    warning = (
        rf"{name}: warning: the file is not the one that model-card\.json describes, whose SHA-256 is [0-9a-f]{{64}}"
    )
    assert len(re.findall(warning, capsys.readouterr().err)) == 1
    # of another file
    os.rename(name, f"other.{name}")
    for card in Path().glob("model-card*"):
        card.rename(f"other.{card.name}")
    assert main(["predict", f"other.{name}", songs[0]]) == 0
    assert "model-card.json" not in capsys.readouterr().err


def made_up_card():
    data = {"songs_per_class": {}, "n_songs": 0, "labels_from": "", "groups": "", "used": "", "unreadable": {}}
    data |= {"left_out": [], "songs": []}
    card = {"title": "", "date": "", "system": "sssl", "what": "", "versions": {"skmer": "0.0.9"}, "estimate": None}
    return {
        **card,
        "data": data,
        "seed": 0,
        "device": "cpu",
        "seconds": 0,
        "resumed": False,
        "parameters": {},
        "remarks": [],
    }


def test_a_pickle_whose_step_lacks_a_parameter(songs, capsys):
    pipe = joblib.load(io.BytesIO(pickle.dumps(tiny_pipeline())))
    del pipe[0].padding
    joblib.dump(pipe, "old.joblib")
    assert main(["predict", "old.joblib", songs[0]]) == 2
    sentence = (
        "skmer predict: old.joblib: this model cannot be used: the step 'segmenttransformer' (SegmentTransformer) "
        "lacks the parameter 'padding'. It was saved with another version of skmer, and skmer "
        f"{__version__} is installed: train it again, or install the version that it was saved with.\n"
    )
    assert capsys.readouterr().err == sentence
    save_trained_model(TrainedModel(pipe, made_up_card()), "old.joblib")
    assert main(["predict", "old.joblib", songs[0]]) == 2
    assert capsys.readouterr().err == sentence.replace("another version of skmer", "skmer 0.0.9")


def test_timeline_writes_plot_and_summary(model, songs, capsys):
    pytest.importorskip("matplotlib")
    assert main(["timeline", model, songs[0], "--csv", "a.csv"]) == 0
    out, err = capsys.readouterr()
    with open("a-emotion.png", "rb") as file:
        assert file.read(8) == b"\x89PNG\r\n\x1a\n"
    rows = table(Path("a.csv").read_text())
    assert [float(row["end"]) for row in rows] == [1, 2, 3, 4, 5]
    mean = tiny_pipeline()[:2].transform(songs[:1])[0].mean(axis=0)
    lines = out.splitlines()
    assert lines[0] == f"a.WAV: {tiny_pipeline().predict(songs[:1])[0]}, 0:05.0 heard in 5 segments"
    assert [line.split() for line in lines[3:7]] == [[k, f"{p:.3f}"] for k, p in zip(CLASSES, mean, strict=True)]
    stretches = [line.split() for line in lines[9 : lines.index("", 9)]]
    assert (stretches[0][0], stretches[-1][1]) == ("0:00.0", "0:05.0")
    assert all(a[1] == b[0] for a, b in pairwise(stretches))
    assert err == ""
    assert main(["timeline", model, songs[0]]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["timeline", model, songs[0], "--force", "--out", "x.svg"]) == 0


def test_timeline_of_a_bad_song_leaves_no_picture(model, songs, capsys):
    pytest.importorskip("matplotlib")
    assert main(["timeline", model, "none.wav"]) == 1
    assert "none.wav: there is no such file" in capsys.readouterr().err
    assert main(["timeline", model, songs[0], "--out", "x.doc"]) == 2
    assert main(["timeline", "none.joblib", songs[0]]) == 2
    assert os.listdir() == ["music"]


def test_demo_passes_its_arguments_on(monkeypatch):
    got = {}
    monkeypatch.setitem(
        sys.modules, "skmer.reproduction.demo", types.SimpleNamespace(run_demo=lambda **given: got.update(given))
    )
    assert main(["demo", "--data-home", "x", "--n-jobs", "1", "--seed", "3"]) == 0
    assert got == {"data": "x", "out": "demo-output", "n_jobs": 1, "verbose": 1, "random_state": 3}


@pytest.mark.parametrize("arguments", ["", "x", "predict", "predict m", "predict m f --n-jobs 0"])
def test_wrong_usage_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments.split())
    assert end.value.code == 2
    assert "usage: skmer" in capsys.readouterr().err


def test_help_warns_of_strangers_models(capsys):
    for command in ("predict", "timeline"):
        with pytest.raises(SystemExit) as end:
            main([command, "-h"])
        assert end.value.code == 0
        assert "people that you trust" in " ".join(capsys.readouterr().out.split())


def _start(*arguments, **options):
    command = [sys.executable, "-m", "skmer", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def test_python_m_and_version():
    out, err = _start("--version").communicate()
    assert (out.decode().strip(), err) == (f"skmer {__version__}", b"")


def test_predictions_import_no_compilers_and_no_libraries_of_training(model, songs):
    code = (
        "import sys; from skmer.cli import main; status = main(); "
        "print(status, {'librosa', 'numba', 'scipy.signal', 'sklearn.mixture', 'sympy'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, "predict", model, songs[0], "-q"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert printed.splitlines()[-1] == "0 set()"


def test_objects_of_a_loaded_model_are_not_searched_for_garbage(model, songs):
    assert gc.isenabled()
    before = gc.get_freeze_count()
    try:
        assert main(["predict", model, songs[0], "-q"]) == 0
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX pipes")
def test_a_reader_that_leaves_is_no_traceback(model, songs):
    process = _start("predict", model, *songs * 40)
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read().decode()
    assert process.wait() == 128 + signal.SIGPIPE
    assert err == ""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are text")
def test_names_that_are_no_text_survive(model, songs):
    assert main(["predict", model, os.fsdecode(b"music/\xff.wav"), "--out", "all.csv", "-q"]) == 1
    assert Path("all.csv").read_bytes().splitlines()[1].startswith(b"music/\xff.wav,")
