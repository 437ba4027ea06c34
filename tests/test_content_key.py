"""A key is the same in every process and for a copy, and another one when what a thing is or does is another."""

import copy
import enum
import importlib
import os
import pickle
import random
import subprocess
import sys
import threading
import time
from abc import ABC
from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field, make_dataclass
from functools import cache, partial, reduce, singledispatch
from pathlib import Path

import cloudpickle
import numba
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skmer
from skmer.backbones import VGG16
from skmer.content_key import class_key, content_key, given_key

X, Y = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32), np.array(["a", "b", "c"] * 20)
FACTOR, TABLE, LOCK, RNG = 2.0, {"b": {1, 2}, "a": {"x", "y", "z"}}, threading.Lock(), np.random.default_rng(0)
Pair, Colour = namedtuple("Pair", "a b"), enum.Enum("Colour", "RED BLUE")
Words, Slots = type("Words", (list,), {}), type("Slots", (), {"__slots__": ("a",)})
Holds, Draws = type("Holds", (), {"lock": LOCK}), type("Draws", (), {"generator": random.Random(0)})


def scaled(x):
    return x * FACTOR


def even(n):
    return n == 0 or not even(n - 1)


def looked_up(x):
    return TABLE[x], x.factor, x in {"one", "two", "three"}


@dataclass(eq=False)
class Own(ABC):  # noqa: B024
    value: object = 1
    items: list = field(default_factory=list)

    def run(self, x):
        return super().run(x) or Own or scaled(x)


class Network(torch.nn.Module):
    def __init__(self, value=0.5, buffer=0.5, change=id):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(), torch.nn.LSTM(2, 2))
        self.register_buffer("filters", torch.full((2,), buffer), persistent=False)
        for weights in self.parameters():
            torch.nn.init.constant_(weights, value)
        change(self)


def circle(value, around=list):
    one, other = Own(1), Own(value)
    one.next, other.next = around([other]), around([one])
    return one


def things():
    """One of each kind, each with another key than the others; the last ones are not to be pickled."""
    values, fitted = [1, 2], LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    values.append(values)
    return [
        *(None, True, 1, 1.0, "1", b"1", 1j, [1], (1,), {"a", "b", "c"}, frozenset("abc"), {(1, frozenset("ab")), 2}),
        *({"a": 1, "b": 2}, {"b": 2, "a": 1}, OrderedDict(a=1), Words("a"), Path("a"), values, range(3), dict, Own),
        *(np.arange(3), np.arange(3.0), np.arange(3)[None], np.float32(1), np.array([1, "a"], dtype=object), np.mean),
        *(np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0]), np.random.RandomState(0), np.log1p),
        *(scaled, even, looked_up, len, {"a": 1}.get, {"a": 2}.get, partial(scaled, 1), partial(scaled, x=1)),
        *(Own(1), Own(2), Own(1).run, Own(2).run, circle(1), circle(2), Slots(), Pair(1, 2), Colour.RED, Colour.BLUE),
        *(LogisticRegression(), fitted, fitted.predict, RandomForestClassifier(20, random_state=0).fit(X, Y)),
        *(pd.DataFrame(X), torch.ones(2), torch.ones(2).double(), torch.ones(2).bfloat16(), torch.ones(2).to_sparse()),
        *(torch.tensor([1 + 2j]).conj(), torch.float32, Network(), Network(0.25), Network(buffer=0.25)),
        Network(change=lambda network: network.register_forward_hook(scaled)),
        Network(change=lambda network: network.requires_grad_(False)),
        Network(change=lambda network: setattr(network.layers[2], "weight_hh_l0", network.layers[2].weight_ih_l0)),
        *(lambda x: x, torch.nn.utils.parametrizations.weight_norm(Network().layers[0]), cache(scaled), np),
    ]


def keys():
    return [content_key(thing) for thing in things()]


def test_every_thing_has_a_key_of_its_own():
    found = keys()
    assert len(set(found)) == len(found)


