"""A key is the same in every process and for a copy, and another one when what a thing is or does is another."""

import copy
import enum
import functools
import importlib
import json
import os
import pickle
import subprocess
import sys
import threading
import warnings
from abc import ABC, abstractmethod
from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from skmer.content_key import class_key, content_key, given_key

ROOT = Path(__file__).parents[1]
FACTOR = 2.0
TABLE = {"b": {1, 2}, "a": {"x", "y", "z"}}


def scaled(x):
    return x * FACTOR


def through_another(x):
    return scaled(x)


def looked_up(x):
    return TABLE[x]


def recursive(n):
    return 1 if n == 0 else n * recursive(n - 1)


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


def with_set(x):
    return x in {"one", "two", "three", "four"}


class Kind(ABC):
    """A class of one's own, with all that may stand in one."""

    RATE = 0.5
    NAMES = frozenset({"a", "b", "c"})

    def __init__(self, value=1):
        self.value = value

    @abstractmethod
    def run(self, x): ...

    @staticmethod
    def twice(x):
        return 2 * x

    @classmethod
    def made(cls):
        return cls(3)

    @property
    def half(self):
        return self.value / 2

    @functools.cached_property
    def third(self):
        return self.value / 3


class Own(Kind):
    def run(self, x):
        return super().run(x) or Own


class Slots:
    __slots__ = ("a", "b")

    def __init__(self, a):
        self.a = a


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass
class Record:
    name: str = "a"
    items: list = field(default_factory=list)


Pair = namedtuple("Pair", "a b")


class Words(list):
    pass


class Network(torch.nn.Module):
    def __init__(self, value=0.5):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout())
        with torch.no_grad():
            for weights in self.parameters():
                weights.fill_(value)

    @torch.no_grad()
    def forward(self, x):
        return self.layers(x)


class Middle(BaseEstimator):
    def __init__(self, share=0.5, code=None):
        self.share = share
        self.code = code

    def fit(self, X, y):
        return self

    def transform(self, X):
        return X


class Times(torch.nn.Module):
    __constants__ = ("first", "second", "third")

    def __init__(self, by):
        super().__init__()
        self.by, self.first, self.second, self.third = [torch.ones(1)] * by, 1, by, 3

    def forward(self, x):
        return x * self.first * self.second * self.third


def scripted(*factors):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(torch.nn.Sequential(*map(Times, factors)))


def circle():
    one, other = Own(1), Own(2)
    one.next, other.next = other, one
    return one


def things():
    """One of each kind, each with another key than the others."""
    fitted = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    values = [1, 2]
    values.append(values)
    return {
        "none": None, "bool": True, "int": 1, "float": 1.0, "text": "1", "bytes": b"1", "complex": 1j, "list": [1],
        "tuple": (1,), "set": {"a", "b", "c"}, "frozenset": frozenset("abc"), "dict": {"a": 1, "b": 2},
        "dict in another order": {"b": 2, "a": 1}, "ordered": OrderedDict(a=1), "words": Words("a"),
        "range": range(3), "slice": slice(1, 2), "path": Path("a"), "circle of values": values,
        "array": np.arange(3), "array of floats": np.arange(3.0), "matrix": np.arange(3)[None],
        "scalar": np.float32(1), "objects": np.array([1, "a"], dtype=object), "date": np.datetime64("2000-01-01"),
        "masked": np.ma.array([1, 2], mask=[0, 1]), "other mask": np.ma.array([1, 2], mask=[1, 0]),
        "generator": np.random.default_rng(0), "state": np.random.RandomState(0), "table": pd.Series([1, 2, 3]),
        "frame": pd.DataFrame({"a": [1, 2, 3]}),
        "function": scaled, "through another": through_another, "looked up": looked_up, "recursive": recursive,
        "even": even, "odd": odd, "lambda": lambda x: x, "builtin": len, "ufunc": np.log1p, "bound": {"a": 1}.get,
        "other bound": {"a": 2}.get, "set in code": with_set, "partial": functools.partial(scaled, 1),
        "cached": functools.cache(scaled), "method": Own(1).run, "class": Own, "its base": Kind, "known class": dict,
        "object": Own(1), "other object": Own(2), "circle": circle(), "slots": Slots(1), "member": Colour.RED,
        "other member": Colour.BLUE, "record": Record(), "pair": Pair(1, 2), "estimator": LogisticRegression(),
        "fitted": fitted, "its method": fitted.predict, "module": np, "own estimator": Middle(),
        "tensor": torch.ones(2), "double": torch.ones(2).double(), "bfloat16": torch.ones(2).bfloat16(),
        "complex tensor": torch.tensor([1 + 2j]), "conjugate": torch.tensor([1 + 2j]).conj(),
        "scalar tensor": torch.tensor(1.0), "sparse": torch.ones(2).to_sparse(), "dtype": torch.float32,
        "network": Network(), "other weights": Network(0.25), "scripted": scripted(1, 2),
        "script turned": scripted(2, 1),
    }  # fmt: skip


