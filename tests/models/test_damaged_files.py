"""A model file that is damaged, foreign or hostile is refused with one sentence, and nothing in it is run."""

import copy
import json
import os
import subprocess
import sys
import zipfile

import joblib
import numpy as np
import pytest
import safetensors.numpy
import torch
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import skmer
from skmer import SSSLClassifier
from skmer.models import ModelFileError, load_model, save_model
from skmer.models.storage import loading
from skmer.models.storage.archive import write_archive
from skmer.utils.estimator_checks import labels_for, make_input
from tests.estimators.instances import SSSL

pytestmark = pytest.mark.filterwarnings("ignore")


def parts_of(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("model.json")), safetensors.numpy.load(archive.read("arrays.safetensors"))


def refusal(path, **params):
    """Load a file that must be refused, and return the sentence."""
    with pytest.raises(ModelFileError) as caught:
        load_model(path, **params)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.endswith(".")
    assert "\n" not in message
    return message


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small fitted model with a network, a support vector machine and a forest, its file and its input."""
    X = make_input("segments")
    y = labels_for(SSSLClassifier())
    model = make_pipeline(SSSLClassifier(**{**SSSL, "backbone_params": {"hidden": [2]}}), skmer.SongAggregator())
    rows = model.fit_transform(X, y)
    model.steps.append(("scaler", StandardScaler().fit(rows)))
    model.steps.append(("svm", SVC().fit(model[2].transform(rows), y)))
    path = save_model(model, tmp_path_factory.mktemp("small") / "model.skmer")
    return path, model, X


@pytest.fixture(scope="module")
def iris_models(tmp_path_factory):
    """Files of models that compiled code reads."""
    X, y = load_iris(return_X_y=True)
    folder = tmp_path_factory.mktemp("iris")
    models = {
        "svm": SVC(probability=True, random_state=0),
        "forest": RandomForestClassifier(2, max_depth=3, random_state=0),
        "neighbors": KNeighborsClassifier(),
    }
    return {name: save_model(model.fit(X, y), folder / f"{name}.skmer") for name, model in models.items()}, X


# ---- damage ----------------------------------------------------------------------------------------


def test_each_flipped_bit_is_refused(small, tmp_path):
    path, _, _ = small
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    # a bit of each byte of the ends, where the structure of the zip file is, and some of the rest
    ends = [*range(60), *range(len(whole) - 320, len(whole))]
    places = [(i, int(rng.integers(8))) for i in [*ends, *rng.integers(len(whole), size=200).tolist()]]
    damaged = tmp_path / "model.skmer"
    for i, bit in places:
        flipped = bytearray(whole)
        flipped[i] ^= 1 << bit
        damaged.write_bytes(flipped)
        refusal(damaged)


def test_each_truncation_is_refused(small, tmp_path):
    path, _, _ = small
    whole = path.read_bytes()
    damaged = tmp_path / "model.skmer"
    for n in [*range(100), *range(100, len(whole), 997), *range(len(whole) - 100, len(whole))]:
        damaged.write_bytes(whole[:n])
        refusal(damaged)
    for longer in (whole + b"\0", b"\0" + whole, whole + whole):
        damaged.write_bytes(longer)
        refusal(damaged)


def test_foreign_files(tmp_path):
    path = tmp_path / "model.skmer"
    joblib.dump(SVC(), path)
    assert "A file of joblib.dump is loaded by joblib.load, which runs the code in it" in refusal(path)
    path.write_bytes(b"")
    assert "this file is empty" in refusal(path)
    path.write_text("a text")
    assert "this is no model that skmer.save_model wrote" in refusal(path)
    torch.save({"a": torch.ones(2)}, path)
    assert "this zip file is no model" in refusal(path)
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "none.skmer")
    with pytest.raises(IsADirectoryError):
        load_model(tmp_path)


# ---- trees with a valid checksum -------------------------------------------------------------------

OTHERS = [None, True, 0, -1, 2**70, 1e300, "", "nan", [], {}, {"$": "none"}]


def array_node(name):
    return {"$": "array", "name": name, "order": "C"}


def nodes_of(tree, at=()):
    yield at
    for key, item in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from nodes_of(item, (*at, key))


def replaced(tree, at, value):
    if not at:
        return value
    tree = copy.copy(tree)
    tree[at[0]] = replaced(tree[at[0]], at[1:], value)
    return tree


def predict(model, X):
    """Use a model, whose answers may be wrong and whose errors are Python's."""
    for method in ("predict", "predict_proba", "decision_function", "apply", "decision_path", "kneighbors"):
        try:
            getattr(model, method)(X)
        except Exception:
            continue


