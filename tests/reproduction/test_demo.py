import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import numpy as np
import pytest
import soundfile
from sklearn.utils import Bunch

import skmer.reproduction.demo
from skmer.reproduction.demo import run_demo
from tests.tiny_model import SR, tiny_pipeline, tiny_songs

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SETTINGS = {
    "songs": {"n_songs": 40, "duration": 3, "noise": 0.25},
    "segments": {"duration": 2, "sr": 5632, "n_fft": 256, "hop_length": 128, "n_mels": 32},
    "network": {"max_epochs": 2, "warmup_epochs": 1},
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A run with the smallest settings: its results, its folder and what it printed."""
    out, stdout, stderr = tmp_path_factory.mktemp("demo") / "out", StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(stdout), redirect_stderr(stderr):
        patch.setattr(skmer.reproduction.demo, "SYNTHETIC", SETTINGS)
        results = run_demo(out=out, n_jobs=1)
    return results, out, stdout.getvalue(), stderr.getvalue()


def test_prints_the_table_and_draws_the_pictures(demo):
    results, out, printed, progress = demo
    assert "cross-validation" not in progress  # standard error is no terminal
    for row in ("dummy", "log-mel statistics + SVM", "inherited labels + SVM", "SSSL + SVM", "ROC-AUC"):
        assert row in printed
    assert all(len(figures["accuracy"]) == 5 for figures in results.values())
    # the planted noise is known, so every fold measures how well it was found
    assert np.isfinite(results["SSSL + SVM"]["noise ROC-AUC"]).all()
    pictures = {"emotion-over-time.png", "loss-mixture.png"}
    assert {path.name for path in out.iterdir()} == {*pictures, "results.md", "listen", "songs"}
    assert (out / "results.md").read_text() in printed
    # the paths to look at come last
    last = printed.partition("What to look at, and listen to:")[2]
    for name in ("listen/index.html", *pictures):
        assert str(out / name) in last


def test_the_page_plays_the_test_songs(demo):
    _, out, *_ = demo
    source = (out / "listen" / "index.html").read_text(encoding="utf-8")
    content = json.loads(source.partition('id="content">')[2].partition("</script>")[0])
    assert len(content["songs"]) == 8
    for song in content["songs"]:
        y, sr = soundfile.read(out / "listen" / song["url"])
        assert (len(y), sr) == (3 * 5632, 5632)
        assert np.abs(y).max() > 0.01


def test_the_page_tells_songs_of_one_name_apart(tmp_path):
    paths = [tmp_path / folder / "1.wav" for folder in ("pop", "rock")]
    for path, y in zip(paths, tiny_songs().data, strict=False):
        path.parent.mkdir()
        soundfile.write(path, y, SR)
    songs = Bunch(data=list(map(str, paths)), target=["Q1", "Q2"])
    page = skmer.reproduction.demo._write_page(tiny_pipeline(), songs, [0, 1], tmp_path)
    source = page.read_text(encoding="utf-8")
    assert '"name":"pop/1.wav"' in source
    assert '"name":"rock/1.wav"' in source


def test_says_what_the_table_shows(demo):
    accuracy = {"inherited labels + SVM": np.array([0.5, 0.7]), "SSSL + SVM": np.array([0.7, 0.7])}
    results = {name: {"accuracy": values} for name, values in accuracy.items()}
    sentence = skmer.reproduction.demo._conclusion(results, None)
    assert sentence == (
        "SSSL recognises 70% of the songs, the same network without it 60%: a difference of +10 ± 10 points over the "
        "folds."
    )
    results["SSSL + SVM"]["noise ROC-AUC"] = np.array([0.75, 0.85])
    noisy = [np.array([True, False]), np.array([False, False])]
    assert skmer.reproduction.demo._conclusion(results, noisy).startswith(
        "25% of the segments inherit a wrong label, which SSSL finds with a ROC-AUC of 0.80. SSSL recognises 70%"
    )


def test_quiet(demo, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(skmer.reproduction.demo, "SYNTHETIC", SETTINGS)
    monkeypatch.setattr(skmer.reproduction.demo, "compare_systems", lambda *args, **kwargs: demo[0])
    run_demo(out=tmp_path, n_jobs=1, verbose=0)
    assert capsys.readouterr() == ("", "")


def test_a_folder_that_is_not_emotify_is_named(tmp_path):
    with pytest.raises((FileNotFoundError, ValueError), match=r"labels\.csv"):
        run_demo(data=tmp_path, out=tmp_path / "out")
