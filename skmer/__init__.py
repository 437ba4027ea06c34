"""Music emotion recognition for scikit-learn.

The way of the data, which is also the order of the modules::

    songs → segments → spectrograms → segment probabilities → song statistics → emotion
"""

from importlib import import_module
from typing import TYPE_CHECKING

from skmer._version import __version__

if TYPE_CHECKING:
    from skmer.aggregation import LongestRun, MajorityVote, SongAggregator
    from skmer.audio import AudioError, read_audio
    from skmer.classifiers import BiLSTMClassifier, SSSLClassifier
    from skmer.descriptors import DescriptorTransformer
    from skmer.embeddings import EmbeddingTransformer, MaskedMelAutoencoder
    from skmer.recipes import make_multi_duration_pipeline, make_sssl_pipeline
    from skmer.segmentation import SegmentTransformer, TaggingTransformer
    from skmer.songs import SongSequence
    from skmer.tagging import EmotionTagger, LongShortEnsemble, NoisyStudentTagger

__all__ = [
    "AudioError",
    "BiLSTMClassifier",
    "DescriptorTransformer",
    "EmbeddingTransformer",
    "EmotionTagger",
    "LongShortEnsemble",
    "LongestRun",
    "MajorityVote",
    "MaskedMelAutoencoder",
    "NoisyStudentTagger",
    "SSSLClassifier",
    "SegmentTransformer",
    "SongAggregator",
    "SongSequence",
    "TaggingTransformer",
    "__version__",
    "make_multi_duration_pipeline",
    "make_sssl_pipeline",
    "read_audio",
]

_HOMES = {
    "AudioError": "skmer.audio",
    "BiLSTMClassifier": "skmer.classifiers",
    "DescriptorTransformer": "skmer.descriptors",
    "EmbeddingTransformer": "skmer.embeddings",
    "EmotionTagger": "skmer.tagging",
    "LongShortEnsemble": "skmer.tagging",
    "LongestRun": "skmer.aggregation",
    "MajorityVote": "skmer.aggregation",
    "MaskedMelAutoencoder": "skmer.embeddings",
    "NoisyStudentTagger": "skmer.tagging",
    "SSSLClassifier": "skmer.classifiers",
    "SegmentTransformer": "skmer.segmentation",
    "SongAggregator": "skmer.aggregation",
    "SongSequence": "skmer.songs",
    "TaggingTransformer": "skmer.segmentation",
    "make_multi_duration_pipeline": "skmer.recipes",
    "make_sssl_pipeline": "skmer.recipes",
    "read_audio": "skmer.audio",
}


def __getattr__(name):
    # torch takes seconds to import: whoever only wants `skmer -h` or a spectrogram does without it
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'skmer' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_HOMES])
