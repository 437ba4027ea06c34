"""Parameters with which the shared checks build each estimator; none of it is in production code."""

from sklearn.pipeline import make_pipeline

from skmer import SegmentTransformer, SongAggregator, SSSLClassifier
from skmer.aggregation import SpectrogramStatistics

SR = 4096
SPECTROGRAM = {"duration": 0.5, "hop": 0.25, "sr": SR, "n_fft": 256, "hop_length": 64, "n_mels": 16}
SSSL = {"backbone": "small", "backbone_params": {"width": 4}, "max_epochs": 3, "warmup_epochs": 1, "random_state": 0}

# what each estimator takes: waveforms, spectrogram segments or segment probabilities
ESTIMATORS = {
    "SegmentTransformer": (SegmentTransformer(**SPECTROGRAM), "waveforms"),
    "SegmentTransformer-centred": (SegmentTransformer(center=True, **SPECTROGRAM), "waveforms"),
    "SSSLClassifier": (SSSLClassifier(**SSSL), "segments"),
    "SSSLClassifier-paper": (SSSLClassifier.from_recipe("paper", **SSSL), "segments"),
    "SSSLClassifier-plain": (SSSLClassifier(noise_model=None, **SSSL), "segments"),
    "SSSLClassifier-crossfit": (SSSLClassifier(cv=2, **SSSL), "segments"),
    "SongAggregator": (SongAggregator(), "probabilities"),
    "SpectrogramStatistics": (SpectrogramStatistics(), "segments"),
    "Pipeline": (make_pipeline(SegmentTransformer(**SPECTROGRAM), SSSLClassifier(**SSSL)), "waveforms"),
}
