"""Semi-supervised self-learning: the classifier, its loss, and what it does about labels that may be wrong."""

from skmer.sssl.classifier import SSSLClassifier
from skmer.sssl.gmm_split import GMMSplit
from skmer.sssl.mixture import Split, gaussian_mixture_split
from skmer.sssl.self_learning import SelfLearning
from skmer.sssl.strategy import LabelStrategy

__all__ = [
    "GMMSplit",
    "LabelStrategy",
    "SSSLClassifier",
    "SelfLearning",
    "Split",
    "gaussian_mixture_split",
]
