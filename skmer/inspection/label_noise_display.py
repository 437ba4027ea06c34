"""LabelNoiseDisplay: plot where in a song its label is distrusted, and which emotion is predicted there instead."""

import numpy as np

from skmer._colours import COLOURS
from skmer.inspection._displays import get_axes, hide_frame, label_time_axis, printable, shortened, song_name
from skmer.inspection.label_trust import label_trust

__all__ = ["LabelNoiseDisplay"]

_STRIP = (1.10, 1.24)  # heights above the curve, whose range is 0 to 1
_FIRST_NAMES, _ROW, _MOST_ROWS = 1.29, 0.13, 3
_LONGEST_FILE = 60  # letters


class LabelNoiseDisplay:
    """Plot of where in a song its label is distrusted, and of the emotion that is predicted there instead.

    Create it with `from_estimator` or `from_predictions`. The strip has the colour of the label; the
    stretches in which the label is distrusted are hatched, in the colour of the most probable other
    emotion, whose name and probability are written above, with the label's probability. Where the label is
    still the most probable, the stretch keeps its colour and is hatched lightly. The curve below is
    the probability that the label is right in each second, with the threshold.

    Parameters
    ----------
    trust : LabelTrust
        Of one song, as `skmer.inspection.label_trust` yields it.
    title : str, default=None
        Title of the plot.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the plot.
    figure_ : matplotlib Figure
        Figure of the axes.
    curve_ : matplotlib StepPatch
        The probability that the label is right.
    strip_ : list of matplotlib Rectangle
        The label's strip, then one for each distrusted stretch.
    names_ : list of matplotlib Annotation
        Names of what is heard, for the stretches that have room for it.

    Raises
    ------
    ValueError
        If `trust` has no segments.

    See Also
    --------
    EmotionTimelineDisplay : Probability of each emotion over the time of one song.
    skmer.inspection.write_label_noise_report : Writes a page with a plot of each song.

    Notes
    -----
    Names that would overlap are placed in up to three rows; where there is no room, they are written without the
    label's probability, or left out. Names of more than 24 letters are shortened in the middle.

    The probability that the label is right compares a segment with the other songs of the label
    (see `skmer.inspection.label_trust`). The probabilities above the strip are the network's, as in
    `EmotionTimelineDisplay`.

    Examples
    --------
    >>> from skmer.inspection import LabelNoiseDisplay
    >>> from skmer.inspection import label_trust
    >>> [trust] = label_trust(pipe, ["song.wav"], ["calm"])  # doctest: +SKIP
    >>> LabelNoiseDisplay.from_predictions(trust).figure_.savefig("label.png")  # doctest: +SKIP
    """

    def __init__(self, trust, title=None):
        self.trust = trust
        self.title = title
        if not len(trust.starts):
            raise ValueError("Expected a trust with segments, got one without.")

    @classmethod
    def from_estimator(cls, estimator, song, label, *, threshold=None, title=None, ax=None):
        """Compute how probable the label of a song is with a fitted pipeline, and plot it.

        Parameters
        ----------
        estimator : Pipeline
            Fitted pipeline with a `SegmentTransformer` and, after it, a segment classifier such
            as `SSSLClassifier`; or a fitted search over one.
        song : str, Path or ndarray of shape (n_samples,)
            Path of an audio file, waveform at the sampling rate of the model, or (waveform, rate).
        label : object
            The song's label.
        threshold : float, default=None
            Clean probability that a label must exceed to be trusted; None is the classifier's own.
        title : str, default=None
            Title; ``None`` is the file's name and the label.
        ax : matplotlib Axes, default=None
            Axes to draw on; ``None`` creates a figure.

        Returns
        -------
        LabelNoiseDisplay
            The display.

        Raises
        ------
        ValueError
            If `estimator` has no segment classifier, `song` is not one song, or `label` is none of
            the model's classes.
        NotFittedError
            If the pipeline is not fitted.
        """
        name = song_name(song)
        [trust] = label_trust(estimator, [song], [label], threshold)
        title = f"{shortened(name, _LONGEST_FILE)}: labelled {shortened(trust.label)}" if title is None else title
        return cls.from_predictions(trust, title=title, ax=ax)

    @classmethod
    def from_predictions(cls, trust, *, title=None, ax=None):
        """Plot how probable the label of a song is, as `skmer.inspection.label_trust` yields it.

        Parameters
        ----------
        trust : LabelTrust
            Of one song.
        title : str, default=None
            Title; ``None`` is the label.
        ax : matplotlib Axes, default=None
            Axes to draw on; ``None`` creates a figure.

        Returns
        -------
        LabelNoiseDisplay
            The display.
        """
        return cls(trust, f"Labelled {shortened(trust.label)}" if title is None else title).plot(ax=ax)

    def plot(self, ax=None):
        """Draw the plot.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; ``None`` creates a figure.

        Returns
        -------
        LabelNoiseDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = ax = get_axes(ax, (9, 3.2), "LabelNoiseDisplay")
        self.figure_ = ax.figure
        ends = self.trust.second_ends
        edges = np.r_[0.0, ends]
        ax.set_xlim(0, edges[-1])
        stretches = self.trust.stretches()
        self._draw_curve(ax, edges, stretches)
        self._draw_strip(ax, edges[-1], stretches)
        n_rows = self._name_stretches(ax, stretches)
        ax.set_ylim(-0.03, _FIRST_NAMES + _ROW * n_rows)
        ax.set_yticks([0, 0.25, 0.5, 0.75, 1])
        ax.spines["left"].set_bounds(0, 1)
        ax.set_ylabel("probability that\nthe label is right", y=0.5 / ax.get_ylim()[1])
        label_time_axis(ax, edges[-1])
        ax.set_title(printable(self.title or ""), loc="left", parse_math=False)
        hide_frame(ax)
        return self

    def _colour(self, name):
        return COLOURS[self.trust.classes.tolist().index(name) % len(COLOURS)]

    def _colour_of(self, stretch):
        return self._colour(self.trust.label if stretch.label_leads else stretch.heard)

    def _draw_curve(self, ax, edges, stretches):
        trust, clean = self.trust, self.trust.second_clean_probability
        ax.axhline(trust.threshold, color="black", linestyle="--", linewidth=1)
        for stretch in stretches:
            inside = (edges[:-1] >= stretch.start) & (edges[:-1] < stretch.end)
            heights = np.where(inside, clean, np.nan)
            # between the curve and the threshold
            ax.stairs(heights, edges, baseline=trust.threshold, fill=True, color=self._colour_of(stretch), alpha=0.3)
        self.curve_ = ax.stairs(clean, edges, baseline=None, color="black", linewidth=1.8)
        self._beside(ax, trust.threshold, f"distrusted up to {trust.threshold:.3g}", color="#444444")

    def _draw_strip(self, ax, end, stretches):
        from matplotlib.patches import Rectangle

        low, high = _STRIP
        own = Rectangle((0, low), end, high - low, facecolor=self._colour(self.trust.label), linewidth=0)
        self.strip_ = [ax.add_patch(own)]
        for stretch in stretches:
            # taller than the strip and hatched, so that it can be seen without colour too
            piece = Rectangle(
                (stretch.start, low - 0.025),
                stretch.end - stretch.start,
                high - low + 0.05,
                facecolor=self._colour_of(stretch),
                edgecolor="white",
                hatch="/" if stretch.label_leads else "////",
                linewidth=1.0,
            )
            self.strip_.append(ax.add_patch(piece))
        text = f"label: {shortened(self.trust.label)}"
        self._beside(ax, (low + high) / 2, text, color=self._colour(self.trust.label), fontweight="bold")
        if stretches:
            self._beside(ax, _FIRST_NAMES + 0.04, "heard instead", color="#444444")

    def _name_stretches(self, ax, stretches):
        """Write the predicted emotion above each stretch, in rows if names would overlap; return the number of rows."""
        for texts in ([_long(stretch) for stretch in stretches], [_short(stretch) for stretch in stretches]):
            places = self._places(ax, stretches, texts)
            if len(places) == len(stretches):
                break
        self.names_ = []
        for stretch, text, centre, row in places:
            colour, height = self._colour_of(stretch), _FIRST_NAMES + _ROW * row
            if row:
                middle = (stretch.start + stretch.end) / 2
                ax.plot([middle] * 2, [_STRIP[1] + 0.03, height], color=colour, linewidth=0.8, zorder=1)
            # on white, so that the line of a name above does not cross this one
            paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
            style = {"ha": "center", "va": "bottom", "fontweight": "bold", "fontsize": "small", "bbox": paper}
            self.names_.append(ax.annotate(text, (centre, height), color=colour, parse_math=False, **style))
        return 1 + max((row for *_, row in places), default=-1)

    def _places(self, ax, stretches, texts):
        """Return stretch, text, centre and row of each text that overlaps no other."""
        left, right = ax.get_xlim()
        # width of a letter in seconds, from the width of the axes before layout
        letter = 0.095 * (right - left) / max(ax.get_window_extent().width / self.figure_.dpi, 1)
        taken = np.full(_MOST_ROWS, -np.inf)
        places = []
        for stretch, text in zip(stretches, texts, strict=True):
            width = letter * len(text)
            centre = min(max((stretch.start + stretch.end) / 2, left + width / 2), right - width / 2)
            free = np.flatnonzero(taken <= centre - width / 2)
            if len(free):
                row = int(free[0])
                taken[row] = centre + width / 2 + letter
                places.append((stretch, text, centre, row))
        return places

    @staticmethod
    def _beside(ax, height, text, **style):
        ax.annotate(
            printable(text),
            (1, height),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
            parse_math=False,
            annotation_clip=False,
            **style,
        )


def _long(stretch):
    if stretch.label_leads:
        return f"label leads, {_percent(stretch.label_probability)}"
    return f"{_short(stretch)}, label {_percent(stretch.label_probability)}"


def _short(stretch):
    if stretch.label_leads:
        return f"label {_percent(stretch.label_probability)}"
    return f"{shortened(stretch.heard)} {_percent(stretch.heard_probability)}"


def _percent(probability):
    return f"{100 * probability:.0f} %"
