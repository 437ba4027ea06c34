"""Former import paths of public names: they work until the first release, with a warning that names the new path."""

import sys
import warnings
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec

__all__ = ["install"]

_RENAMED = {
    "skmer.classifiers": ("skmer.sssl", "skmer.two_stage"),
    "skmer.demo": ("skmer.reproduction.demo",),
    "skmer.descriptors": ("skmer.feature_extraction", "skmer.features"),
    "skmer.label_noise": ("skmer.sssl",),
    "skmer.label_noise_report": ("skmer.inspection",),
    "skmer.plotting": ("skmer.inspection",),
    "skmer.prediction": ("skmer.inspection",),
    "skmer.ratings": ("skmer.datasets.ratings",),
    "skmer.recipes": ("skmer.pipelines",),
    "skmer.segmentation": ("skmer.feature_extraction", "skmer.features"),
    "skmer.statistics": ("skmer.aggregation.song_aggregator",),
    "skmer.trained_models": ("skmer.models",),
}


class _RenamedModules(MetaPathFinder, Loader):
    """Import a former module as one whose names are looked up in the new modules."""

    def find_spec(self, fullname, path=None, target=None):
        return ModuleSpec(fullname, self) if fullname in _RENAMED else None

    def exec_module(self, module):
        former = module.__name__

        def look_up(name):
            for new in _RENAMED[former]:
                if not name.startswith("_") and hasattr(import_module(new), name):
                    text = f"{former} was renamed: import {name} from {new}."
                    warnings.warn(text, FutureWarning, stacklevel=2)
                    return getattr(import_module(new), name)
            raise AttributeError(f"module {former!r} has no attribute {name!r}")

        module.__getattr__ = look_up


def install():
    """Add the former modules to the import system, after all others."""
    if not any(type(finder).__qualname__ == _RenamedModules.__qualname__ for finder in sys.meta_path):
        sys.meta_path.append(_RenamedModules())
