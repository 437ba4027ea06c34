"""A compiled network learns what it learns otherwise, and travels as before."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from skmer import SSSLClassifier
from skmer.training.runtime import CompiledNetwork

DIGITS = load_digits(return_X_y=True)


@pytest.fixture
def passes(monkeypatch):
    """Count the batches that go through compiled passes, which are run as they are."""
    seen = []

    def compile(function, dynamic):
        assert dynamic is False
        return lambda x: seen.append(len(x)) or function(x)

    monkeypatch.setattr(torch, "compile", compile)
    return seen


def fitted(**params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier = SSSLClassifier("mlp", max_epochs=4, warmup_epochs=2, ramp_epochs=0, random_state=0, **params)
        return classifier.fit(DIGITS[0][:200], DIGITS[1][:200])


@pytest.mark.parametrize("params", [{}, {"lambda_kl": 0.0}, {"kl_rows": "raw"}, {"noise_model": None}])
def test_every_batch_goes_through_the_compiled_passes(passes, params):
    compiled, plain = fitted(compile=True, **params), fitted(**params)
    assert max(passes) <= 64  # of the batches alone: evaluation and prediction are not compiled
    assert sum(passes) >= 4 * 200
    np.testing.assert_array_equal(compiled.predict_proba(DIGITS[0][200:300]), plain.predict_proba(DIGITS[0][200:300]))
    assert not hasattr(compiled.net_, "compiled_")
    again = pickle.loads(pickle.dumps(compiled))
    np.testing.assert_array_equal(again.predict(DIGITS[0]), compiled.predict(DIGITS[0]))


@pytest.mark.slow
def test_a_compiler_changes_nothing_but_the_last_digits(tmp_path, monkeypatch):
    # torch's own cache may have code for other instruction sets
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    x = torch.randn(16, 4)
    try:
        found = CompiledNetwork(network)(x)
    except Exception as error:  # there is no compiler on this machine, or torch does not know this Python
        pytest.skip(f"torch.compile does not work here: {error!s:.100}")
    torch.testing.assert_close(found, network(x))
