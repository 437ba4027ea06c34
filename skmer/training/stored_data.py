"""StoredBank: the segments of songs that stay on disk; make_bank chooses between it and memory."""

import numpy as np
import torch

from skmer.training.data import SegmentBank

__all__ = ["StoredBank", "make_bank"]


def make_bank(songs, standardizer, device="cpu"):
    """Give the bank of some songs: in memory, or on disk where that is where the songs are.

    Parameters
    ----------
    songs : SongSequence
        The songs.
    standardizer : Standardizer
        Applied to the segments.
    device : str or torch.device, default="cpu"
        Where batches go.

    Returns
    -------
    SegmentBank or StoredBank
        The second where a song is opened whenever it is asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.songs import SongSequence
    >>> from skmer.training.data import Standardizer
    >>> from skmer.training.stored_data import make_bank
    >>> songs = SongSequence([np.random.default_rng(0).normal(size=(3, 4))])
    >>> type(make_bank(songs, Standardizer.fit(songs))).__name__
    'SegmentBank'
    """
    stored = any(not isinstance(item, np.ndarray) for item in songs.items)
    return (StoredBank if stored else SegmentBank)(songs, standardizer, device)


class StoredBank:
    """The segments of songs on disk, read when a batch asks for them.

    A collection larger than memory can be trained on; a batch costs a file opened and one
    segment read for each of its rows. What it gives is what `SegmentBank` gives.

    Parameters
    ----------
    songs : SongSequence
        The songs.
    standardizer : Standardizer
        Applied to each segment that is read.
    device : str or torch.device, default="cpu"
        Where batches go.

    Attributes
    ----------
    song : ndarray of shape (n_segments,)
        The song of each row.

    See Also
    --------
    skmer.training.data.SegmentBank : For songs that memory holds.

    Examples
    --------
    >>> import tempfile, numpy as np, torch
    >>> from skmer.feature_extraction import FileRows
    >>> from skmer.songs import SongSequence
    >>> from skmer.training.data import Standardizer
    >>> from skmer.training.stored_data import StoredBank
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(folder + "/song.npy", np.random.default_rng(0).normal(size=(100, 8)))
    ...     songs = SongSequence([FileRows(folder + "/song.npy")], window=(30, 10))
    ...     bank = StoredBank(songs, Standardizer.fit(songs))
    ...     len(bank), bank.gather(torch.tensor([0, 7])).shape
    (8, torch.Size([2, 1, 8, 30]))
    """

    def __init__(self, songs, standardizer, device="cpu"):
        self.segment_shape = songs.segment_shape
        self.song = np.repeat(np.arange(len(songs)), songs.n_segments)
        self._first = np.cumsum(songs.n_segments) - songs.n_segments
        self._songs, self._standardizer, self._device = songs, standardizer, device
        # the rounding of a bank in memory, so that a network learns the same from both
        self._dtype = np.float16 if len(self.segment_shape) > 1 else np.float32

    def __len__(self):
        return len(self.song)

    def gather(self, index):
        """Read the segments of some rows.

        Parameters
        ----------
        index : Tensor of shape (n,)
            Rows.

        Returns
        -------
        Tensor of shape (n, 1, n_mels, n_frames) or (n, n_features)
            float32, on the bank's device.
        """
        rows = index.cpu().numpy()
        out = np.empty((len(rows), *self.segment_shape), dtype=np.float32)
        for i, (row, song) in enumerate(zip(rows, self.song[rows], strict=True)):
            segment = self._songs[int(song)][row - self._first[song]]
            out[i] = self._standardizer.apply(segment, axis=0).astype(self._dtype)
        values = torch.from_numpy(out).to(self._device)
        return values.unsqueeze(1) if values.ndim > 2 else values
