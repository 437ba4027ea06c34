"""The model of ``skmer predict --ready``, which needs no labels and no training."""

import argparse

from skmer.cli._common import WHOLE, CommandError

__all__ = ["add_ready", "load_ready"]

_GUESSES = (
    "these are the tags of a network for tagging, which was trained on the Million Song Dataset with tags of last.fm, "
    "and not emotions of a model of skmer."
)


class _InPlaceOfModel(argparse.Action):
    """The option takes the place of MODEL: the argument that is read as MODEL may then be the only song."""

    paths: argparse.Action

    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, values)
        self.paths.nargs = "*"


def add_ready(command, paths):
    """Add the option ``--ready``; `paths` is the argument of the songs, which follows that of MODEL."""
    option = command.add_argument(
        "--ready", choices=("musicnn",), action=_InPlaceOfModel, help="in place of MODEL: tags by a published network"
    )
    option.paths = paths


def load_ready(device=None, precision=None, max_duration=None):
    """Return the `SongPredictor` of musicnn's tags, and the warnings to print; the package must be installed."""
    from skmer.inspection import SongPredictor
    from skmer.models.checks import check_device
    from skmer.tagging import make_musicnn_tagger

    try:
        check_device(device or "cpu")
        tagger = make_musicnn_tagger(
            precision=precision or "auto",
            device=device or "cpu",
            max_duration=None if max_duration == WHOLE else max_duration,
        )
    except ImportError as error:
        raise CommandError(
            "--ready musicnn takes the network from the package musicnn, which is not installed: pip install --no-deps "
            "musicnn"
        ) from error
    except ValueError as error:
        raise CommandError(str(error)) from error
    return SongPredictor(tagger), [_GUESSES]
