import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

import skmer
from skmer import SegmentTransformer, SSSLClassifier, TaggingTransformer
from skmer.model_selection import Readout, _fits
from skmer.model_selection._fits import Fit, fit_key, run_fits, song_keys

ROOT = Path(__file__).parents[2]
X = np.arange(8.0).reshape(4, 2)


def square(folder, x, stop_at=None):
    """Count the run in a file; wait for a signal at one of them."""
    with (folder / "runs").open("a") as file:
        file.write(f"{x}\n")
    if x == stop_at:
        (folder / "inside").touch()
        time.sleep(60)
    return {"square": x * x}


def fail(folder):
    raise MemoryError


def squares(folder, stop_at=None, n=4):
    return [Fit(f"Square of {x}", fit_key(x), partial(square, folder, x, stop_at), cost=1 + x) for x in range(n)]


def runs(folder):
    return [int(line) for line in (folder / "runs").read_text().split()]


def values(results):
    return [result["square"] for result in results]


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_finished_fit_is_not_run_again(tmp_path, n_jobs, capsys):
    store, seen = tmp_path / "new" / "store", []
    options = {"store": store, "n_jobs": n_jobs, "on_missing": seen.append}
    first, n_found = run_fits(squares(tmp_path, n=2), **options)
    assert (values(first), n_found) == ([0, 1], 0)
    assert first[0]["versions"]["skmer"] == skmer.__version__
    assert first[0]["seconds"] >= 0
    fits = squares(tmp_path)[::-1]
    again, n_found = run_fits(fits, verbose=1, description="Squares", **options)
    assert (values(again), n_found) == ([9, 4, 1, 0], 2)
    assert again[2:] == first[::-1]
    assert sorted(runs(tmp_path)) == [0, 1, 2, 3]
    shown = capsys.readouterr().err
    assert "Squares" in shown
    assert "2 of 4 fits" in shown
    assert "4 of 4 fits" in shown
    assert run_fits(fits, **options) == (again, 4)
    assert [[fit.name for fit in missing] for missing in seen] == [
        ["Square of 0", "Square of 1"],
        ["Square of 3", "Square of 2"],
    ]
    assert sorted(path.name for path in store.iterdir()) == sorted(f"square-of-{x}-{fit_key(x)}.json" for x in range(4))


def test_without_a_store_results_are_those_of_one(tmp_path):
    fits = [Fit("a", fit_key(1), partial(dict, pair=(1, float("inf")), höher=True))]
    [found], _ = run_fits(fits)
    [kept], _ = run_fits(fits, store=tmp_path / ("long name " * 10))
    assert found["pair"] == kept["pair"] == [1, float("inf")]
    assert run_fits([], store=tmp_path) == ([], 0)


def test_finished_fits_stay_when_one_fails(tmp_path):
    fits = [*squares(tmp_path), Fit("fails" * 100, fit_key("f"), partial(fail, tmp_path))]
    with pytest.raises(MemoryError):
        run_fits(fits, tmp_path / "store")
    assert values(run_fits(fits[:-1], tmp_path / "store")[0]) == [0, 1, 4, 9]
    assert runs(tmp_path) == [0, 1, 2, 3]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"seconds"', b'{"square": 4}', b"\xff"])
def test_a_damaged_file_is_named_before_anything_runs(tmp_path, content):
    store = tmp_path / "store"
    run_fits(squares(tmp_path, n=3), store)
    victim = next(store.glob("square-of-2-*"))
    victim.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{victim.name} is .*; delete it to have the fit run again"):
        run_fits(squares(tmp_path), store)
    assert len(runs(tmp_path)) == 3
    victim.unlink()
    assert values(run_fits(squares(tmp_path), store)[0]) == [0, 1, 4, 9]


def test_folders_that_cannot_be(tmp_path):
    (tmp_path / "file").touch()
    for store in (tmp_path / "file", str(tmp_path / "file" / "below")):
        with pytest.raises(
            ValueError, match=r"store='.*file.*' must be a folder, but it or one of its parents is a file"
        ):
            run_fits([], store)
    with pytest.raises(ValueError, match="must not be empty"):
        run_fits([], "")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_run_goes_on(tmp_path):
    code = (
        "from pathlib import Path; from tests.model_selection.test_fits import *; "
        f"folder = Path({str(tmp_path)!r}); run_fits(squares(folder, stop_at=2), folder / 'store')"
    )
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT) as process:
        patience = time.monotonic() + 60
        while not (tmp_path / "inside").exists() and process.poll() is None and time.monotonic() < patience:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    results, n_found = run_fits(squares(tmp_path), tmp_path / "store")
    assert (values(results), n_found) == ([0, 1, 4, 9], 2)
    assert runs(tmp_path) == [0, 1, 2, 2, 3]


