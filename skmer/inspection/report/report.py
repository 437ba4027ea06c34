"""write_label_noise_report: write a page and tables about the labels of many songs."""

import os
from contextlib import ExitStack, closing
from pathlib import Path

from tqdm import tqdm

from skmer._io import open_text
from skmer.feature_extraction._base import check_songs
from skmer.inspection.cross_fitting import SMOOTHING, check_smoothing, cross_fitted_trust
from skmer.inspection.files import answers, predict_files
from skmer.inspection.label_trust import LabelChecker
from skmer.inspection.report.folder import (
    FILES,
    atomic_report,
    check_folder,
    segment_writer,
    write_relabel,
    write_stretches,
)
from skmer.inspection.report.page import page_song, render_page
from skmer.inspection.report.summary import LabelNoiseReport, summarise

__all__ = ["write_label_noise_report"]


def write_label_noise_report(
    estimator,
    songs,
    labels,
    out,
    *,
    names=None,
    groups=None,
    threshold=None,
    cv=None,
    smoothing=SMOOTHING,
    n_jobs=1,
    force=False,
    verbose=0,
    log=None,
):
    """Write a report that shows which songs should be listened to again, because their labels may be wrong.

    The folder contains a page, ``index.html``, on which songs are listened to, the most doubtful first, and their
    labels kept or changed, and which saves the labels as a table; ``relabel.csv``, that table before any change, for
    `skmer train` and `skmer.datasets.load_csv`; ``stretches.csv`` and ``segments.csv``, with a line for each distrusted
    stretch and each segment. It is written atomically.

    Parameters
    ----------
    estimator : Pipeline or SongPredictor
        Fitted pipeline with a `SegmentTransformer` and, after it, a segment classifier such
        as `SSSLClassifier`; or a fitted search over one.
    songs : sequence of n_songs str or Path
        Audio files.
    labels : sequence of shape (n_songs,)
        The label of each song.
    out : str or Path
        Folder of the report, which is created; its parent folder must exist.
    names : sequence of n_songs str, default=None
        Names of the songs in the report, and paths in ``relabel.csv``, such as paths relative
        to the folder of the songs. None is the paths as given.
    groups : sequence of shape (n_songs,), default=None
        Group of each song, such as its artist, for ``relabel.csv`` and for `cv`.
    threshold : float, default=None
        Clean probability that a label must exceed to be trusted; None is the classifier's own
        ``clean_threshold``, or 0.5 where it has no mixture. With `cv`, None distrusts a tenth of all seconds.
    cv : int, splitter or iterable, default=None
        Judge each song by a network that is trained on other songs, as in `label_trust`; an int is the number
        of folds. None uses the fitted network.
    smoothing : float, default=5.0
        Seconds over which probabilities are averaged with `cv`.
    n_jobs : int, default=1
        Number of threads that decode songs while the network runs; -1 is every processor. The results
        do not depend on it.
    force : bool, default=False
        Whether an earlier report is replaced. A folder with other files is never replaced, nor
        is a report whose ``relabel.csv`` has been edited.
    verbose : int, default=0
        Above 0, a progress bar.
    log : callable, default=None
        Called with a message for each song that fails or has warnings, as it is read.

    Returns
    -------
    LabelNoiseReport
        Content of the report.

    Raises
    ------
    ValueError
        If `estimator` has no segment classifier, the lengths differ, or `cv` leaves training songs of fewer than
        two classes.
    NotFittedError
        If `estimator` is not fitted.
    OSError
        If `out` cannot be written, or has files that must not be replaced.

    See Also
    --------
    skmer.inspection.label_trust : Computes the probabilities of the report.
    skmer.inspection.LabelNoiseDisplay : Plots a song.
    skmer.inspection.write_timeline_page : Writes such a page of songs without labels.

    Notes
    -----
    A song that cannot be read, or whose label is none of the model's classes, is named on the page with
    the reason, and the other songs are processed. ``relabel.csv`` does not contain songs that cannot be read;
    songs with such a label are at its end, without figures. At most `n_jobs` + 1 songs are in memory;
    with `cv`, all are.

    Examples
    --------
    >>> from skmer.inspection import write_label_noise_report
    >>> report = write_label_noise_report(pipe, songs.data, songs.target, "report")  # doctest: +SKIP
    >>> report.songs[0].name  # doctest: +SKIP
    'the-most-doubtful.mp3'
    """
    checker = LabelChecker(estimator, threshold)
    files, labels, names, groups = _check_input(songs, labels, names, groups)
    check_folder(out, force)
    log = log or (lambda message: None)
    reasons = [_wrong_label(checker, label) for label in labels]
    cross_fitted = None
    if cv is not None:
        # before the folder is written, which may fail too
        cross_fitted = _cross_fit(checker, files, labels, groups, reasons, cv, smoothing, threshold, n_jobs, verbose)
    judged, failed = [], []
    with ExitStack() as stack:
        part = stack.enter_context(atomic_report(out, force))
        write = segment_writer(stack.enter_context(open_text(part / FILES.segments)), checker.predictor.classes)
        jobs = cross_fitted or stack.enter_context(closing(_judge(checker, files, labels, reasons, n_jobs)))
        bar = stack.enter_context(tqdm(total=len(files), desc="Songs", unit="song", disable=not verbose))
        for i, (trust, song_warnings, error) in enumerate(jobs):
            for warning in song_warnings:
                log(f"{names[i]}: warning: {warning}")
            if error is None:
                write(names[i], trust)
                song = summarise(trust, names[i], files[i], song_warnings, groups[i])
                judged.append((song, page_song(song, trust)))
            else:
                log(f"{names[i]}: {error}")
                failed.append((names[i], error))
            bar.update()
        # stable: equally doubtful songs keep their order
        judged.sort(key=lambda pair: -pair[0].expected_wrong)
        ranked = tuple(song for song, _ in judged)
        page = Path(out) / FILES.page
        limit = next((trust.threshold for trust, *_ in cross_fitted or () if trust is not None), checker.threshold)
        from_mixture = checker.from_mixture and cv is None
        report = LabelNoiseReport(page, ranked, tuple(failed), limit, from_mixture, cv is not None)
        rows = zip(names, labels, groups, reasons, strict=True)
        unknown = [(name, label, group) for name, label, group, reason in rows if reason is not None]
        write_relabel(part / FILES.relabel, ranked, unknown, grouped=any(group is not None for group in groups))
        write_stretches(part / FILES.stretches, ranked)
        html = render_page(report, checker.predictor, part / FILES.relabel, [own for _, own in judged], unknown)
        # bytes of file names that are not valid text are escaped
        (part / FILES.page).write_text(html, encoding="utf-8", errors="backslashreplace")
    return report


