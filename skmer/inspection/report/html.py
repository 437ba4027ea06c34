"""Small pieces of the page: text that is safe, figures as people write them, tables, links, bars."""

import os
from html import escape
from urllib.parse import quote

__all__ = ["audio_link", "clock", "histogram", "seconds_text", "share", "table", "text"]

_DARK, _LIGHT = "#333333", "#BBBBBB"  # of no emotion


def text(value):
    """Escape anything for HTML; bytes of a file's name that are no text are written as escapes."""
    return escape(str(value).encode("utf-8", "backslashreplace").decode("utf-8"))


def share(value):
    """Write a share in per cent, as the pictures do; the blank does not break."""
    return f"{100 * value:.0f}\N{NO-BREAK SPACE}%"


def seconds_text(seconds):
    """Write a number of seconds, with one decimal where it is not whole."""
    return f"{seconds:,.0f} s" if abs(seconds - round(seconds)) < 0.05 else f"{seconds:,.1f} s"


def clock(seconds):
    """Write a time as minutes and seconds, with tenths where they are not whole."""
    tenths = round(10 * seconds)
    whole = f"{tenths // 600}:{tenths % 600 // 10:02d}"
    return whole if tenths % 10 == 0 else f"{whole}.{tenths % 10}"


def audio_link(file, folder):
    """Give the address of an audio file from a page in `folder`: relative, so that both can move together."""
    path, folder = os.path.abspath(file), os.path.abspath(folder)
    try:
        path = os.path.relpath(path, folder)
    except ValueError:  # another drive of Windows
        return "file:///" + quote(os.fsencode(path.replace(os.sep, "/")), safe="/:")
    # of its marks only / stays: a colon would be read as the end of a scheme
    return quote(os.fsencode(path.replace(os.sep, "/")))


def table(header, rows):
    """Write a table of cells that are HTML already; the first column is text, the others are figures."""
    head = "".join(f"<th>{cell}</th>" for cell in header)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def histogram(seconds, threshold):
    """Draw the seconds in equal parts of [0, 1] as bars; those at or below the threshold in another colour."""
    width, height, left, bottom = 600, 160, 60, 44
    n, top = len(seconds), max(max(seconds), 1e-9)
    step = width / n
    bars = []
    for i, value in enumerate(seconds):
        tall = height * value / top
        # a bar is where its middle is
        colour = _DARK if (i + 0.5) / n <= threshold else _LIGHT
        bars.append(
            f'<rect x="{left + i * step + 1:.1f}" y="{20 + height - tall:.1f}" width="{step - 2:.1f}" '
            f'height="{tall:.1f}" fill="{colour}"><title>{i / n:.2f} to {(i + 1) / n:.2f}: {seconds_text(value)}'
            "</title></rect>"
        )
    x, base = left + threshold * width, 20 + height
    marks = "".join(
        f'<text x="{left + width * mark:.1f}" y="{base + 16}" text-anchor="middle">{mark:g}</text>'
        for mark in (0, 0.25, 0.5, 0.75, 1)
    )
    return (
        f'<svg viewBox="0 0 {left + width + 20} {base + bottom}" role="img" '
        f'aria-label="Seconds by the probability that their label is right">{"".join(bars)}'
        f'<line x1="{left}" x2="{left + width}" y1="{base}" y2="{base}" stroke="#333"/>'
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="14" y2="{base}" stroke="#333" stroke-dasharray="5 4"/>'
        f'<text x="{x - 6:.1f}" y="14" text-anchor="end">distrusted</text><text x="{x + 6:.1f}" y="14">trusted</text>'
        f'{marks}<text x="{left + width / 2}" y="{base + 36}" text-anchor="middle">probability that the label is right'
        f'</text><text x="{left - 6}" y="26" text-anchor="end">{seconds_text(top)}</text></svg>'
    )
