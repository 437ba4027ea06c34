import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from types import MethodType

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from skmer import SegmentTransformer, SSSLClassifier, TaggingTransformer
from skmer.model_selection import EstimatorSystem, NetworkSystem, Readout, fold_store
from skmer.model_selection.fold_store import FoldStore, code_digest, describe, song_names
from skmer.sssl import LabelStrategy

ROOT = Path(__file__).parents[2]


class Holder:
    """Of no kind that is known, with an address in its repr."""

    def __init__(self, value):
        self.value = value

    def scaled(self, X):
        return X * self.value


def halved(X):
    return X / 2


def linear(weight):
    layer = torch.nn.Linear(1, 1)
    with torch.no_grad():
        layer.weight.fill_(weight)
        layer.bias.zero_()
    return layer


def things():
    """What systems may hold, twice in each pair: once so, and once otherwise."""
    power = 2
    return {
        "numpy scalar": (SVC(C=np.float64(0.5)), SVC(C=np.float64(0.25))),
        "array": (GaussianNB(priors=np.array([0.5, 0.5])), GaussianNB(priors=np.array([0.4, 0.6]))),
        "dict": (SVC(class_weight={"low": 1, "high": 2}), SVC(class_weight={"low": 2, "high": 1})),
        "nested": (make_pipeline(DummyClassifier(), SVC(C=1)), make_pipeline(DummyClassifier(), SVC(C=2))),
        "function": (FunctionTransformer(halved), FunctionTransformer(np.log1p)),
        "lambda": (FunctionTransformer(lambda X: X / 2), FunctionTransformer(lambda X: X / 3)),
        "names in a lambda": (FunctionTransformer(lambda X: X.min()), FunctionTransformer(lambda X: X.max())),
        "function in a function": (lambda X: [x + 1 for x in X], lambda X: [x + 2 for x in X]),
        "closure": (lambda X: X**power, (lambda power: lambda X: X**power)(3)),
        "default of a function": (lambda X, k=1: X * k, lambda X, k=2: X * k),
        "partial": (partial(halved, X=1), partial(halved, X=2)),
        "method": (Holder(1).scaled, Holder(2).scaled),
        "object": (Holder(1), Holder(2)),
        "set": ({"a", "b", "c", "d", "e"}, {"a", "b", "c", "d"}),
        "splitter": (SSSLClassifier(cv=KFold(3, shuffle=True, random_state=1)), SSSLClassifier(cv=KFold(3))),
        "generator": (
            KFold(3, shuffle=True, random_state=np.random.RandomState(0)),
            KFold(3, shuffle=True, random_state=np.random.RandomState(1)),
        ),
        "long table": (pd.Series(range(1000)), pd.Series([*range(500), -1, *range(501, 1000)])),
        "network": (SSSLClassifier(linear(1.0)), SSSLClassifier(linear(2.0))),
        "class": (Holder, SVC),
        "path": (Path("a"), Path("b")),
        "readout": (Readout(share_threshold=0.5), Readout(share_threshold=0.3)),
        "seed that no run sets": (
            Readout(final_estimator=RandomForestClassifier(random_state=1)),
            Readout(final_estimator=RandomForestClassifier(random_state=2)),
        ),
    }


def described():
    return {name: [describe(thing) for thing in pair] for name, pair in things().items()}


def test_descriptions_are_the_same_in_another_process():
    here = described()
    code = "import json; from tests.model_selection.test_fold_store import described; print(json.dumps(described()))"
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    there = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(there.stdout) == here


@pytest.mark.parametrize("name", things())
def test_what_decides_a_result_changes_the_description(name):
    first, other = described()[name]
    assert first != other
    assert json.loads(json.dumps(first)) == first == described()[name][0]
    assert "0x" not in json.dumps([first, other])


def test_what_decides_nothing_is_left_out():
    one = NetworkSystem(SegmentTransformer(memory="here"), SSSLClassifier(n_jobs=2, verbose=1, random_state=1))
    two = NetworkSystem(SegmentTransformer(n_jobs=4), SSSLClassifier(device="cpu"))
    assert describe(one.parts) == describe(two.parts)
    pipes = [
        make_pipeline(SegmentTransformer(memory=m), SVC(random_state=r), memory=m) for m, r in [(None, 0), ("x", 1)]
    ]
    assert describe(EstimatorSystem(pipes[0]).parts) == describe(EstimatorSystem(pipes[1]).parts)
    assert describe(SSSLClassifier(n_threads=1)) != describe(SSSLClassifier(n_threads=2))


