"""Composition of short pieces with cues of valence and arousal, for `make_songs`.

Cues are noisy signs of the emotion, as in Brunswik's lens model of musical communication (Juslin & Laukka 2004).
"""

from dataclasses import dataclass

import numpy as np

QUADRANTS = {"Q1": (1.0, 1.0), "Q2": (-1.0, 1.0), "Q3": (-1.0, -1.0), "Q4": (1.0, -1.0)}  # (valence, arousal)

# cue: (middle, slope on arousal, slope on valence, spread between songs); the signs are those
# of Juslin & Laukka (2004, Table 2) and Gabrielsson & Lindström (2010)
CUES = {
    "tempo": (6.6, 0.32, 0.06, 0.20),  # log2 of beats per minute
    "level": (-27.0, 4.2, 0.0, 2.4),  # dB of a note
    "articulation": (0.72, -0.10, -0.12, 0.11),  # sounding share of the time between onsets
    "register": (66.0, 0.5, 4.2, 2.6),  # MIDI pitch about which the melody moves
    "tilt": (8.0, -1.8, -0.4, 1.5),  # dB an octave by which partials fall
    "attack": (-5.2, -0.9, 0.0, 0.7),  # log2 of seconds
    "density": (0.3, 0.6, 0.1, 0.4),  # log2 of melody notes a beat
    "leap": (2.2, 0.5, 0.2, 0.6),  # mean step of the melody, scale degrees
    "irregularity": (0.05, 0.0, -0.03, 0.02),  # spread of onsets, beats
    "mode": (0.0, 0.0, 1.0, 0.5),  # major above 0
    "dissonance": (-1.0, 0.3, -1.8, 0.6),  # log-odds of a foreign tone in a chord
}
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
PROGRESSIONS = {
    "major": ((0, 4, 5, 3), (0, 3, 4, 0), (0, 5, 3, 4), (0, 3, 0, 4), (0, 1, 4, 0)),
    "minor": ((0, 5, 2, 6), (0, 3, 4, 0), (0, 6, 5, 4), (0, 3, 0, 4), (0, 5, 3, 4)),
}
NOTE = np.dtype([(name, "f8") for name in ("onset", "length", "pitch", "level", "attack", "tilt")])
HIT = np.dtype([("onset", "f8"), ("level", "f8")])


@dataclass(frozen=True)
class Composer:
    """Properties of all songs of one composer."""

    habits: dict  # shift of every cue
    partials: np.ndarray  # amplitude of each partial before the tilt
    decay: float  # seconds
    sustain: float  # level that a held note falls to
    room: float  # reverberation time, seconds
    drums: bool


@dataclass(frozen=True)
class Song:
    """Properties of a song that do not change within it."""

    composer: Composer
    tonic: int  # pitch class
    beats: int  # of a bar
    accompaniment: str
    shift: dict  # of every cue, beside the composer's
    floor: float  # dB of the background noise


def draw_composer(rng):
    """Draw the properties of a composer."""
    partials = rng.uniform(0.4, 1.0, 20)
    partials[0] = 1.0
    partials[1::2] *= rng.uniform(0.1, 1.0)
    return Composer(
        habits={cue: 0.4 * spread * rng.standard_normal() for cue, (*_, spread) in CUES.items()},
        partials=partials,
        decay=rng.uniform(0.25, 1.2),
        sustain=rng.uniform(0.15, 0.8),
        room=rng.uniform(0.15, 0.6),
        drums=rng.random() < 0.4,
    )


def draw_song(rng, composer):
    """Draw the properties of a song of a composer."""
    return Song(
        composer=composer,
        tonic=int(rng.integers(12)),
        beats=int(rng.choice([3, 4, 4])),
        accompaniment=str(rng.choice(["block", "pulse", "arpeggio"])),
        shift={cue: 0.45 * spread * rng.standard_normal() for cue, (*_, spread) in CUES.items()},
        floor=rng.uniform(-68.0, -52.0),
    )


def draw_cues(rng, song, quadrant):
    """Draw the cues of a section: those of the quadrant with noise, plus the shifts of composer and song."""
    valence, arousal = (mean + 0.3 * rng.standard_normal() for mean in QUADRANTS[quadrant])
    cues = {}
    for cue, (middle, on_arousal, on_valence, spread) in CUES.items():
        own = song.composer.habits[cue] + song.shift[cue] + 0.3 * spread * rng.standard_normal()
        cues[cue] = middle + on_arousal * arousal + on_valence * valence + own
    return cues


def _scale_pitch(scale, tonic, degree):
    octave, step = np.divmod(degree, 7)
    return tonic + 12 * octave + np.asarray(scale)[step]


