"""ValenceArousalDisplay: the path of a song in the plane of valence and arousal."""

import numpy as np

from skmer.inspection._displays import check_rated_segments, get_axes, label_time_axis, printable, rate_song, shortened

__all__ = ["ValenceArousalDisplay"]

_QUADRANTS = ("Q1 happy", "Q2 angry, fearful", "Q3 sad", "Q4 calm")
_MARGIN = 0.09  # beyond the limits, as a share of the scale, where names and markers have room


class ValenceArousalDisplay:
    """Path of a song in the plane of valence and arousal.

    Create it with `from_estimator`, `from_song_ratings` or `from_predictions`. A point shows the ratings of a segment;
    its colour is the time, from dark to light. The start is marked by a circle and the end by a square.

    Parameters
    ----------
    values : ndarray of shape (n_segments, 2)
        Valence and arousal of the song's segments.
    times : ndarray of shape (n_segments,)
        Centre of each segment, in seconds.
    dynamic : DynamicRatings, default=None
        Valence and arousal over time by listeners, whose path is drawn as a dashed line.
    limits : (float, float), default=(-1.0, 1.0)
        Lowest and highest rating of the scale. Half-way between them, the quadrants meet. A part of the scale
        with the same middle, such as (-0.5, 0.5), enlarges the path.
    names : (str, str), default=("valence", "arousal")
        Names of the axes.
    title : str, default=None
        Title of the plot.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the plot.
    figure_ : matplotlib Figure
        Figure of the axes.
    points_ : matplotlib PathCollection
        Points of the segments.
    line_ : matplotlib Line2D
        Path through the points.
    listener_line_ : matplotlib Line2D or None
        Path of the listeners.

    Raises
    ------
    ValueError
        If the shapes do not match, or a rating is beyond the limits.

    See Also
    --------
    RatingTimelineDisplay : A curve for each rating over time.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.inspection import ValenceArousalDisplay
    >>> path = np.array([[-0.4, 0.5], [0.0, 0.4], [0.5, 0.3]])
    >>> display = ValenceArousalDisplay.from_predictions(path, duration=3)  # doctest: +SKIP
    >>> display.figure_.savefig("path.png")  # doctest: +SKIP
    """

    def __init__(self, values, times, *, dynamic=None, limits=(-1.0, 1.0), names=("valence", "arousal"), title=None):
        self.values = np.asarray(values, dtype=float)
        self.times = np.asarray(times, dtype=float)
        self.dynamic = dynamic
        self.limits = limits
        self.names = names
        self.title = title
        if self.values.ndim != 2 or self.values.shape != (len(self.times), 2) or not len(self.times):
            raise ValueError(
                f"values must have shape (n_segments, 2), a row for each of {len(self.times)} times, got "
                f"{self.values.shape}."
            )
        if dynamic is not None and dynamic.mean.shape[1] != 2:
            raise ValueError(f"dynamic must have two targets, valence and arousal, got {dynamic.mean.shape[1]}.")
        low, high = limits
        if not low < high:
            raise ValueError(f"limits must be the lowest and the highest rating of the scale, got {limits!r}.")
        rated = self.values if dynamic is None else np.concatenate([self.values, dynamic.mean])
        rated = rated[np.isfinite(rated)]
        if ((rated < low) | (rated > high)).any():
            raise ValueError(
                f"There are ratings from {rated.min():.3g} to {rated.max():.3g}, beyond limits={limits!r}: pass the "
                "lowest and the highest rating of the scale, such as limits=(1, 9)."
            )

    @classmethod
    def from_estimator(
        cls, estimator, song, *, targets=None, dynamic=None, limits=(-1.0, 1.0), title=None, ax=None, **kwargs
    ):
        """Predict the ratings of a song's segments with a fitted pipeline, and plot their path.

        Parameters
        ----------
        estimator : Pipeline or SongPredictor
            Fitted pipeline with a `SegmentTransformer` and, after it, a regressor of segments such as `SSSLRegressor`;
            or a fitted search over one.
        song : str, Path or ndarray of shape (n_samples,)
            Path of an audio file, waveform at the sampling rate of the model, or (waveform, rate).
        targets : (str, str), default=None
            Names of the targets of the horizontal and the vertical axis; ``None`` is "valence" and "arousal", or,
            where the model has no targets of these names, its only two.
        dynamic : DynamicRatings, default=None
            Valence and arousal over time by listeners.
        limits : (float, float), default=(-1.0, 1.0)
            Lowest and highest rating of the scale.
        title : str, default=None
            Title; ``None`` is the file's name.
        ax : matplotlib Axes, default=None
            Axes to draw on; ``None`` creates a figure.
        **kwargs : dict
            Passed to matplotlib's ``scatter``.

        Returns
        -------
        ValenceArousalDisplay
            The display.

        Raises
        ------
        ValueError
            If `estimator` predicts no such ratings of segments, `song` is not one song, or a rating is beyond `limits`.
        NotFittedError
            If the pipeline is not fitted.
        """
        name, ratings, _ = rate_song(estimator, song)
        options = {"targets": targets, "dynamic": dynamic, "limits": limits, "title": name if title is None else title}
        return cls.from_song_ratings(ratings, **options, ax=ax, **kwargs)

    @classmethod
    def from_song_ratings(
        cls, ratings, *, targets=None, dynamic=None, limits=(-1.0, 1.0), title=None, ax=None, **kwargs
    ):
        """Plot the path of a song's ratings, as `skmer.inspection.emotion_over_time` yields them.

        Parameters
        ----------
        ratings : SongRatings
            Ratings of one song, with segments.
        targets : (str, str), default=None
            Names of the targets of the horizontal and the vertical axis, as in `from_estimator`.
        dynamic : DynamicRatings, default=None
            Valence and arousal over time by listeners.
        limits : (float, float), default=(-1.0, 1.0)
            Lowest and highest rating of the scale.
        title : str, default=None
            Title of the plot.
        ax : matplotlib Axes, default=None
            Axes to draw on; ``None`` creates a figure.
        **kwargs : dict
            Passed to matplotlib's ``scatter``.

        Returns
        -------
        ValenceArousalDisplay
            The display.

        Raises
        ------
        ValueError
            If the ratings have no segments or no such targets.
        """
        check_rated_segments(ratings)
        columns = _columns(ratings.names, targets)
        names = tuple(ratings.names[k] for k in columns)
        options = {"dynamic": dynamic, "limits": limits, "names": names, "title": title}
        return cls(ratings.values[:, columns], ratings.times, **options).plot(ax=ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        values,
        *,
        duration=3.0,
        hop=1.0,
        dynamic=None,
        limits=(-1.0, 1.0),
        names=("valence", "arousal"),
        title=None,
        ax=None,
        **kwargs,
    ):
        """Plot the path of the valence and arousal of a song's segments.

        Parameters
        ----------
        values : array-like of shape (n_segments, 2)
            Valence and arousal of the segments, in their order.
        duration : float, default=3.0
            Length of a segment, in seconds.
        hop : float, default=1.0
            Time from segment to segment, in seconds.
        dynamic : DynamicRatings, default=None
            Valence and arousal over time by listeners.
        limits : (float, float), default=(-1.0, 1.0)
            Lowest and highest rating of the scale.
        names : (str, str), default=("valence", "arousal")
            Names of the axes.
        title : str, default=None
            Title of the plot.
        ax : matplotlib Axes, default=None
            Axes to draw on; ``None`` creates a figure.
        **kwargs : dict
            Passed to matplotlib's ``scatter``.

        Returns
        -------
        ValenceArousalDisplay
            The display.
        """
        times = duration / 2 + hop * np.arange(len(values))
        options = {"dynamic": dynamic, "limits": limits, "names": names, "title": title}
        return cls(values, times, **options).plot(ax=ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the plot.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; ``None`` creates a figure.
        **kwargs : dict
            Passed to matplotlib's ``scatter``.

        Returns
        -------
        ValenceArousalDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = ax = get_axes(ax, (6.4, 5.4), "ValenceArousalDisplay")
        self.figure_ = ax.figure
        self._draw_plane(ax)
        x, y = self.values.T
        [self.line_] = ax.plot(x, y, color="#999999", linewidth=1, zorder=2, label="predicted")
        style = {"cmap": "cividis", "s": 28 if len(x) <= 60 else 14, "edgecolor": "#555555", "linewidth": 0.4}
        self.points_ = ax.scatter(x, y, c=self.times, **{**style, "zorder": 3, **kwargs})
        self.listener_line_ = None
        if self.dynamic is not None:
            own = self.dynamic.mean[np.argsort(self.dynamic.starts, kind="stable")]
            dashes = {"color": "#D55E00", "linestyle": "--", "linewidth": 1.5, "zorder": 4}
            [self.listener_line_] = ax.plot(*own.T, label="listeners", **dashes)
        ends = {"linestyle": "", "markersize": 11, "markerfacecolor": "none", "markeredgecolor": "black"}
        for i, marker, name in ((0, "o", "start"), (-1, "s", "end")):
            ax.plot(x[i], y[i], marker=marker, label=name, markeredgewidth=1.6, zorder=5, **ends)
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.13), "borderaxespad": 0, "fontsize": "small"}
        ax.legend(ncols=4, frameon=False, **place)
        bar = self.figure_.colorbar(self.points_, ax=ax, shrink=0.8, pad=0.03)
        label_time_axis(bar.ax, self.times[-1], np.ptp(self.times) or 1.0, "y")
        ax.set_title(printable(self.title or ""), parse_math=False)
        return self

    def _draw_plane(self, ax):
        """Draw the square of the scale, the borders of the quadrants, and their names in the margin."""
        from matplotlib.patches import Rectangle

        low, high = self.limits
        span, middle = high - low, (low + high) / 2
        ax.add_patch(Rectangle((low, low), span, span, fill=False, edgecolor="#BBBBBB", linewidth=1, zorder=0))
        ax.plot([low, high], [middle] * 2, color="#BBBBBB", linewidth=1, zorder=0)
        ax.plot([middle] * 2, [low, high], color="#BBBBBB", linewidth=1, zorder=0)
        margin = _MARGIN * span
        for name, x, y in zip(_QUADRANTS, (high, low, low, high), (high, high, low, low), strict=True):
            aside = -0.6 if y == low else 0.6
            place = {"ha": "left" if x == low else "right", "va": "center", "color": "#555555", "fontsize": "small"}
            ax.text(x, y + aside * margin, name, **place)
        ax.set_xlim(low - margin, high + margin)
        ax.set_ylim(low - margin, high + margin)
        ax.set_aspect("equal")
        ticks = np.linspace(low, high, 5)
        ax.set_xticks(ticks)
        ax.set_yticks(ticks)
        ax.set_xlabel(shortened(self.names[0]), parse_math=False)
        ax.set_ylabel(shortened(self.names[1]), parse_math=False)


def _columns(names, targets):
    """Return the columns of valence and arousal."""
    if targets is None:
        targets = names if len(names) == 2 and not {"valence", "arousal"} <= set(names) else ("valence", "arousal")
    if len(targets) != 2 or not set(targets) <= set(names):
        raise ValueError(
            f"The targets of the model are {', '.join(names)}: pass the names of valence and arousal as targets, got "
            f"{tuple(targets)!r}."
        )
    return [names.index(name) for name in targets]