def test_values_by_hand():
    assert describe([np.float32(0.5), np.int64(3), np.bool_(True), (1, None), "a"]) == [0.5, 3, True, [1, None], "a"]
    assert describe(SVC) == "sklearn.svm._classes.SVC"
    assert re.fullmatch(rf"{__name__}\.Holder [0-9a-f]{{16}}", describe(Holder))
    assert describe(KFold(3)).startswith("KFold(n_splits=3, random_state=None, shuffle=False) ")
    assert re.fullmatch(r"builtins\.len [0-9a-f]{16}", describe(len))
    assert describe(Path("a")) == "a"
    assert describe({1: {"b", "a"}, "1": 2}) == {"pairs": [["1", 2], [1, ["a", "b"]]]}
    assert describe({"b": 1, "a": 2}) == {"b": 1, "a": 2}
    assert describe(Readout(final_estimator=DummyClassifier()))["final_estimator"]["random_state"] is None
    assert re.fullmatch(rf"{__name__}\.halved [0-9a-f]{{16}}", describe(MethodType(halved, 3)))


class Shares(BaseEstimator):
    """An estimator of one's own."""

    LIMIT = 0.5

    def __init__(self, share=0.1, n_jobs=None):
        self.share = share
        self.n_jobs = n_jobs

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X * self.share * SCALE


SCALE = 2.0


class Towards(LabelStrategy):
    """A strategy of one's own, whose parameters have names that elsewhere decide nothing."""

    def __init__(self, device=None, verbose=0, random_state=None, n_jobs=None, memory=None):
        self.device, self.verbose, self.random_state, self.n_jobs = device, verbose, random_state, n_jobs
        self.memory = memory

    def targets(self, losses, probabilities, labels, epoch):
        return probabilities


class Code(BaseEstimator):
    def __init__(self, code=1):
        self.code = code


def changed(thing, monkeypatch, kind, name, value):
    """Describe a thing before and after its class is changed, and once more with what it was."""
    before = describe(thing)
    with monkeypatch.context() as patch:
        patch.setattr(kind, name, value)
        after = describe(thing)
    assert describe(thing) == describe(clone(thing, safe=False)) == before
    return before, after


def test_the_code_of_a_class_of_ones_own_stands_beside_its_parameters(monkeypatch):
    assert set(describe(Shares())) == {"class", "share", "code"}
    assert "code" not in describe(SVC())
    assert describe(Code(3))["code"] == 3
    assert describe(Code(3))["code of the class"] == describe(Code(4))["code of the class"]
    pipe = make_pipeline(Shares(), SVC())
    for thing in (Shares(), pipe, SSSLClassifier(noise_model=Towards()), Readout(final_estimator=Shares())):
        kind, name = (Towards, "targets") if isinstance(thing, SSSLClassifier) else (Shares, "fit")
        before, after = changed(thing, monkeypatch, kind, name, lambda self, X, y=None: None)
        assert before != after
    before, after = changed(Shares(), monkeypatch, Shares, "LIMIT", 0.25)
    assert {name for name in before if before[name] != after[name]} == {"code"}
    before = describe(Shares())
    monkeypatch.setattr(f"{__name__}.SCALE", 3.0)
    assert describe(Shares()) != before


def test_the_code_of_a_network_and_of_a_callable_of_ones_own(monkeypatch):
    class Linear(torch.nn.Linear):
        def forward(self, x):
            return super().forward(x)

    network = Linear(1, 1)
    before, after = changed(network, monkeypatch, Linear, "forward", lambda self, x: 2 * x)
    assert before != after
    transformer = FunctionTransformer(Holder(2.0).scaled)
    before, after = changed(transformer, monkeypatch, Holder, "scaled", lambda self, X: -X)
    assert before != after


@pytest.mark.parametrize("name", ["device", "verbose", "random_state", "n_jobs", "memory", "warmup_epochs"])
def test_all_parameters_of_a_strategy_decide(name):
    one, other = (describe(SSSLClassifier(noise_model=Towards(**{name: value}))) for value in (1, 2))
    assert one != other


def test_an_authors_word_for_a_thing():
    def embedding(x):
        return LOCK

    with pytest.raises(ValueError, match=r"embedding.* cannot be told from others .* attribute cache_key"):
        describe(FunctionTransformer(embedding))
    embedding.cache_key = "first"
    first = describe(FunctionTransformer(embedding))
    embedding.cache_key = "second"
    assert describe(FunctionTransformer(embedding)) != first
    described = []
    for word in ("first", "second"):
        estimator = Shares()
        estimator.cache_key = word
        described.append(describe(estimator))
    assert described[0]["code"] != described[1]["code"]