def compose(rng, song, cues, start, stop):
    """Compose a section of `song` from second `start` to second `stop`.

    Returns its notes (dtype NOTE) and drum hits (dtype HIT), unsorted, with all onsets inside the section.
    """
    beat = 60.0 / np.clip(2.0 ** cues["tempo"], 45, 190)
    scale = SCALES["major" if cues["mode"] > 0 else "minor"]
    progression = PROGRESSIONS["major" if cues["mode"] > 0 else "minor"][rng.integers(5)]
    foreign = 1 / (1 + np.exp(-cues["dissonance"]))
    n_beats = int(np.ceil((stop - start) / beat))
    centre = np.clip(cues["register"], 50, 84)
    melody_tonic = song.tonic + 12 * round((centre - song.tonic) / 12)
    chord_tonic = song.tonic + 12 * round((centre - 13 - song.tonic) / 12)
    bars = -(-n_beats // song.beats)
    chords = [_scale_pitch(scale, chord_tonic, progression[bar % 4] + np.array([0, 2, 4])) for bar in range(bars)]
    chords = [_colour(rng, chord, foreign) for chord in chords]

    parts = [_melody(rng, song, cues, n_beats, scale, melody_tonic, centre, progression, foreign)]
    parts += [_accompany(rng, song, bar, chord) for bar, chord in enumerate(chords)]
    onset, spacing, pitch, level = np.concatenate(parts).T
    onset = start + beat * (onset + np.abs(cues["irregularity"]) * rng.standard_normal(len(onset)))
    inside = onset < stop - 0.03
    notes = np.zeros(int(inside.sum()), NOTE)
    notes["onset"] = np.maximum(onset[inside], start)
    sounding = beat * spacing[inside] * np.clip(cues["articulation"], 0.25, 1.05)
    notes["length"] = np.minimum(np.maximum(sounding, 0.05), stop - notes["onset"])
    notes["pitch"] = pitch[inside] + 0.04 * rng.standard_normal(len(notes))
    notes["level"] = cues["level"] + level[inside] + 1.2 * rng.standard_normal(len(notes))
    notes["attack"] = np.clip(2.0 ** cues["attack"], 0.003, 0.12)
    notes["tilt"] = np.clip(cues["tilt"], 2.0, 16.0)
    return notes, _drum(rng, song, cues, start, stop, beat)


def _colour(rng, chord, foreign):
    """Add a minor second or a tritone to a chord, with the probability `foreign`."""
    if rng.random() >= foreign:
        return chord
    return np.append(chord, chord[rng.integers(3)] + rng.choice([1, 6]))


def _melody(rng, song, cues, n_beats, scale, tonic, centre, progression, foreign):
    """Walk on the scale; strong beats mostly meet the chord. Columns: beat, spacing, pitch, level."""
    step = 2.0 ** -np.clip(np.round(cues["density"] + 0.4 * rng.standard_normal()), -1, 2)
    onset = np.arange(0, n_beats, step)
    spacing = np.full(len(onset), step)
    degree, degrees = int(rng.integers(-2, 3)), []
    for beat in onset:
        degree += int(np.round(rng.laplace(0, np.clip(cues["leap"], 0.7, 4) / 2)))
        degree = int(np.clip(degree, -5, 6))
        if beat % 2 == 0 and rng.random() < 0.7:
            root = progression[int(beat // song.beats) % 4]
            degree = min((root + third - 7 * (root > 3) for third in (0, 2, 4, -3)), key=lambda d: abs(d - degree))
        degrees.append(degree)
    pitch = _scale_pitch(scale, tonic, np.array(degrees)).astype(float)
    pitch += rng.random(len(pitch)) < 0.25 * foreign
    pitch = np.where(pitch > centre + 12, pitch - 12, pitch)
    accent = np.where(onset % song.beats == 0, 1.5, 0.0)
    kept = rng.random(len(onset)) > 0.12
    return np.column_stack([onset, spacing, pitch, accent])[kept]


def _accompany(rng, song, bar, chord):
    """Play one bar of a chord and its bass. Columns: beat, spacing, pitch, level."""
    first = bar * song.beats
    bass = [(first, song.beats, chord[0] - 12, -3.0)]
    if song.accompaniment == "block":
        rows = [(first, song.beats, pitch, -7.0) for pitch in chord]
    elif song.accompaniment == "pulse":
        rows = [(first + beat, 1, pitch, -9.0) for beat in range(song.beats) for pitch in chord]
    else:
        order = rng.permutation(len(chord))
        rows = [(first + half / 2, 0.8, chord[order[half % len(chord)]], -6.0) for half in range(2 * song.beats)]
    return np.array(bass + rows, dtype=float)


def _drum(rng, song, cues, start, stop, beat):
    onsets = np.arange(start, stop - 0.05, beat) if song.composer.drums else np.zeros(0)
    onsets = onsets[rng.random(len(onsets)) < 0.85]
    hits = np.zeros(len(onsets), HIT)
    hits["onset"] = onsets
    hits["level"] = cues["level"] - 4.0 + 2.0 * rng.standard_normal(len(onsets))
    return hits
