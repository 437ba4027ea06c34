"""What the package promises: names, docstrings, light imports."""

import importlib
import inspect
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from pkgutil import walk_packages

import pytest
from numpydoc.validate import validate

import skmer

MODULES = [
    "skmer",
    "skmer.aggregation",
    "skmer.audio",
    "skmer.backbones",
    "skmer.classifiers",
    "skmer.cli",
    "skmer.content_key",
    "skmer.datasets",
    "skmer.demo",
    "skmer.descriptors",
    "skmer.embeddings",
    "skmer.features",
    "skmer.file_digest",
    "skmer.label_noise",
    "skmer.label_noise_report",
    "skmer.labels",
    "skmer.model_selection",
    "skmer.plotting",
    "skmer.prediction",
    "skmer.ratings",
    "skmer.recipes",
    "skmer.reproduction",
    "skmer.reproduction.mirable",
    "skmer.segmentation",
    "skmer.songs",
    "skmer.statistics",
    "skmer.tagging",
    "skmer.tagging.any_tagger",
    "skmer.tagging.tag_answers",
    "skmer.training.backbone_net",
    "skmer.training.callbacks",
    "skmer.training.compiled",
    "skmer.training.objectives",
    "skmer.training.roc_auc",
    "skmer.training.row_net",
    "skmer.training.rows",
    "skmer.training.runtime",
    "skmer.training.segment_net",
    "skmer.training.spectrogram_masks",
    "skmer.training.sssl_loss",
    "skmer.training.stopping",
    "skmer.training.stored_rows",
    "skmer.training.tag_net",
    "skmer.trained_models",
    "skmer.writing",
]

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"

# style that the house does not ask for: extended summaries and See Also everywhere, examples' wording
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
    """Every public name once, under the shortest path from which it can be imported."""
    paths = {}
    for module in MODULES:
        for name in importlib.import_module(module).__all__:
            thing = getattr(importlib.import_module(module), name)
            paths.setdefault((name, id(thing)), []).append(f"{module}.{name}")
    return sorted(min(found, key=lambda path: path.count(".")) for found in paths.values())


def test_the_reference_lists_every_public_name_once_and_no_other():
    pages = "".join(path.read_text(encoding="utf-8") for path in REFERENCE.glob("*.md"))
    listed = re.findall(r"^(?: +|\.\. py:data:: )(skmer\.[\w.]+)$", pages, flags=re.MULTILINE)
    names = public_names()
    wanting, surplus = set(names) - set(listed), Counter(listed) - Counter(names)
    assert not wanting, f"docs/reference/ lacks {sorted(wanting)}"
    assert not surplus, f"docs/reference/ lists what is not public, or twice: {sorted(surplus)}"


def test_every_public_module_is_listed_or_stands_under_one_that_is():
    # what a package does not gather from its modules is its own business
    packages = tuple(f"{module}." for module in MODULES if module != "skmer")
    names = [module.name for module in walk_packages(skmer.__path__, "skmer.") if "._" not in module.name]
    left = [name for name in names if name not in MODULES and not name.startswith(packages)]
    left = [name for name in left if hasattr(importlib.import_module(name), "__all__")]
    assert not left, f"MODULES lacks {left}"


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


@pytest.mark.parametrize("module", ["librosa", "matplotlib", "soundfile", "soxr"])
def test_import_is_light(module):
    code = f"import sys; from skmer import SSSLClassifier, SegmentTransformer; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_package_itself_is_lighter_still():
    code = "import sys, skmer; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
