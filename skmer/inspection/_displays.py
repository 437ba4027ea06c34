"""Functions shared by the displays: axes, colours, time axes and text."""

from pathlib import Path

import numpy as np

from skmer.audio.waveforms import has_rate
from skmer.inspection.over_time import emotion_over_time
from skmer.inspection.predictions import SongRatings
from skmer.inspection.song_predictor import as_predictor

FAINT = "#BBBBBB"


def get_axes(ax, figsize, display, n_rows=1):
    """Return `ax`, or the axes of a new figure, of `n_rows` with one time axis; raise if matplotlib is missing."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"{display} needs matplotlib; install it with: pip install skmer[plot]") from error
    if ax is not None:
        return ax
    return plt.subplots(n_rows, figsize=figsize, sharex=True, layout="constrained")[1]


def hide_frame(ax):
    """Hide the upper and right edge of the frame."""
    ax.spines[["top", "right"]].set_visible(False)


def label_time_axis(ax, last, span=None, axis="x"):
    """Label the time axis of a song that ends at `last`: in seconds, or in minutes and seconds where it is long."""
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    span = last if span is None else span
    step = next((s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600) if span / s <= 10), 1200)
    scale = getattr(ax, f"{axis}axis")
    scale.set_major_locator(MultipleLocator(step))
    if last > 90:
        scale.set_major_formatter(FuncFormatter(lambda t, _: f"{int(t) // 60}:{int(t) % 60:02d}"))
    scale.set_label_text("time (m:ss)" if last > 90 else "time (s)")


def printable(text):
    """Escape bytes of a file name that are not valid text, which a font cannot draw."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def rate_song(estimator, song):
    """Return the name of a song, its `SongRatings` by a fitted pipeline, and the limits of each target or None."""
    name = song_name(song)
    predictor = as_predictor(estimator, require_segments=True)
    if predictor.target_names is None:
        raise ValueError("Expected a model that predicts ratings, got one of classes: use EmotionTimelineDisplay.")
    [ratings] = emotion_over_time(predictor, [song])
    return name, ratings, None if predictor.target_range is None else predictor.target_range.T


def check_rated_segments(ratings):
    """Raise ValueError for a `SongRatings` of a whole song, or another answer."""
    if not isinstance(ratings, SongRatings):
        raise ValueError(f"Expected ratings of a song, got {type(ratings).__name__}: use EmotionTimelineDisplay.")
    if not len(ratings.starts):
        raise ValueError("Expected ratings with segments, got some without: their pipeline predicts whole songs only.")


def shortened(name, longest=24):
    """Return a name in one line, shortened in the middle to at most `longest` characters."""
    name = printable(" ".join(str(name).split()))
    if len(name) <= longest:
        return name
    end = longest // 3
    return f"{name[: longest - end - 1]}…{name[-end:]}"


def song_name(song):
    """Return the name of a song for a title; raise if it is not one song."""
    if isinstance(song, str | Path):
        return Path(song).name
    if has_rate(song) or (isinstance(song, np.ndarray) and song.ndim == 1):
        return "Song"
    raise ValueError(
        "song must be one path or one waveform of shape (n_samples,), or a tuple (waveform, sampling rate), got "
        f"{type(song).__name__}."
    )
