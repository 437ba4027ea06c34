"""Music emotion recognition for scikit-learn.

The way of the data, which is also the order of the modules::

    songs → segments → spectrograms → segment probabilities → song statistics → emotion
"""

from skmer._version import __version__
from skmer.aggregation import SongAggregator
from skmer.audio import AudioError, read_audio
from skmer.classifiers import SSSLClassifier
from skmer.recipes import make_sssl_pipeline
from skmer.segmentation import SegmentTransformer
from skmer.songs import SongSequence

__all__ = [
    "AudioError",
    "SSSLClassifier",
    "SegmentTransformer",
    "SongAggregator",
    "SongSequence",
    "__version__",
    "make_sssl_pipeline",
    "read_audio",
]
