"""Table 1: how many segments a collection gives, counted from its songs' durations."""

from collections import Counter

import numpy as np
import soundfile

from skmer.audio import AudioError, read_audio
from skmer.reproduction.collections import COLLECTIONS
from skmer.reproduction.paper import TABLE_1
from skmer.reproduction.text import markdown_table

__all__ = ["count_segments", "counts_markdown", "run_counts"]

DURATIONS = (1, 2, 3, 4, 5)


def count_segments(seconds, duration, max_duration=30.0):
    """Count the segments of songs, a second apart and without padding.

    Parameters
    ----------
    seconds : array-like of shape (n_songs,)
        Lengths of the songs.
    duration : float
        Length of a segment in seconds.
    max_duration : float or None, default=30.0
        Seconds of each song that are used; None uses all.

    Returns
    -------
    ndarray of shape (n_songs,)
        0 for a song that is shorter than a segment.

    References
    ----------
    Sun et al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition",
    section 3.3 and Table 1.

    Examples
    --------
    >>> from skmer.reproduction import count_segments
    >>> count_segments([2.5, 30.0, 45.0], duration=3).tolist()
    [0, 28, 28]
    """
    used = np.asarray(seconds, dtype=np.float64)
    if max_duration is not None:
        used = np.minimum(used, max_duration)
    # 4.1 - 1.1 is a hair less than 3
    return np.maximum(np.floor(used - duration + 1e-9).astype(int) + 1, 0)


def run_counts(dataset, data_home=None, durations=DURATIONS, max_duration=30.0, from_metadata=False):
    """Count the segments of a collection, cut to `max_duration` and whole.

    Parameters
    ----------
    dataset : str
        A name in `COLLECTIONS`.
    data_home : str or Path, default=None
        Folder of the collection.
    durations : sequence of float, default=(1, 2, 3, 4, 5)
        Lengths of segments in seconds.
    max_duration : float, default=30.0
        Seconds of each song that are used.
    from_metadata : bool, default=False
        Use the durations that the collection's tables state, without the audio.

    Returns
    -------
    dict
        As JSON can hold it.

    Raises
    ------
    ValueError
        If the tables do not state durations.
    AudioError
        If a song cannot be read.

    Examples
    --------
    >>> from skmer.reproduction import run_counts
    >>> run_counts("pmemo", "~/PMEmo2019", from_metadata=True)["n_songs"]  # doctest: +SKIP
    767
    """
    collection = COLLECTIONS[dataset]
    songs = collection.load(data_home, check_audio=not from_metadata)
    if not from_metadata:
        seconds = np.array([_seconds(path) for path in songs.data])
    elif "durations" in songs:
        seconds = np.asarray(songs.durations, dtype=np.float64)
    else:
        raise ValueError(f"The tables of {collection.title} state no durations: count from the audio.")
    return {
        "table": "table1",
        "dataset": dataset,
        "title": collection.title,
        "source": "durations stated by the collection" if from_metadata else "durations of the audio files",
        "n_songs": len(seconds),
        "max_duration": max_duration,
        "shorter": int((seconds < max_duration).sum()),
        "mean_seconds": float(seconds.mean()),
        "counts": {
            f"{d:g}": {
                "segments": int(count_segments(seconds, d, max_duration).sum()),
                "whole songs": int(count_segments(seconds, d, None).sum()),
                "if all were as long": int(count_segments([max_duration], d, max_duration)[0]) * len(seconds),
                "too short": int((count_segments(seconds, d) == 0).sum()),
            }
            for d in durations
        },
        "lengths": dict(sorted(Counter(np.floor(np.minimum(seconds, 60)).astype(int).tolist()).items())),
    }


def _seconds(path):
    try:
        return soundfile.info(path).duration
    # formats that soundfile does not know are decoded, and named where that fails
    except (soundfile.LibsndfileError, ValueError, RuntimeError):
        try:
            return len(read_audio(path, sr=8000)) / 8000
        except AudioError as error:
            raise AudioError(f"{error} Its duration cannot be counted.") from error


def counts_markdown(table):
    """Write Table 1 for people.

    Parameters
    ----------
    table : dict
        What `run_counts` gives.

    Returns
    -------
    str
        Markdown, with the paper's counts and the difference where there are any.

    Examples
    --------
    >>> from skmer.reproduction import counts_markdown
    >>> counts = {"3": {"segments": 28, "whole songs": 40, "if all were as long": 28, "too short": 0}}
    >>> table = {"dataset": "x", "title": "X", "source": "", "n_songs": 1, "max_duration": 30, "shorter": 0,
    ...          "mean_seconds": 42.0, "counts": counts}
    >>> print(counts_markdown(table).splitlines()[-1])
    | 3 s     |       28 |          40 |                  28 |              0 |       |            |
    """
    paper = TABLE_1.get(table["dataset"])
    header = [
        "segment",
        "segments",
        "whole songs",
        f"if all had {table['max_duration']:g} s",
        "songs shorter",
        "paper",
        "difference",
    ]
    rows = []
    for duration, count in table["counts"].items():
        theirs = paper["n_segments"][int(duration) - 1] if paper and duration in "12345" else None
        numbers = [count["segments"], count["whole songs"], count["if all were as long"], count["too short"]]
        difference = "" if theirs is None else f"{100 * (count['segments'] / theirs - 1):+.1f} %"
        rows.append(
            [f"{duration} s", *(f"{n:,}" for n in numbers), "" if theirs is None else f"{theirs:,}", difference]
        )
    n_theirs = f" (the paper: {paper['n_songs']:,})" if paper else ""
    heading = (
        f"{table['title']}: {table['n_songs']:,} songs{n_theirs}, {table['source']}: {table['mean_seconds']:.1f} s on "
        f"average, {table['shorter']} shorter than {table['max_duration']:g} s. Segments of the first "
        f"{table['max_duration']:g} s, 1 s apart, without padding."
    )
    return heading + "\n\n" + markdown_table(header, rows)
