"""RatingTimelineDisplay: how the ratings of a song, such as valence and arousal, change over time."""

import numpy as np

from skmer._colours import COLOURS
from skmer.inspection._displays import (
    check_rated_segments,
    get_axes,
    hide_frame,
    label_time_axis,
    printable,
    rate_song,
    shortened,
)

__all__ = ["RatingTimelineDisplay"]

_LISTENERS = "#333333"
_BAND = {"alpha": 0.2, "linewidth": 0}


class RatingTimelineDisplay:
    """Ratings over the time of one song, such as valence and arousal: a curve for each.

    Create it with `from_estimator`, `from_song_ratings` or `from_predictions`. A curve shows the rating at the centre
    of each segment. Optionally, a band of deviations surrounds it, the ratings that listeners gave over time are drawn
    beside it with their deviations, and a dotted line shows the rating of the whole song.

    Parameters
    ----------
    values : ndarray of shape (n_segments, n_targets)
        Ratings of the song's segments.
    times : ndarray of shape (n_segments,)
        Centre of each segment, in seconds.
    target_names : sequence of str
        Names of the targets.
    ratings : array-like of shape (n_targets,), default=None
        Ratings of the whole song.
    deviation : float or array-like, default=None
        Deviation of the values, such as the error of the model or the disagreement of listeners, of a shape
        that fits (n_segments, n_targets).
    dynamic : DynamicRatings, default=None
        The ratings of listeners over time, with the same targets. Those of `DynamicRatings.over` can be shifted by the
        time by which listeners react late.
    limits : (float, float) or array-like of shape (n_targets, 2), default=None
        Lowest and highest rating, for all targets or for each. The axes show these and whatever is drawn beyond;
        ``None`` is the range of what is drawn.
    title : str, default=None
        Title of the plot.

    Attributes
    ----------
    axes_ : list of matplotlib Axes
        Axes of each target.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : list of matplotlib Line2D
        Curve of each target.
    listener_lines_ : list of matplotlib Line2D
        Curve of the listeners for each target; empty without `dynamic`.
    bands_ : list of matplotlib PolyCollection
        Band of each target; empty without `deviation`.

    Raises
    ------
    ValueError
        If the shapes do not match.

    See Also
    --------
    ValenceArousalDisplay : The path of a song in the plane of valence and arousal.
    EmotionTimelineDisplay : Probabilities of classes over time.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.inspection import RatingTimelineDisplay
    >>> display = RatingTimelineDisplay.from_predictions(
    ...     np.array([[0.2, -0.5], [0.4, 0.0], [0.3, 0.6]]), target_names=["valence", "arousal"], limits=(-1, 1)
    ... )  # doctest: +SKIP
    >>> display.figure_.savefig("ratings.png")  # doctest: +SKIP
    """

    def __init__(
        self, values, times, target_names, *, ratings=None, deviation=None, dynamic=None, limits=None, title=None
    ):
        self.values = np.asarray(values, dtype=float)
        self.times = np.asarray(times, dtype=float)
        self.target_names = [str(name) for name in target_names]
        self.ratings = None if ratings is None else np.asarray(ratings, dtype=float)
        self.dynamic = dynamic
        self.title = title
        if self.values.ndim != 2 or 0 in self.values.shape:
            raise ValueError(f"values must have shape (n_segments, n_targets), got {self.values.shape}: pass one song.")
        n_targets = len(self.target_names)
        expected = (*self.times.shape, n_targets)
        if self.values.shape != expected:
            raise ValueError(
                f"Expected values of shape {expected}, by times and target_names, got {self.values.shape}."
            )
        if self.ratings is not None and self.ratings.shape != (n_targets,):
            raise ValueError(f"ratings must have a value for each of {n_targets} targets, got {self.ratings.shape}.")
        if dynamic is not None and dynamic.mean.shape[1] != n_targets:
            raise ValueError(f"dynamic has {dynamic.mean.shape[1]} targets, but values have {n_targets}.")
        self.deviation = _fitting(deviation, self.values.shape, "deviation")
        self.limits = _fitting(limits, (n_targets, 2), "limits")

    @classmethod
    def from_estimator(
        cls, estimator, song, *, deviation=None, dynamic=None, limits=None, title=None, ax=None, **kwargs
    ):
        """Predict the ratings of a song's segments with a fitted pipeline, and plot them.

        Parameters
        ----------
        estimator : Pipeline or SongPredictor
            Fitted pipeline with a `SegmentTransformer` and, after it, a regressor of segments such as `SSSLRegressor`;
            or a fitted search over one.
        song : str, Path or ndarray of shape (n_samples,)
            Path of an audio file, waveform at the sampling rate of the model, or (waveform, rate).
        deviation : float or array-like, default=None
            Deviation of the values, of a shape that fits (n_segments, n_targets).
        dynamic : DynamicRatings, default=None
            The ratings of listeners over time.
        limits : (float, float) or array-like of shape (n_targets, 2), default=None
            Lowest and highest rating; ``None`` is the range of the ratings of the training, if the network keeps
            its predictions within it.
        title : str, default=None
            Title; ``None`` is the file's name.
        ax : matplotlib Axes or sequence of them, default=None
            Axes to draw on, as in `plot`.
        **kwargs : dict
            Passed to matplotlib's ``plot`` for every curve.

        Returns
        -------
        RatingTimelineDisplay
            The display.

        Raises
        ------
        ValueError
            If `estimator` predicts no ratings of segments, or `song` is not one song.
        NotFittedError
            If the pipeline is not fitted.
        """
        name, ratings, training_limits = rate_song(estimator, song)
        limits = training_limits if limits is None else limits
        title = name if title is None else title
        options = {"deviation": deviation, "dynamic": dynamic, "limits": limits, "title": title}
        return cls.from_song_ratings(ratings, **options, ax=ax, **kwargs)

    @classmethod
    def from_song_ratings(cls, ratings, *, deviation=None, dynamic=None, limits=None, title=None, ax=None, **kwargs):
        """Plot the ratings of a song, as `skmer.inspection.emotion_over_time` yields them.

        Parameters
        ----------
        ratings : SongRatings
            Ratings of one song, with segments.
        deviation : float or array-like, default=None
            Deviation of the values, of a shape that fits (n_segments, n_targets).
        dynamic : DynamicRatings, default=None
            The ratings of listeners over time.
        limits : (float, float) or array-like of shape (n_targets, 2), default=None
            Lowest and highest rating.
        title : str, default=None
            Title of the plot.
        ax : matplotlib Axes or sequence of them, default=None
            Axes to draw on, as in `plot`.
        **kwargs : dict
            Passed to matplotlib's ``plot`` for every curve.

        Returns
        -------
        RatingTimelineDisplay
            The display.

        Raises
        ------
        ValueError
            If the ratings have no segments.
        """
        check_rated_segments(ratings)
        of_song = None if ratings.ratings is None else list(ratings.ratings.values())
        options = {"deviation": deviation, "dynamic": dynamic, "limits": limits, "title": title}
        display = cls(ratings.values, ratings.times, ratings.names, ratings=of_song, **options)
        return display.plot(ax=ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        values,
        *,
        duration=3.0,
        hop=1.0,
        target_names=None,
        ratings=None,
        deviation=None,
        dynamic=None,
        limits=None,
        title=None,
        ax=None,
        **kwargs,
    ):
        """Plot the ratings of a song's segments.

        Parameters
        ----------
        values : array-like of shape (n_segments, n_targets) or (n_segments,)
            Ratings of the segments, in their order.
        duration : float, default=3.0
            Length of a segment, in seconds.
        hop : float, default=1.0
            Time from segment to segment, in seconds.
        target_names : sequence of str, default=None
            Names of the targets; ``None`` is "target0", "target1" and so on.
        ratings : array-like of shape (n_targets,), default=None
            Ratings of the whole song.
        deviation : float or array-like, default=None
            Deviation of the values, of a shape that fits (n_segments, n_targets).
        dynamic : DynamicRatings, default=None
            The ratings of listeners over time.
        limits : (float, float) or array-like of shape (n_targets, 2), default=None
            Lowest and highest rating.
        title : str, default=None
            Title of the plot.
        ax : matplotlib Axes or sequence of them, default=None
            Axes to draw on, as in `plot`.
        **kwargs : dict
            Passed to matplotlib's ``plot`` for every curve.

        Returns
        -------
        RatingTimelineDisplay
            The display.
        """
        values = np.asarray(values, dtype=float)
        values = values[:, None] if values.ndim == 1 else values
        if target_names is None:
            target_names = [f"target{k}" for k in range(values.shape[-1])]
        times = duration / 2 + hop * np.arange(len(values))
        options = {"deviation": deviation, "dynamic": dynamic, "limits": limits, "title": title}
        return cls(values, times, target_names, ratings=ratings, **options).plot(ax=ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the plot.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of them, default=None
            Axes for each target, or one for all; ``None`` creates a figure with one below the other.
        **kwargs : dict
            Passed to matplotlib's ``plot`` for every curve.

        Returns
        -------
        RatingTimelineDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are several axes, but not one for each target.
        """
        self.axes_ = _axes(ax, len(self.target_names))
        self.figure_ = self.axes_[0].figure
        shared = len(set(self.axes_)) < len(self.axes_)
        style = {"linewidth": 2.0, "marker": "o", "markersize": 3.5 if len(self.times) <= 60 else 0, **kwargs}
        self.lines_, self.listener_lines_, self.bands_ = [], [], []
        for k, (ax, name) in enumerate(zip(self.axes_, self.target_names, strict=True)):
            own = {"color": COLOURS[k % len(COLOURS)], "label": shortened(name) if shared else "predicted", **style}
            self.lines_ += ax.plot(self.times, self.values[:, k], zorder=3, **own)
            colour = self.lines_[-1].get_color()
            if self.deviation is not None:
                self._draw_band(ax, k, colour, shared)
            if self.dynamic is not None:
                self._draw_listeners(ax, k, colour if shared else _LISTENERS, shared)
            if self.ratings is not None:
                self._draw_song(ax, float(self.ratings[k]), colour, shared)
        for ax in dict.fromkeys(self.axes_):
            self._draw_scales(ax)
        self._name(shared)
        return self

    def _draw_band(self, ax, k, colour, shared):
        low, high = self._with_deviation(k)
        label = None if shared else "predicted ± deviation"
        self.bands_.append(ax.fill_between(self.times, low, high, color=colour, label=label, zorder=1, **_BAND))

    def _draw_listeners(self, ax, k, colour, shared):
        times, mean, deviation = _listeners(self.dynamic, k, self._end)
        few = len(times) <= 60
        style = {"linestyle": "--", "linewidth": 1.5, "marker": "s" if few else None, "markersize": 3}
        label = f"{shortened(self.target_names[k])}, listeners" if shared else "listeners"
        self.listener_lines_ += ax.plot(times, mean, color=colour, label=label, zorder=2, **style)
        if deviation is not None and not shared:
            band = {"color": "#777777", "label": "listeners ± deviation", "zorder": 0, **_BAND}
            ax.fill_between(times, mean - deviation, mean + deviation, **band)

    def _draw_song(self, ax, rating, colour, shared):
        ax.axhline(rating, color=colour, linestyle=":", linewidth=1.5, zorder=1)
        if not shared:
            ax.annotate(
                f"whole song\n{rating:.3g}",
                (1, rating),
                xycoords=("axes fraction", "data"),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                fontsize="small",
                color=colour,
                annotation_clip=False,
            )

    def _with_deviation(self, k):
        deviation = 0.0 if self.deviation is None else self.deviation[:, k]
        return self.values[:, k] - deviation, self.values[:, k] + deviation

    @property
    def _end(self):
        """End of the song, if its first segment begins at 0."""
        return self.times[-1] + max(self.times[0], 0.0)

    def _range(self, k):
        """Return the lowest and the highest value on the axis of a target."""
        shown = [*self._with_deviation(k)]
        if self.limits is not None:
            shown.append(self.limits[k])
        if self.ratings is not None:
            shown.append(self.ratings[[k]])
        if self.dynamic is not None:
            _, mean, deviation = _listeners(self.dynamic, k, self._end)
            deviation = 0.0 if deviation is None else np.nan_to_num(deviation)
            shown += [mean - deviation, mean + deviation]
        known = np.concatenate(shown)
        known = known[np.isfinite(known)]
        return (known.min(), known.max()) if len(known) else (0.0, 1.0)

    def _draw_scales(self, ax):
        own = [k for k, other in enumerate(self.axes_) if other is ax]
        lows, highs = zip(*map(self._range, own), strict=True)
        low, high = min(lows), max(highs)
        margin = 0.05 * (high - low) or 0.5
        ax.set_ylim(low - margin, high + margin)
        first = min(0.0, self.times[0])
        ax.set_xlim(first, self._end)
        label_time_axis(ax, self._end, self._end - first)
        ax.grid(axis="y", alpha=0.25, linewidth=0.8)
        ax.set_ylabel(shortened(self.target_names[own[0]], 20) if len(own) == 1 else "rating", parse_math=False)
        hide_frame(ax)

    def _name(self, shared):
        """Write the title, and a legend between it and the first axes where there is something to compare."""
        first = self.axes_[0]
        has_legend = shared or self.deviation is not None or self.dynamic is not None
        if has_legend:
            place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2, "handlelength": 2.4}
            first.legend(ncols=4, frameon=False, fontsize="small", **place)
        first.set_title(printable(self.title or ""), loc="left", pad=26 if has_legend else None, parse_math=False)
        for ax in self.axes_[:-1]:
            # a time axis for all
            if ax is not self.axes_[-1] and ax.get_shared_x_axes().joined(ax, self.axes_[-1]):
                ax.set_xlabel("")


def _fitting(values, shape, name):
    """Return values as an array of a shape; None stays None."""
    if values is None:
        return None
    try:
        return np.broadcast_to(np.asarray(values, dtype=float), shape)
    except ValueError:
        raise ValueError(f"{name} must fit the shape {shape}, got {np.shape(values)}.") from None


def _axes(ax, n_targets):
    """Return axes for each target."""
    if ax is None:
        first = get_axes(None, (9, 1 + 1.9 * n_targets), "RatingTimelineDisplay", n_targets)
        return list(np.ravel(first))
    get_axes(ax, None, "RatingTimelineDisplay")
    axes = list(np.ravel(ax))
    if len(axes) not in (1, n_targets):
        raise ValueError(f"ax must be one axes, or one for each of {n_targets} targets, got {len(axes)}.")
    return axes * n_targets if len(axes) == 1 else axes


def _listeners(dynamic, k, end):
    """Return times, means and deviations, or None, of listeners up to the end of the song, with NaN in gaps."""
    order = np.argsort(dynamic.starts, kind="stable")
    order = order[dynamic.starts[order] < end]
    starts, ends = dynamic.starts[order], dynamic.ends[order]
    gaps = np.flatnonzero(starts[1:] > ends[:-1] + 1e-6) + 1
    rows = [(starts + ends) / 2, dynamic.mean[order, k]]
    rows += [] if dynamic.deviation is None else [dynamic.deviation[order, k]]
    times, mean, *deviation = (np.insert(np.asarray(row, dtype=float), gaps, np.nan) for row in rows)
    return times, mean, deviation[0] if deviation else None
