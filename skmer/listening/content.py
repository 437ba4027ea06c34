"""The content of a listening page: songs with curves on a grid of seconds, and the words of the page."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skmer._colours import COLOURS
from skmer._io import audio_link
from skmer.listening.page import environment, render

__all__ = ["STEP", "ListeningPage", "PageSong", "Stretch", "to_numbers"]

STEP = 1.0  # seconds of a value of a curve
_SCRIPTS = ("dom", "csv", "store", "player", "chart", "plane", "song_list", "controls", "decisions", "listening")
_CERTAINTIES = {
    "labels": (
        ("another", "another emotion leads"),
        ("doubtful", "label leads, some seconds doubtful"),
        ("trusted", "trusted throughout"),
    ),
    "emotions": (("below50", "below 50 %"), ("below80", "50 to 80 %"), ("above80", "80 % or more")),
    "ratings": (),
}


@dataclass(frozen=True)
class Stretch:
    """A part of a song: its time in seconds, and the position of the class that is heard.

    Where a label is judged, also the probabilities of the class and of the label, and whether the label leads.
    """

    start: float
    end: float
    heard: int
    of_heard: float | None = None
    of_label: float | None = None
    leads: bool = False

    def packed(self):
        """Return the stretch as the page's scripts read it."""
        times = [round(self.start, 3), round(self.end, 3), self.heard]
        if self.of_heard is None or self.of_label is None:
            return times
        return [*times, round(self.of_heard, 3), round(self.of_label, 3), int(self.leads)]


@dataclass
class PageSong:
    """A song of a page: its curves, of shape (n_steps, n_names), and figures for its row that `kind` decides."""

    name: str
    file: str
    curves: np.ndarray
    end: float
    label: int | None = None
    group: Any = None
    stretches: list[Stretch] = field(default_factory=list)
    warnings: tuple[str, ...] = ()
    figures: dict = field(default_factory=dict)


@dataclass
class ListeningPage:
    """A page of songs in order.

    Parameters
    ----------
    kind : {"labels", "emotions", "ratings"}
        Whether labels are judged, or emotions or ratings are predicted.
    title, lead : str
        Its title, and what to do, in one sentence.
    identity : str
        Key under which the browser keeps decisions: another one for each content.
    names : list of str
        Classes, or targets.
    songs : list of PageSong
        The songs, in their order.
    failed : list of (str, str)
        Name and reason of each song that could not be used.
    extras : dict
        More entries of the content: ``threshold``, ``limits`` and ``ranges`` of ratings, ``unknown`` songs.
    """

    kind: str
    title: str
    lead: str
    identity: str
    names: list
    songs: list
    failed: list = field(default_factory=list)
    extras: dict = field(default_factory=dict)

    def render(self, folder, package=None, template="listening.html", **values):
        """Return the page as it is written into `folder`, by a template of the assets or of another package."""
        colours = [COLOURS[i % len(COLOURS)] for i in range(len(self.names))]
        grouped = any(song.group is not None for song in self.songs)
        names = [str(name) for name in self.names]
        content = {
            "kind": self.kind,
            "id": self.identity,
            "names": names,
            "colours": colours,
            "step": STEP,
            "grouped": grouped,
            "songs": [self._packed(song, folder) for song in self.songs],
            **self.extras,
        }
        first = {"labels": "most doubtful first", "emotions": "least certain first", "ratings": "as found"}[self.kind]
        orders = [("", first), ("name", "by name")]
        if self.kind == "ratings":
            orders += [(f"target{i}", f"highest {name} first") for i, name in enumerate(names)]
        else:
            orders.append(("label", "by label"))
        return render(
            environment(package).get_template(template),
            content,
            _SCRIPTS,
            "startListening",
            title=self.title,
            lead=self.lead,
            kind=self.kind,
            decides=self.kind != "ratings",
            names=names,
            colours=colours,
            certainties=_CERTAINTIES[self.kind],
            orders=orders,
            grouped=grouped,
            failed=self.failed,
            **values,
        )

    def _packed(self, song, folder):
        curves = song.curves if self.kind == "ratings" else 100 * song.curves
        decimals = 3 if self.kind == "ratings" else 0
        return {
            "name": song.name,
            "url": audio_link(song.file, folder),
            "group": None if song.group is None else str(song.group),
            "label": song.label,
            "end": round(song.end, 3),
            "curves": [to_numbers(curve, decimals) for curve in curves.T],
            "stretches": [stretch.packed() for stretch in song.stretches],
            "warnings": list(song.warnings),
            **song.figures,
        }


def to_numbers(curve, decimals=0):
    """Return a curve as rounded numbers; None where it has no value."""
    rounded = np.round(np.asarray(curve, dtype=float), decimals).tolist()
    return [None if value != value else int(value) if decimals == 0 else value for value in rounded]
