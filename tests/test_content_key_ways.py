"""A key counts what a thing reaches by imports, sets and circles, ends soon, and names what it cannot describe."""

import copy
import functools
import importlib
import json
import os
import pickle
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import choice

import numpy as np
import pytest
from numpy.random import rand

from skmer.content_key import _origins, _walk, class_key, content_key

ROOT = Path(__file__).parents[1]
LOCK = threading.Lock()
RNG = np.random.default_rng(0)


class Node:
    def __init__(self, value=0):
        self.value = value
        self.near = set()


def ring(values):
    """Make nodes of which each knows all others."""
    nodes = [Node(value) for value in values]
    for node in nodes:
        node.near.update(other for other in nodes if other is not node)
    return nodes


def chain(values):
    """Make nodes of which each knows the next one, in a set, and the last one the first."""
    nodes = [Node(value) for value in values]
    for node, following in zip(nodes, [*nodes[1:], nodes[0]], strict=True):
        node.near.add(following)
    return nodes[0]


def nested(n, first, pair):
    for _ in range(n):
        first = pair(first)
    return first


@functools.singledispatch
def single(x):
    return x


@single.register
def _(x: int):
    return x + 1


def dispatched(x):
    return single(x)


def from_environment():
    return os.environ["HOME"], choice([1, 2]), rand()  # noqa: NPY002


def sets():
    return {
        "ring": ring(range(8)),
        "chain": chain(range(6)),
        "frozensets": nested(20, frozenset(["a", "b"]), lambda x: frozenset([x, "c"])),
        "pairs": {(1, frozenset("ab")), (2, frozenset("cd"))},
        "dispatch": dispatched,
        "environment": from_environment,
    }


def test_sets_and_wrappers_have_the_same_keys_in_another_process():
    code = "import json; from tests import test_content_key_ways as t; from skmer.content_key import content_key\n"
    code += "print(json.dumps({name: content_key(thing) for name, thing in t.sets().items()}))"
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "HOME": "/nowhere"}
    there = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(there.stdout) == {name: content_key(thing) for name, thing in sets().items()}


def test_items_of_sets_that_know_each_other():
    assert content_key(ring(range(5))) == content_key(ring(range(5)))
    assert content_key(ring(range(5))) == content_key(copy.deepcopy(ring(range(5))))
    assert content_key(ring([0, 1, 2])) != content_key(ring([0, 1, 3])) != content_key(ring([0, 1, 1]))
    for place in range(1, 12):
        values = [0] * 12
        values[place] = 1
        assert content_key(chain(values)) != content_key(chain([0] * 12))
    # the same values in another order round the circle
    assert content_key(chain([0, 1, 2, 3])) != content_key(chain([0, 3, 2, 1]))


def test_sets_in_sets_count_by_their_values():
    deep = nested(30, frozenset([1]), lambda x: frozenset([x, "c"]))
    assert content_key(deep) == content_key(pickle.loads(pickle.dumps(deep)))
    assert content_key(deep) != content_key(nested(30, frozenset([2]), lambda x: frozenset([x, "c"])))
    assert content_key({(1, frozenset("ab")), 2}) != content_key({(1, frozenset("ac")), 2})


@pytest.mark.parametrize(
    "thing",
    [
        nested(100, (), lambda x: (x, x)),
        nested(100, ([1],), lambda x: (x, x)),
        nested(50, [1], lambda x: [x, x]),
        nested(50, frozenset(), lambda x: frozenset([x, (x,)])),
        ring(range(60)),
    ],
    ids=["tuples", "tuples with a list", "lists", "sets", "ring"],
)
def test_what_is_shared_takes_no_time(thing):
    began = time.perf_counter()
    content_key(thing)
    assert time.perf_counter() - began < 5  # where each path counted, it would take years


def test_what_a_tuple_shares_decides_as_before():
    inner = ([1], 2)
    assert content_key([inner, inner]) == content_key([inner, (inner[0], 2)]) != content_key([inner, ([1], 2)])
    assert content_key(((1, 2), (1, 2))) == content_key(((1, 2),) * 2) != content_key(((1, 2), (1, 3)))


def test_too_many_parts_are_refused(monkeypatch):
    monkeypatch.setattr(_walk, "_MOST_PARTS", 100)
    assert content_key([[] for _ in range(90)])
    with pytest.raises(TypeError, match="more than 100 parts; give it a cache_key"):
        content_key([[] for _ in range(101)])


def test_arrays_of_objects_end():
    array = np.empty(2, dtype=object)
    array[0] = array
    other = array.copy()
    other[1] = 1
    assert content_key(array) != content_key(other)


def test_an_error_names_the_way():
    class Held:
        def call(self):
            return LOCK

    holder = Node()
    holder.value = {"a": [LOCK]}
    assert content_key(Node)
    with pytest.raises(TypeError, match=r"Held\.call → LOCK: cannot pickle"):
        class_key(Held)
    with pytest.raises(TypeError, match=r"^value: cannot pickle"):
        content_key(holder)
    with pytest.raises(TypeError, match=r"an item of a set → value: cannot pickle"):
        content_key({holder})


def test_random_generators_that_are_globals_are_refused():
    def drawn(x):
        return x + RNG.normal()

    class Drawn:
        generator = np.random.RandomState(0)

    with pytest.raises(TypeError, match=r"RNG: it is a random generator"):
        content_key(drawn)
    with pytest.raises(TypeError, match=r"Drawn\.generator: it is a random generator"):
        content_key(Drawn())
    drawn.cache_key = "first"
    assert content_key(drawn)


