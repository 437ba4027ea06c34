"""The report's page: one file of HTML, without scripts and without the network."""

from skmer.label_noise_report.folder import RELABEL, SEGMENTS
from skmer.label_noise_report.html import audio_link, clock, histogram, seconds_text, share, table, text
from skmer.label_noise_report.summary import heard_instead, seconds_by_bin, totals
from skmer.plotting._base import COLOURS

__all__ = ["make_page"]

_CSS = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccc; } h3 { margin: 0; }
table { border-collapse: collapse; margin: .8rem 0; } th, td { padding: .2rem .8rem; text-align: right; }
th { border-bottom: 1px solid #888; font-weight: 600; } th:first-child, td:first-child { text-align: left; }
tbody tr:nth-child(even) { background: #f5f5f5; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; } .figures div { border: 1px solid #ccc; border-radius: 6px;
  padding: .6rem 1rem; flex: 1 1 10rem; } .figures b { display: block; font-size: 1.6rem; }
.chip { display: inline-block; width: .8em; height: .8em; margin-right: .35em; border-radius: 2px; }
.remark { border-left: 4px solid #E69F00; padding: .1rem 1rem; background: #fff8e6; }
article { border-top: 1px solid #ccc; padding: 1rem 0; break-inside: avoid; } article p { margin: .3rem 0; }
h3, td:first-child, li { overflow-wrap: anywhere; }
img, svg, audio { max-width: 100%; } svg { font-size: 13px; } audio { width: 24rem; height: 2.2rem; }
@media print { audio { display: none; } }
"""


def make_page(report, predictor):
    """Write the page of a `LabelNoiseReport`; `predictor` is that of its model."""
    names = predictor.classes.tolist()
    doubtful = [song for song in report.songs if song.stretches]
    sections = [
        _head(report),
        _reading(report, predictor),
        _by_label(report, names),
        _confusion(report, names) if doubtful else "",
        _distribution(report) if report.songs else "",
        _songs(report, doubtful, names),
        _trusted(report, names),
        _failed(report),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Which labels to listen to again</title>\n<style>{_CSS}</style>\n</head>\n<body>\n"
        + "\n".join(filter(None, sections))
        + "\n</body>\n</html>\n"
    )


def _emotion(name, names):
    colour = COLOURS[names.index(name) % len(COLOURS)]
    return f'<span class="chip" style="background:{colour}"></span>{text(name)}'


def _head(report):
    total = report.totals
    n_stretches = sum(len(song.stretches) for song in report.songs)
    n_songs = sum(bool(song.stretches) for song in report.songs)
    figures = [
        (f"{total.n_songs:,}", f"songs: {seconds_text(total.seconds)} heard, in {total.n_segments:,} segments"),
        (share(total.expected_wrong), "of the seconds are expected to carry another emotion than their song's label"),
        (seconds_text(total.distrusted), f"distrusted, in {n_stretches:,} stretches of {n_songs:,} songs"),
    ]
    if report.failed:
        figures.append((f"{len(report.failed):,}", '<a href="#failed">could not be judged</a>'))
    boxes = "".join(f"<div><b>{figure}</b>{what}</div>" for figure, what in figures)
    return f'<h1>Which labels to listen to again</h1>\n<div class="figures">{boxes}</div>'


def _reading(report, predictor):
    threshold = f"{report.threshold:g}"
    used = (
        ""
        if predictor.max_duration is None
        else f" The model hears the first {predictor.max_duration:g} s of each song."
    )
    if report.from_mixture:
        source = (
            "<p>The probability that a label is right comes from the model's loss on each segment: a mixture of two "
            "groups, labels that fit and labels that do not, was fitted to the losses of the training songs.</p>"
        )
    else:
        source = (
            '<p class="remark">This model kept no mixture over losses. The probability that a label is right is here '
            "the probability that the network gives to the label, which says less about wrong labels.</p>"
        )
    return f"""<h2>How to read this page</h2>
<p>Every second of a song has inherited the song's label. The model compares each second with what the label usually
sounds like, and says how probable it is that the label is right there. Seconds with a probability of at most
{threshold} are <em>distrusted</em>; runs of them are <em>stretches</em>. For each stretch the page names what the model
hears instead: the most probable other emotion, with its probability. The songs stand below, first those with the
largest share of seconds that are expected to carry another emotion.{used}</p>
<p>In a picture the strip has the colour of the label. Hatched pieces are distrusted stretches, in the colour of what is
heard there, which is written above them. The curve is the probability that the label is right; where it falls to the
dashed line or below it, the label is distrusted.</p>
{source}
<p>New labels can be written into the last column of <a href="{RELABEL}">{RELABEL}</a>, which has a line for each
stretch in the order of this page. <a href="{SEGMENTS}">{SEGMENTS}</a> has a line for each segment.</p>
<p class="remark"><b>What it is not.</b> It is not a verdict. It is a suggestion by a model that was trained on labels
of this kind, usually these very ones, with the wrong ones among them. It knows a label only by the songs that carry
it: a mistake that many songs share is learnt, not found, and a rare way to express an emotion is distrusted although
the label is right. Of songs that the model was not trained on, the order means more than the figures: their losses are
larger, so that more seconds are distrusted than are wrong. Listen before you change a label.</p>"""


def _by_label(report, names):
    rows = []
    for label in [name for name in names if any(song.label == name for song in report.songs)]:
        rows.append((_emotion(label, names), totals(report.songs, label)))
    rows.append(("<b>all</b>", report.totals))
    cells = [
        [
            name,
            f"{own.n_songs:,}",
            seconds_text(own.seconds),
            share(own.expected_wrong),
            seconds_text(own.distrusted),
            share(own.distrusted / own.seconds) if own.seconds else "",
        ]
        for name, own in rows
    ]
    header = ["label", "songs", "heard", "expected wrong", "distrusted", "share distrusted"]
    return "<h2>By label</h2>\n" + table(header, cells)


def _confusion(report, names):
    seconds = heard_instead(report.songs)
    most = max(seconds.values())
    labels = [name for name in names if any(pair[0] == name for pair in seconds)]
    heard = [name for name in names if any(pair[1] == name for pair in seconds)]

    def cell(label, other):
        value = seconds.get((label, other), 0.0)
        if not value:
            return "" if label == other else "0"
        return (
            f'<span style="background:rgba(213,94,0,{0.5 * value / most:.2f});padding:.1rem .4rem">'
            f"{seconds_text(value)}</span>"
        )

    rows = [[_emotion(label, names), *(cell(label, other) for other in heard)] for label in labels]
    return (
        "<h2>Label → heard instead</h2>\n<p>Distrusted seconds of the songs of a label (lines), by what is heard there "
        "instead (columns).</p>\n" + table(["label", *(_emotion(name, names) for name in heard)], rows)
    )


def _distribution(report):
    return "<h2>Seconds by the probability that their label is right</h2>\n" + histogram(
        seconds_by_bin(report.songs).tolist(), report.threshold
    )


def _songs(report, doubtful, names):
    if not doubtful:
        why = "No label is distrusted anywhere." if report.songs else "No song could be judged."
        return f"<h2>Songs</h2>\n<p>{why}</p>"
    articles = "\n".join(_song(rank, song, report, names) for rank, song in enumerate(doubtful, start=1))
    return f"<h2>Songs, the most doubtful first</h2>\n{articles}"


def _song(rank, song, report, names):
    link = audio_link(song.file, report.page.parent)
    rows = [
        [
            f'<a href="{link}#t={start:g},{end:g}">{clock(start)}–{clock(end)}</a>',
            _emotion(heard, names),
            f"{heard_probability:.2f}",
            f"{clean:.2f}",
        ]
        for start, end, clean, heard, heard_probability in song.stretches
    ]
    stretches = table(["from–to", "heard instead", "its probability", "label is right"], rows)
    seen = "; ".join(f"{clock(s.start)} to {clock(s.end)} {s.heard}" for s in song.stretches)
    warnings = "".join(f'<p class="remark">{text(warning)}</p>\n' for warning in song.warnings)
    return f"""<article>
<h3>{rank}. {text(song.name)}</h3>
<p>labelled {_emotion(song.label, names)}: {share(song.expected_wrong)} of {seconds_text(song.seconds)} expected to
carry another emotion; {seconds_text(song.distrusted)} distrusted</p>
{warnings}<audio controls preload="none" src="{link}"></audio>
<img src="{song.picture}" width="900" height="300" loading="lazy" alt="{text(f"Heard instead: {seen}")}">
{stretches}
</article>"""


def _trusted(report, names):
    songs = [song for song in report.songs if not song.stretches]
    if not songs:
        return ""
    rows = [
        [
            f'<a href="{audio_link(song.file, report.page.parent)}">{text(song.name)}</a>',
            _emotion(song.label, names),
            seconds_text(song.seconds),
            share(song.expected_wrong),
            text(" ".join(song.warnings)),
        ]
        for song in songs
    ]
    header = ["song", "label", "heard", "expected wrong", "remarks"]
    return f"<h2>Songs whose label is trusted throughout ({len(songs):,})</h2>\n" + table(header, rows)


def _failed(report):
    if not report.failed:
        return ""
    lines = "\n".join(f"<li>{text(name)}: {text(reason)}</li>" for name, reason in report.failed)
    return f'<h2 id="failed">Songs that could not be judged ({len(report.failed):,})</h2>\n<ul>\n{lines}\n</ul>'
