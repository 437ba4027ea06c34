"""Table 1: the number of segments in a collection, counted from the lengths of its songs."""

from collections import Counter
from functools import partial

import numpy as np
from tqdm.auto import tqdm

from skmer._io import markdown_table
from skmer._parallel import parallel_map
from skmer.audio import read_audio
from skmer.datasets import COLLECTIONS
from skmer.feature_extraction import SegmentTransformer
from skmer.reproduction.overwrite import check_overwrite, songs_digest
from skmer.reproduction.published import TABLE_1

__all__ = ["count_segments", "counts_markdown", "run_counts"]

_SR = SegmentTransformer().sr


def count_segments(seconds, duration, max_duration=30.0):
    """Return the number of segments, one second apart and without padding, of songs with these lengths."""
    used = np.asarray(seconds, dtype=np.float64)
    if max_duration is not None:
        used = np.minimum(used, max_duration)
    # in floating point, 4.1 - 1.1 is slightly less than 3
    return np.maximum(np.floor(used - duration + 1e-9).astype(int) + 1, 0)


def run_counts(
    dataset,
    data_home=None,
    durations=(1, 2, 3, 4, 5),
    max_duration=30.0,
    from_metadata=False,
    *,
    replaces=None,
    n_jobs=None,
    verbose=0,
):
    """Count the segments of a collection, as in Table 1, from whole songs and from songs cut to `max_duration`.

    Songs are decoded, because the length in the header of a file may be an estimate: the counts
    are those of `skmer.SegmentTransformer`.

    Parameters
    ----------
    dataset : str
        Name of a collection, such as "pmemo"; see ``skmer reproduce table1 --help``.
    data_home : str or Path, default=None
        Folder of the collection.
    durations : sequence of float, default=(1, 2, 3, 4, 5)
        Lengths of segments in seconds.
    max_duration : float, default=30.0
        Seconds of each song that are used.
    from_metadata : bool, default=False
        Use the lengths that the collection's tables state, without the audio.
    replaces : str or Path, default=None
        JSON file that the table is to be written to; see `run_table`.
    n_jobs : int, default=None
        Number of threads that read songs.
    verbose : int, default=0
        1 shows progress.

    Returns
    -------
    dict
        The table, as JSON can hold it. `table_markdown` formats it.

    Raises
    ------
    ValueError
        If the collection's tables state no lengths, or `replaces` is a table of other songs or options.
    AudioError
        If a song cannot be read.

    References
    ----------
    Sun et al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition",
    section 3.3 and Table 1.

    Examples
    --------
    >>> from skmer.reproduction import run_counts
    >>> run_counts("pmemo", "~/PMEmo2019", from_metadata=True)["n_songs"]  # doctest: +SKIP
    767
    """
    collection = COLLECTIONS[dataset]
    songs = collection.load(data_home, check_audio=not from_metadata)
    if from_metadata and "durations" not in songs:
        raise ValueError(
            f"The tables of {collection.title} contain no durations: count from the audio, without from_metadata."
        )
    used = _in_whole_samples(max_duration)
    lengths = {f"{d:g}": _in_whole_samples(d) for d in durations}
    table = {
        "table": "table1",
        "dataset": dataset,
        "title": collection.title,
        "unit": collection.unit,
        "source": "durations stated by the collection" if from_metadata else "durations of the audio files",
        "n_songs": len(songs.data),
        "songs": songs_digest(songs.data),
        "max_duration": max_duration,
    }
    if replaces is not None:
        check_overwrite(replaces, {**table, "counts": dict.fromkeys(lengths)})
    if from_metadata:
        seconds = np.asarray(songs.durations, dtype=np.float64)
    else:
        seconds = _read_seconds(songs.data, n_jobs, verbose)
    return {
        **table,
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
    """Round a length to samples, as `SegmentTransformer` does."""
    return round(seconds * _SR) / _SR


def _read_seconds(paths, n_jobs, verbose):
    """Return the lengths of songs once they are decoded and resampled."""
    read = parallel_map(partial(read_audio, sr=_SR), ((path,) for path in paths), n_jobs, threads=True)
    bar = tqdm(read, total=len(paths), desc="Songs", unit="song", disable=not verbose)
    return np.array([len(y) / _SR for y in bar])


def counts_markdown(table):
    """Format Table 1 as Markdown, with the paper's counts and the difference where there are any."""
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
