import numpy as np
import pytest

import skmer.reproduction.demo
from skmer.reproduction.demo import run_demo


@pytest.fixture
def tiny(monkeypatch):
    settings = {
        "songs": {"n_songs": 40, "duration": 4, "noise": 0.25},
        "segments": {"duration": 2, "sr": 5632, "n_fft": 256, "hop_length": 128, "n_mels": 32},
        "network": {"backbone": "small", "backbone_params": {"width": 4}},
        "sssl": {"max_epochs": 3, "warmup_epochs": 1},
        "plain": {"max_epochs": 2},
    }
    monkeypatch.setattr(skmer.reproduction.demo, "SYNTHETIC", settings)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_prints_the_table_and_draws_the_pictures(tiny, tmp_path, capsys):
    results = run_demo(out=tmp_path / "out", n_jobs=1)
    printed, told = capsys.readouterr()
    assert "cross-validation" not in told  # nobody watches a stream that is no terminal
    for row in ("dummy", "log-mel statistics + SVM", "inherited labels + SVM", "SSSL + SVM", "ROC-AUC"):
        assert row in printed
    assert all(len(figures["accuracy"]) == 10 for figures in results.values())
    # the planted noise is known, so every fold measures how well it was found
    assert np.isfinite(results["SSSL + SVM"]["noise ROC-AUC"]).all()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "emotion-over-time.png",
        "loss-mixture.png",
        "results.md",
    }


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_quiet(tiny, tmp_path, capsys):
    run_demo(out=tmp_path, n_jobs=1, verbose=0)
    assert capsys.readouterr() == ("", "")


def test_a_folder_that_is_not_emotify_is_named(tmp_path):
    with pytest.raises((FileNotFoundError, ValueError), match=r"labels\.csv"):
        run_demo(data=tmp_path, out=tmp_path / "out")