def test_changed_values_are_refused_or_a_model(small, iris_models, tmp_path):
    # a crash of compiled code would end this process
    paths, iris = iris_models
    rng = np.random.default_rng(0)
    path = tmp_path / "model.skmer"
    n_models = n_refused = 0
    for source, X in [(small[0], small[2]), *((source, iris) for source in paths.values())]:
        tree, arrays = parts_of(source)
        places = list(nodes_of(tree))
        for i in rng.choice(len(places), size=60):
            write_archive(path, replaced(tree, places[i], OTHERS[rng.integers(len(OTHERS))]), arrays)
            try:
                model = load_model(path)
            except ModelFileError:
                n_refused += 1
            else:
                predict(model, X)
                n_models += 1
    assert n_refused > 60
    assert n_models > 60


def test_changed_arrays_are_refused_or_a_model(iris_models, tmp_path):
    paths, X = iris_models
    rng = np.random.default_rng(0)
    path = tmp_path / "model.skmer"
    for source in paths.values():
        tree, arrays = parts_of(source)
        for name in rng.permutation(list(arrays))[:4].tolist():
            array = arrays[name]
            changed = [array[:0], array.astype(np.float32), array.astype(np.int8), array[..., None], array.T[..., :1]]
            for value in (-1, 2**31 - 1):
                other = array.copy()
                if other.size:
                    other.flat[rng.integers(other.size)] = np.array(value).astype(other.dtype)
                changed += [other, np.full_like(other, np.array(value).astype(other.dtype))]
            for other in changed:
                write_archive(path, tree, {**arrays, name: np.ascontiguousarray(other)})
                try:
                    model = load_model(path)
                except ModelFileError:
                    continue
                predict(model, X)


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [
        ("svm", "_n_support", np.array([100, -50, 10], np.int32)),
        ("svm", "support_vectors_", np.zeros((3, 4))),
        ("svm", "_dual_coef_", np.zeros((2, 3))),
        ("svm", "_probA", np.zeros(1)),
        ("svm", "_intercept_", np.zeros(1)),
        ("neighbors", "_y", np.full(150, 3)),
        ("neighbors", "_fit_X", np.zeros((150, 3))),
    ],
)
def test_attributes_that_compiled_code_trusts(model, field, value, iris_models, tmp_path):
    paths, _ = iris_models
    tree, arrays = parts_of(paths[model])
    attributes = tree["model"]["attributes"]
    write_archive(
        tmp_path / "m.skmer",
        {
            **tree,
            "model": {
                **tree["model"],
                "attributes": {**attributes, field: {"$": "array", "name": "new", "order": "C"}},
            },
        },
        {**arrays, "new": value},
    )
    assert "inconsistent" in refusal(tmp_path / "m.skmer")


@pytest.mark.parametrize(
    ("field", "value"),
    [("left_child", 0), ("left_child", 10**6), ("right_child", -2), ("feature", 4), ("feature", -1)],
)
def test_nodes_of_trees_stay_inside(field, value, iris_models, tmp_path):
    paths, _ = iris_models
    tree, arrays = parts_of(paths["forest"])
    nodes = tree["model"]["attributes"]["estimators_"][0]["attributes"]["tree_"]["nodes"]
    other = arrays[nodes[field]["name"]].copy()
    other[0] = value
    nodes[field]["name"] = "new"
    write_archive(tmp_path / "m.skmer", tree, {**arrays, "new": other})
    assert "of a tree are inconsistent" in refusal(tmp_path / "m.skmer")


