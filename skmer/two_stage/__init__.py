"""The 2-Stage system: an autoencoder that learns embeddings without labels, and a BiLSTM over them."""

from skmer.two_stage.autoencoder import MaskedMelAutoencoder
from skmer.two_stage.bilstm import BiLSTMClassifier
from skmer.two_stage.networks import BiLSTM, MelAutoencoder

__all__ = [
    "BiLSTM",
    "BiLSTMClassifier",
    "MaskedMelAutoencoder",
    "MelAutoencoder",
]
