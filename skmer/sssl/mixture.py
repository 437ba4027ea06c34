"""Two-component Gaussian mixture over losses: small losses are clean, large ones noisy."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.utils import check_random_state

__all__ = ["Split", "clean_posterior", "gaussian_mixture_split"]

_MIN_ROWS = 20  # fewer losses than this say little about a mixture of two


@dataclass
class Split:
    """What a mixture says of a set of losses.

    Parameters
    ----------
    clean_probability : ndarray of shape (n,)
        Posterior of the component with the smaller mean.
    means, variances, weights : ndarray of shape (n_mixtures, 2)
        The components, clean first, in units of the losses; one mixture, or one a class. Of a
        class that was too small, those of all losses, by which it was judged; NaN where the losses do
        not differ.
    separation : ndarray of shape (n_mixtures,)
        Ashman's D of the two components, ``|m1 - m2| / sqrt((v1 + v2) / 2)``; a value
        above 2 means two clearly separate groups. Zero where the losses do not differ; NaN where a
        noise model of one's own gave probabilities alone.

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
    """Judge losses that need not be those of the split: the probability that their label is clean.

    Parameters
    ----------
    split : Split
        Or the ``split_`` of a fitted `skmer.SSSLClassifier`.
    losses : array-like of shape (n,)
        Cross-entropy of segments of one class against their label.
    mixture : int
        Position of the class; 0 where one mixture serves all.

    Returns
    -------
    ndarray of shape (n,)
        Posterior of the component with the smaller mean. For the losses of the split it is
        its ``clean_probability``.

    Raises
    ------
    ValueError
        If the split holds no mixture.

    Examples
    --------
    >>> from skmer.sssl import gaussian_mixture_split
    >>> from skmer.sssl.mixture import clean_posterior
    >>> split = gaussian_mixture_split([0.1, 0.2] * 15 + [2.0, 2.1] * 5, random_state=0)
    >>> clean_posterior(split, [0.0, 0.15, 3.0], 0).round(2)
    array([1., 1., 0.])
    """
    losses = np.asarray(losses, dtype=np.float64)
    if np.isnan(split.separation[mixture]):
        raise ValueError("The split holds no mixture, so it cannot judge other losses than its own.")
    if split.separation[mixture] == 0:
        return np.ones(len(losses))  # the losses did not differ: every label counts as clean
    return _posterior(losses, split.means[mixture], split.variances[mixture], split.weights[mixture])


def _posterior(losses, means, variances, weights):
    """Posterior of the first component, monotone in the loss.

    Between the two means the log-odds always fall with the loss; outside them the wider
    component would take over again, so there they go on along their tangent.
    """
    x = np.clip(losses, means[0], means[1])
    log_density = norm.logpdf(x[:, None], means, np.sqrt(variances)) + np.log(weights)
    gap = means[1] - means[0]
    slope = np.where(losses < means[0], gap / variances[1], gap / variances[0])
    return expit(log_density[:, 0] - log_density[:, 1] - slope * (losses - x))


def _fit_mixture(losses, clip, max_iter, tol, reg_covar, random_state):
    """Means, variances and weights of the clean and the noisy component, in loss units."""
    low, high = np.percentile(losses, clip)
    # 1e-6: losses that differ by rounding only do not differ
    if high - low <= 1e-6 * max(1.0, abs(high)):
        low, high = losses.min(), losses.max()
    if high - low <= 1e-6 * max(1.0, abs(high)):
        return None
    scaled = (np.clip(losses, low, high) - low) / (high - low)
    mixture = GaussianMixture(2, max_iter=max_iter, tol=tol, reg_covar=reg_covar, random_state=random_state)
    with warnings.catch_warnings():
        # max_iter is small on purpose: the split is made anew each epoch
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
    """Give each loss the probability that its label is clean.

    Parameters
    ----------
    losses : array-like of shape (n,)
        Cross-entropy of each segment against its inherited label.
    labels : array-like of shape (n,), default=None
        Class of each segment. With labels, each class has its own mixture, so that a
        class that is hard to learn is not taken for noise; without, one mixture serves all.
    clip : tuple of (float, float), default=(5, 95)
        Percentiles to which losses are clipped before fitting; one outlier would
        otherwise move the components.
    max_iter, tol, reg_covar : int, float, float
        Of `sklearn.mixture.GaussianMixture`, on losses scaled to [0, 1].
    random_state : int, RandomState or None, default=None
        For the initial clusters.

    Returns
    -------
    Split
        The probabilities and the components. Losses that do not differ are all clean,
        with a separation of zero.

    Raises
    ------
    ValueError
        If a loss is NaN or infinite, or labels and losses differ in number.

    References
    ----------
    Sun et al., section 2.1.2, Eq. 3; the defaults are those of Li et al., "DivideMix"
    (2020), the clipping of Arazo et al., "Unsupervised label noise modeling and loss
    correction" (2019), the mixture a class of Karim et al., "UNICON" (2022).

    Examples
    --------
    >>> from skmer.sssl import gaussian_mixture_split
    >>> split = gaussian_mixture_split([0.1, 0.2] * 15 + [2.0, 2.1] * 5, random_state=0)
    >>> (split.clean_probability > 0.5).sum()
    np.int64(30)
    """
    losses = np.asarray(losses, dtype=np.float64)
    if not np.isfinite(losses).all():
        raise ValueError("Some losses are NaN or infinite: training diverged; lower lr or use precision='float32'.")
    rng = check_random_state(random_state)
    settings = {"clip": clip, "max_iter": max_iter, "tol": tol, "reg_covar": reg_covar}
    if labels is None:
        parts = [np.arange(len(losses))]
    else:
        labels = np.asarray(labels)
        if labels.shape != losses.shape:
            raise ValueError(f"labels has shape {labels.shape}, but there are {len(losses)} losses.")
        parts = [np.flatnonzero(labels == label) for label in np.unique(labels)]

    clean = np.ones(len(losses))
    components = np.full((3, len(parts), 2), np.nan)
    separation = np.zeros(len(parts))
    of_all: list = []
    for p, rows in enumerate(parts):
        fitted = None
        if len(rows) < _MIN_ROWS and len(parts) > 1:
            # too small for a mixture of its own: judged by that of all losses
            of_all = of_all or [_fit_mixture(losses, random_state=rng, **settings)]
            [fitted] = of_all
        elif len(rows) > 1:
            fitted = _fit_mixture(losses[rows], random_state=rng, **settings)
        if fitted is not None:
            clean[rows] = _posterior(losses[rows], *fitted)
            components[:, p] = fitted
            separation[p] = (fitted[0][1] - fitted[0][0]) / np.sqrt(fitted[1].mean())
    means, variances, weights = components
    return Split(clean, means, variances, weights, separation)