LOCK = threading.Lock()


def test_what_an_estimator_has_learnt_decides_its_method():
    fitted = [SVC().fit([[0.0], [x]], [0, 1]) for x in (1.0, 2.0)]
    one, other = (describe(FunctionTransformer(svm.predict)) for svm in fitted)
    assert one != other


def test_things_in_a_circle_end():
    values = {"a": 1}
    values["self"] = values
    assert describe(values) == {"a": 1, "self": "again"}
    estimator = Shares()
    estimator.share = [estimator]
    assert describe(estimator)["share"] == ["again"]
    holder = Holder(1)
    holder.value = holder
    assert describe(holder) == describe(holder)
    assert describe(FunctionTransformer(in_a_circle)) != describe(FunctionTransformer(halved))


def in_a_circle(X):
    return X if len(X) < 2 else in_a_circle(X[1:])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.complex64, torch.bool])
def test_tensors_are_known_by_their_bytes(dtype):
    one, other, again = (Towards(device=torch.tensor([x, 1]).to(dtype)) for x in (0, 1, 0))
    assert describe(one) == describe(again) != describe(other)
    assert describe(Holder(one.device)) == describe(Holder(again.device)) != describe(Holder(other.device))


def test_the_place_of_a_function_and_comments_are_not_its_code():
    spaces = {}
    for key, source in {"a": "def f(X): return X + 1", "b": "\n\n# why\ndef f(X):\n    return X + 1"}.items():
        exec(source, spaces.setdefault(key, {"__name__": "m"}))
    assert describe(spaces["a"]["f"]) == describe(spaces["b"]["f"])


