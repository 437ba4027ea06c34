"""Labelled songs as files, and settings with which a model is trained in a second."""

from functools import cache

from sklearn.utils import Bunch

from skmer.datasets import make_songs, write_songs

SR = 11264
SEGMENTS = {"duration": 1, "sr": SR, "n_mels": 32}
# with the defaults of a CPU, so that a test can build the same network alone
CONFIG = {
    "segments": SEGMENTS,
    "sssl": {
        "backbone": "small",
        "backbone_params": {"width": 4},
        "batch_size": 32,
        "max_epochs": 2,
        "segment_step": 3,
        "warmup_epochs": 1,
    },
}
MLP = {"segments": SEGMENTS, "sssl": {"backbone_params": {"hidden": [8]}, "max_epochs": 4, "warmup_epochs": 2}}
LOG_MEL = {"segments": SEGMENTS}


@cache
def tiny_songs(n_songs=16, duration=4, noise=0.0):
    return make_songs(n_songs, duration=duration, noise=noise, sr=SR, random_state=0)


def written(folder, **made):
    """Write songs; give the Bunch of `tiny_songs` with paths for waveforms."""
    songs = Bunch(**tiny_songs(**made))
    songs.data = write_songs(songs, folder)
    return songs
