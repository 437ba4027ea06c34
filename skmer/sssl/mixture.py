"""Two-component Gaussian mixture over losses: labels of small losses are clean, those of large losses noisy."""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import expit
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

__all__ = ["Split", "check_clean_probability", "clean_posterior", "gaussian_mixture_split"]

_MIN_ROWS = 20  # losses of a class, for a mixture of its own


@dataclass
class Split:
    """The clean probabilities of a set of losses, and the mixture that they come from.

    Parameters
    ----------
    clean_probability : ndarray of shape (n,)
        Posterior probability of the component with the smaller mean.
    means, variances, weights : ndarray of shape (n_mixtures, 2)
        The components, clean first, in units of the losses; one mixture, or one for each class. A class that is too
        small for a mixture has that of all losses. NaN if the losses are equal.
    separation : ndarray of shape (n_mixtures,)
        Ashman's D of the two components, ``|m1 - m2| / sqrt((v1 + v2) / 2)``; a value above 2 means two clearly
        separate groups. Zero if the losses are equal; NaN if a custom noise model returned probabilities only.

    Examples
    --------
    >>> from skmer.sssl import gaussian_mixture_split
    >>> split = gaussian_mixture_split([0.1, 0.2] * 15 + [2.0, 2.1] * 5, random_state=0)
    >>> split.means.round(1)
    array([[0.2, 2. ]])
    """

    clean_probability: np.ndarray
    means: np.ndarray
    variances: np.ndarray
    weights: np.ndarray
    separation: np.ndarray


def clean_posterior(split, losses, mixture):
    """Return the clean probability of losses of one class under a split, here or in ``split_`` of a classifier.

    The losses need not be those that were split. `mixture` is the position of the class, or 0 if there is one mixture.
    """
    losses = np.asarray(losses, dtype=np.float64)
    if np.isnan(split.separation[mixture]):
        raise ValueError("The split has no mixture, so that only the losses that were split have a clean probability.")
    if split.separation[mixture] == 0:
        return np.ones(len(losses))  # the losses were equal: all labels count as clean
    return _posterior(losses, split.means[mixture], split.variances[mixture], split.weights[mixture])


def _posterior(losses, means, variances, weights):
    """Compute the posterior probability of the first component, made monotone in the loss.

    Between the two means the log-odds fall with the loss. Outside them the wider component would take over again, so
    they are continued along their tangent.
    """
    x = np.clip(losses, means[0], means[1])
    log_density = norm.logpdf(x[:, None], means, np.sqrt(variances)) + np.log(weights)
    gap = means[1] - means[0]
    slope = np.where(losses < means[0], gap / variances[1], gap / variances[0])
    return expit(log_density[:, 0] - log_density[:, 1] - slope * (losses - x))


def _fit_mixture(losses, clip, max_iter, tol, reg_covar, random_state):
    """Fit means, variances and weights of the clean and the noisy component; return None for equal losses."""
    # a slow import, which predictions do not need
    from sklearn.mixture import GaussianMixture

    low, high = np.percentile(losses, clip)
    # losses that differ by rounding only count as equal
    if high - low <= 1e-6 * max(1.0, abs(high)):
        low, high = losses.min(), losses.max()
    if high - low <= 1e-6 * max(1.0, abs(high)):
        return None
    scaled = (np.clip(losses, low, high) - low) / (high - low)
    mixture = GaussianMixture(2, max_iter=max_iter, tol=tol, reg_covar=reg_covar, random_state=random_state)
    with warnings.catch_warnings():
        # max_iter is small on purpose: the split is repeated in each epoch
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(scaled[:, None])
    order = np.argsort(mixture.means_[:, 0], kind="stable")
    scale = high - low
    return (
        mixture.means_[order, 0] * scale + low,
        mixture.covariances_[order, 0, 0] * scale**2,
        np.maximum(mixture.weights_[order], 1e-12),
    )


