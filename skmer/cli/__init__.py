"""The command line: ``skmer demo``, ``skmer predict``, ``skmer timeline``."""

from skmer.cli.main import main

__all__ = ["main"]
