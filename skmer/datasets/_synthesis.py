"""Rendering of composed notes: wavetables with envelopes, drums, reverberation, for `make_songs`."""

import numpy as np

TABLE_SIZE = 8192
RELEASE = 0.06  # seconds


def wavetable(partials, tilt, n_partials):
    """Return one period of a tone of unit power whose partials fall by `tilt` dB per octave.

    Returns an array of shape (TABLE_SIZE,), float32.
    """
    k = np.arange(1, n_partials + 1)
    spectrum = np.zeros(TABLE_SIZE // 2 + 1, dtype=complex)
    # quadratic phases spread a period's energy, so that bright tones have no sharp peak
    spectrum[k] = partials[:n_partials] * 10 ** (-tilt * np.log2(k) / 20) * np.exp(-0.7j * k**2)
    table = np.fft.irfft(spectrum)
    return (table / np.sqrt(np.mean(table**2))).astype(np.float32)


def render(rng, song, notes, hits, n_samples, sr):
    """Render notes and hits as a waveform of shape (n_samples,), float32, within ±1.

    The level of a note in dB is that of its power at the onset; nothing is normalised.
    """
    dry = np.zeros(n_samples, dtype=np.float32)
    _play_notes(dry, song.composer, notes, sr)
    _play_hits(dry, rng, hits, sr)
    wave = _reverberate(rng, dry, song.composer.room, sr)
    wave += 10 ** (song.floor / 20) * rng.standard_normal(n_samples, dtype=np.float32)
    return np.tanh(wave).astype(np.float32)  # linear at these levels; keeps a rare peak within ±1


def _play_notes(dry, composer, notes, sr):
    longest = int(sr * (notes["length"].max(initial=0.0) + RELEASE)) + 1
    t = np.arange(longest, dtype=np.float32) / np.float32(sr)
    sag = composer.sustain + (1 - composer.sustain) * np.exp(-t / composer.decay)
    dulling = np.exp(-t / (0.4 * composer.decay))  # high partials decay faster
    ramp = np.arange(longest, dtype=np.float32)
    fade = np.linspace(1, 0, int(sr * RELEASE), dtype=np.float32) ** 2
    tables = {}
    for note in notes:
        frequency = 440.0 * 2 ** ((note["pitch"] - 69) / 12)
        n_partials = int(np.clip(0.45 * sr / frequency, 1, len(composer.partials)))
        key = (n_partials, note["tilt"])
        if key not in tables:
            bright, dull = (wavetable(composer.partials, note["tilt"] + more, n_partials) for more in (0, 8))
            tables[key] = dull, bright - dull
        dull, brilliance = tables[key]
        begin = int(note["onset"] * sr)
        n = min(int(note["length"] * sr) + len(fade), len(dry) - begin)
        phase = (ramp[:n] * np.float32(frequency / sr % 1.0)) % 1.0
        index = (phase * TABLE_SIZE).astype(np.int32) & (TABLE_SIZE - 1)
        tone = dull[index] + brilliance[index] * dulling[:n]
        tone *= sag[:n]
        rise = min(n, max(1, int(note["attack"] * sr)))
        tone[:rise] *= ramp[:rise] / rise
        gate = int(note["length"] * sr)
        tone[gate:] *= fade[: len(tone) - gate]
        dry[begin : begin + n] += np.float32(10 ** (note["level"] / 20)) * tone


def _play_hits(dry, rng, hits, sr):
    n = int(0.08 * sr)
    shape = np.exp(-np.arange(n) / (0.018 * sr)).astype(np.float32)
    for hit in hits:
        begin = int(hit["onset"] * sr)
        burst = rng.standard_normal(n, dtype=np.float32) * shape * np.float32(10 ** (hit["level"] / 20))
        dry[begin : begin + n] += burst[: len(dry) - begin]


def _reverberate(rng, dry, room, sr):
    """Add a diffuse tail that falls by 60 dB in `room` seconds."""
    n = int(room * sr)
    tail = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / n)
    tail *= 0.35 / np.sqrt(np.sum(tail**2))
    size = 1 << (len(dry) + n).bit_length()
    wet = np.fft.irfft(np.fft.rfft(dry, size) * np.fft.rfft(tail, size), size)
    return dry + wet[: len(dry)].astype(np.float32)
