"""EmotionTimelineDisplay: how the emotion of a song changes over time."""

from itertools import pairwise

import numpy as np

from skmer._colours import COLOURS
from skmer.inspection._displays import FAINT, get_axes, hide_frame, label_time_axis, printable, song_name
from skmer.inspection.over_time import emotion_over_time

__all__ = ["EmotionTimelineDisplay"]


def _spread(heights, gap):
    """Move heights apart, in their order, until neighbours are at least `gap` apart."""
    order = np.argsort(heights, kind="stable")
    placed = np.asarray(heights, dtype=float)[order]
    for i in range(1, len(placed)):
        placed[i] = max(placed[i], placed[i - 1] + gap)
    # move down what was moved beyond the top
    if len(placed):
        placed[-1] = min(placed[-1], max(1.0, gap * (len(placed) - 1)))
    for i in range(len(placed) - 2, -1, -1):
        placed[i] = min(placed[i], placed[i + 1] - gap)
    out = np.empty_like(placed)
    out[order] = placed
    return out


def _check_has_classes(emotion):
    if not hasattr(emotion, "probabilities"):
        raise ValueError(f"Expected probabilities of classes, got {type(emotion).__name__}: use RatingTimelineDisplay.")


class EmotionTimelineDisplay:
    """Probability of each emotion over the time of one song (Figure 2 of Sun et al.).

    Create it with `from_estimator` or `from_predictions`. A line shows the probability of each class
    at the centre of each segment; the band below has the colour of the most probable class.

    Parameters
    ----------
    probabilities : ndarray of shape (n_segments, n_classes)
        Class probabilities of the song's segments.
    times : ndarray of shape (n_segments,)
        Centre of each segment, in seconds.
    class_names : sequence of str
        Names of the classes.
    duration : float, default=None
        Length of a segment in seconds, drawn as a bar; ``None`` draws none.
    title : str, default=None
        Title of the plot.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the plot.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : list of matplotlib Line2D
        Line of each class, in the order of `class_names`.
    band_ : matplotlib PolyCollection
        The band of the most probable class, one piece a segment.

    Raises
    ------
    ValueError
        If the shapes do not match or a value is not a probability.

    See Also
    --------
    RatingTimelineDisplay : Ratings, such as valence and arousal, over time.
    LossMixtureDisplay : Losses of the training segments and their mixture.

    References
    ----------
    Sun et al., "Semi-supervised self-learning for music emotion recognition", Figure 2.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.inspection import EmotionTimelineDisplay
    >>> probabilities = np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7]])
    >>> display = EmotionTimelineDisplay.from_predictions(
    ...     probabilities, duration=3, class_names=["calm", "tense"]
    ... )  # doctest: +SKIP
    >>> display.figure_.savefig("timeline.png")  # doctest: +SKIP
    """

    def __init__(self, probabilities, times, class_names, duration=None, title=None):
        self.probabilities = np.asarray(probabilities, dtype=float)
        self.times = np.asarray(times, dtype=float)
        self.class_names = [str(name) for name in class_names]
        self.duration = duration
        self.title = title
        if self.probabilities.ndim != 2 or len(self.probabilities) == 0:
            raise ValueError(
                f"probabilities must have shape (n_segments, n_classes), got {self.probabilities.shape}: pass one song."
            )
        expected = (*self.times.shape, len(self.class_names))
        if self.probabilities.shape != expected:
            raise ValueError(
                f"Expected probabilities of shape {expected}, by times and class_names, got {self.probabilities.shape}."
            )
        if not ((self.probabilities >= 0) & (self.probabilities <= 1 + 1e-6)).all():
            raise ValueError("probabilities must be between 0 and 1.")

    @classmethod
    def from_estimator(cls, estimator, song, *, title=None, ax=None, **kwargs):
        """Predict the segments of a song with a fitted pipeline, and plot them.

        Parameters
        ----------
        estimator : Pipeline
            Fitted pipeline with a `SegmentTransformer` and, after it, a segment classifier such
            as `SSSLClassifier`; or a fitted search over one.
        song : str, Path or ndarray of shape (n_samples,)
            Path of an audio file, waveform at the sampling rate of the model, or (waveform, rate).
        title : str, default=None
            Title; ``None`` is the file's name and, where the pipeline predicts a label, that label.
        ax : matplotlib Axes, default=None
            Axes to draw on; ``None`` creates a figure.
        **kwargs : dict
            Passed to matplotlib's ``plot`` for every line.

        Returns
        -------
        EmotionTimelineDisplay
            The display.

        Raises
        ------
        ValueError
            If `estimator` has no segment classifier, or `song` is not one song.
        NotFittedError
            If the pipeline is not fitted.
        """
        name = song_name(song)
        emotion = next(emotion_over_time(estimator, [song]))
        _check_has_classes(emotion)
        if title is None:
            title = name if emotion.label is None else f"{name}: {emotion.label}"
        return cls.from_song_emotion(emotion, title=title, ax=ax, **kwargs)

    @classmethod
    def from_song_emotion(cls, emotion, *, title=None, ax=None, **kwargs):
        """Plot the emotion of a song, as `skmer.inspection.emotion_over_time` yields it.

        Parameters
        ----------
        emotion : SongEmotion
            Emotion of one song, with segments.
        title : str, default=None
            Title of the plot.
        ax : matplotlib Axes, default=None
            Axes to draw on; ``None`` creates a figure.
        **kwargs : dict
            Passed to matplotlib's ``plot`` for every line.

        Returns
        -------
        EmotionTimelineDisplay
            The display.

        Raises
        ------
        ValueError
            If the emotion has no segments.
        """
        _check_has_classes(emotion)
        if not len(emotion.starts):
            raise ValueError(
                "Expected an emotion with segments, got one without: its pipeline predicts whole songs only."
            )
        times = (emotion.starts + emotion.ends) / 2
        duration = float(emotion.ends[0] - emotion.starts[0])
        return cls(emotion.probabilities, times, emotion.classes, duration, title).plot(ax=ax, **kwargs)

    @classmethod
    def from_predictions(cls, probabilities, *, duration=3.0, hop=1.0, class_names=None, title=None, ax=None, **kwargs):
        """Plot the class probabilities of a song's segments.

        Parameters
        ----------
        probabilities : array-like of shape (n_segments, n_classes)
            Class probabilities of the segments, in their order.
        duration : float, default=3.0
            Length of a segment, in seconds.
        hop : float, default=1.0
            Time from segment to segment, in seconds.
        class_names : sequence of str, default=None
            Names of the classes; ``None`` is "class 0", "class 1" and so on.
        title : str, default=None
            Title of the plot.
        ax : matplotlib Axes, default=None
            Axes to draw on; ``None`` creates a figure.
        **kwargs : dict
            Passed to matplotlib's ``plot`` for every line.

        Returns
        -------
        EmotionTimelineDisplay
            The display.
        """
        probabilities = np.asarray(probabilities, dtype=float)
        if class_names is None and probabilities.ndim == 2:
            class_names = [f"class {k}" for k in range(probabilities.shape[1])]
        times = duration / 2 + hop * np.arange(len(probabilities))
        names = [] if class_names is None else class_names
        return cls(probabilities, times, names, duration, title).plot(ax=ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the plot.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; ``None`` creates a figure.
        **kwargs : dict
            Passed to matplotlib's ``plot`` for every line.

        Returns
        -------
        EmotionTimelineDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        Notes
        -----
        Only the eight classes that reach the highest probability are coloured and named.
        """
        self.ax_ = ax = get_axes(ax, (9, 4), "EmotionTimelineDisplay")
        self.figure_ = ax.figure
        peaks = self.probabilities.max(axis=0)
        named = np.sort(np.argsort(-peaks, kind="stable")[: len(COLOURS)])
        colours = [FAINT] * len(self.class_names)
        for colour, k in zip(COLOURS, named, strict=False):
            colours[k] = colour
        style = {"linewidth": 2.0, "marker": "o", "markersize": 3.5 if len(self.times) <= 60 else 0, **kwargs}
        self.lines_ = []
        for k, name in enumerate(self.class_names):
            own = {"label": name, "color": colours[k], "zorder": 2 + peaks[k], **style}
            self.lines_ += ax.plot(self.times, self.probabilities[:, k], **own)
        self._draw_band(ax, [line.get_color() for line in self.lines_])
        self._name_lines(ax, named)
        self._draw_scales(ax)
        return self

    def _edges(self):
        """Return the borders of the band's pieces, half-way between centres."""
        if len(self.times) == 1:
            half = 0.5 if self.duration is None else self.duration / 2
            return np.array([self.times[0] - half, self.times[0] + half])
        middle = (self.times[1:] + self.times[:-1]) / 2
        return np.r_[2 * self.times[0] - middle[0], middle, 2 * self.times[-1] - middle[-1]]

    def _draw_band(self, ax, colours):
        from matplotlib.collections import PolyCollection

        edges = self._edges()
        pieces = [[(a, -0.13), (b, -0.13), (b, -0.06), (a, -0.06)] for a, b in pairwise(edges)]
        top = self.probabilities.argmax(axis=1)
        self.band_ = PolyCollection(pieces, facecolors=[colours[k] for k in top], linewidths=0)
        ax.add_collection(self.band_)

    def _name_lines(self, ax, named):
        """Write the name of each class at the end of its line, in its colour."""
        end = self._edges()[-1]
        heights = _spread(self.probabilities[-1, named], 0.075)
        for k, height in zip(named, heights, strict=True):
            ax.annotate(
                printable(self.class_names[k]),
                (end, height),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                color=self.lines_[k].get_color(),
                fontweight="bold",
                parse_math=False,
                annotation_clip=False,
            )

    def _draw_scales(self, ax):
        edges = self._edges()
        half = 0.0 if self.duration is None else self.duration / 2
        first, last = min(self.times[0] - half, edges[0]), max(self.times[-1] + half, edges[-1])
        ax.set_xlim(min(0.0, first), last)
        ax.set_ylim(-0.15, 1.1)
        ax.set_yticks([0, 0.25, 0.5, 0.75, 1])
        ax.spines["left"].set_bounds(0, 1)
        ax.grid(axis="y", alpha=0.25, linewidth=0.8)
        if self.duration is not None:
            end = first + self.duration
            ax.plot([first, end], [1.07] * 2, color="black", linewidth=2, solid_capstyle="butt")
            text = f"one segment, {self.duration:g} s"
            # beside the bar, or below it where it is as long as the song
            place = {"xytext": (6, 0), "va": "center"} if end < last - self.duration else {"xytext": (-112, -9)}
            ax.annotate(text, (end, 1.07), textcoords="offset points", fontsize="small", **place)
        label_time_axis(ax, last, last - first)
        ax.set_ylabel("probability")
        ax.set_title(printable(self.title or ""), parse_math=False)
        hide_frame(ax)