# ---- hostile files ---------------------------------------------------------------------------------


def write(path, node, **arrays):
    write_archive(path, {"format": 1, "versions": loading.versions(), "model": node}, arrays)
    return path


def step(**params):
    """Return the node of a FunctionTransformer, which calls a function."""
    from sklearn.preprocessing import FunctionTransformer

    defaults = dict.fromkeys(FunctionTransformer().get_params()) | {"validate": False, "accept_sparse": False}
    node = {"$": "estimator", "type": "sklearn.preprocessing.FunctionTransformer"}
    return {**node, "params": {**defaults, **params}, "attributes": {}}


HOSTILE = [
    "os.system", "builtins.eval", "builtins.exec", "builtins.print", "builtins.__import__", "builtins.getattr",
    "skmer.models.train.os", "skmer.models.os.system", "numpy.load", "numpy.fromfile", "joblib.load", "pickle.loads",
    "torch.load", "torch.nn.os", "sklearn.svm.__loader__", "antigravity.fly", "numpy", "", ".", "hostile_module.run",
    "skmer.save_model", "skmer.training.runtime.signal",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_no_other_name_is_looked_up(name, tmp_path, monkeypatch):
    (tmp_path / "hostile_module.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    nodes = [
        step(func={"$": "function", "type": name}),
        step(func={"$": "class", "type": name}),
        step(func={"$": "partial", "function": {"$": "function", "type": name}, "arguments": [], "keywords": {}}),
        step(kw_args={"$": "object", "type": name, "attributes": {}}),
        step(kw_args={"$": "callback", "type": name, "params": {}}),
        step(kw_args={"$": "module", "layers": {"type": name}, "state": {}, "frozen": [], "channels_last": []}),
        {"$": "estimator", "type": name, "params": {}, "attributes": {}},
        {**step(), "attributes": {"net_": {"$": "net", "type": name}}},
    ]
    before = set(sys.modules)
    for node in nodes:
        message = refusal(write(tmp_path / "m.skmer", node))
        assert f"it names {name!r}, which is none of the types that a model file may name" in message
    names = [step(func={"$": "function", "own": name, "module": name.rpartition(".")[0]})]
    for node in names:
        assert f"it needs {name!r} of the module" in refusal(write(tmp_path / "m.skmer", node))
    assert {
        module for module in set(sys.modules) - before if not module.startswith(("sklearn", "skmer", "torch"))
    } == set()


def test_another_process_predicts_the_same_without_a_pickle(small, tmp_path):
    path, model, X = small
    songs = [np.array(song) for song in X]
    np.savez(tmp_path / "songs.npz", *songs)
    code = (
        "import sys, pickle, joblib, numpy, torch, skmer\n"
        "with numpy.load(sys.argv[2]) as file: songs = [file[name] for name in file.files]\n"
        "skmer.load_model(sys.argv[1])\n"  # what it imports may define classes of pickle's
        "def no(*a, **k): raise SystemExit('called')\n"
        "pickle.load = pickle.loads = pickle.Unpickler = joblib.load = torch.load = no\n"
        "def hook(event, args):\n"
        "    if event in ('pickle.find_class', 'os.system', 'subprocess.Popen', 'socket.connect'): no()\n"
        "sys.addaudithook(hook)\n"
        "numpy.save(sys.argv[3], skmer.load_model(sys.argv[1]).decision_function(songs))"
    )
    files = [str(path), str(tmp_path / "songs.npz"), str(tmp_path / "out.npy")]
    subprocess.run([sys.executable, "-c", code, *files], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), model.decision_function(songs))


