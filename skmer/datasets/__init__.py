"""Songs with labels: synthetic ones, and loaders of published collections.

Each loader returns a :class:`~sklearn.utils.Bunch` with the songs in `data`, their emotions in
`target`, their artists in `groups` and a description in `DESCR`. No loader downloads anything.
"""

from skmer.datasets.csv_songs import load_csv
from skmer.datasets.deam import load_deam
from skmer.datasets.eim import load_eim
from skmer.datasets.emopia import load_emopia
from skmer.datasets.emotify import load_emotify
from skmer.datasets.folder import load_folder
from skmer.datasets.four_q import load_four_q
from skmer.datasets.mtg_jamendo import load_mtg_jamendo
from skmer.datasets.pmemo import load_pmemo
from skmer.datasets.synthetic import make_songs, segment_labels
from skmer.datasets.synthetic_files import write_songs

__all__ = [
    "load_csv",
    "load_deam",
    "load_eim",
    "load_emopia",
    "load_emotify",
    "load_folder",
    "load_four_q",
    "load_mtg_jamendo",
    "load_pmemo",
    "make_songs",
    "segment_labels",
    "write_songs",
]
