"""What ``skmer reproduce`` is told of folds, and of where they are kept."""

from skmer.cli._common import at_least, comma_separated, integers, n_folds, threshold

__all__ = ["add_folds", "add_protocol", "add_store"]


def add_store(table):
    """Add the folder that outlives a run."""
    table.add_argument(
        "--store", metavar="DIR", help="where finished folds and spectrograms are kept, for several tables (OUT)"
    )


def add_protocol(group):
    """Add how songs are divided and ratings become classes."""
    group.add_argument(
        "--protocol",
        metavar="NAME",
        help="stratified (the paper's), grouped (artists or songs on one side), or a published split such as "
        "split_cls_repo, or split_cls_repo:validation to choose settings; default: stratified for the paper's "
        "collections, else grouped",
    )
    group.add_argument(
        "--tasks", type=comma_separated, metavar="TASK,...", help="such as valence,arousal; default: all that it has"
    )
    group.add_argument("--n-splits", type=at_least(2), default=10, metavar="N", help="folds (%(default)s)")
    group.add_argument("--seeds", type=integers, default=[0], metavar="I,...", help="of the networks (0)")
    group.add_argument("--threshold", type=threshold, metavar="T", help="median, midpoint or a number")


def add_folds(group):
    """Add what only tables over several folds have."""
    group.add_argument("--folds", type=integers, metavar="I,...", help="run only these, counted from 0")
    group.add_argument(
        "--cross-fit", type=n_folds, default=0, metavar="N", help="also cross-fit song features in N folds"
    )
