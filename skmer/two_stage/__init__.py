"""The 2-Stage system: an autoencoder that learns embeddings without labels, and a BiLSTM over them."""

from skmer.two_stage.bilstm import BiLSTM
from skmer.two_stage.bilstm_classifier import BiLSTMClassifier
from skmer.two_stage.masked_mel_autoencoder import MaskedMelAutoencoder
from skmer.two_stage.mel_autoencoder import MelAutoencoder

__all__ = [
    "BiLSTM",
    "BiLSTMClassifier",
    "MaskedMelAutoencoder",
    "MelAutoencoder",
]