@pytest.mark.parametrize(
    "node",
    [
        # estimators and modules in the clothes of plain objects, which would not be checked
        {"$": "object", "type": "sklearn.svm.SVC", "attributes": {}},
        step(kw_args={"$": "object", "type": "torch.nn.Linear", "attributes": {}}),
        # attributes that replace what the class defines
        {**step(), "attributes": {"transform": {"$": "function", "type": "numpy.mean"}}},
        {**step(), "attributes": {"__class__": 1}},
        {**step(), "attributes": {"_parameter_constraints": 1}},
        # of the wrong kind
        {"$": "estimator", "type": "torch.nn.Linear", "params": {}, "attributes": {}},
        {**step(), "attributes": {"net_": {"$": "net", "type": "sklearn.svm.SVC"}}},
        [step()], "model", {"$": "again", "id": 0}, {"$": []}, {},
        # memory
        step(kw_args={"$": "objects", "shape": [10**9, 10**9], "dtype": "|O", "items": []}),
        step(kw_args={"$": "objects", "shape": [1], "dtype": "<U999999999", "items": ["a"]}),
        step(kw_args={"$": "random state", "state": [array_node("a"), 2**31, 0, 0.0]}),
    ],
)  # fmt: skip
def test_other_tricks_are_refused(node, tmp_path):
    refusal(write(tmp_path / "m.skmer", node, a=np.zeros(624, np.uint32)))


@pytest.mark.parametrize(
    ("type_", "params"),
    [
        ("torch.nn.Linear", {"in_features": 10**9, "out_features": 10**9, "bias": False}),
        ("torch.nn.LSTM", {"input_size": 1, "hidden_size": 1, "num_layers": 10**12}),
        ("torch.nn.Conv2d", {"in_channels": 10**6, "out_channels": 10**6, "kernel_size": 99}),
    ],
)
def test_large_layers_take_no_memory(type_, params, tmp_path):
    state = {"weight": {"$": "tensor", "name": "a", "dtype": "float32"}}
    module = {
        "$": "module",
        "layers": {"type": type_, "params": params},
        "state": state,
        "frozen": [],
        "channels_last": [],
    }
    refusal(write(tmp_path / "m.skmer", step(kw_args=module), a=np.zeros((2, 2), np.float32)))


def test_large_backbones_take_no_memory(small, tmp_path):
    tree, arrays = parts_of(small[0])
    text = json.dumps(tree)
    assert text.count('"hidden", [2]') == 2
    tree = json.loads(text.replace('"hidden", [2]', '"hidden", [1000000000, 1000000000]'))
    write_archive(tmp_path / "m.skmer", tree, arrays)
    assert "MLP builds a network of other weights than those saved" in refusal(tmp_path / "m.skmer")


@pytest.mark.parametrize("text", ["[" * 10**5, '{"model":' * 10**5, "NaN", '{"a": 1, "a": 2}', "\xff", "1" * 10**4, ""])
def test_invalid_json(text, tmp_path):
    path = tmp_path / "m.skmer"
    _write_zip(path, {"model.json": text.encode("latin-1"), "arrays.safetensors": safetensors.numpy.save({})})
    refusal(path)


def test_deep_trees(tmp_path):
    node = step()
    for _ in range(150):
        node = step(kw_args={"$": "tuple", "items": [node]})
    assert "nested too deeply" in refusal(write(tmp_path / "m.skmer", node))


def _write_zip(path, members, compression=zipfile.ZIP_STORED):
    """Write a zip file with a valid checksum."""
    from skmer.models.storage.archive import _MAGIC, _digest

    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.comment = _MAGIC + b"0" * 64
    with open(path, "r+b") as file:
        digest = _digest(file)
        file.seek(-64, os.SEEK_END)
        file.write(digest)


