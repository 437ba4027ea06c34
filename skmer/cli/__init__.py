"""The command line: ``skmer demo``, ``skmer predict``, ``skmer reproduce``, ``skmer timeline``."""

from skmer.cli.main import main

__all__ = ["main"]
