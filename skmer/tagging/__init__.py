"""Estimators that give songs several tags, with or without songs that have none."""

from skmer.tagging.long_short_ensemble import LongShortEnsemble
from skmer.tagging.noisy_student import NoisyStudentTagger
from skmer.tagging.tagger import EmotionTagger

__all__ = ["EmotionTagger", "LongShortEnsemble", "NoisyStudentTagger"]
