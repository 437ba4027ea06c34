"""Published networks as embeddings of windows, with weights that the user has."""

from skmer.embeddings.musicnn import musicnn

__all__ = ["musicnn"]