def _check_input(songs, labels, names, groups):
    files = check_songs(songs)
    if not all(isinstance(file, str | os.PathLike) for file in files):
        raise ValueError("songs must be paths of audio files, which the page links to; label_trust takes waveforms.")
    files, labels = [os.fspath(file) for file in files], list(labels)
    names = files if names is None else list(names)
    groups = [None] * len(files) if groups is None else list(groups)
    for what, values in (("labels", labels), ("names", names), ("groups", groups)):
        if len(values) != len(files):
            raise ValueError(f"There are {len(files)} songs but {len(values)} {what}: give one a song.")
    return files, labels, names, groups


def _judge(checker, files, labels, reasons, n_jobs):
    """Yield the trust, the warnings and the error of each song; one of trust and error is None."""
    readable = [file for file, reason in zip(files, reasons, strict=True) if reason is None]
    with closing(predict_files(checker.predictor, readable, n_jobs)) as predictions:
        for label, reason in zip(labels, reasons, strict=True):
            if reason is not None:
                yield None, (), reason
                continue
            prediction = next(predictions)
            trust = None if prediction.error is not None else checker.trust(prediction.answer, label)
            yield trust, prediction.warnings, prediction.error


def _cross_fit(checker, files, labels, groups, reasons, cv, smoothing, threshold, n_jobs, verbose):
    """Return what `_judge` yields, as a list, with trust by networks that were trained on other songs."""
    check_smoothing(smoothing)
    readable = [i for i, reason in enumerate(reasons) if reason is None]
    found: list = [(None, (), reason) for reason in reasons]
    rows = {}
    predictor = checker.predictor
    with closing(answers(predictor, [files[i] for i in readable], predictor.rows, n_jobs)) as songs:
        bar = tqdm(songs, total=len(readable), desc="Reading", unit="song", disable=not verbose)
        for i, (_, song, song_warnings, error) in zip(readable, bar, strict=True):
            found[i] = None, song_warnings, error
            if error is None:
                rows[i] = song
    if rows:
        own_groups = None if None in groups else [groups[i] for i in rows]
        own_labels = [labels[i] for i in rows]
        trusts = cross_fitted_trust(
            checker, list(rows.values()), own_labels, cv, own_groups, smoothing, threshold, int(bool(verbose))
        )
        for i, trust in zip(rows, trusts, strict=True):
            found[i] = trust, *found[i][1:]
    return found


def _wrong_label(checker, label):
    """Return why a label cannot be judged, or None."""
    try:
        checker.class_index(label)
    except ValueError as error:
        return str(error)
    return None
