import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skmer import SSSLClassifier
from skmer._hash import stable_hash

X = np.arange(8.0).reshape(4, 2)


def network(seed=0, layer=1):
    torch.manual_seed(seed)
    made = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Dropout(0.1), torch.nn.BatchNorm1d(3))
    made.layer = layer
    return made


def scale(scaler, X):
    return scaler.transform(X)


THINGS = {
    "settings": lambda: {"b": [1, "x", None], "a": {"z", "y", "x"}, "c": frozenset("uvw")},
    "estimator": lambda: make_pipeline(StandardScaler(), SSSLClassifier("small")),
    "network": network,
    "fitted": lambda: FrozenEstimator(StandardScaler().fit(X)),
    "partial": lambda: partial(scale, StandardScaler().fit(X)),
    "method": lambda: network().forward,
    "tensor": lambda: torch.arange(3, dtype=torch.bfloat16),
}


@pytest.mark.parametrize("name", THINGS)
def test_equal_things_have_equal_hashes(name):
    assert stable_hash(THINGS[name]()) == stable_hash(THINGS[name]())


def test_hashes_are_the_same_in_another_process():
    code = "from tests.test_hash import *; print([stable_hash(make()) for make in THINGS.values()])"
    root = Path(__file__).parents[1]
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str([stable_hash(make()) for make in THINGS.values()])


def test_another_content_is_another_hash():
    frozen = network().requires_grad_(False)
    trained = network()
    trained[2].running_mean += 1
    networks = [network(), network(seed=1), network(layer=2), frozen, trained, network().double()]
    assert len({stable_hash(made) for made in networks}) == len(networks)
    one, other = (StandardScaler().fit(values) for values in (X, 9 * X))
    for around in (lambda x: x, FrozenEstimator, partial(partial, scale), lambda x: FunctionTransformer(x.transform)):
        assert stable_hash(around(one)) != stable_hash(around(other))
    assert stable_hash({1: "a"}) != stable_hash({"1": "a"})
    assert stable_hash(scale) != stable_hash(network)


def test_the_hash_is_of_values_and_not_of_identities(tmp_path):
    assert stable_hash([X, X]) == stable_hash([X, X.copy()])
    assert stable_hash(np.zeros((4, 4))[::2]) == stable_hash(np.zeros((2, 4)))
    np.save(tmp_path / "x.npy", X)
    assert stable_hash(np.load(tmp_path / "x.npy", mmap_mode="r")) == stable_hash(X)
    assert stable_hash(network().train()) == stable_hash(network().eval())


class Locked:
    def __init__(self):
        self.lock = threading.Lock()


def in_a_circle():
    found = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        (lambda X: X, "lambda"),
        (FunctionTransformer(lambda X: X), "lambda"),
        (Locked(), "lock"),
        (in_a_circle(), "contains itself"),
        (torch.jit.script(torch.nn.Linear(1, 1)), "compiled networks"),
    ],
)
def test_what_has_no_stable_contents_is_named(thing, reason):
    with pytest.raises(ValueError, match=rf"cannot be hashed \(.*{reason}.*cache_key"):
        stable_hash(thing)


def test_a_cache_key_stands_for_the_object():
    locked, again, other = Locked(), Locked(), Locked()
    locked.cache_key = again.cache_key = "first"
    other.cache_key = "second"
    assert stable_hash([locked]) == stable_hash([again]) != stable_hash([other])
