"""write_timeline_page: a page to listen to songs where their predictions over time are drawn."""

import hashlib
import json
from pathlib import Path

import numpy as np

from skmer.inspection.predictions import SongRatings, SongTags
from skmer.listening.content import STEP, ListeningPage, PageSong, Stretch
from skmer.listening.folder import PAGE, atomic_page, check_page_folder

__all__ = ["write_timeline_page"]


def write_timeline_page(predictions, out, *, names=None, groups=None, limits=None, force=False):
    """Write a page on which songs are listened to where their emotion or ratings over time are drawn.

    The page opens from disk, without a server and the network. It lists the songs, the least certain first, draws the
    curves of one of them, and plays it from where they are clicked. Predicted emotions can be kept or changed there,
    and saved as the table that `skmer train` and `skmer.datasets.load_csv` read; of two ratings, the path of the song
    in their plane is drawn too.

    Parameters
    ----------
    predictions : iterable of FilePrediction
        Predictions of audio files, with segments, as `predict_files` yields them. A file that failed is named on the
        page with the reason.
    out : str or Path
        Folder of the page, which is created; its parent folder must exist. The page is its ``index.html``.
    names : sequence of str, default=None
        Names of the songs on the page, and paths in the saved table; None is the paths as given.
    groups : sequence of str, default=None
        Group of each song, such as its artist, by which the page filters.
    limits : array-like of shape (n_targets, 2), default=None
        Lowest and highest value of each rating, for the axes; None is those that occur.
    force : bool, default=False
        Whether an earlier page is replaced. A folder with other files never is.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ValueError
        If a prediction has no segments, `names` or `groups` are not one a prediction, or two songs have one name.
    OSError
        If `out` cannot be written, or has files that must not be replaced.

    See Also
    --------
    write_label_noise_report : Writes such a page of songs with labels.
    EmotionTimelineDisplay, RatingTimelineDisplay : Plot a song.

    Notes
    -----
    Curves are means over seconds. The page refers to the recordings by paths relative to its folder; its size is
    about 1 kB a minute of music with four emotions.

    Examples
    --------
    >>> from skmer.inspection import predict_files, write_timeline_page
    >>> write_timeline_page(predict_files(pipe, ["a.mp3", "b.mp3"]), "page")  # doctest: +SKIP
    PosixPath('page/index.html')
    """
    with atomic_page(lambda: check_page_folder(out, force), out) as part:
        page = _make_page(list(predictions), names, groups, limits)
        # bytes of file names that are not valid text are escaped
        html = page.render(Path(out)).encode("utf-8", "backslashreplace")
        (part / PAGE).write_bytes(html)
    return Path(out) / PAGE


def _make_page(predictions, names, groups, limits):
    for what, values in (("names", names), ("groups", groups)):
        if values is not None and len(values) != len(predictions):
            raise ValueError(f"There are {len(predictions)} predictions but {len(values)} {what}: give one each.")
    names = [prediction.file for prediction in predictions] if names is None else names
    if len(set(names)) < len(names):
        raise ValueError("names must differ: decisions are kept and saved by name.")
    groups = [None] * len(names) if groups is None else groups
    songs, failed, answers = [], [], []
    for prediction, name, group in zip(predictions, names, groups, strict=True):
        if prediction.answer is None:
            failed.append((name, prediction.error))
            continue
        answers.append(prediction.answer)
        songs.append(_page_song(prediction, name, group))
    return _page(songs, failed, answers, limits)


def _page_song(prediction, name, group):
    answer = prediction.answer
    if isinstance(answer, SongTags) or not len(answer.starts):
        raise ValueError(f"{prediction.file}: expected predictions with segments, got one of the whole song only.")
    grid = answer.every(STEP)
    common = {"group": group, "warnings": prediction.warnings}
    if isinstance(answer, SongRatings):
        means = None if answer.ratings is None else [round(answer.ratings[own], 3) for own in answer.names]
        return PageSong(name, prediction.file, grid.values, float(grid.ends[-1]), figures={"means": means}, **common)
    place = {own: k for k, own in enumerate(answer.classes.tolist())}
    stretches = [Stretch(start, end, place[leading]) for start, end, leading in answer.stretches()]
    probabilities = answer.mean_probabilities if answer.song_probabilities is None else answer.song_probabilities
    label = int(probabilities.argmax()) if answer.label is None else place[np.asarray(answer.label).item()]
    figures = {"certainty": round(float(probabilities[label]), 3)}
    end = float(grid.ends[-1])
    return PageSong(
        name, prediction.file, grid.probabilities, end, label, stretches=stretches, figures=figures, **common
    )


def _page(songs, failed, answers, limits):
    rated = bool(answers) and isinstance(answers[0], SongRatings)
    names = [] if not answers else list(answers[0].names if rated else answers[0].classes.tolist())
    n = f"{len(songs):,} {'song' if len(songs) == 1 else 'songs'}"
    extras = {}
    if rated:
        ranges = _ranges(songs) if limits is None else np.asarray(limits, dtype=float)
        extras = {"limits": [float(ranges.min()), float(ranges.max())], "ranges": ranges.tolist()}
        title, lead = (
            "Ratings over time",
            f"Listen to {n} where {' and '.join(map(str, names))} are drawn: click a curve.",
        )
    else:
        songs.sort(key=lambda song: song.figures["certainty"])
        title = "Emotion over time"
        lead = f"Listen to {n} where the emotion is drawn: click a curve, and keep or change what the model predicts."
    if not songs:
        lead = "No song could be predicted; the reasons are below."
    # decisions belong to these songs and predictions
    known = json.dumps([[song.name, song.label, song.end, song.figures] for song in songs]).encode()
    identity = hashlib.sha256(known).hexdigest()[:16]
    return ListeningPage("ratings" if rated else "emotions", title, lead, identity, names, songs, failed, extras)


def _ranges(songs):
    """Return the lowest and highest value of each rating, which differ."""
    values = np.vstack([song.curves for song in songs])
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    return np.column_stack([low, np.where(high > low, high, low + 1)])