SOURCE = '''
"""Module."""
import numpy as np

class A:
    """Class."""

    def double(self, x):
        """Method."""
        # why
        return x * 2
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Module."""', '"""Another\nmodule."""'),
        ('    """Class."""\n', ""),
        ('        """Method."""', "        'Says more.'"),
        ("# why", "# because"),
        ("x * 2", "(x\n            * 2)"),
        ("\n\nclass", "\n\n\n\nclass"),
    ],
)
def test_words_and_layout_are_no_code(old, new):
    assert old in SOURCE
    assert fold_store._without_words(SOURCE.replace(old, new)) == fold_store._without_words(SOURCE)


@pytest.mark.parametrize(("old", "new"), [("x * 2", "x * 3"), ("x * 2", "x + 2"), ("double", "twice"), ("np", "n")])
def test_code_is_code(old, new):
    assert fold_store._without_words(SOURCE.replace(old, new)) != fold_store._without_words(SOURCE)


def test_the_digest_follows_the_code_on_disk(tmp_path, monkeypatch):
    (tmp_path / "audio").mkdir()
    file = tmp_path / "audio" / "a.py"
    monkeypatch.setattr(fold_store, "_PACKAGE", tmp_path)
    monkeypatch.setattr(fold_store, "_DECIDING", ("songs.py", "audio"))

    def digest(songs="x = 1", audio="y = 1"):
        (tmp_path / "songs.py").write_text(songs)
        file.write_text(audio)
        return code_digest.__wrapped__()

    assert digest() == digest("x = 1  # one", '"""Words."""\ny = 1')
    assert len({digest(), digest("x = 2"), digest(audio="y = 2")}) == 3
    before = digest()
    (tmp_path / "audio" / "b.py").write_text("")
    assert digest() != before
    (tmp_path / "loader.py").write_text("z = 1")
    (tmp_path / "audio" / "notes.txt").write_text("none")
    assert digest() == digest()
    with_loader = code_digest.__wrapped__("loader.py")
    (tmp_path / "loader.py").write_text("z = 2")
    assert code_digest.__wrapped__("loader.py") != with_loader


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import, which is not followed here"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        # the bare package is imported for its version
        for parts in (name.split(".")[1:] for name in names if name.startswith("skmer.")):
            rooms = [fold_store._PACKAGE.joinpath(*parts[:n]) for n in range(len(parts), 0, -1)]
            found = [r if r.is_dir() else r.with_suffix(".py") for r in rooms]
            # what is gathered by the package itself may come from anywhere
            yield next((room for room in found if room.exists()), fold_store._PACKAGE / "__init__.py")


def left_out(names, others=()):
    """Name the imports of modules that are neither among them nor among others."""
    known = [fold_store._PACKAGE / name for name in (*names, *others)]
    files = [f for path in known[: len(names)] for f in ([path] if path.is_file() else path.rglob("*.py"))]
    assert all(path.exists() for path in known)
    return {
        f"{file.relative_to(fold_store._PACKAGE)} imports {room.relative_to(fold_store._PACKAGE)}"
        for file in files
        for room in imported(file)
        if not any(room == path or path in room.parents for path in known)
    }


def test_all_code_between_songs_and_labels_is_digested():
    assert left_out(fold_store._DECIDING) == set()
    assert "tagging/net.py imports model_selection/tag_metrics.py" in left_out(
        [name for name in fold_store._DECIDING if name != "model_selection/tag_metrics.py"]
    )


def test_names_of_songs(tmp_path):
    for disc in ("disc 1", "disc 2"):
        (tmp_path / disc).mkdir()
        (tmp_path / disc / "01.wav").write_bytes(b"abc")
    paths = [str(tmp_path / "disc 1" / "01.wav"), tmp_path / "disc 2" / "01.wav", "nowhere/x.wav"]
    held = hashlib.sha256(b"abc").hexdigest()[:16]
    expected = [f"disc 1/01.wav {held}", f"disc 2/01.wav {held}", "nowhere/x.wav missing"]
    assert song_names(paths) == song_names(np.array(paths, dtype=object)) == expected
    assert song_names(pd.Series(paths, index=[5, 6, 7])) == expected
    # a song that was mastered anew, of the same length
    (tmp_path / "disc 1" / "01.wav").write_bytes(b"abd")
    assert song_names(paths)[0] != expected[0]


def test_names_of_arrays():
    zeros, ones = np.zeros(4), np.ones(4)
    a, b, c, d = song_names([zeros, ones, np.zeros(5), np.zeros(8)[::2]])
    assert a == d
    assert len({a, b, c}) == 3
    assert song_names(np.stack([zeros, ones])) == [a, b]


def test_a_record_is_kept_and_found(tmp_path):
    store = FoldStore(tmp_path / "new" / "folder")
    path = store.path_of("Proposed* (λ = 0)", {"fold": 3, "seed": 0}, {"a": 1, "b": 2})
    assert path.parent == tmp_path / "new" / "folder"
    assert path.name.startswith("proposed-0-fold3-seed0-")
    assert path == store.path_of("Proposed* (λ = 0)", {"fold": 3, "seed": 0}, {"b": 2, "a": 1})
    assert path != store.path_of("Proposed* (λ = 0)", {"fold": 3, "seed": 0}, {"a": 1, "b": 3})
    assert store.load(path) is None
    record = {"predictions": {"": ["höher", 1, True]}, "history": {"loss": [0.1, float("inf")]}}
    store.save(path, record)
    assert store.load(path) == FoldStore(store.folder).load(path) == record
    assert [p.name for p in store.folder.iterdir()] == [path.name]


def test_a_long_name_fits_the_disk(tmp_path):
    store = FoldStore(tmp_path)
    path = store.path_of("long " * 100, {"fold": 0, "seed": 0}, {})
    store.save(path, {"predictions": {}})
    assert store.load(path) == {"predictions": {}}


def test_a_write_that_was_cut_off_leaves_no_record(tmp_path, monkeypatch):
    store = FoldStore(tmp_path)
    path = store.path_of("SSSL", {"fold": 0}, {})

    def killed(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            store.save(path, {"predictions": {}})
    assert store.load(path) is None
    assert not list(tmp_path.glob("*.json"))
    store.save(path, {"predictions": {}})
    assert store.load(path) == {"predictions": {}}


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'"predictions"', b"{}", b'{"predictions": null}', b'{"predictions": []}', b"\xff"]
)
def test_damaged_records_are_named(tmp_path, content):
    path = tmp_path / "svm-fold0.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"svm-fold0\.json is no finished fold \(.*\); delete it"):
        FoldStore(tmp_path).load(path)


def test_folders_that_cannot_be(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", str(tmp_path / "file" / "below")):
        with pytest.raises(ValueError, match=r"store='.*file.*' is a file, or lies in one: name a folder"):
            FoldStore(folder)
    with pytest.raises(ValueError, match="names no folder"):
        FoldStore("")


def test_the_folder_of_stored_songs_is_no_part_of_a_key():
    one, other = (describe(TaggingTransformer(store=store)) for store in (None, "elsewhere"))
    assert one == other
