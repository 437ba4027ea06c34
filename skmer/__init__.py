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
    from skmer.feature_extraction.descriptors import DescriptorTransformer
    from skmer.feature_extraction.embeddings import EmbeddingTransformer
    from skmer.feature_extraction.segments import SegmentTransformer
    from skmer.feature_extraction.tagging import TaggingTransformer
    from skmer.pipelines import make_multi_duration_pipeline, make_sssl_pipeline
    from skmer.songs import SongSequence
    from skmer.sssl.classifier import SSSLClassifier
    from skmer.tagging import EmotionTagger, LongShortEnsemble, NoisyStudentTagger
    from skmer.two_stage.bilstm_classifier import BiLSTMClassifier
    from skmer.two_stage.masked_mel_autoencoder import MaskedMelAutoencoder

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
    "BiLSTMClassifier": "skmer.two_stage",
    "DescriptorTransformer": "skmer.feature_extraction",
    "EmbeddingTransformer": "skmer.feature_extraction",
    "EmotionTagger": "skmer.tagging",
    "LongShortEnsemble": "skmer.tagging",
    "LongestRun": "skmer.aggregation",
    "MajorityVote": "skmer.aggregation",
    "MaskedMelAutoencoder": "skmer.two_stage",
    "NoisyStudentTagger": "skmer.tagging",
    "SSSLClassifier": "skmer.sssl",
    "SegmentTransformer": "skmer.feature_extraction",
    "SongAggregator": "skmer.aggregation",
    "SongSequence": "skmer.songs",
    "TaggingTransformer": "skmer.feature_extraction",
    "make_multi_duration_pipeline": "skmer.pipelines",
    "make_sssl_pipeline": "skmer.pipelines",
    "read_audio": "skmer.audio",
}


def __getattr__(name):
    # torch takes seconds to import: whoever only wants `skmer -h` or a spectrogram does without it
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'skmer' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_HOMES])
