"""LossMixtureDisplay: losses of the training segments and the mixture that splits them."""

import numpy as np
from sklearn.exceptions import NotFittedError

from skmer._colours import COLOURS
from skmer.inspection._displays import get_axes, hide_frame

__all__ = ["LossMixtureDisplay"]

_NAMES = ("clean", "noisy")


def _moments(losses, clean_probability):
    """Return mean, variance and weight of both components, as in the M-step of EM."""
    posterior = np.column_stack([clean_probability, 1 - clean_probability])
    weights = posterior.mean(axis=0)
    total = np.maximum(posterior.sum(axis=0), 1e-12)
    means = losses @ posterior / total
    variances = ((losses[:, None] - means) ** 2 * posterior).sum(axis=0) / total
    return means[None], variances[None], weights[None]


def _density(x, mean, variance):
    return np.exp(-0.5 * (x - mean) ** 2 / variance) / np.sqrt(2 * np.pi * variance)


def _flat(values, n, name):
    """Return an array of one value a segment, from such an array or a list of one array a song."""
    if isinstance(values, list | tuple) and len(values) and np.ndim(values[0]):
        values = np.concatenate([np.asarray(value) for value in values])
    values = np.asarray(values)
    if values.shape != (n,):
        raise ValueError(f"{name} must have one value for each of the {n} losses, got shape {values.shape}.")
    return values


