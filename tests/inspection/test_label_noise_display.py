"""LabelNoiseDisplay draws the label, what is heard instead, and the probability that the label is right."""

import dataclasses
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba

from skmer._colours import COLOURS
from skmer.inspection import LabelNoiseDisplay, LabelTrust
from tests.tiny_model import SR, tiny_pipeline, tiny_songs

EMOTIONS = np.array(["calm", "sad", "tense"])


def trust_of(clean, label="calm", heard=2, classes=EMOTIONS):
    clean = np.asarray(clean, dtype=float)
    k = classes.tolist().index(label)
    rows = np.zeros((len(clean), len(classes)))
    rows[:, k], rows[:, heard] = clean, 1 - clean
    starts = np.arange(len(clean)) * 1.0
    losses = -np.log(np.maximum(clean, 1e-9))
    return LabelTrust(label, classes, starts, starts + 1, rows, losses, clean, 0.5)


def test_strip_curve_and_names_show_the_trust():
    trust = trust_of([0.9, 0.2, 0.1, 0.8, 0.4])
    display = LabelNoiseDisplay.from_predictions(trust)
    own, *pieces = display.strip_
    assert own.get_facecolor() == to_rgba(COLOURS[0])
    assert (own.get_x(), own.get_width()) == (0, 5)
    assert [(piece.get_x(), piece.get_width()) for piece in pieces] == [(1, 2), (4, 1)]
    assert {piece.get_facecolor() for piece in pieces} == {to_rgba(COLOURS[2])}
    assert all(piece.get_hatch() for piece in pieces)  # seen without colour too
    assert display.curve_.get_data().values.tolist() == trust.second_clean_probability.tolist()
    assert [name.get_text() for name in display.names_] == ["tense 85 %, label 15 %", "tense 60 %, label 40 %"]
    texts = {text.get_text() for text in display.ax_.texts}
    assert {"label: calm", "heard instead", "distrusted up to 0.5"} <= texts
    assert display.ax_.get_title(loc="left") == "Labelled calm"
    assert display.figure_ is display.ax_.figure


def test_a_stretch_in_which_the_label_leads_keeps_its_colour_under_a_light_hatch():
    trust = dataclasses.replace(trust_of([0.9, 0.55, 0.9, 0.2]), threshold=0.6)
    display = LabelNoiseDisplay.from_predictions(trust)
    _, led, other = display.strip_
    assert (led.get_facecolor(), other.get_facecolor()) == (to_rgba(COLOURS[0]), to_rgba(COLOURS[2]))
    assert 0 < len(led.get_hatch()) < len(other.get_hatch())
    assert [name.get_text() for name in display.names_] == ["label leads, 55 %", "tense 80 %, label 20 %"]
    assert display.names_[0].get_color() == COLOURS[0]


@pytest.mark.filterwarnings("error")
def test_long_names_are_shortened_in_their_middle_and_leave_room(tmp_path):
    classes = np.array(["a" * 300, "b" * 299 + "c"])
    display = LabelNoiseDisplay.from_predictions(trust_of([0.9, 0.2], classes[0], 1, classes))
    display.figure_.savefig(tmp_path / "long.png")
    short = "b" * 15 + "…" + "b" * 7 + "c"
    assert [name.get_text() for name in display.names_] == [f"{short} 80 %, label 20 %"]
    assert display.ax_.get_title(loc="left") == "Labelled " + "a" * 15 + "…" + "a" * 8
    assert display.ax_.get_position().width > 0.5


def test_stretches_are_found_once(monkeypatch):
    calls, stretches = [], LabelTrust.stretches
    monkeypatch.setattr(LabelTrust, "stretches", lambda trust: calls.append(1) or stretches(trust))
    LabelNoiseDisplay.from_predictions(trust_of([0.9, 0.2]))
    assert len(calls) == 1


def test_a_trusted_song_has_a_plain_strip():
    display = LabelNoiseDisplay.from_predictions(trust_of([0.9, 0.8]))
    assert len(display.strip_) == 1
    assert display.names_ == []
    assert "heard instead" not in {text.get_text() for text in display.ax_.texts}


def test_names_do_not_lie_upon_each_other():
    clean = np.where(np.arange(180) % 9 < 4, 0.1, 0.9)
    display = LabelNoiseDisplay.from_predictions(trust_of(clean))
    display.figure_.canvas.draw()
    assert 5 < len(display.names_) <= 20
    assert {name.get_text() for name in display.names_} == {"tense 90 %"}  # the short form, which more have room for
    # a bbox of the text alone: the white paper behind may touch
    boxes = [name.get_window_extent() for name in display.names_]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])
    assert display.ax_.get_xlabel() == "time (m:ss)"


def test_given_axes_titles_and_odd_names(tmp_path):
    _, ax = plt.subplots()
    classes = np.array(["$\\b$", "c\udcff", "<d>"])
    display = LabelNoiseDisplay.from_predictions(
        trust_of([0.1, 0.9], "$\\b$", 1, classes), title="und\udcff.wav", ax=ax
    )
    assert display.ax_ is ax
    assert ax.get_title(loc="left") == "und\\udcff.wav"
    display.figure_.savefig(tmp_path / "odd.png")


def test_more_classes_than_colours_one_segment_and_uncovered_seconds(tmp_path):
    classes = np.array([f"class {i:02d}" for i in range(12)])
    LabelNoiseDisplay.from_predictions(trust_of([0.1], "class 11", 9, classes)).figure_.savefig(tmp_path / "one.png")
    rows = np.tile([0.2, 0.8, 0.0], (3, 1))
    starts = 3.0 * np.arange(3)
    gaps = LabelTrust("calm", EMOTIONS, starts, starts + 2, rows, -np.log(rows[:, 0]), rows[:, 0], 0.5)
    display = LabelNoiseDisplay.from_predictions(gaps)
    display.figure_.savefig(tmp_path / "gaps.png")
    assert len(display.strip_) == 4


def test_a_pipeline_judges_its_song(tmp_path):
    import soundfile

    wave, label = tiny_songs().data[0], tiny_songs().target[0]
    soundfile.write(tmp_path / "my song.wav", wave, SR, subtype="FLOAT")
    for song, name in ((wave, "Song"), (tmp_path / "my song.wav", "my song.wav")):
        display = LabelNoiseDisplay.from_estimator(tiny_pipeline(), song, label, threshold=0.9)
        assert display.ax_.get_title(loc="left") == f"{name}: labelled {label}"
        assert display.trust.threshold == 0.9
    np.testing.assert_allclose(display.trust.clean_probability, tiny_pipeline()[1].clean_probability_[0], atol=1e-3)
    with pytest.raises(ValueError, match="one path or one waveform"):
        LabelNoiseDisplay.from_estimator(tiny_pipeline(), [wave], label)
    with pytest.raises(ValueError, match="was not trained on the label 'Q9'"):
        LabelNoiseDisplay.from_estimator(tiny_pipeline(), wave, "Q9")


def test_no_segments_and_missing_matplotlib_are_errors(monkeypatch):
    none = np.empty(0)
    with pytest.raises(ValueError, match="Expected a trust with segments"):
        LabelNoiseDisplay(LabelTrust("calm", EMOTIONS, none, none, np.empty((0, 3)), none, none, 0.5))
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install skmer\[plot\]"):
        LabelNoiseDisplay.from_predictions(trust_of([0.5]))
