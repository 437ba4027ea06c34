"""write_label_noise_report: from a model and labelled songs to the report's folder."""

import os
import re
import warnings
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tqdm import tqdm

from skmer._io import format_names
from skmer.feature_extraction._base import check_songs
from skmer.inspection._displays import plain_text
from skmer.inspection.files import predict_files
from skmer.inspection.label_judge import LabelJudge
from skmer.inspection.report.folder import (
    PAGE,
    PICTURES,
    RELABEL,
    SEGMENTS,
    STRETCHES,
    check_folder,
    folder_written_whole,
)
from skmer.inspection.report.page import make_page
from skmer.inspection.report.summary import LabelTotals, SongSummary, summarise, totals
from skmer.inspection.report.tables import open_table, segment_writer, write_relabel, write_stretches

__all__ = ["LabelNoiseReport", "write_label_noise_report"]

_NO_LETTER = "Glyph .* missing"  # what matplotlib says


@dataclass(frozen=True)
class LabelNoiseReport:
    """What a report says, without its segments.

    Parameters
    ----------
    page : Path
        The page.
    songs : tuple of SongSummary
        Those that were judged; first the songs with the largest share of seconds that are expected
        to carry another emotion than the label.
    failed : tuple of (str, str)
        Name of each song that could not be judged, and why.
    threshold : float
        Seconds whose clean probability is not above it are distrusted.
    from_mixture : bool
        Whether the clean probability comes from the mixture that the classifier kept.

    See Also
    --------
    write_label_noise_report : Makes it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from skmer.inspection import LabelNoiseReport
    >>> LabelNoiseReport(Path("report/index.html"), (), (), 0.5, True).totals.n_songs
    0
    """

    page: Path
    songs: tuple[SongSummary, ...]
    failed: tuple[tuple[str, str], ...]
    threshold: float
    from_mixture: bool

    @property
    def totals(self) -> LabelTotals:
        """Sums over all songs."""
        return totals(self.songs)


def write_label_noise_report(
    estimator,
    songs,
    labels,
    out,
    *,
    names=None,
    groups=None,
    threshold=None,
    n_jobs=1,
    force=False,
    verbose=0,
    tell=None,
):
    """Judge the labels of songs, and write where they should be listened to again.

    The folder holds a page, ``index.html``, that sorts the songs by the share of their seconds
    that is expected to carry another emotion than the label; ``relabel.csv``, with a line for each
    song, whose label can be changed there and which `skmer train` and `skmer.datasets.load_csv` read;
    ``stretches.csv`` and ``segments.csv``, with a line for each distrusted stretch and each segment;
    and ``pictures``. It has its name only once it is whole.

    Parameters
    ----------
    estimator : Pipeline
        Fitted pipeline with a `SegmentTransformer` and, after it, a segment classifier such
        as `SSSLClassifier`; or a fitted search over one.
    songs : sequence of n_songs str or Path
        Audio files.
    labels : sequence of shape (n_songs,)
        The label of each song.
    out : str or Path
        Folder, which is made; the folder that it lies in must be there.
    names : sequence of n_songs str, default=None
        What the report calls the songs, in ``relabel.csv`` too, which is read with them: paths that
        begin at the folder of the songs will do. None takes the paths as given.
    groups : sequence of shape (n_songs,), default=None
        Songs that belong together, such as an artist's, for ``relabel.csv``.
    threshold : float, default=None
        Clean probability that a label must exceed to be trusted; None is the classifier's own
        ``clean_threshold``, or 0.5 where it has no mixture.
    n_jobs : int, default=1
        Threads that decode songs while the network works; -1 is every processor. It changes no
        result.
    force : bool, default=False
        Whether an earlier report is replaced. A folder that holds anything else is refused, and
        so is a report whose ``relabel.csv`` is not byte for byte as it was written.
    verbose : int, default=0
        Above 0, a progress bar.
    tell : callable, default=None
        Called with a sentence for each song that fails or is doubtful, as it comes, and with one if the
        font of the pictures lacks letters of the classes' names.

    Returns
    -------
    LabelNoiseReport
        What the page says.

    Raises
    ------
    ValueError
        If `estimator` is no such pipeline, or the lengths differ.
    NotFittedError
        If `estimator` is not fitted.
    OSError
        If `out` cannot or should not be written.
    ImportError
        If matplotlib is not installed.

    See Also
    --------
    skmer.inspection.label_trust : What it is made of.
    skmer.inspection.LabelNoiseDisplay : Its pictures.

    Notes
    -----
    A song that cannot be read, or whose label the model does not know, is named on the page with
    the reason, and the others go on. Those that cannot be read are not in ``relabel.csv``; those with
    an unknown label stand at its end, without figures. At most `n_jobs` + 1 songs are in memory.

    Examples
    --------
    >>> from skmer.inspection import write_label_noise_report
    >>> report = write_label_noise_report(pipe, songs.data, songs.target, "report")  # doctest: +SKIP
    >>> report.songs[0].name  # doctest: +SKIP
    'the-one-to-begin-with.mp3'
    """
    judge = LabelJudge(estimator, threshold)
    files, labels, names, groups = _check(songs, labels, names, groups)
    check_folder(out, force)
    tell = tell or (lambda sentence: None)
    draw = _Pictures()
    lacking = draw.lacking_letters(judge.predictor.classes)
    if lacking:
        tell(
            f"the font of the pictures lacks letters of these names, and draws boxes for them: "
            f"{format_names(lacking)}. "
            "The page and the tables have them."
        )
    judged, failed = [], []
    with ExitStack() as stack:
        part = stack.enter_context(folder_written_whole(out, force))
        (part / PICTURES).mkdir()
        write = segment_writer(stack.enter_context(open_table(part / SEGMENTS)), judge.predictor.classes)
        jobs = stack.enter_context(closing(_judged(judge, estimator, files, labels, n_jobs)))
        bar = stack.enter_context(tqdm(total=len(files), desc="Songs", unit="song", disable=not verbose))
        for i, (trust, remarks, error) in enumerate(jobs):
            for warning in remarks:
                tell(f"{names[i]}: warning: {warning}")
            if error is None:
                write(names[i], trust)
                picture = f"{PICTURES}/{i + 1:0{len(str(len(files)))}}.png"
                drawn = draw(trust, part / picture)
                judged.append(summarise(trust, names[i], files[i], remarks, picture if drawn else None, groups[i]))
            else:
                tell(f"{names[i]}: {error}")
                failed.append((names[i], error))
            bar.update()
        # sorted() is stable: songs that are equally doubtful keep their order
        ranked = tuple(sorted(judged, key=lambda song: -song.expected_wrong))
        report = LabelNoiseReport(Path(out) / PAGE, ranked, tuple(failed), judge.threshold, judge.from_mixture)
        unknown = [own for own in zip(names, labels, groups, strict=True) if _wrong_label(judge, own[1]) is not None]
        write_relabel(part / RELABEL, ranked, unknown, grouped=any(group is not None for group in groups))
        write_stretches(part / STRETCHES, ranked)
        (part / PAGE).write_text(make_page(report, judge.predictor, part / RELABEL), encoding="utf-8")
    return report


