"""Taggers: estimators that predict several tags for each song, with or without unlabelled songs."""

from skmer.tagging.classifier import EmotionTagger
from skmer.tagging.ensemble import LongShortEnsemble
from skmer.tagging.musicnn import make_musicnn_tagger
from skmer.tagging.noisy_student import NoisyStudentTagger

__all__ = ["EmotionTagger", "LongShortEnsemble", "NoisyStudentTagger", "make_musicnn_tagger"]
