"""Parameters with which the shared checks build each estimator; none of it is in production code."""

import numpy as np
from sklearn.pipeline import make_pipeline

from skmer import (
    SegmentStatistics,
    SegmentTransformer,
    SongAggregator,
    SSSLClassifier,
    SSSLRegressor,
    TaggingTransformer,
)
from skmer.aggregation import LongestRun, MajorityVote, SpectrogramStatistics
from skmer.feature_extraction import DescriptorTransformer, EmbeddingTransformer
from skmer.tagging import EmotionTagger, LongShortEnsemble, NoisyStudentTagger
from skmer.two_stage import BiLSTMClassifier, MaskedMelAutoencoder

SR = 4096
SPECTROGRAM = {"duration": 0.5, "hop": 0.25, "sr": SR, "n_fft": 256, "hop_length": 64, "n_mels": 16}
HARMONY = {**SPECTROGRAM, "duration": 8 / 33, "hop": 4 / 33, "sr": 8448, "harmony": True}  # as many samples
TAGGING = {"duration": 0.25, "sr": SR, "n_mels": 8, "average": 2, "n_fft": 256, "hop_length": 64}
TAGGING |= {"hpcp_n_fft": 512, "hpcp_hop_length": 256}
SSSL = {"backbone": "mlp", "backbone_params": {"hidden": [8]}, "max_epochs": 3, "warmup_epochs": 1, "random_state": 0}
SMALL = {"backbone": "small", "backbone_params": {"width": 2}}
MASKED = {"n_components": 4, "width": 2, "band_width": 4, "max_epochs": 2, "random_state": 0}
WINDOWS = {"sr": SR, "window": 0.25}
BILSTM = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}
# half of the songs validate: of six, one alone would judge nothing
TAGGER = {"backbone": "mlp", "backbone_params": {"hidden": [8]}, "mask_range": None, "validation_fraction": 0.5}
TAGGER |= {"max_epochs": 2, "lr": 1e-2, "random_state": 0}


def magnitudes(windows):
    """A frozen embedding: the spectrum of each window in 16 bands."""
    spectrum = np.abs(np.fft.rfft(windows, axis=1))[:, 1:]
    return spectrum.reshape(len(windows), 16, -1).mean(axis=2)


# what each estimator takes: waveforms, spectrogram segments or segment probabilities
ESTIMATORS = {
    "SegmentTransformer": (SegmentTransformer(**SPECTROGRAM), "waveforms"),
    "SegmentTransformer-centred": (SegmentTransformer(center=True, **SPECTROGRAM), "waveforms"),
    "SegmentTransformer-harmony": (SegmentTransformer(**HARMONY), "waveforms"),
    "SegmentStatistics": (SegmentStatistics(), "segments"),
    "TaggingTransformer": (TaggingTransformer(**TAGGING), "waveforms"),
    "TaggingTransformer-long": (TaggingTransformer(**{**TAGGING, "duration": "long"}), "waveforms"),
    "DescriptorTransformer": (DescriptorTransformer(sr=SR, n_fft=512, hop_length=128), "waveforms"),
    "EmbeddingTransformer": (EmbeddingTransformer(magnitudes, statistics=["mean", "std"], **WINDOWS), "waveforms"),
    "EmbeddingTransformer-windows": (EmbeddingTransformer(magnitudes, **WINDOWS), "waveforms"),
    "SSSLClassifier": (SSSLClassifier(**{**SSSL, **SMALL}), "segments"),
    "SSSLClassifier-paper": (SSSLClassifier.from_recipe("paper", **SSSL), "segments"),
    "SSSLClassifier-plain": (SSSLClassifier(noise_model=None, **SSSL), "segments"),
    "SSSLClassifier-crossfit": (SSSLClassifier(cv=2, **SSSL), "segments"),
    "SSSLRegressor": (SSSLRegressor(**{**SSSL, **SMALL}), "segments"),
    "SSSLRegressor-plain": (SSSLRegressor(noise_model=None, **SSSL), "segments"),
    "SSSLRegressor-crossfit": (SSSLRegressor(cv=2, **SSSL), "segments"),
    "SongAggregator": (SongAggregator(), "probabilities"),
    "MajorityVote": (MajorityVote(), "probabilities"),
    "LongestRun": (LongestRun(), "probabilities"),
    "MaskedMelAutoencoder": (MaskedMelAutoencoder(**MASKED), "segments"),
    "EmotionTagger": (EmotionTagger(**{**TAGGER, **SMALL}), "segments"),
    "LongShortEnsemble": (
        LongShortEnsemble(EmotionTagger(**TAGGER), EmotionTagger(**TAGGER), validation_fraction=0.5, random_state=0),
        "segments",
    ),
    "LongShortEnsemble-front-ends": (
        LongShortEnsemble(
            make_pipeline(TaggingTransformer(**TAGGING), EmotionTagger(**TAGGER)),
            make_pipeline(TaggingTransformer(**{**TAGGING, "duration": 0.5}), EmotionTagger(**TAGGER)),
            validation_fraction=0.5,
            random_state=0,
        ),
        "waveforms",
    ),
    "NoisyStudentTagger": (NoisyStudentTagger(**TAGGER), "segments"),
    "BiLSTMClassifier": (BiLSTMClassifier(**BILSTM), "probabilities"),
    "SpectrogramStatistics": (SpectrogramStatistics(), "segments"),
    "Pipeline": (make_pipeline(SegmentTransformer(**SPECTROGRAM), SSSLClassifier(**SSSL)), "waveforms"),
    "2-Stage": (
        make_pipeline(SegmentTransformer(**SPECTROGRAM), MaskedMelAutoencoder(**MASKED), BiLSTMClassifier(**BILSTM)),
        "waveforms",
    ),
}
