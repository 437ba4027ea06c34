"""Table 1: how many segments a collection gives, counted from its songs' durations."""

from collections import Counter

import joblib
import numpy as np
from tqdm.auto import tqdm

from skmer._io import markdown_table
from skmer.audio import read_audio
from skmer.datasets import COLLECTIONS
from skmer.feature_extraction.segments import SegmentTransformer
from skmer.reproduction.paper import TABLE_1
from skmer.reproduction.tables import songs_digest

__all__ = ["count_segments", "counts_markdown", "run_counts"]

DURATIONS = (1, 2, 3, 4, 5)
SR = SegmentTransformer().sr


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


def run_counts(
    dataset, data_home=None, durations=DURATIONS, max_duration=30.0, from_metadata=False, n_jobs=None, verbose=0
):
    """Count the segments of a collection, cut to `max_duration` and whole.

    Songs are decoded, for what a header says may be an estimate, or damaged: the counts
    are those of `SegmentTransformer`.

    Parameters
    ----------
    dataset : str
        A name in `skmer.datasets.COLLECTIONS`.
    data_home : str or Path, default=None
        Folder of the collection.
    durations : sequence of float, default=(1, 2, 3, 4, 5)
        Lengths of segments in seconds.
    max_duration : float, default=30.0
        Seconds of each song that are used.
    from_metadata : bool, default=False
        Use the durations that the collection's tables state, without the audio.
    n_jobs : int, default=None
        Threads that read songs.
    verbose : int, default=0
        1 shows progress.

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
        seconds = _read_seconds(songs.data, n_jobs, verbose)
    elif "durations" in songs:
        seconds = np.asarray(songs.durations, dtype=np.float64)
    else:
        raise ValueError(f"The tables of {collection.title} state no durations: count from the audio.")
    used = _in_whole_samples(max_duration)
    lengths = {f"{d:g}": _in_whole_samples(d) for d in durations}
    return {
        "table": "table1",
        "dataset": dataset,
        "title": collection.title,
        "unit": collection.unit,
        "source": "durations stated by the collection" if from_metadata else "durations of the audio files",
        "n_songs": len(seconds),
        "songs": songs_digest(songs.data),
        "max_duration": max_duration,
        "shorter": int((seconds < max_duration).sum()),
        "mean_seconds": float(seconds.mean()),
        "counts": {
            name: {
                "segments": int(count_segments(seconds, d, used).sum()),
                "whole songs": int(count_segments(seconds, d, None).sum()),
                "if all were as long": int(count_segments([used], d, used)[0]) * len(seconds),
                "too short": int((count_segments(seconds, d, None) == 0).sum()),
            }
            for name, d in lengths.items()
        },
        "lengths": dict(sorted(Counter(np.floor(np.minimum(seconds, 60)).astype(int).tolist()).items())),
    }


def _in_whole_samples(seconds):
    """Give the seconds that remain when a length is rounded to samples, as `SegmentTransformer` does."""
    return round(seconds * SR) / SR


def _read_seconds(paths, n_jobs, verbose):
    """Give the lengths that songs have once they are decoded and resampled."""
    work = (joblib.delayed(read_audio)(path, sr=SR) for path in paths)
    read = joblib.Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(work)
    bar = tqdm(read, total=len(paths), desc="Songs", unit="song", disable=not verbose)
    return np.array([len(y) / SR for y in bar])


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
    | 3 s     |       28 |          40 |                  28 |              0 |
    """
    paper = TABLE_1.get(table["dataset"])
    unit, used = table.get("unit", "song"), f"{table['max_duration']:g} s"
    header = ["segment", "segments", f"whole {unit}s", f"if all had {used}", f"{unit}s shorter"]
    rows = []
    for duration, count in table["counts"].items():
        numbers = [count["segments"], count["whole songs"], count["if all were as long"], count["too short"]]
        rows.append([f"{duration} s", *(f"{n:,}" for n in numbers)])
        if paper:
            theirs = dict(zip("12345", paper["n_segments"], strict=True)).get(duration)
            rows[-1] += ["", ""] if theirs is None else [f"{theirs:,}", f"{100 * (numbers[0] / theirs - 1):+.1f} %"]
    n_theirs = f" (the paper: {paper['n_songs']:,})" if paper else ""
    heading = (
        f"{table['title']}: {table['n_songs']:,} {unit}s{n_theirs}, {table['source']}: {table['mean_seconds']:.1f} s "
        f"on average, {table['shorter']} shorter than {used}. Segments of the first {used}, 1 s apart, without padding."
    )
    return heading + "\n\n" + markdown_table(header + (["paper", "difference"] if paper else []), rows)
