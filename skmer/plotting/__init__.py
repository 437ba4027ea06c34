"""Pictures: how the emotion of a song changes, where its label is distrusted, and how labels were split."""

from skmer.plotting.label_noise import LabelNoiseDisplay
from skmer.plotting.loss_mixture import LossMixtureDisplay
from skmer.plotting.timeline import EmotionTimelineDisplay

__all__ = ["EmotionTimelineDisplay", "LabelNoiseDisplay", "LossMixtureDisplay"]
