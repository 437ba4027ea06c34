"""A pipeline that fits in a second, and songs for it, made once a session."""

import warnings
from functools import cache

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer import SegmentStatistics, SegmentTransformer, SongAggregator, SSSLClassifier, SSSLRegressor
from skmer.datasets import make_songs

SR = 11264


@cache
def tiny_songs():
    return make_songs(8, duration=5, sr=SR, random_state=0)


@cache
def tiny_pipeline():
    """Segments of a second, which give a song of five seconds five of them."""
    pipe = make_pipeline(
        SegmentTransformer(duration=1, hop=1, sr=SR, n_mels=32),
        SSSLClassifier("small", backbone_params={"width": 4}, max_epochs=2, warmup_epochs=1, random_state=0),
        SongAggregator(),
        StandardScaler(),
        SVC(),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two epochs are too few for a good split
        return pipe.fit(tiny_songs().data, tiny_songs().target)


def tiny_ratings():
    """Valence and arousal of the songs, from -1 to 1."""
    signs = {"Q1": (1, 1), "Q2": (-1, 1), "Q3": (-1, -1), "Q4": (1, -1)}
    rows = np.array([signs[name] for name in tiny_songs().target])
    noise = np.random.default_rng(0).uniform(0.3, 0.9, rows.shape)
    return pd.DataFrame(rows * noise, columns=["valence", "arousal"])


def tiny_rating_network():
    """A network of ratings on statistics of segments, to be fitted."""
    return SSSLRegressor("mlp", backbone_params={"hidden": [8]}, noise_model=None, max_epochs=3, random_state=0)


@cache
def tiny_rating_pipeline():
    """Segments of a second, twice a second, and a network of their ratings."""
    segments = SegmentTransformer(duration=1, hop=0.5, sr=SR, n_mels=32)
    return make_pipeline(segments, SegmentStatistics(), tiny_rating_network()).fit(tiny_songs().data, tiny_ratings())