def keys():
    return {name: content_key(thing) for name, thing in things().items()}


def test_every_thing_has_a_key_of_its_own():
    found = keys()
    assert len(set(found.values())) == len(found)
    assert keys() == found


def test_keys_are_the_same_in_another_process():
    code = "import json; from tests.test_content_key import keys; print(json.dumps(keys()))"
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    there = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    found = json.loads(there.stdout)
    assert [name for name, key in keys().items() if found[name] != key] == []


@pytest.mark.parametrize("name", things())
def test_a_copy_has_the_same_key(name):
    thing = things()[name]
    before = content_key(thing)
    if name not in ("module", "cached"):  # which neither copy nor pickle take
        assert content_key(copy.deepcopy(thing)) == before
    if name not in ("module", "cached", "lambda", "scripted", "script turned"):
        assert content_key(pickle.loads(pickle.dumps(thing))) == before
    assert content_key([thing, thing]) != before


def test_use_changes_no_key():
    frame, network = pd.DataFrame({"a": [1, 2, 3]}), Network()
    before = content_key(frame), content_key(network)
    assert frame.index.is_unique
    assert frame.a.sum() == 6
    network.train(False)(torch.ones(1, 2))
    assert (content_key(frame), content_key(network)) == before


def test_arrays_count_by_their_values_whatever_their_layout():
    values = np.arange(12).reshape(3, 4)
    assert content_key(values) == content_key(np.asfortranarray(values)) == content_key(np.repeat(values, 2, 1)[:, ::2])
    tensor = torch.arange(12).reshape(3, 4)
    assert content_key(tensor.T.contiguous().T) == content_key(tensor) != content_key(tensor.reshape(4, 3))


def test_the_same_lambda_twice():
    first, again = (lambda x, k=1: x + k + FACTOR), (lambda x, k=1: x + k + FACTOR)
    assert content_key(first) == content_key(again) == content_key(copy.copy(again))
    assert content_key([first, again]) != content_key([first, first])


def test_attributes_in_another_order_are_the_same_attributes():
    one, other = Own(1), Own(1)
    one.a, one.b = 1, 2
    other.b, other.a = 2, 1
    assert content_key(one) == content_key(other)


SOURCE = '''
"""Words."""
from functools import cached_property
import {name}_helpers as helpers

RATE = 0.5

def outer(x):
    return inner(x, 1) * RATE

def inner(x, k):
    try:
        return x + k
    except TypeError:
        return None

class Base:
    def base(self):
        return 11

class Thing(Base):
    """Words."""
    CONSTANT = [1, 2]

    def method(self, x, times=3):
        # a remark
        return x * times

    @staticmethod
    def static(x):
        return x + 4

    @classmethod
    def made(cls):
        return cls(), 5

    @property
    def value(self):
        return 6

    @cached_property
    def kept(self):
        return 7

    def __call__(self, x):
        def within(y):
            return y + 8
        return outer(within(x)), helpers.used(x), Thing

class Sub(Thing):
    pass

def closed(factor):
    return lambda x: x * factor

made = closed(9)
'''
HELPERS = "LIMIT = 1\n\ndef used(x):\n    return x + LIMIT\n\ndef unused(x):\n    return x\n"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Import a module of one's own, and another of the same name, which differs by a word."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def load(name, source=SOURCE, helpers=HELPERS):
        for module, text in [(f"{name}_helpers", helpers), (name, source.replace("{name}", name))]:
            (tmp_path / f"{module}.py").write_text(text)
            monkeypatch.delitem(sys.modules, module, raising=False)
        importlib.invalidate_caches()
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        return importlib.import_module(name)

    return load


