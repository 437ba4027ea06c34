"""The public API: names, docstrings, and fast imports."""

import importlib
import inspect
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from numpydoc.validate import validate

import skmer.datasets

MODULES = [
    "skmer",
    "skmer.aggregation",
    "skmer.audio",
    "skmer.audit",
    "skmer.backbones",
    "skmer.cli",
    "skmer.datasets",
    "skmer.datasets.ratings",
    "skmer.embeddings",
    "skmer.feature_extraction",
    "skmer.features",
    "skmer.inspection",
    "skmer.listening",
    "skmer.metrics",
    "skmer.model_selection",
    "skmer.models",
    "skmer.pipelines",
    "skmer.reproduction",
    "skmer.songs",
    "skmer.sssl",
    "skmer.tagging",
    "skmer.two_stage",
    "skmer.utils",
]

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"

# not required: extended summaries, See Also in every docstring, the wording of examples
IGNORED = {"ES01", "SA01", "SA04", "EX01", "GL01", "GL02", "GL03", "GL08"}
IGNORED |= {"RT02", "RT03", "PR08", "PR09", "SS05", "SS06", "YD01"}


def public_objects():
    for module in MODULES:
        for name in getattr(importlib.import_module(module), "__all__", []):
            thing = getattr(importlib.import_module(module), name)
            if callable(thing) and getattr(thing, "__module__", "").startswith("skmer"):
                yield f"{thing.__module__}.{thing.__qualname__}", thing


OBJECTS = dict(public_objects())


def public_names():
    """Return every public name once, under its shortest import path."""
    paths = {}
    for module in MODULES:
        for name in importlib.import_module(module).__all__:
            thing = getattr(importlib.import_module(module), name)
            paths.setdefault((name, id(thing)), []).append(f"{module}.{name}")
    return sorted(min(found, key=lambda path: path.count(".")) for found in paths.values())


def test_the_reference_lists_every_public_name_once_and_no_other():
    pages = "".join(path.read_text(encoding="utf-8") for path in REFERENCE.glob("*.md"))
    listed = re.findall(r"^(?: +|\.\. py:data:: )(skmer\.[\w.]+)$", pages, flags=re.MULTILINE)
    # docs/conf.py writes the list of the loaders of published collections
    assert ".. include:: loaders.rst" in pages
    found = {f"skmer.datasets.{name}" for name in skmer.datasets.__all__ if name.startswith("load_")}
    listed += sorted(found - {"skmer.datasets.load_csv", "skmer.datasets.load_folder"})
    names = public_names()
    missing, surplus = set(names) - set(listed), Counter(listed) - Counter(names)
    assert not missing, f"docs/reference/ lacks {sorted(missing)}"
    assert not surplus, f"docs/reference/ lists private names, or names twice: {sorted(surplus)}"


@pytest.mark.parametrize("module", MODULES)
def test_all_names_exist(module):
    loaded = importlib.import_module(module)
    assert all(hasattr(loaded, name) for name in loaded.__all__)


@pytest.mark.parametrize("name", OBJECTS)
def test_docstring_is_valid_numpydoc(name):
    problems = [text for code, text in validate(name)["errors"] if code not in IGNORED]
    assert problems == []


@pytest.mark.parametrize("name", OBJECTS)
def test_docstring_has_an_example(name):
    if isinstance(OBJECTS[name], type) and issubclass(OBJECTS[name], Exception):
        return
    assert ">>>" in inspect.getdoc(OBJECTS[name])


def test_imports_are_light():
    code = (
        "import sys, skmer; print({'torch', 'sklearn'} & set(sys.modules)); "
        "from skmer import SSSLClassifier, SegmentTransformer; "
        "print({'librosa', 'matplotlib', 'soundfile', 'soxr'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.split() == ["set()", "set()"]


@pytest.mark.parametrize(
    ("former", "name"),
    [
        ("classifiers", "BiLSTMClassifier"),
        ("label_noise", "gaussian_mixture_split"),
        ("plotting", "LabelNoiseDisplay"),
        ("prediction", "label_trust"),
        ("segmentation", "SegmentTransformer"),
        ("trained_models", "train_model"),
    ],
)
def test_a_former_path_works_and_names_the_new_one(former, name):
    with pytest.warns(FutureWarning, match=rf"import {name} from skmer\.\w+\."):
        assert callable(getattr(importlib.import_module(f"skmer.{former}"), name))


def test_a_former_module_has_no_other_names():
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from skmer.prediction import nothing  # noqa: F401
