from ._version import __version__ as __version__
from .aggregation import LongestRun, MajorityVote, SongAggregator
from .audio import AudioError, read_audio
from .curves import CurveRegressor
from .feature_extraction import (
    DescriptorTransformer,
    EmbeddingTransformer,
    SegmentStatistics,
    SegmentTransformer,
    TaggingTransformer,
)
from .models import load_model, save_model
from .pipelines import (
    make_averaging_classifier,
    make_joined_pipeline,
    make_multi_duration_pipeline,
    make_rating_pipeline,
    make_sssl_pipeline,
)
from .songs import SongSequence
from .sssl import SSSLClassifier, SSSLRegressor
from .tagging import EmotionTagger, LongShortEnsemble, NoisyStudentTagger
from .two_stage import BiLSTMClassifier, MaskedMelAutoencoder

__all__ = [
    "AudioError",
    "BiLSTMClassifier",
    "CurveRegressor",
    "DescriptorTransformer",
    "EmbeddingTransformer",
    "EmotionTagger",
    "LongShortEnsemble",
    "LongestRun",
    "MajorityVote",
    "MaskedMelAutoencoder",
    "NoisyStudentTagger",
    "SSSLClassifier",
    "SSSLRegressor",
    "SegmentStatistics",
    "SegmentTransformer",
    "SongAggregator",
    "SongSequence",
    "TaggingTransformer",
    "__version__",
    "load_model",
    "make_averaging_classifier",
    "make_joined_pipeline",
    "make_multi_duration_pipeline",
    "make_rating_pipeline",
    "make_sssl_pipeline",
    "read_audio",
    "save_model",
]
