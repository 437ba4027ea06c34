"""Songs with labels: synthetic ones, and loaders of published collections.

Each loader returns a :class:`~sklearn.utils.Bunch` with the songs in `data`, their emotions in
`target`, their artists in `groups` and a description in `DESCR`. No loader downloads anything.
"""

from skmer.datasets.emotify import load_emotify
from skmer.datasets.synthetic import make_songs, segment_labels

__all__ = ["load_emotify", "make_songs", "segment_labels"]
