"""A pipeline that fits in a second, and songs for it, made once a session."""

import warnings
from functools import cache

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer import SegmentTransformer, SongAggregator, SSSLClassifier
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
