"""The report's page: a listening page of songs with labels, and tables about all of them."""

import hashlib
import shlex
from pathlib import Path

from skmer.inspection.report.folder import FILES, digest_mark
from skmer.inspection.report.summary import distrusted_seconds, seconds_by_bin, totals
from skmer.listening.content import ListeningPage, PageSong, Stretch, to_numbers

__all__ = ["page_song", "render_page"]


def page_song(song, trust):
    """Return a song of the page from its `SongSummary` and its `LabelTrust`."""
    place = {name: k for k, name in enumerate(trust.classes.tolist())}
    stretches = [
        Stretch(
            part.start, part.end, place[part.heard], part.heard_probability, part.label_probability, part.label_leads
        )
        for part in song.stretches
    ]
    figures = {
        "trust": to_numbers(100 * trust.second_clean_probability),
        "heard": place[song.whole.heard],
        "ofHeard": round(song.whole.heard_probability, 3),
        "ofLabel": round(song.whole.label_probability, 3),
        "leads": bool(song.whole.label_leads),
        "seconds": round(song.seconds, 1),
        "doubtful": round(song.distrusted, 1),
    }
    curves, end = trust.second_probabilities, float(trust.second_ends[-1])
    label = place[song.label]
    return PageSong(song.name, song.file, curves, end, label, song.group, stretches, song.warnings, figures)


def render_page(report, predictor, relabel, songs, unknown=()):
    """Return the page of a `LabelNoiseReport`.

    Parameters
    ----------
    report : LabelNoiseReport
    predictor : SongPredictor
        That of its model.
    relabel : Path
        Its table of songs, as written.
    songs : list of PageSong
        The songs of the report, in its order.
    unknown : sequence of (name, label, group)
        Songs whose label is none of the model's classes.
    """
    from markupsafe import Markup

    names = predictor.classes.tolist()
    labels = [name for name in names if any(song.label == name for song in report.songs)]
    extras = {"threshold": report.threshold, "unknown": [[str(cell or "") for cell in row] for row in unknown]}
    page = ListeningPage(
        "labels",
        "Which labels to listen to again",
        _lead(report),
        hashlib.sha256(Path(relabel).read_bytes()).hexdigest()[:16],
        names,
        songs,
        list(report.failed),
        extras,
    )
    return page.render(
        report.page.parent,
        "skmer.inspection.report",
        "report.html",
        report=report,
        digest=Markup(digest_mark(relabel)),
        max_duration=predictor.max_duration,
        total=report.totals,
        by_label=[totals(report.songs, label) for label in labels],
        confusion=_confusion(report.songs, names),
        bins=seconds_by_bin(report.songs).tolist(),
        files=FILES,
        relabel_path=shlex.quote(str(report.page.with_name(FILES.relabel))),
        seconds_text=seconds_text,
        share=share,
    )


def _lead(report):
    """Return what to do, in one sentence."""
    n, n_unsure = len(report.songs), len(report.unsure)
    if not n:
        return "No song could be judged; the reasons are below."
    songs = "song" if n == 1 else "songs"
    if not n_unsure:
        return f"The label leads in all of {n:,} {songs}: listen to the first ones, and keep or change their labels."
    return (
        f"In {n_unsure:,} of {n:,} {songs} the model prefers another emotion to the label: listen from the top, and "
        "keep or change each label."
    )


def _confusion(songs, names):
    seconds = distrusted_seconds(songs)
    return {
        "seconds": seconds,
        "largest": max(seconds.values(), default=0.0),
        "rows": [name for name in names if any(label == name for label, _ in seconds)],
        "columns": [name for name in names if any(heard == name for _, heard in seconds)],
    }


def share(value):
    """Format a share in per cent, with a non-breaking space."""
    return f"{100 * value:.0f}\N{NO-BREAK SPACE}%"


def seconds_text(seconds):
    """Format a number of seconds, with one decimal unless it is whole."""
    return f"{seconds:,.0f} s" if abs(seconds - round(seconds)) < 0.05 else f"{seconds:,.1f} s"
