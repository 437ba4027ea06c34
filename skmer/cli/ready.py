"""``skmer ready``: train the most accurate measured system on a published collection that the user has."""

import os
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from skmer.cli._common import CommandError, add_command
from skmer.cli.train import SYSTEMS, add_training, check_model, train_and_write

__all__ = ["add_ready_model"]


class _Ready(NamedTuple):
    """What is learnt of a collection, by which system, and the licence that its authors state."""

    what: str
    task: str  # of the loader
    system: str
    license: str


# systems by docs/reports/systems.md and docs/reports/ratings.md
_COLLECTIONS = {
    "emotify": _Ready("its four commonest emotions", "emotion", "joined", "CC BY-NC-SA (Magnatune)"),
    "emopia": _Ready("its four quadrants", "quadrant", "joined", "cc-by-nc-sa-4.0"),
    "vgmidi": _Ready("its ratings of valence and arousal", "dimensional", "descriptors", "unknown"),
}
_MORE_ACCURATE = {"emotify": "musicnn"}  # where this package is installed


def add_ready_model(commands):
    """Add ``skmer ready`` to the commands."""
    command = add_command(
        commands,
        "ready",
        _ready,
        "train the most accurate measured system on a published collection that you have, and write it with a card",
        "It is skmer train with the loader, the groups and the system of a collection: emotify learns four emotions "
        "that listeners felt in recordings of classical, rock, electronic and pop music (400 songs, of which 288 have "
        "one of the four), by the features of musicnn where its package is installed (pip install --no-deps musicnn), "
        "or else the network joined with descriptors; emopia the four quadrants of valence and arousal that pop piano "
        "expresses (1,078 clips), by the network joined with descriptors; vgmidi valence and arousal of piano pieces "
        "from video games (93), by descriptors. Nothing is downloaded: get the collection from its authors. The card "
        "has the licence and the source of the collection, which are for research and other non-commercial use: a "
        "model that may be used otherwise needs other songs. Resuming and the exit status are those of skmer train.",
    )
    command.add_argument("collection", choices=tuple(_COLLECTIONS), help="the collection")
    command.add_argument(
        "--data-home",
        metavar="DIR",
        help="folder of the collection; default: the folder of its name in the environment variable SKMER_DATA",
    )
    command.add_argument("--out", metavar="MODEL", help="file of the model; default: the collection's name and .skmer")
    command.add_argument(
        "--system",
        choices=SYSTEMS,
        metavar=f"{{{','.join(SYSTEMS)}}}",
        help="another system of skmer train, such as sssl, which predicts the emotion over time",
    )
    add_training(command)


def _ready(arguments):
    ready = _COLLECTIONS[arguments.collection]
    if arguments.out is None:
        arguments.out = f"{arguments.collection}.skmer"
    check_model(arguments)
    if arguments.system is None:
        better = _MORE_ACCURATE.get(arguments.collection)
        arguments.system = better if better is not None and find_spec(better) else ready.system

    def load():
        return _load(arguments, ready), {"license": ready.license}

    return train_and_write(arguments, load)


def _load(arguments, ready):
    """Load the songs of a collection for `train_model`, and print the warnings of its loader."""
    from skmer.datasets import COLLECTIONS, load_vgmidi

    collection = COLLECTIONS[arguments.collection]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            # its tasks are those of classes
            load = load_vgmidi if ready.task == "dimensional" else collection.load
            songs = load(arguments.data_home, task=ready.task)
        except (OSError, TypeError, ValueError) as error:
            raise CommandError(str(error)) from error
    if not arguments.quiet:
        for warning in caught:
            print(f"skmer ready: {' '.join(str(warning.message).split())}", file=sys.stderr)
    if ready.task == "dimensional":
        songs.target_names = ["valence", "arousal"]
    home = Path(os.path.commonpath([os.path.dirname(path) for path in songs.data])).parent
    songs.names = [Path(path).relative_to(home).as_posix() for path in songs.data]
    songs.labels_from = f"the collection {collection.title.partition(',')[0]}, {ready.what}"
    songs.collection = arguments.collection
    return songs
