import importlib
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def scripts():
    """The scripts, which import each other as neighbours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield {name: importlib.import_module(name) for name in ("_noisy_digits", "_report", "label_noise")}


@pytest.fixture(scope="module")
def digits(scripts):
    return scripts["_noisy_digits"]


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(1, 300),
    share=st.floats(0, 1),
    kind=st.sampled_from(["symmetric", "asymmetric"]),
    seed=st.integers(0, 1000),
)
def test_planted_noise_has_the_exact_share_and_never_the_true_class(digits, n, share, kind, seed):
    y = np.random.default_rng(seed).integers(0, 10, n)
    labels, noisy = digits.plant_noise(y, kind, share, seed=seed)
    assert noisy.sum() == round(share * n)
    np.testing.assert_array_equal(labels != y, noisy)
    assert set(labels) <= set(range(10))
    if kind == "asymmetric":
        np.testing.assert_array_equal(labels[noisy], (y[noisy] + 1) % 10)


def test_symmetric_noise_takes_each_other_class_equally_often(digits):
    y = np.repeat(np.arange(10), 2000)
    labels, noisy = digits.plant_noise(y, "symmetric", 0.6)
    steps = np.bincount((labels - y)[noisy] % 10, minlength=10)
    assert steps[0] == 0
    # 12,000 draws of nine values: 1333 each, standard deviation 34
    assert np.abs(steps[1:] - 12000 / 9).max() < 5 * 35


@pytest.mark.parametrize("noise", ["symmetric-40", "symmetric-60", "asymmetric-30"])
def test_only_training_labels_are_noisy(digits, noise):
    X, labels, noisy, X_test, y_test = digits.noisy_digits(noise, seed=3)
    assert len(X_test) == 540
    assert len(X) == 1257
    assert noisy.mean() == pytest.approx(digits.NOISES[noise][1], abs=0.5 / 1257)
    everything = {row.tobytes(): label for row, label in zip(*all_digits(), strict=True)}
    np.testing.assert_array_equal([everything[row.tobytes()] for row in X_test], y_test)
    truth = np.array([everything[row.tobytes()] for row in X])
    np.testing.assert_array_equal(truth != labels, noisy)


def all_digits():
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return X / 16, y


def test_validation_never_sees_the_test_part(digits):
    X_test = digits.noisy_digits("symmetric-40", seed=100)[3]
    X, _, _, X_validation, _ = digits.noisy_digits("symmetric-40", seed=100, validation=True)
    seen = {row.tobytes() for row in np.concatenate([X, X_validation])}
    assert len(X) + len(X_validation) == 1257
    assert not seen & {row.tobytes() for row in X_test}


def test_the_last_recorded_epoch_is_what_the_classifier_scores(digits):
    X, labels, _, X_test, y_test = digits.noisy_digits("asymmetric-30", seed=0)
    epochs = digits.TestEpochs(X, X_test, y_test)
    classifier = digits.SSSLClassifier("mlp", max_epochs=3, noise_model=None, callbacks=[epochs], random_state=0)
    classifier.fit(X, labels)
    assert len(epochs.accuracies_) == 3
    assert epochs.accuracies_[-1] == classifier.score(X_test, y_test)
    unwatched = digits.SSSLClassifier("mlp", max_epochs=3, noise_model=None, random_state=0).fit(X, labels)
    np.testing.assert_array_equal(unwatched.predict_proba(X_test), classifier.predict_proba(X_test))


def test_quick_run_writes_its_report_and_a_second_one_reuses_it(scripts, tmp_path, capsys):
    script = scripts["label_noise"]
    systems = ["plain", "paper", "sssl", *(["cleanlab"] if find_spec("cleanlab") else [])]
    command = ["--quick", "--systems", *systems, "--output-dir", str(tmp_path), "--verbose", "0"]
    assert script.main(command) == 0
    out, err = capsys.readouterr()
    assert out + err == ""
    report = json.loads((tmp_path / "label_noise.json").read_text(encoding="utf-8"))
    assert {row["system"] for row in report["rows"]} >= {*systems, "plain-oracle"}
    accuracies = {row["system"]: row["accuracy"]["mean"] for row in report["rows"]}
    assert 0.5 < min(accuracies.values()) <= max(accuracies.values()) <= 1
    assert accuracies["plain-oracle"] >= accuracies["plain"]
    page = (tmp_path / "label_noise.md").read_text(encoding="utf-8")
    assert "figures mean nothing" in page
    assert "| **target** " in page
    assert not list(tmp_path.glob("*.tmp"))

    assert script.main(command) == 0
    again = json.loads((tmp_path / "label_noise.json").read_text(encoding="utf-8"))
    # the same seconds: nothing was run again
    assert again["runs"] == report["runs"]


def test_the_page_comes_from_the_kept_reports(scripts):
    reports = [
        json.loads((BENCHMARKS / "results" / name).read_text(encoding="utf-8"))
        for name in ("label_noise.json", "label_noise_validation.json")
    ]
    page = BENCHMARKS.parent / "docs" / "reports" / "label_noise.md"
    assert scripts["label_noise"].document(*reports) == page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["--seeds", "100"], "are for --validation"),
        (["--validation", "--seeds", "1"], "are for --validation"),
        (["--validation", "--systems", "sssl"], "cannot be combined with --validation"),
    ],
)
def test_test_seeds_and_validation_seeds_are_kept_apart(scripts, command, words, capsys):
    with pytest.raises(SystemExit):
        scripts["label_noise"].main(command)
    assert words in capsys.readouterr().err


def test_figures_read_as_shares(scripts):
    report = scripts["_report"]
    assert report.figure(0.9449) == ".945"
    assert report.figure(1.0) == "1.000"
    assert report.figure(None) == "–"
    # 1, 2, 3: deviation 1 with n - 1
    assert report.mean_sd([0.1, 0.2, 0.3])["sd"] == pytest.approx(0.1)
    assert report.figure(report.mean_sd([0.1, 0.2, 0.3])) == ".200 ± .100"
    assert report.figure(report.mean_sd([0.5])) == ".500"
