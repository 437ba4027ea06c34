"""Embeddings: learnt from songs without labels, or by a frozen network that others have trained."""

from skmer.embeddings.deep_embedding import EmbeddingTransformer
from skmer.embeddings.masked_mel_autoencoder import MaskedMelAutoencoder

__all__ = ["EmbeddingTransformer", "MaskedMelAutoencoder"]
