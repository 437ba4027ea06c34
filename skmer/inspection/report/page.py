"""The report's page: one file of HTML, without scripts and without the network."""

import shlex

from skmer.inspection._displays import COLOURS
from skmer.inspection.report.folder import RELABEL, SEGMENTS, STRETCHES, digest_mark
from skmer.inspection.report.html import audio_link, clock, histogram, seconds_text, share, table, text
from skmer.inspection.report.summary import seconds_by_bin, seconds_heard, totals

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


def make_page(report, predictor, relabel):
    """Write the page of a `LabelNoiseReport`; `predictor` is that of its model, `relabel` its table as written."""
    names = predictor.classes.tolist()
    doubtful = [song for song in report.songs if song.stretches]
    sections = [
        _head(report),
        _reading(report, predictor),
        _by_label(report, names) if report.songs else "",
        _confusion(report, names) if doubtful else "",
        _distribution(report) if report.songs else "",
        _songs(report, doubtful, names),
        _trusted(report, names),
        _failed(report),
        _next(report),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{digest_mark(relabel)}\n"
        f"<title>Which labels to listen to again</title>\n<style>{_CSS}</style>\n</head>\n<body>\n"
        + "\n".join(filter(None, sections))
        + "\n</body>\n</html>\n"
    )


def _emotion(name, names):
    colour = COLOURS[names.index(name) % len(COLOURS)]
    return f'<span class="chip" style="background:{colour}"></span>{text(name)}'


def _count(n, one, many=None):
    return f"1 {one}" if n == 1 else f"{n:,} {many or one + 's'}"


def _head(report):
    total = report.totals
    n_stretches = sum(len(song.stretches) for song in report.songs)
    n_songs = sum(bool(song.stretches) for song in report.songs)
    figures = []
    if report.songs:
        expected = "of the seconds are expected to carry another emotion than their song's label"
        distrusted = f"distrusted, in {_count(n_stretches, 'stretch', 'stretches')} of {_count(n_songs, 'song')}"
        heard = f"{seconds_text(total.seconds)} heard, in {_count(total.n_segments, 'segment')}"
        figures = [
            (f"{total.n_songs:,}", f"{'song' if total.n_songs == 1 else 'songs'}: {heard}"),
            (share(total.expected_wrong), expected),
            (seconds_text(total.distrusted), distrusted),
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
            '<p class="remark"><b>Two probabilities.</b> <em>Label is right</em> compares: a mixture of two groups, '
            "labels that fit and labels that do not, was fitted to the model's losses on the training songs, usually "
            "one mixture for each label, and it says to which group the loss of a segment belongs. "
            "<em>Label's probability</em> is what the network itself gives to the label. <code>skmer timeline</code> "
            "and <code>skmer predict</code> know the second alone, and so may show the label where this page distrusts "
            "it: the network still prefers it there, but hears it less clearly than in other songs of that label. Such "
            "stretches are marked <em>label leads</em>. In trials with synthetic songs they were wrong nearly as often "
            "as the others where the model had been trained on the songs, and less often where it had not.</p>"
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
hears instead, the most probable other emotion, and the probabilities of both. The songs stand below, first those with
the largest share of seconds that are expected to carry another emotion.{used}</p>
<p>In a picture the strip has the colour of the label. Hatched pieces are distrusted stretches, in the colour of what is
heard there, which is written above them. Where the label itself is still the most probable, the piece keeps its colour
and is hatched lightly. The curve is the probability that the label is right; where it falls to the dashed line or below
it, the label is distrusted.</p>
{source}
<p class="remark"><b>What it is not.</b> It is not a verdict. It is a suggestion by a model that was trained on labels
of this kind, usually these very ones, with the wrong ones among them. It knows a label only by the songs that carry
it: a mistake that many songs share is learnt, not found, and a rare way to express an emotion is distrusted although
the label is right. Of songs that the model was not trained on, the order means more than the figures: their losses are
larger, so that more seconds are distrusted than are wrong. Listen before you change a label.</p>
<p>The recordings are not in this folder. The page finds them by their places relative to its own: if it is moved
without them, or sent to others, it is silent.</p>"""


def _next(report):
    last = ""
    if report.failed:
        last = (
            " Songs whose label the model does not know stand at its end, without figures; those that could not be "
            "read are not in it."
        )
    labels = text(shlex.quote(str(report.page.with_name(RELABEL))))
    return f"""<h2 id="next">What to do next</h2>
<ol>
<li>Listen, from the top of this page, as far as you have the time.</li>
<li>Edit <a href="{RELABEL}">{RELABEL}</a>. It has a line for each song, in the order of this page: change
<code>label</code> where it is wrong, delete the line of a song that carries no one emotion, and leave
<code>old_label</code> as it is, so that you can tell what you have changed.{last}</li>
<li>Train again: <code>skmer train SONGS --labels {labels} --out mended.joblib</code>, with the folder that the songs
lie in for SONGS.</li>
<li>Compare the estimates in the two model cards, with care: each was measured against its own labels. Labels that were
changed to what the model hears are easier to predict whether or not they are right. What decides is a set of songs that
were labelled with care and left out of both trainings.</li>
</ol>
<p><a href="{STRETCHES}">{STRETCHES}</a> has a line for each stretch, <a href="{SEGMENTS}">{SEGMENTS}</a> one for each
segment.</p>"""


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
    seconds = seconds_heard(report.songs)
    most = max(seconds.values())
    labels = [name for name in names if any(pair[0] == name for pair in seconds)]
    heard = [name for name in names if any(pair[1] == name for pair in seconds)]

    def cell(label, other):
        value = seconds.get((label, other), 0.0)
        if not value:
            return "0"
        # yellow: no emotion has it
        return (
            f'<span style="background:rgba(240,228,66,{0.8 * value / most:.2f});padding:.1rem .4rem">'
            f"{seconds_text(value)}</span>"
        )

    rows = [[_emotion(label, names), *(cell(label, other) for other in heard)] for label in labels]
    return (
        "<h2>Label → heard</h2>\n<p>Distrusted seconds of the songs of a label (lines), by the emotion that leads "
        "there (columns). Where that is the label itself, it is heard less clearly than in other songs of that "
        "label.</p>\n" + table(["label", *(_emotion(name, names) for name in heard)], rows)
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
            f'<a href="{link}#t={stretch.start:g},{stretch.end:g}">{clock(stretch.start)}–{clock(stretch.end)}</a>',
            _emotion(stretch.heard, names),
            share(stretch.heard_probability),
            share(stretch.label_probability),
            share(stretch.clean_probability),
            "label leads" if stretch.label_leads else "",
        ]
        for stretch in song.stretches
    ]
    header = ["from–to", "heard instead", "its probability", "label's probability", "label is right", ""]
    stretches = table(header, rows)
    seen = "; ".join(
        f"{clock(s.start)} to {clock(s.end)} {'the label, unclearly' if s.label_leads else s.heard}"
        for s in song.stretches
    )
    warnings = "".join(f'<p class="remark">{text(warning)}</p>\n' for warning in song.warnings)
    return f"""<article>
<h3>{rank}. {text(song.name)}</h3>
<p>labelled {_emotion(song.label, names)}: {share(song.expected_wrong)} of {seconds_text(song.seconds)} expected to
carry another emotion; {seconds_text(song.distrusted)} distrusted</p>
{warnings}<audio controls preload="none" src="{link}"></audio>
<img src="{song.picture}" width="900" height="300" loading="lazy" alt="{text(f"Heard: {seen}")}">
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
