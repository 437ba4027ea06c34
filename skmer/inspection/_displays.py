"""Functions shared by the displays: axes, colours, time axes and text."""

from pathlib import Path

import numpy as np

# Okabe and Ito's palette, which colour-blind readers can tell apart
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5B5B5B", "#A6761D")
FAINT = "#BBBBBB"


def get_axes(ax, figsize, display):
    """Return `ax`, or the axes of a new figure; raise if matplotlib is missing."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"{display} needs matplotlib; install it with: pip install skmer[plot]") from error
    if ax is not None:
        return ax
    return plt.subplots(figsize=figsize, layout="constrained")[1]


def hide_frame(ax):
    """Hide the upper and right edge of the frame."""
    ax.spines[["top", "right"]].set_visible(False)


def label_time_axis(ax, last, span=None):
    """Label the time axis of a song that ends at `last`: in seconds, or in minutes and seconds where it is long."""
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    span = last if span is None else span
    step = next((s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600) if span / s <= 10), 1200)
    ax.xaxis.set_major_locator(MultipleLocator(step))
    if last > 90:
        ax.xaxis.set_major_formatter(FuncFormatter(lambda t, _: f"{int(t) // 60}:{int(t) % 60:02d}"))
    ax.set_xlabel("time (m:ss)" if last > 90 else "time (s)")


def printable(text):
    """Escape bytes of a file name that are not valid text, which a font cannot draw."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def song_name(song):
    """Return the name of a song for a title; raise if it is not one song."""
    if isinstance(song, str | Path):
        return Path(song).name
    if isinstance(song, np.ndarray) and song.ndim == 1:
        return "Song"
    raise ValueError(f"song must be one path or one waveform of shape (n_samples,), got {type(song).__name__}.")