def test_functions_that_draw_from_the_generator_of_all():
    before = [content_key(thing) for thing in (rand, random.random, choice)]
    rand()  # noqa: NPY002
    choice([1, 2])
    assert [content_key(thing) for thing in (rand, random.random, choice)] == before
    assert len(set(before)) == 3


def test_single_dispatch_counts_by_all_its_functions():
    def made(number):
        @functools.singledispatch
        def one(x):
            return x

        one.register(int, lambda x: x + number)
        return one

    one, again = made(1), made(1)
    one(1)
    assert content_key(one) == content_key(again) != content_key(made(2))
    again.register(str, lambda x: x)
    assert content_key(one) != content_key(again)
    assert content_key(dispatched)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write modules of one's own, and import the first one anew."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(**modules):
        for name, source in modules.items():
            path = tmp_path / f"{name.replace('_of_', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(source)
        importlib.invalidate_caches()
        for name in [name for name in sys.modules if name.startswith("own_")]:
            monkeypatch.delitem(sys.modules, name)
        return importlib.import_module(next(iter(modules)).replace("_of_", "."))

    return write


IMPORTS = {
    "from": "from own_b import g\n    return g(x)",
    "as": "import own_b as b\n    return b.g(x)",
    "within": "def h():\n        from own_b import g\n        return g(x)\n    return h()",
    "module": "import own_b\n    return own_b.g(x)",
}


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("kind", IMPORTS)
def test_imports_within_a_function_count(write, kind, loaded):
    found = []
    for number in (1, 1, 2):
        first = f"def f(x):\n    {IMPORTS[kind]}\n"
        module = write(own_a=first, own_b=f"from own_c import h\ndef g(x):\n    return h(x) * {number}\n", own_c=HELPER)
        if loaded:
            module.f(1)
        found.append(content_key(module.f))
    assert found[0] == found[1] != found[2]


HELPER = "LIMIT = 1\ndef h(x):\n    return x + LIMIT\n\ndef k(x):\n    return x\n"


def test_imports_count_with_what_they_use_in_their_turn(write):
    first, second = (
        "def f(x):\n    from own_b import g\n    return g(x)\n",
        "from own_c import h\ndef g(x):\n    return h(x)\n",
    )
    found = []
    for helper in (HELPER, HELPER.replace("LIMIT = 1", "LIMIT = 2"), HELPER + "\nunused = 3\n"):
        module = write(own_a=first, own_b=second, own_c=helper)
        module.f(1)
        found.append(content_key(module.f))
    assert found[0] == found[2] != found[1]


def test_imports_within_a_package(write):
    found = []
    for number in (1, 2):
        first, second = "def f(x):\n    from . import b\n    return b.g(x)\n", f"def g(x):\n    return x + {number}\n"
        module = write(own_p_of_a=first, own_p_of_b=second, own_p_of___init__="")
        found.append(content_key(module.f))
        assert module.f(1) == 1 + number
        found.append(content_key(module.f))
    assert len(set(found)) == 4


def test_imports_that_fail_or_are_of_other_packages():
    def missing():
        import own_nowhere  # noqa: F401

    def known():
        import json.decoder

        return json.decoder

    def installed():
        from numba import jit

        return jit

    assert len({content_key(f) for f in (missing, known, installed)}) == 3


def test_what_two_functions_take_from_one_module(write):
    first = (
        "import own_b\nclass A:\n    def f(self):\n        return own_b.h\n    def g(self):\n        return own_b.k\n"
    )
    before = class_key(write(own_a=first, own_b=HELPER).A)
    assert class_key(write(own_a=first, own_b=HELPER.replace("x + LIMIT", "x - LIMIT")).A) != before
    assert class_key(write(own_a=first, own_b=HELPER.replace("return x\n", "return -x\n")).A) != before


def test_modules_that_know_each_other(write):
    first = "import own_b\ndef f(x):\n    return own_b.own_a.own_b.g(x)\n"
    second = "import own_a\ndef g(x):\n    return x + {}\n"
    one, other = (content_key(write(own_a=first, own_b=second.format(n)).f) for n in (1, 2))
    assert one != other


def test_an_installed_package_counts_by_its_version(monkeypatch):
    import pandas

    before = content_key(pandas.Series), content_key(Node)
    monkeypatch.setattr(_origins, "_sources", {})
    monkeypatch.setattr(_origins, "version", lambda name: "0.0")
    assert content_key(pandas.Series) != before[0]
    assert content_key(Node) == before[1]


def test_a_package_without_a_version_counts_by_all_its_files(tmp_path, monkeypatch):
    folder = tmp_path / "site-packages" / "skmer_by_hand"
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (folder / "__init__.py").write_text("from .core import f\nclass A:\n    def run(self, x):\n        return f(x)\n")
    found = []
    for number in (1, 2):
        (folder / "core.py").write_text(f"def f(x):\n    return x + {number}\n")
        importlib.invalidate_caches()
        for name in [name for name in sys.modules if name.startswith("skmer_by_hand")]:
            monkeypatch.delitem(sys.modules, name)
        found.append(content_key(importlib.import_module("skmer_by_hand").A()))
    assert found[0] != found[1]
