"""Estimators that learn from songs of segments."""

from skmer.classifiers.bilstm import BiLSTMClassifier
from skmer.classifiers.long_short_ensemble import LongShortEnsemble
from skmer.classifiers.noisy_student import NoisyStudentTagger
from skmer.classifiers.sssl import SSSLClassifier
from skmer.classifiers.tagger import EmotionTagger

__all__ = ["BiLSTMClassifier", "EmotionTagger", "LongShortEnsemble", "NoisyStudentTagger", "SSSLClassifier"]
