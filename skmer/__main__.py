"""``python -m skmer`` is the command ``skmer``."""

import sys

from skmer.cli import main

if __name__ == "__main__":
    sys.exit(main())
