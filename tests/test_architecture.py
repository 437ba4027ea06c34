"""Package layout: imports run one way, without cycles, and files stay small."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "skmer"

# from the lowest layer up; a module may import from its own package and from lower layers
FLOORS = [
    {
        "_colours",
        "_errors",
        "_hash",
        "_inputs",
        "_interrupts",
        "_io",
        "_packing",
        "_parallel",
        "_pipeline_steps",
        "_run_parameters",
        "_renamed",
        "_version",
    },
    {"_song_methods", "songs"},
    {"_output", "_validation", "audio", "backbones", "library", "metrics"},
    {"_ratings", "aggregation", "datasets", "features", "listening", "training"},
    {"audit", "embeddings", "feature_extraction"},
    {"curves", "sssl", "two_stage", "utils"},
    {"model_selection"},
    {"pipelines", "tagging"},
    {"inspection"},
    {"models", "reproduction"},
    {"cli"},
    {"__main__"},
]


def modules():
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != PACKAGE / "__init__.py"
    }


def imports(path, at_top_only=False):
    """Names within skmer that a module imports, as written."""
    tree = ast.parse(path.read_text())
    for node in tree.body if at_top_only else ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "skmer":
            yield from (f"{node.module}.{alias.name}".removeprefix("skmer.") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (a.name.removeprefix("skmer.") for a in node.names if a.name.startswith("skmer."))


def resolve(name, known):
    """The longest part of a dotted name that is a module."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name


def test_every_module_has_a_layer():
    present = {name.split(".")[0] for name in modules()}
    assert present == set().union(*FLOORS)


@pytest.mark.parametrize("name", modules())
def test_imports_run_downwards(name):
    known = modules()
    layer = {package: level for level, packages in enumerate(FLOORS) for package in packages}
    package = name.split(".")[0]
    for imported in imports(known[name]):
        target = resolve(imported, known).split(".")[0]
        if target and target != package:
            assert layer[target] < layer[package], f"{name} imports {imported}"


def test_no_cycles():
    known = modules()
    graph = {name: {resolve(i, known) for i in imports(path)} - {"", name} for name, path in known.items()}
    for name in graph:
        # a package's __init__ gathers its own modules
        graph[name] -= {parent for parent in [name.rpartition(".")[0]] if parent}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"cycle: {error.args[1]}")


def test_files_stay_small():
    long = {name: n for name, path in modules().items() if (n := len(path.read_text().splitlines())) > 400}
    assert long == {}


def test_the_contributing_guide_lists_all_modules():
    guide = (PACKAGE.parent / "docs" / "contributing.md").read_text(encoding="utf-8")
    section = guide.partition("## Package layout")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```text\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    listed = [line.split()[0] for line in lines]
    there = [f"{path.name}/" for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()]
    there += [path.name for path in PACKAGE.glob("*.py") if path.name != "__init__.py"]
    assert sorted(listed) == sorted(there)
    layer = {package: level for level, packages in enumerate(FLOORS) for package in packages}
    shown = {line.split()[0].removesuffix("/").removesuffix(".py"): int(line.split()[1]) for line in lines}
    assert shown == layer
    for path in re.findall(r"`((?:skmer|tests|docs)/[\w/.]+)`", guide):
        own = path.endswith(("frame_mlp.py", "moods.py", "bootstrapping.py"))
        assert own or (PACKAGE.parent / path).exists(), path
    for path in re.findall(r"`(\w+/\w+\.py)`", guide):
        assert (PACKAGE / path).is_file() or path.startswith(("skmer/", "tests/", "benchmarks/")), path