CHANGES = [
    ("CONSTANT = [1, 2]", "CONSTANT = [1, 3]", "Sub"),
    ("CONSTANT = [1, 2]", "CONSTANT = [1, 2]\n    OTHER = 1", "Sub"),
    ("times=3", "times=2", "Sub"),
    ("x * times", "x / times", "Sub"),
    ("x + 4", "x + 40", "Sub"),
    ("@staticmethod\n    def static(x)", "@classmethod\n    def static(x)", "Sub"),
    ("cls(), 5", "cls(), 50", "Sub"),
    ("return 6", "return 60", "Sub"),
    ("return 7", "return 70", "Sub"),
    ("y + 8", "y + 80", "Sub"),
    ("return 11", "return 12", "Sub"),
    ("RATE = 0.5", "RATE = 0.6", "Sub"),
    ("inner(x, 1)", "inner(x, 2)", "Sub"),
    ("x + k", "x - k", "outer"),
    ("return inner(x, 1) * RATE", "return inner(k=1, x=x) * RATE", "outer"),
    ("except TypeError", "except ValueError", "outer"),
    ("x * factor", "x / factor", "made"),
    ("closed(9)", "closed(90)", "made"),
]
NO_CHANGES = [
    ("# a remark", "# another"),
    ("\n\nclass Base", "\n\n\n\nclass Base"),
    ('class Thing(Base):\n    """Words."""', 'class Thing(Base):\n    """Other words."""'),
    ("x * times", "(x *\n            times)"),
    ("def closed", "def nothing():\n    return 5\n\ndef closed"),
]


@pytest.mark.parametrize(("old", "new", "name"), CHANGES)
def test_what_code_does_changes_its_key(load, old, new, name):
    assert SOURCE.count(old) == 1
    first = getattr(load("mine"), name)
    other = getattr(load("mine", SOURCE.replace(old, new)), name)
    assert first is not other
    assert content_key(first) != content_key(other)
    if isinstance(first, type):
        assert class_key(first) != class_key(other)
        assert content_key(first()) != content_key(other())


@pytest.mark.parametrize(("old", "new"), NO_CHANGES)
def test_words_and_layout_change_no_key(load, old, new):
    assert SOURCE.count(old) == 1
    first, other = load("mine"), load("mine", SOURCE.replace(old, new))
    for name in ("Sub", "outer", "made"):
        assert content_key(getattr(first, name)) == content_key(getattr(other, name))


def test_what_is_taken_from_a_module_of_ones_own_counts(load):
    before = class_key(load("mine").Thing)
    assert class_key(load("mine", helpers=HELPERS.replace("LIMIT = 1", "LIMIT = 2")).Thing) != before
    assert class_key(load("mine", helpers=HELPERS.replace("x + LIMIT", "x - LIMIT")).Thing) != before
    assert class_key(load("mine", helpers=HELPERS.replace("return x\n", "return -x\n")).Thing) == before


def test_values_and_classes_may_be_changed_where_they_are(monkeypatch):
    before = content_key(through_another), content_key(looked_up), content_key(Own(1)), content_key(even)
    monkeypatch.setattr(f"{__name__}.FACTOR", 3.0)
    monkeypatch.setitem(TABLE, "c", 1)
    monkeypatch.setattr(Kind, "RATE", 0.25)
    monkeypatch.setattr(f"{__name__}.odd", lambda n: False)
    after = content_key(through_another), content_key(looked_up), content_key(Own(1)), content_key(even)
    assert all(a != b for a, b in zip(before, after, strict=True))