class LossMixtureDisplay:
    """Histogram of segment losses, with the two Gaussian components that split them.

    Create it with `from_estimator` or `from_predictions`. Small losses are taken for clean labels,
    large ones for noisy labels. The threshold is drawn as the band between the smallest loss of a noisy and the
    largest loss of a clean label; it is a line where one mixture is used for all segments.

    Parameters
    ----------
    losses : ndarray of shape (n,)
        Cross-entropy of each training segment against its inherited label.
    clean_probability : ndarray of shape (n,)
        Probability that the label of each segment is clean.
    is_noisy : ndarray of bool of shape (n,), default=None
        Which labels are truly noisy, where that is known: the histogram then shows both groups.
    threshold : float, default=0.5
        Clean probability above which a label counts as clean.
    means, variances, weights : ndarray of shape (2,) or (n_mixtures, 2), default=None
        The components, clean first, in units of the losses; one mixture, or one a class (rows of
        NaN are ignored). ``None`` takes the moments of `losses`, weighted by
        `clean_probability`.
    shares : ndarray of shape (n_mixtures,), default=None
        Share of the segments of each mixture; ``None`` means equal shares.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the plot.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : list of matplotlib Line2D
        Curves of the clean and of the noisy component, in segments a bin; none for a component that was not
        fitted or has no variance.
    threshold_ : tuple of (float, float) or None
        Losses between which the threshold is; ``None`` where all labels are on one side.

    Raises
    ------
    ValueError
        If the shapes do not match, or a loss is not finite.

    See Also
    --------
    EmotionTimelineDisplay : Probability of each emotion over the time of one song.

    References
    ----------
    Sun et al., "Semi-supervised self-learning for music emotion recognition", section 2.1.2, Eq. 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.inspection import LossMixtureDisplay
    >>> losses = np.array([0.1, 0.2, 0.15, 2.0, 2.2])
    >>> display = LossMixtureDisplay.from_predictions(losses, losses < 1)  # doctest: +SKIP
    >>> display.figure_.savefig("losses.png")  # doctest: +SKIP
    """

    def __init__(
        self,
        losses,
        clean_probability,
        is_noisy=None,
        threshold=0.5,
        means=None,
        variances=None,
        weights=None,
        shares=None,
    ):
        self.losses = np.asarray(losses, dtype=float)
        if self.losses.ndim != 1 or len(self.losses) == 0 or not np.isfinite(self.losses).all():
            raise ValueError(f"losses must be finite and of shape (n,), got shape {self.losses.shape}.")
        n = len(self.losses)
        self.clean_probability = _flat(clean_probability, n, "clean_probability").astype(float)
        self.is_noisy = None if is_noisy is None else _flat(is_noisy, n, "is_noisy").astype(bool)
        self.threshold = threshold
        given = [part is not None for part in (means, variances, weights)]
        if any(given) and not all(given):
            raise ValueError("means, variances and weights belong together: pass all three or none.")
        if means is None:
            parts = _moments(self.losses, self.clean_probability)
        else:
            parts = tuple(np.atleast_2d(np.asarray(part, dtype=float)) for part in (means, variances, weights))
        if len({part.shape for part in parts}) > 1 or parts[0].shape[1:] != (2,):
            raise ValueError(
                "means, variances and weights must have shape (2,) or (n_mixtures, 2), "
                f"got {[part.shape for part in parts]}."
            )
        self.means, self.variances, self.weights = parts
        n_mixtures = len(self.means)
        self.shares = np.full(n_mixtures, 1 / n_mixtures) if shares is None else np.asarray(shares, dtype=float)
        if self.shares.shape != (n_mixtures,):
            raise ValueError(f"shares must have shape ({n_mixtures},), got {self.shares.shape}.")

    @classmethod
    def from_estimator(cls, estimator, *, is_noisy=None, ax=None, **kwargs):
        """Plot the last split of a fitted classifier.

        Parameters
        ----------
        estimator : SSSLClassifier or Pipeline
            Fitted classifier with a noise model, or a pipeline (or search) that contains one.
        is_noisy : array-like of shape (n,) or list of arrays, default=None
            Which labels of the training segments are truly noisy, one array a song or all in a row.
        ax : matplotlib Axes, default=None
            Axes to draw on; ``None`` creates a figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        LossMixtureDisplay
            The display.

        Raises
        ------
        NotFittedError
            If there is no split: the classifier is not fitted, or has no noise model.
        """
        estimator = getattr(estimator, "best_estimator_", estimator)
        steps = [step for _, step in estimator.steps] if hasattr(estimator, "steps") else [estimator]
        holder = next((step for step in steps if hasattr(step, "split_")), None)
        if holder is None:
            raise NotFittedError(
                f"{type(estimator).__name__} has no split of its training segments: "
                "fit an SSSLClassifier with a noise model first."
            )
        split = holder.split_
        mixture = {name: getattr(split, name, None) for name in ("means", "variances", "weights", "shares")}
        threshold = getattr(holder, "clean_threshold", 0.5)
        return cls.from_predictions(
            split.loss, split.clean_probability, is_noisy=is_noisy, threshold=threshold, ax=ax, **mixture, **kwargs
        )

    @classmethod
    def from_predictions(
        cls,
        losses,
        clean_probability,
        *,
        is_noisy=None,
        threshold=0.5,
        means=None,
        variances=None,
        weights=None,
        shares=None,
        ax=None,
        **kwargs,
    ):
        """Plot losses and the probability that their labels are clean.

        Parameters
        ----------
        losses : array-like of shape (n,)
            Cross-entropy of each training segment against its inherited label.
        clean_probability : array-like of shape (n,) or list of arrays
            Probability that each label is clean; a list has one array a song.
        is_noisy : array-like of bool of shape (n,) or list of arrays, default=None
            Which labels are truly noisy, where that is known.
        threshold : float, default=0.5
            Clean probability above which a label counts as clean.
        means, variances, weights : array-like of shape (2,) or (n_mixtures, 2), default=None
            The components; ``None`` takes the weighted moments of the losses.
        shares : array-like of shape (n_mixtures,), default=None
            Share of the segments of each mixture; ``None`` means equal shares.
        ax : matplotlib Axes, default=None
            Axes to draw on; ``None`` creates a figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        LossMixtureDisplay
            The display.
        """
        display = cls(losses, clean_probability, is_noisy, threshold, means, variances, weights, shares)
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax=None, *, bins=50):
        """Draw the plot.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; ``None`` creates a figure.
        bins : int, default=50
            Number of bins of the histogram.

        Returns
        -------
        LossMixtureDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = ax = get_axes(ax, (8, 4), "LossMixtureDisplay")
        self.figure_ = ax.figure
        edges = np.histogram_bin_edges(self.losses, bins)
        if self.is_noisy is None:
            ax.hist(self.losses, edges, color="#BFC5CC", label="segments")
        else:
            groups = [self.losses[~self.is_noisy], self.losses[self.is_noisy]]
            names = [f"label is truly {name} ({len(rows):,})" for name, rows in zip(_NAMES, groups, strict=True)]
            ax.hist(groups, edges, stacked=True, color=["#9CC7E2", "#F3B48F"], label=names)
        self._draw_components(ax, edges)
        self._draw_threshold(ax)
        ax.set(xlabel="loss against the song's label", ylabel="segments", xlim=(edges[0], edges[-1]))
        ax.legend(frameon=False)
        hide_frame(ax)
        return self

    def _draw_components(self, ax, edges):
        x = np.linspace(edges[0], edges[-1], 400)
        scale = len(self.losses) * (edges[1] - edges[0])
        top = ax.get_ylim()[1]
        self.lines_ = []
        for k, name in enumerate(_NAMES):
            fitted = np.isfinite(self.means[:, k]) & (self.variances[:, k] > 0)
            if not fitted.any():
                continue
            shares = self.shares[fitted] / max(self.shares[fitted].sum(), 1e-12)
            heights = _density(x[:, None], self.means[fitted, k], self.variances[fitted, k])
            curve = scale * heights @ (shares * self.weights[fitted, k])
            self.lines_ += ax.plot(x, curve, color=COLOURS[k], linewidth=2, label=f"{name} component")
        # a narrow component must not flatten the histogram
        ax.set_ylim(0, 1.25 * top)

    def _draw_threshold(self, ax):
        clean = self.clean_probability > self.threshold
        self.threshold_ = None
        if clean.all() or not clean.any():
            return
        borders = sorted([float(self.losses[clean].max()), float(self.losses[~clean].min())])
        self.threshold_ = (borders[0], borders[1])
        label = f"clean probability {self.threshold:g} ({clean.mean():.0%} clean)"
        if self.losses[clean].max() < self.losses[~clean].min():
            ax.axvline(sum(borders) / 2, color="black", linestyle="--", linewidth=1.2, label=label)
        else:
            ax.axvspan(*borders, color="black", alpha=0.08, linewidth=0, zorder=0, label=label)
