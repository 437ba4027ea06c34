"""The command line: from ``skmer synthesise`` and ``skmer train`` to ``skmer predict`` and ``skmer reproduce``."""

from skmer.cli.main import main

__all__ = ["main"]
