"""Estimators that learn from songs of segments."""

from skmer.classifiers.sssl import SSSLClassifier

__all__ = ["SSSLClassifier"]