def test_classes_of_functions_and_of_main():
    def made(number):
        class Local:
            def call(self):
                return Local, number

        return Local

    assert content_key(made(1)()) == content_key(made(1)()) != content_key(made(2)())
    code = (
        "import joblib, pickle\nfrom skmer.content_key import content_key\n"
        "class Mine:\n    LIMIT = 3\n    def call(self, x):\n        return Mine, mean(x), x.unused\n"
        "def mean(x):\n    return x.mean() / Mine.LIMIT\n"
        "unused = {1: 2}\n"
        "here = [content_key(x) for x in (Mine, Mine(), mean)]\n"
        "assert here == [content_key(x) for x in (Mine, Mine(), mean)]\n"
        "things = joblib.delayed(content_key)\n"
        "there = joblib.Parallel(2)(things(x) for x in (Mine, Mine(), mean))\n"
        "assert here == there, (here, there)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_classes_of_known_packages_have_no_key_of_their_own():
    assert class_key(dict) is class_key(LogisticRegression) is class_key(torch.nn.Linear) is class_key(ABC) is None
    assert class_key(Own) is not None
    assert class_key(pd.Series) == class_key(pd.Series) != class_key(pd.Index)


def test_a_file_of_an_installed_package_counts_once_it_is_loaded(tmp_path, monkeypatch):
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    source = "import threading\nLOCK = threading.Lock()\nclass A:\n    def f(self):\n        return LOCK\n"
    (folder / "skmer_installed.py").write_text(source)
    module = importlib.import_module("skmer_installed")
    monkeypatch.delitem(sys.modules, "skmer_installed")
    monkeypatch.setitem(sys.modules, "skmer_installed", module)
    before = content_key(module.A())
    (folder / "skmer_installed.py").write_text(source + "\nB = 12345\n")
    assert content_key(module.A()) == before
    importlib.reload(module)
    assert content_key(module.A()) != before


def test_an_authors_word_is_taken_for_all():
    def embedding(x):
        return threading.Lock()

    embedding.lock = threading.Lock()
    assert given_key(embedding) is None
    with pytest.raises(TypeError, match="cannot pickle"):
        content_key(embedding)
    embedding.cache_key = "first"
    before = content_key(embedding)
    other = Own(1)
    other.cache_key = "first"
    assert content_key(other) == before
    embedding.cache_key = "second"
    assert content_key(embedding) != before
    assert given_key(Own(1)) is given_key(type("A", (), {"cache_key": "of its objects"})) is None


@pytest.mark.parametrize("make", [threading.Lock, lambda: iter({1: 2}.values()).__class__, lambda: (x for x in "a")])
def test_what_cannot_be_taken_apart(make):
    thing = make()
    if isinstance(thing, type):
        assert content_key(thing)
        return
    with pytest.raises(TypeError, match="cannot pickle"):
        content_key([thing])


def test_networks_that_pickle_does_not_take():
    def normed(value):
        layer = torch.nn.Linear(1, 1)
        torch.nn.init.constant_(layer.bias, value)
        torch.nn.init.constant_(layer.weight, value)
        return torch.nn.utils.parametrizations.weight_norm(layer)

    network = normed(1.0)
    assert content_key(network) == content_key(normed(1.0)) == content_key(copy.deepcopy(network))
    assert content_key(network) != content_key(normed(2.0))


def test_hooks_of_networks_count_in_their_order():
    def doubled(module, inputs, output):
        return 2 * output

    def hooked(*hooks):
        network = Network()
        for hook in hooks:
            network.register_forward_hook(hook, always_call=hook is doubled)
        return network

    def more(module, inputs, output):
        return output + 1

    assert content_key(hooked(doubled, more)) == content_key(hooked(doubled, more)) != content_key(hooked())
    assert content_key(hooked(doubled, more)) != content_key(hooked(more, doubled))


def test_compiled_functions_count_by_their_code():
    def one(x):
        return x + 1

    def other(x):
        return x + 2

    def compiled(function):
        return numba.jit(nopython=True)(function)

    assert content_key(compiled(one)) == content_key(compiled(one)) != content_key(compiled(other))


def test_a_function_hidden_in_a_ufunc():
    with pytest.raises(TypeError, match="cannot be looked at"):
        content_key(np.frompyfunc(lambda x: x, 1, 1))


def test_clones_keep_their_keys():
    for estimator in (Middle(0.25), FunctionTransformer(scaled, kw_args={"a": np.arange(3)}), LogisticRegression(C=2)):
        assert content_key(clone(estimator)) == content_key(estimator)
    assert content_key(Middle(0.25)) != content_key(Middle(0.5))


def test_no_torch_is_imported_for_a_key():
    code = (
        "import sys; from skmer.content_key import content_key; import skmer.file_digest\n"
        "content_key([1, len, {2}]); sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