def test_members(small, tmp_path):
    with zipfile.ZipFile(small[0]) as archive:
        good = {name: archive.read(name) for name in archive.namelist()}
    path = tmp_path / "m.skmer"
    _write_zip(path, good)
    assert len(load_model(path)) == 4
    tricks = [
        {"../model.json": good["model.json"], "arrays.safetensors": good["arrays.safetensors"]},
        {"/etc/model.json": good["model.json"], "arrays.safetensors": good["arrays.safetensors"]},
        {**good, "../../evil.py": b"raise SystemExit"},
        {"model.json": good["model.json"]},
        {},
    ]
    for members in tricks:
        _write_zip(path, members)
        assert "its members must be model.json and arrays.safetensors" in refusal(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.skmer"]
    # a bomb: 100 MB in 100 KB
    _write_zip(path, {**good, "arrays.safetensors": b"\0" * 10**8}, zipfile.ZIP_DEFLATED)
    assert "without compression" in refusal(path)
    _write_zip(path, {**good, "arrays.safetensors": good["arrays.safetensors"][:-1]})
    assert "SafetensorError" in refusal(path)


def test_empty_arrays_of_impossible_shapes(tmp_path):
    header = json.dumps({"a": {"dtype": "F64", "shape": [0, 2**62, 2**62], "data_offsets": [0, 0]}}).encode()
    arrays = len(header).to_bytes(8, "little") + header
    tree = {
        "format": 1,
        "versions": loading.versions(),
        "model": step(kw_args={"$": "array", "name": "a", "order": "C"}),
    }
    path = tmp_path / "m.skmer"
    _write_zip(path, {"model.json": json.dumps(tree).encode(), "arrays.safetensors": arrays})
    refusal(path)


# ---- other versions --------------------------------------------------------------------------------


def test_other_versions_are_one_warning_that_names_both(small, tmp_path):
    path, model, X = small
    tree, arrays = parts_of(path)
    tree["versions"] |= {"scikit-learn": "1.7.2", "torch": "2.9.1+cu128"}
    write_archive(tmp_path / "m.skmer", tree, arrays)
    now = loading.versions()
    torch_version = now["torch"].partition("+")[0]
    with pytest.warns(UserWarning) as caught:  # noqa: PT030, one warning
        loaded = load_model(tmp_path / "m.skmer")
    assert [str(warning.message) for warning in caught] == [
        f"{tmp_path / 'm.skmer'} was saved with other versions of scikit-learn (1.7.2, installed: "
        f"{now['scikit-learn']}), torch (2.9.1, installed: {torch_version}): its predictions may differ."
    ]
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    tree["versions"]["torch"] = f"{torch_version}+cu999"
    tree["versions"]["scikit-learn"] = now["scikit-learn"]
    write_archive(tmp_path / "m.skmer", tree, arrays)
    load_model(tmp_path / "m.skmer")


def test_steps_with_other_parameters(small, tmp_path):
    tree, arrays = parts_of(small[0])
    node = tree["model"]["params"]["steps"][3]["items"][1]
    params = dict(node["params"])
    path = tmp_path / "m.skmer"
    node["params"] = {**params, "coldness": 1}
    write_archive(path, tree, arrays)
    assert "step 'svm', SVC, has the unknown parameter 'coldness'" in refusal(path)
    tree["versions"]["scikit-learn"] = "9.0"
    write_archive(path, tree, arrays)
    message = refusal(path)
    installed = loading.versions()["scikit-learn"]
    assert f"'coldness'; it was saved with other versions of scikit-learn (9.0, installed: {installed})" in message
    del params["break_ties"]
    node["params"] = params
    write_archive(path, tree, arrays)
    with pytest.warns(UserWarning, match=r"\(9\.0, .*For step 'svm', SVC, the default of 'break_ties' is used\.$"):
        assert load_model(path)[-1].break_ties is False
    tree["versions"]["scikit-learn"] = installed
    write_archive(path, tree, arrays)
    assert "step 'svm', SVC, lacks the parameter 'break_ties'" in refusal(path)


def test_a_newer_format(small, tmp_path):
    tree, arrays = parts_of(small[0])
    write_archive(tmp_path / "m.skmer", {**tree, "format": 2}, arrays)
    assert "its format is 2, and this version of skmer reads 1 only" in refusal(tmp_path / "m.skmer")


def test_saving_is_atomic(small, tmp_path, monkeypatch):
    path = tmp_path / "model.skmer"
    path.write_bytes(b"former")
    monkeypatch.setattr(safetensors.numpy, "save", lambda arrays: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_model(small[1], path)
    assert path.read_bytes() == b"former"
    assert [file.name for file in tmp_path.iterdir()] == ["model.skmer"]