def test_keys_are_the_same_in_another_process():
    own = [even, looked_up, Own, Own(1), Network(), Colour.RED]
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # as joblib sends what a script defines
    sent = cloudpickle.dumps(own)
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    code = (
        "import pickle, sys\nfrom skmer.content_key import content_key\ncontent_key([1, len, {2}])\n"
        "assert not {'torch', 'sklearn'} & {*sys.modules}\n"
        "sent = [content_key(thing) for thing in pickle.load(sys.stdin.buffer)]\n"
        "from tests.test_content_key import keys\nsys.stdout.buffer.write(pickle.dumps((sent, keys())))"
    )
    given = {"cwd": Path(__file__).parents[1], "env": {**os.environ, "PYTHONHASHSEED": "12345"}}
    done = subprocess.run([sys.executable, "-c", code], input=sent, stdout=subprocess.PIPE, check=True, **given)
    there, found = pickle.loads(done.stdout)
    assert [thing for thing, key in zip(things(), found, strict=True) if content_key(thing) != key] == []
    assert [thing for thing, key in zip(own, there, strict=True) if content_key(thing) != key] == []


@pytest.mark.filterwarnings("ignore:max_epochs")
def test_a_copy_has_the_same_key():
    songs = list(np.resize(X, (6, 2, 16, 16)))
    frozen = FrozenEstimator(skmer.SSSLClassifier("small", max_epochs=1, random_state=0).fit(songs, Y[:6]))
    copies = [(thing, pickle.loads(pickle.dumps(thing))) for thing in [frozen, *things()[:-4]]]
    copies += [(thing, copy.deepcopy(thing)) for thing in [frozen, *things()[:-2]]]
    assert [one for one, other in copies if content_key(one) != content_key(other)] == []


def test_mode_and_layout_change_no_key(tmp_path):
    assert content_key(Network().eval()) == content_key(Network())
    values = np.arange(12).reshape(3, 4)
    mapped = np.memmap(tmp_path / "a", dtype=values.dtype, shape=values.shape, mode="w+")
    mapped[:] = values
    for same in (np.asfortranarray(values), np.repeat(values, 2, 1)[:, ::2], mapped):
        assert content_key(same) == content_key(values)


SOURCE = '''
"""Words."""
from functools import cached_property, wraps
import numpy as np
RATE = 0.5
def outer(x): return inner(x, 1) * RATE
def inner(x, k):
    try: return x + k
    except TypeError: return None
mean = wraps(np.mean)(lambda x: x * 10)
class Base:
    def base(self): return 11
class Thing(Base):
    """Words."""
    CONSTANT = [1, 2]
    def method(self, x, times=3):
        # a remark
        return x * times
    @staticmethod
    def static(x): return x + 4
    made = classmethod(lambda cls: (cls(), 5))
    value = property(lambda self: 6)
    kept = cached_property(lambda self: 7)
    def __call__(self, x):
        def within(y): return y + 8
        return outer(within(x)), mean(x), Thing
class Sub(Thing): pass
def closed(factor): return lambda x: x * factor
made = closed(9)
'''
CHANGES = {
    "Sub": {
        "CONSTANT = [1, 2]": "CONSTANT = [1, 3]", "    CONSTANT": "    OTHER = 1\n    CONSTANT", "times=3": "times=2",
        "x * times": "x / times", "x + 4": "x + 40", "@staticmethod": "@classmethod", "cls(), 5": "cls(), 50",
        "self: 6": "self: 60", "self: 7": "self: 70", "y + 8": "y + 80", "return 11": "return 12",
        "RATE = 0.5": "RATE = 0.6", "inner(x, 1)": "inner(x, 2)", "x * 10": "x * 1", "__call__": "__neg__",
    },
    "outer": {"x + k": "x - k", "inner(x, 1)": "inner(k=1, x=x)", "except TypeError": "except ValueError"},
    "made": {"x * factor": "x / factor", "closed(9)": "closed(90)"},
    "nothing": {"# a remark": "# another", "class Base": "\n\nclass Base", "x * times": "(x *\n            times)"},
}  # fmt: skip


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(**sources):
        for name, source in sources.items():
            path = tmp_path / f"{name.replace('_of_', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(source)
        importlib.invalidate_caches()
        for name in [name for name in sys.modules if name.startswith("own_")]:
            monkeypatch.delitem(sys.modules, name)
        return importlib.import_module(next(iter(sources)).replace("_of_", "."))

    return write


def test_what_code_does_changes_its_key_and_words_and_layout_do_not(write):
    before, wrong = write(own_a=SOURCE), []
    for changes, (old, new) in ((name, pair) for name in CHANGES for pair in CHANGES[name].items()):
        assert SOURCE.count(old) == 1, old
        after = write(own_a=SOURCE.replace(old, new))
        for name in ("Sub", "outer", "made") if changes == "nothing" else (changes,):
            one, other = getattr(before, name), getattr(after, name)
            pairs = [(one, other), (one(), other())] if name == "Sub" else [(one, other)]
            wrong += [old for a, b in pairs if (content_key(a) == content_key(b)) != (changes == "nothing")]
    assert wrong == []


