"""Inputs: the blocks of songs, computed once into a store and read as they are needed."""

from functools import cached_property, lru_cache

import numpy as np

from skmer.feature_extraction.file_rows import FileRows
from skmer.songs import SongSequence, open_array

__all__ = ["Inputs"]


class Inputs:
    """What the rows hear of some songs, on disk.

    Parameters
    ----------
    paths : list of str
        All songs.
    needed : ndarray
        Positions of those that are used, sorted.
    settings : MirableSettings
        Lengths of the two inputs.
    store : str or Path
        Folder of the blocks.
    n_jobs : int, default=None
        Threads that decode.
    verbose : int, default=0
        1 shows progress.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.reproduction.mirable import MirableSettings
    >>> from skmer.reproduction.mirable.inputs import Inputs
    >>> Inputs(["a.mp3", "b.mp3"], np.array([1]), MirableSettings(), "blocks").needed
    array([1])
    """

    def __init__(self, paths, needed, settings, store, n_jobs=None, verbose=0):
        self.paths, self.needed, self.settings = paths, needed, settings
        self.store, self.n_jobs, self.verbose = store, n_jobs, verbose
        # a row asks for several parts of one view; a view is a kilobyte a song
        self._view = lru_cache(maxsize=1)(self._transform)

    def prepare(self):
        """Compute the blocks of all songs that are needed, those that are not in the store."""
        self._view("short", True)

    def of(self, row, positions):
        """Give what a row hears.

        Parameters
        ----------
        row : Row
            Which input.
        positions : ndarray
            Of songs that are needed.

        Returns
        -------
        SongSequence
            Of songs that are opened whenever they are asked for.
        """
        return self._view(row.length, row.hpcp)[np.searchsorted(self.needed, positions)]

    def looped(self, positions):
        """Count the songs that are shorter than the long input, so that they are repeated until it is full.

        Parameters
        ----------
        positions : ndarray
            Of songs that are needed.

        Returns
        -------
        int
            How many.
        """
        return int(self._short_of_long[np.searchsorted(self.needed, positions)].sum())

    @cached_property
    def _short_of_long(self):
        songs = self._view("long", False)
        return np.array([len(open_array(item.path)) < songs.window[0] for item in songs.items])

    def _transform(self, length, hpcp):
        # the first view decodes; the others only open what it wrote
        first = (length, hpcp) == ("short", True)
        blocks = self.settings.blocks(length, hpcp)
        blocks.set_params(store=self.store, n_jobs=self.n_jobs, verbose=self.verbose if first else 0)
        songs = blocks.transform([self.paths[i] for i in self.needed])
        return songs if length == "short" else _first_chunks(songs)


def _first_chunks(songs):
    """Keep the first chunk of each song, whatever the number of its blocks."""
    n_rows = songs.window[0]
    items = [FileRows(item.path, n_rows, item.fill, item.n_columns) for item in songs.items]
    return SongSequence(items, window=songs.window)
