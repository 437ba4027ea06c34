"""What an estimator has learnt counts where a clone keeps it, and descriptions end soon."""

import json
import threading
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from functools import partial, reduce

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skmer import SSSLClassifier
from skmer.model_selection import EstimatorSystem, Protocol, run_experiment
from skmer.model_selection.fold_store import describe

X = np.arange(8.0).reshape(4, 2)


def scaled(scaler, X):
    return scaler.transform(X)


class With(TransformerMixin, BaseEstimator):
    """Has a parameter of any kind, and uses it as it is."""

    def __init__(self, given=None):
        self.given = given

    def fit(self, X, y=None):
        return self


class Keeping(BaseEstimator):
    """Keeps what it has learnt when it is cloned."""

    def __sklearn_clone__(self):
        return self

    def fit(self, X):
        self.mean_ = np.mean(X)
        return self


Pair = namedtuple("Pair", "scaler more")


@dataclass
class Record:
    scaler: object = None


WAYS = {
    "frozen": FrozenEstimator,
    "own clone": lambda scaler: Keeping().fit(scaler.mean_),
    "partial": lambda scaler: FunctionTransformer(partial(scaled, scaler)),
    "keyword of a partial": lambda scaler: FunctionTransformer(partial(scaled, scaler=scaler)),
    "pipeline in a partial": lambda scaler: FunctionTransformer(partial(scaled, make_pipeline(scaler))),
    "closure": lambda scaler: FunctionTransformer(lambda X: scaler.transform(X)),
    "method": lambda scaler: FunctionTransformer(scaler.transform),
    "partial in a dict": lambda scaler: With({"all": [partial(scaled, scaler)]}),
    "ordered dict": lambda scaler: With(OrderedDict(scaler=scaler)),
    "namedtuple": lambda scaler: With(Pair(scaler, 1)),
    "dataclass": lambda scaler: With(Record(scaler)),
}


@pytest.mark.parametrize("around", [lambda x: x, lambda x: make_pipeline(x, LogisticRegression())])
@pytest.mark.parametrize("way", WAYS)
def test_what_a_clone_keeps_counts(way, around):
    one, again, other = (around(WAYS[way](StandardScaler().fit(values))) for values in (X, X.copy(), X * 9))
    assert describe(one) == describe(again) == describe(clone(one)) != describe(other)


def test_what_a_clone_forgets_does_not_count():
    fitted, fresh = StandardScaler().fit(X), StandardScaler()
    for around in (lambda x: x, make_pipeline, lambda x: With([x]), lambda x: With({"a": x}), Record):
        assert describe(around(fitted)) == describe(around(fresh))
        assert describe({"estimator": around(fitted)}) == describe({"estimator": around(fresh)})
    assert describe(With({"a": fitted})) == describe(clone(With({"a": fitted})))
    assert describe(With(Record(fitted))) != describe(With(Record(fresh)))


def test_a_seed_counts_where_no_run_sets_it():
    forests = [RandomForestClassifier(random_state=seed) for seed in (1, 2)]
    assert describe(make_pipeline(forests[0])) == describe(make_pipeline(forests[1]))
    for around in (partial(partial, scaled), FrozenEstimator, lambda x: With({"a": x}), lambda x: With([x]), Record):
        assert describe(around(forests[0])) != describe(around(forests[1]))


def test_settings_that_a_clone_keeps_count():
    with config_context(enable_metadata_routing=True):
        routed = LogisticRegression().set_fit_request(sample_weight=True)
        assert describe(routed) == describe(clone(routed)) != describe(LogisticRegression())
    table = StandardScaler().set_output(transform="pandas")
    assert describe(table) == describe(clone(table)) != describe(StandardScaler())


def test_no_fold_of_another_frozen_estimator_is_taken(tmp_path):
    values = np.random.default_rng(0).normal(size=(40, 2))
    labels = np.array(["a", "b"])[(values[:, 0] > 0).astype(int)]
    found = []
    for factors in ([1, 1], [1e6, 1e-6], [1, 1]):
        frozen = FrozenEstimator(StandardScaler().fit(values * factors))
        system = EstimatorSystem(make_pipeline(frozen, KNeighborsClassifier()))
        run = run_experiment({"m": system}, values, labels, protocol=Protocol("stratified", 2), store=tmp_path)
        found.append([row["scores"]["accuracy"] for row in run.rows if row["name"] == "m"])
    assert found[0] == found[2] != found[1]
    assert len(list(tmp_path.glob("*.json"))) == 4


def test_frozen_layers_of_a_backbone_count():
    torch.manual_seed(0)
    free, frozen = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    frozen.load_state_dict(free.state_dict())
    assert describe(SSSLClassifier(free)) == describe(SSSLClassifier(frozen))
    frozen.requires_grad_(False)
    assert describe(SSSLClassifier(free)) != describe(SSSLClassifier(frozen))


def test_numbers_and_texts_are_other_keys():
    one, other = (describe(LogisticRegression(class_weight={key: 2.0})) for key in (1, "1"))
    assert one != other
    assert describe({1: "a", 2: "b"}) == describe({2: "b", 1: "a"}) == {"pairs": [[1, "a"], [2, "b"]]}
    assert describe({(1, 2): 3}) == {"pairs": [[[1, 2], 3]]}
    assert json.dumps(describe({True: 1})) != json.dumps(describe({1: 1}))


def test_what_is_shared_is_described_as_what_is_not():
    values = ["a", {"b": 1}]
    assert describe([values, values]) == describe([values, ["a", {"b": 1}]]) == [values, values]
    long = ["a" * 100] * 1000
    assert describe(With([long, long])) == describe(With([long, list(long)]))
    assert describe(long) == long


def test_too_many_parts_are_refused():
    shared = reduce(lambda x, _: [x, x], range(60), [])
    for many in ([[n] for n in range(50_001)], shared):
        with pytest.raises(ValueError, match=r"more than 50,000 parts.*cache_key"):
            describe(With(many))


LOCK = threading.Lock()


def test_the_message_names_the_way():
    class Held(With):
        def transform(self, X):
            return X, LOCK

    with pytest.raises(ValueError, match=r"Held\(\) cannot be .*Held\.transform → .*LOCK: cannot pickle.*cache_key"):
        describe(Held())