IMPORTS = (
    "import own_p.b\ndef f(x): return own_p.b.g(x)",
    "def f(x):\n  def h():\n    from own_p.b import g\n    return g(x)\n  return h()",
    "def f(x):\n  from .b import g\n  return g(x)",
)


@pytest.mark.parametrize("source", IMPORTS)
def test_modules_of_ones_own_count_by_their_files_loaded_or_not(write, source):
    found = []
    for number in (1, 1, 2):
        function = write(own_p_of_c=source, own_p_of_b=f"def g(x): return x + {number}", own_p_of___init__="").f
        found.append(content_key(function))
        assert function(1) == 1 + number
        assert content_key(function) == found[-1]
    assert found[0] == found[1] != found[2]


def test_other_packages_count_by_their_version(monkeypatch):
    things = (pd.Series, lambda: numba.jit, Own)
    before = [content_key(thing) for thing in things]
    with monkeypatch.context() as patch:
        patch.setattr("skmer.content_key.version", lambda name: "0.0")
        skmer.content_key._origin.cache_clear()
        assert [content_key(thing) == key for thing, key in zip(things, before, strict=True)] == [False, False, True]
    skmer.content_key._origin.cache_clear()
    assert class_key(dict) is class_key(LogisticRegression) is class_key(torch.nn.Linear) is class_key(ABC) is None
    assert len({class_key(kind) for kind in (Own, Words, pd.Series, pd.Index)}) == 4


def test_globals_and_closures_and_classes_may_change_where_they_are(monkeypatch):
    def made(number):
        local = type("Local", (), {"call": lambda self: (local, number)})
        return [local(), lambda x, k=number: x + k, make_dataclass("Made", [("a", int, number)])]

    assert content_key(made(1)) == content_key(made(1))
    assert all(content_key(a) != content_key(b) for a, b in zip(made(1), made(2), strict=True))
    before = [content_key(thing) for thing in (scaled, looked_up, Own, Own(1))]
    monkeypatch.setattr(f"{__name__}.FACTOR", 3.0)
    monkeypatch.setitem(TABLE, "c", 1)
    assert not {*before} & {content_key(thing) for thing in (scaled, looked_up, Own, Own(1))}


def test_an_authors_word_is_taken_for_all():
    holder, other = Own(LOCK), Own(1)
    holder.cache_key = other.cache_key = "first"
    assert (before := content_key(holder)) == content_key(other)
    other.cache_key = "second"
    assert before != content_key(other) != content_key([other])
    assert given_key(scaled) is given_key(type("A", (), {"cache_key": "of its objects"})) is None


REFUSED = {
    r"^cannot pickle '_thread.lock' object": lambda: [LOCK],
    r"^LOCK: cannot pickle": lambda: lambda x: x(LOCK),
    r"^Holds\.lock: cannot pickle": Holds,
    r"^value → a: cannot pickle": lambda: Own({"a": LOCK}),
    r"^cannot pickle 'generator' object": lambda: (x for x in "a"),
    r"^RNG is a random generator": lambda: lambda x: x + RNG.normal(),
    r"^Draws\.generator is a random generator": Draws,
    r"cannot pickle 'weakref": lambda: singledispatch(scaled),
    r"^compiled": lambda: np.frompyfunc(scaled, 1, 1),
    r"^compiled code": lambda: numba.jit(nopython=True)(scaled),
    r"graphs cannot be looked at \(of a network, name the file": lambda: torch.fx.symbolic_trace(torch.nn.ReLU()),
    r"a circle through a set": lambda: circle(1, around=set),
    r"^nested too deeply": lambda: reduce(lambda x, _: [x], range(5000), []),
    r"^it has more than 300,000 parts": lambda: reduce(lambda x, _: (x, x), range(100), ()),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_described_is_named(words):
    with pytest.raises(TypeError, match=f"{words}.*; give it, or what holds it, a text attribute cache_key"):
        content_key(REFUSED[words]())


def test_keys_take_no_time():
    steps = make_pipeline(*[StandardScaler().fit(X) for _ in range(29)], FunctionTransformer(scaled))
    for thing in (VGG16((128, 128), 4), steps, reduce(lambda x, _: [x, x], range(50), [1])):
        began = time.perf_counter()
        content_key(thing)
        assert time.perf_counter() - began < 2  # a third of a second for 134 million weights
