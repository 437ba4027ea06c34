"""From per-segment losses to the probability that each inherited label is right."""

from skmer.label_noise.gaussian_mixture import Split, gaussian_mixture_split

__all__ = ["Split", "gaussian_mixture_split"]
