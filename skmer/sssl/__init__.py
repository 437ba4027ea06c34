"""SSSLClassifier and SSSLRegressor, semi-supervised self-learning on segments, and strategies against label noise."""

from skmer.sssl.classifier import SSSLClassifier
from skmer.sssl.label_strategy import LabelStrategy
from skmer.sssl.mixture import Split, gaussian_mixture_split
from skmer.sssl.regressor import SSSLRegressor
from skmer.sssl.strategies import GMMSplit, SelfLearning

__all__ = [
    "GMMSplit",
    "LabelStrategy",
    "SSSLClassifier",
    "SSSLRegressor",
    "SelfLearning",
    "Split",
    "gaussian_mixture_split",
]