def gaussian_mixture_split(
    losses,
    labels=None,
    *,
    clip=(5, 95),
    max_iter=10,
    tol=1e-2,
    reg_covar=5e-4,
    random_state=None,
):
    """Compute the probability that a label is clean from its loss, by a two-component Gaussian mixture.

    Parameters
    ----------
    losses : array-like of shape (n,)
        Cross-entropy of each segment against its inherited label.
    labels : array-like of shape (n,), default=None
        Class of each segment. With labels, one mixture is fitted for each class, so that a class that is hard to
        learn is not mistaken for noise; without, one mixture is fitted to all losses.
    clip : tuple of (float, float), default=(5, 95)
        Percentiles to which losses are clipped before fitting, because one outlier would move the components.
    max_iter, tol, reg_covar : int, float, float
        Parameters of `sklearn.mixture.GaussianMixture`, which is fitted to losses scaled to [0, 1].
    random_state : int, RandomState or None, default=None
        Determines the initial clusters.

    Returns
    -------
    Split
        The probabilities and the components. Equal losses are all clean, with a separation of zero.

    Raises
    ------
    ValueError
        If a loss is NaN or infinite, or the numbers of labels and losses differ.

    References
    ----------
    Sun et al., section 2.1.2, Eq. 3; the defaults are those of Li et al., "DivideMix"
    (2020), the clipping is that of Arazo et al., "Unsupervised label noise modeling and
    loss correction" (2019), the mixture per class that of Karim et al., "UNICON" (2022).

    Examples
    --------
    >>> from skmer.sssl import gaussian_mixture_split
    >>> split = gaussian_mixture_split([0.1, 0.2] * 15 + [2.0, 2.1] * 5, random_state=0)
    >>> (split.clean_probability > 0.5).sum()
    np.int64(30)
    """
    losses = np.asarray(losses, dtype=np.float64)
    if not np.isfinite(losses).all():
        raise ValueError("Some losses are NaN or infinite: the training diverged. Lower lr or use precision='float32'.")
    rng = check_random_state(random_state)
    settings = {"clip": clip, "max_iter": max_iter, "tol": tol, "reg_covar": reg_covar}
    if labels is None:
        parts = [np.arange(len(losses))]
    else:
        labels = np.asarray(labels)
        if labels.shape != losses.shape:
            raise ValueError(f"Expected {len(losses)} labels, one for each loss, got an array of shape {labels.shape}.")
        parts = [np.flatnonzero(labels == label) for label in np.unique(labels)]

    clean = np.ones(len(losses))
    components = np.full((3, len(parts), 2), np.nan)
    separation = np.zeros(len(parts))
    of_all_losses: list = []
    for p, rows in enumerate(parts):
        fitted = None
        if len(rows) < _MIN_ROWS and len(parts) > 1:
            # too small for a mixture of its own: use that of all losses
            of_all_losses = of_all_losses or [_fit_mixture(losses, random_state=rng, **settings)]
            [fitted] = of_all_losses
        elif len(rows) > 1:
            fitted = _fit_mixture(losses[rows], random_state=rng, **settings)
        if fitted is not None:
            clean[rows] = _posterior(losses[rows], *fitted)
            components[:, p] = fitted
            separation[p] = (fitted[0][1] - fitted[0][0]) / np.sqrt(fitted[1].mean())
    means, variances, weights = components
    return Split(clean, means, variances, weights, separation)


def check_clean_probability(probabilities, n_segments, name):
    """Return clean probabilities as a float64 array of shape (n_segments,); raise if they are not in [0, 1]."""
    if isinstance(probabilities, torch.Tensor):
        # NumPy has no bfloat16
        probabilities = probabilities.detach().cpu()
        probabilities = (probabilities.float() if probabilities.dtype == torch.bfloat16 else probabilities).numpy()
    probabilities = np.asarray(probabilities)
    if probabilities.dtype.kind not in "biuf":
        raise ValueError(f"{name} must return a clean probability for each segment, got {probabilities.dtype} values.")
    # also False for NaN
    if probabilities.shape != (n_segments,) or not ((probabilities >= 0) & (probabilities <= 1)).all():
        extent = (
            f" and values from {probabilities.min():.3g} to {probabilities.max():.3g}" if probabilities.size else ""
        )
        raise ValueError(
            f"{name} must return a clean probability in [0, 1] for each of the {n_segments} segments, "
            f"got shape {probabilities.shape}{extent}."
        )
    return probabilities.astype(np.float64, copy=False)
