"""Classifiers that learn one emotion from songs of segments."""

from skmer.classifiers.bilstm import BiLSTMClassifier
from skmer.classifiers.sssl import SSSLClassifier

__all__ = ["BiLSTMClassifier", "SSSLClassifier"]
