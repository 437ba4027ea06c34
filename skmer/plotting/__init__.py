"""Pictures: how the emotion of a song changes, and how labels were split into clean and noisy."""

from skmer.plotting.loss_mixture import LossMixtureDisplay
from skmer.plotting.timeline import EmotionTimelineDisplay

__all__ = ["EmotionTimelineDisplay", "LossMixtureDisplay"]