def test_parameters_of_a_run_and_what_was_learnt_do_not_count():
    one = make_pipeline(SegmentTransformer(), SSSLClassifier("small"), SVC())
    other = make_pipeline(
        SegmentTransformer(memory="elsewhere", n_jobs=2, verbose=1), SSSLClassifier("small", device="cuda"), SVC()
    )
    assert fit_key(one, {"a": [one]}) == fit_key(other, {"a": [other]}) == fit_key(clone(one), {"a": (one,)})
    assert fit_key(TaggingTransformer(store="elsewhere")) == fit_key(TaggingTransformer())
    for around in (make_pipeline, SelectFromModel, lambda x: With({"a": [x]}), lambda x: Readout(final_estimator=x)):
        assert fit_key(around(StandardScaler().fit(X))) == fit_key(around(StandardScaler()))


class With(TransformerMixin, BaseEstimator):
    """Has a parameter of any kind, and uses it as it is."""

    def __init__(self, given=None, memory=None):
        self.given = given
        self.memory = memory


@dataclass
class Record:
    scaler: object = None


def scaled(scaler, X):
    return scaler.transform(X)


@pytest.mark.parametrize(
    "around",
    [
        FrozenEstimator,
        lambda scaler: make_pipeline(FrozenEstimator(scaler)),
        lambda scaler: FunctionTransformer(partial(scaled, scaler)),
        lambda scaler: FunctionTransformer(scaler.transform),
        lambda scaler: With({"all": [partial(scaled, scaler)]}),
        lambda scaler: With(Record(scaler)),
    ],
)
def test_what_a_clone_keeps_counts(around):
    one, again, other = (around(StandardScaler().fit(values)) for values in (X, X.copy(), X * 9))
    assert fit_key(one) == fit_key(again) == fit_key(clone(one)) != fit_key(other)


def test_what_decides_a_result_counts(monkeypatch):
    forest = RandomForestClassifier(random_state=1)
    with config_context(enable_metadata_routing=True):
        routed = LogisticRegression().set_fit_request(sample_weight=True)
    different = [
        *(forest, RandomForestClassifier(random_state=2), make_pipeline(forest)),
        *(LogisticRegression(), routed, LogisticRegression(C=2), StandardScaler()),
        *(StandardScaler().set_output(transform="pandas"), With(memory=0.5), With(memory=0.6)),
        *(SSSLClassifier(), SSSLClassifier(temperature=0.3), Readout(), Readout("mean")),
    ]
    keys = [fit_key(thing) for thing in different]
    assert len(set(keys)) == len(different)
    assert fit_key("a", "b") != fit_key("ab") != fit_key(["a", "b"])
    assert fit_key(Path("a/b")) == fit_key("a/b")
    monkeypatch.setattr(_fits, "__version__", "99")
    assert fit_key(forest) != keys[0]


def test_what_has_no_hash_is_named_with_a_way_out():
    step = FunctionTransformer(lambda X: X)
    with pytest.raises(ValueError, match=r"cannot be hashed .*lambda.*cache_key"):
        fit_key(make_pipeline(step))
    step.func.cache_key = "first"
    found = fit_key(make_pipeline(step))
    step.func.cache_key = "second"
    assert fit_key(make_pipeline(step)) != found


def test_keys_of_songs(tmp_path):
    for disc in ("disc 1", "disc 2"):
        (tmp_path / disc).mkdir()
        (tmp_path / disc / "01.wav").write_bytes(b"abc")
    paths = [str(tmp_path / "disc 1" / "01.wav"), tmp_path / "disc 2" / "01.wav", "nowhere/x.wav"]
    held = hashlib.sha256(b"abc").hexdigest()[:16]
    expected = [f"disc 1/01.wav {held}", f"disc 2/01.wav {held}", "nowhere/x.wav missing"]
    assert song_keys(paths) == song_keys(np.array(paths, dtype=object)) == expected
    assert song_keys(pd.Series(paths, index=[5, 6, 7])) == expected
    # a song that was mastered anew, of the same length
    (tmp_path / "disc 1" / "01.wav").write_bytes(b"abd")
    assert song_keys(paths)[0] != expected[0]
    zeros, ones = np.zeros(4), np.ones(4)
    a, b, c, d = song_keys([zeros, ones, np.zeros(5), np.zeros(8)[::2]])
    assert a == d
    assert len({a, b, c}) == 3
    assert song_keys(np.stack([zeros, ones])) == [a, b]
    json.dumps([a, *expected])
