"""What to do about inherited labels that may be wrong: noise models and strategies of training."""

from skmer.label_noise.gaussian_mixture import Split, gaussian_mixture_split
from skmer.label_noise.gmm_split import GMMSplit
from skmer.label_noise.self_learning import SelfLearning
from skmer.label_noise.strategy import LabelStrategy

__all__ = ["GMMSplit", "LabelStrategy", "SelfLearning", "Split", "gaussian_mixture_split"]
