"""timeline_table: the emotion or the ratings of many songs over time, as one table."""

import os
import warnings

import numpy as np

from skmer.audio.finding import find_audio_files
from skmer.inspection.files import predict_files
from skmer.inspection.predictions import SongEmotion, check_step
from skmer.inspection.song_predictor import as_predictor

__all__ = ["timeline_table"]


def timeline_table(estimator, paths, every=None, n_jobs=1, as_frame=True):
    """Predict the emotion or the ratings of songs over time, as one table.

    Parameters
    ----------
    estimator : Pipeline or SongPredictor
        Fitted pipeline with a `SegmentTransformer` and, after it, a network on segments such as `SSSLClassifier` or
        `SSSLRegressor`; or a fitted search over one.
    paths : str, Path or iterable of them
        Audio files, and folders, which are searched by `skmer.audio.find_audio_files`.
    every : float, default=None
        Length in seconds of the cells of a regular grid, at least 0.001; None is a row for each segment. The value of a
        cell is the mean of the segments that overlap it, weighted by how much of it they cover.
    n_jobs : int, default=1
        Number of threads that read songs while the network runs in another thread; -1 is every processor.
    as_frame : bool, default=True
        Whether the table is a data frame, which needs pandas.

    Returns
    -------
    DataFrame or dict
        One row a segment or cell, and one column a class, with its probability, or a target, with its rating; NaN in
        a cell that no segment overlaps. The rows of a data frame are indexed by the levels ``file``, ``start`` and
        ``end``, of which the last two are ``Timedelta``: the segmented index of audformat. A dict has a column for
        each of these too, times in seconds.

    Raises
    ------
    ValueError
        If `estimator` does not predict segments, if `every` is too small, or if a dict would have two columns of
        one name.
    ImportError
        If `as_frame` is true and pandas is not installed.

    Warns
    -----
    UserWarning
        For each file that cannot be predicted, which has no row, and for each warning about a file.

    See Also
    --------
    skmer.inspection.predict_files : Gives the predictions, warnings and errors of files one by one.
    skmer.inspection.emotion_over_time : Takes waveforms too.

    Notes
    -----
    As much of each song is used as by `estimator`: a model of `skmer.models.train_model` uses the first 30 seconds,
    unless it is told otherwise. On the command line, ``skmer timeline --format csv`` writes the same values of whole
    songs.

    Examples
    --------
    >>> from skmer.inspection import timeline_table
    >>> table = timeline_table(pipe, "music", every=1)  # doctest: +SKIP
    >>> table.loc["music/a.mp3"].mean()  # doctest: +SKIP
    """
    if every is not None:
        check_step(every, "every")
    if as_frame:
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "timeline_table needs pandas for a data frame: install it with `pip install pandas`, or pass "
                "as_frame=False."
            ) from error
    predictor = as_predictor(estimator, require_segments=True)
    names = list(predictor.classes if predictor.target_names is None else predictor.target_names)
    if not as_frame and (taken := {"file", "start", "end"}.intersection(names)):
        raise ValueError(f"The model has the column {taken.pop()!r} of its own: pass as_frame=True.")
    files, starts, ends, rows = [], [np.empty(0)], [np.empty(0)], [np.empty((0, len(names)))]
    found = find_audio_files([paths] if isinstance(paths, str | os.PathLike) else paths)
    remarks = [str(error) for _, error in found if error is not None]
    for song in predict_files(predictor, [file for file, error in found if error is None], n_jobs):
        remarks += [f"{song.file}: {remark}" for remark in (*song.warnings, *filter(None, [song.error]))]
        if song.answer is None:
            continue
        answer = song.answer if every is None else song.answer.every(every)
        files += [song.file] * len(answer.starts)
        starts.append(answer.starts)
        ends.append(answer.ends)
        rows.append(answer.probabilities if isinstance(answer, SongEmotion) else answer.values)
    for remark in remarks:
        warnings.warn(remark, UserWarning, stacklevel=2)
    start, end, values = np.concatenate(starts), np.concatenate(ends), np.concatenate(rows)
    if not as_frame:
        return {"file": files, "start": start, "end": end, **dict(zip(names, values.T, strict=True))}
    times = [pd.to_timedelta(np.round(1e9 * edge).astype("timedelta64[ns]")) for edge in (start, end)]
    index = pd.MultiIndex.from_arrays([pd.Index(files, dtype="string"), *times], names=["file", "start", "end"])
    return pd.DataFrame(values, index=index, columns=names)
