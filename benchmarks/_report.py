"""Shared parts of the reports: versions, mean and standard deviation, and JSON files."""

import json
import platform
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from skmer._io import atomic_write_text


def versions(*packages):
    """Return the versions of Python and of packages; None for one that is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def mean_sd(values):
    """Return ``{"mean", "sd", "n", "values"}``; sd has n - 1 in the denominator, and is None for one value."""
    values = [float(value) for value in values]
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "sd": sd, "n": len(values), "values": values}


def figure(value, digits=3):
    """Format a share as ``.945``, the dict of `mean_sd` as ``.945 ± .008``, and None as a dash."""
    if value is None:
        return "–"
    if isinstance(value, dict):
        mean = figure(value["mean"], digits)
        return mean if value["sd"] is None else f"{mean} ± {figure(value['sd'], digits)}"
    text = f"{value:.{digits}f}"
    return text.removeprefix("0") if text.startswith("0.") else text


def write_json(path, data):
    """Write a JSON file atomically."""
    atomic_write_text(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
