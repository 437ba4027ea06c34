"""Songs with labels: synthetic ones, and loaders of published collections.

Each loader returns a :class:`~sklearn.utils.Bunch` with the songs in `data`, their emotions in
`target`, their artists in `groups` and a description in `DESCR`. No loader downloads anything.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from skmer.datasets._collection import Collection
from skmer.datasets.dynamic_ratings import DynamicRatings, segment_ratings
from skmer.datasets.synthetic import make_songs, segment_labels
from skmer.datasets.synthetic_files import write_songs

if TYPE_CHECKING:
    # for editors only: loaders are found below
    from skmer.datasets.csv_songs import load_csv as load_csv
    from skmer.datasets.deam import load_deam as load_deam
    from skmer.datasets.eim import load_eim as load_eim
    from skmer.datasets.emopia import load_emopia as load_emopia
    from skmer.datasets.emotify import load_emotify as load_emotify
    from skmer.datasets.folder import load_folder as load_folder
    from skmer.datasets.four_q import load_four_q as load_four_q
    from skmer.datasets.mtg_jamendo import load_mtg_jamendo as load_mtg_jamendo
    from skmer.datasets.pmemo import load_pmemo as load_pmemo
    from skmer.datasets.vgmidi import load_vgmidi as load_vgmidi

    def __getattr__(name: str) -> Any: ...


__all__ = [
    "COLLECTIONS",
    "Collection",
    "DynamicRatings",
    "make_songs",
    "segment_labels",
    "segment_ratings",
    "write_songs",
]

COLLECTIONS = {}
for _info in iter_modules(__path__, f"{__name__}."):
    _module = import_module(_info.name)
    for _name in getattr(_module, "__all__", []):
        if _name.startswith("load_"):
            globals()[_name] = getattr(_module, _name)
            __all__.append(_name)
    if hasattr(_module, "COLLECTION"):
        COLLECTIONS[_module.COLLECTION.name] = _module.COLLECTION
