"""The report's page: an HTML file made from the templates beside this module."""

import shlex

from skmer._io import audio_link
from skmer.inspection._displays import COLOURS
from skmer.inspection.report.folder import FILES, digest_mark
from skmer.inspection.report.summary import distrusted_seconds, seconds_by_bin, totals

__all__ = ["render_page"]


def render_page(report, predictor, relabel):
    """Return the page of a `LabelNoiseReport`, given the predictor of its model and its table of songs as written."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("skmer.inspection.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    folder = report.page.parent
    environment.filters |= {
        "audio_link": lambda file: audio_link(file, folder),
        "clock": clock,
        "seconds": seconds_text,
        "share": share,
    }
    names = predictor.classes.tolist()
    labels = [name for name in names if any(song.label == name for song in report.songs)]
    doubtful = [song for song in report.songs if _is_doubtful(song, report.cross_fitted)]
    return environment.get_template("page.html").render(
        report=report,
        digest=Markup(digest_mark(relabel)),
        max_duration=predictor.max_duration,
        colours={name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)},
        total=report.totals,
        by_label=[totals(report.songs, label) for label in labels],
        n_stretches=sum(len(song.stretches) for song in doubtful),
        doubtful=doubtful,
        trusted=[song for song in report.songs if not _is_doubtful(song, report.cross_fitted)],
        confusion=_confusion(report.songs, names),
        bins=seconds_by_bin(report.songs).tolist(),
        files=FILES,
        relabel_path=shlex.quote(str(report.page.with_name(FILES.relabel))),
    )


def _is_doubtful(song, cross_fitted):
    # a song may be unsure as a whole, with no second among those that are trusted least
    return bool(song.stretches) or (cross_fitted and not song.whole.label_leads)


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


def clock(seconds):
    """Format a time as minutes and seconds, with tenths unless they are whole."""
    tenths = round(10 * seconds)
    text = f"{tenths // 600}:{tenths % 600 // 10:02d}"
    return text if tenths % 10 == 0 else f"{text}.{tenths % 10}"