def _check(songs, labels, names, groups):
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


def _judged(judge, estimator, files, labels, n_jobs):
    """Give the trust, the warnings and the error of each song; one of trust and error is None."""
    reasons = [_wrong_label(judge, label) for label in labels]
    readable = [file for file, reason in zip(files, reasons, strict=True) if reason is None]
    with closing(predict_files(estimator, readable, n_jobs)) as predictions:
        for label, reason in zip(labels, reasons, strict=True):
            if reason is not None:
                yield None, (), reason
                continue
            prediction = next(predictions)
            trust = None if prediction.error is not None else judge.trust(prediction.answer, label)
            yield trust, prediction.warnings, prediction.error


def _wrong_label(judge, label):
    try:
        judge.class_of(label)
    except ValueError as error:
        return str(error)
    return None


class _Pictures:
    """Draws the songs that have something to show, all on one figure, which is of no window."""

    def __init__(self):
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError("The report's pictures need matplotlib: pip install skmer[plot]") from error
        from skmer.inspection.label_noise_display import LabelNoiseDisplay

        self._figure = Figure(figsize=(9, 3), layout="constrained")
        self._draw = partial(LabelNoiseDisplay.from_trust, title="")

    def lacking_letters(self, names):
        """Give those names for which the font lacks letters; call it before other threads are at work."""
        lacking = []
        for name in map(str, names):
            self._figure.clear()
            self._figure.text(0, 0, plain_text(" ".join(name.split())), fontweight="bold", parse_math=False)
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                self._figure.draw_without_rendering()
            if any(re.match(_NO_LETTER, str(warning.message)) for warning in told):
                lacking.append(name)
        return lacking

    def __call__(self, trust, path):
        if not trust.stretches():
            return False
        self._figure.clear()
        # said before, once for all pictures; other warnings, also those of other threads, go their way
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", _NO_LETTER, UserWarning)
            self._draw(trust, ax=self._figure.subplots())
            self._figure.savefig(path, dpi=100)
        return True
