"""Collections with ratings, also over time, as their authors publish them, with a dozen songs of four seconds."""

import numpy as np

from skmer.datasets.deam import DYNAMIC as DEAM_DYNAMIC
from skmer.datasets.deam import RATERS as DEAM_RATERS
from skmer.datasets.pmemo import DEVIATIONS as PMEMO_DEVIATIONS
from tests.reproduction.tiny import ARTISTS, N_SONGS, QUADRANTS, RATINGS, write_collection, write_song

SECONDS = 4
TIMES = np.arange(1, 10) / 2  # the ends of half seconds; the last one is given late
QUICK = (
    "--backbone", "mlp", "--params", '{"backbone_params": {"hidden": [4]}, "segment_step": 1}', "--epochs", "2",
    "--warmup-epochs", "1", "--n-splits", "2", "--duration", "1", "--device", "cpu", "-q",
)  # fmt: skip


def curve(rating, number, low, high):
    """Ratings over time from `low` to `high` that begin with that of a song, from 0 to 1, and change."""
    course = rating + 0.02 * (1 + number % 3) * np.sin(TIMES + number)
    return low + (high - low) * np.clip(course, 0, 1)


def _write(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(map(str, row)) for row in [header, *rows]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _wide(path, target, numbers):
    rows = [[n, *curve(RATINGS[i][target], i, -1, 1)] for i, n in enumerate(numbers)]
    _write(path, ["song_id", *(f"sample_{round(1000 * t)}ms" for t in TIMES)], rows)


def _pmemo(home):
    rows = [
        [i + 1, t, *values]
        for i, rating in enumerate(RATINGS)
        for t, *values in zip(TIMES, *(curve(value, i, 0, 1) for value in rating), strict=True)
    ]
    _write(home / "annotations" / "dynamic_annotations.csv", ["musicId", "frameTime", "Valence(mean)", "Arousal(mean)"],
           rows)  # fmt: skip


def _eim(home):
    for target, name in enumerate(("valence", "arousal")):
        _wide(home / "annotations" / f"{name}_cont_average.csv", target, range(1, N_SONGS + 1))


def _deam(home):
    for target, name in enumerate(DEAM_DYNAMIC):
        _wide(home / f"{name}.csv", target, [*range(2, N_SONGS), 2001, 2002])


def write_pmemo_deviations(home):
    rows = [[i + 1, 0.1, 0.01 * (i + 1)] for i in range(N_SONGS)]
    _write(home / PMEMO_DEVIATIONS, ["musicId", "Arousal(std)", "Valence(std)"], rows)


def write_deam_raters(home, counts):
    numbers = [*range(2, N_SONGS), 2001, 2002]
    rows = [[n] for n, count in zip(numbers, counts, strict=True) for _ in range(count)]
    _write(home / DEAM_RATERS[0], ["SongId"], rows)


def write_vgmidi(folder, listeners=False):
    """Write VGMIDI, whose ratings from -1 to 1 three listeners gave to two stretches of each piece."""
    home = folder / "vgmidi"
    labels, stretches, raters = [], [], []
    for i, rating in enumerate(RATINGS):
        valence, arousal = (2 * value - 1 for value in rating)
        labels.append([i + 1, ARTISTS[i // 2], "T", 3, SECONDS, valence, arousal, QUADRANTS[i]])
        for stretch, change in enumerate((-0.05, 0.05)):
            values = valence + change, arousal + change
            stretches.append([i + 1, 2 * stretch, 2 * stretch + 2, values[0], 0.1, values[1], 0.2])
            for rater, (dv, da) in enumerate(((-0.1, -0.2), (0, 0), (0.1, 0.2))):
                raters.append([i + 1, rater, stretch, values[0] + dv, values[1] + da])
        write_song(home / "audio" / f"{i + 1}.flac", i, SECONDS, "FLAC")
    _write(home / "labels.csv", ["id", "series", "name", "n_raters", "duration_s", "valence", "arousal", "quadrant"],
           labels)  # fmt: skip
    _write(home / "dynamic.csv", ["id", "start_s", "end_s", "valence_mean", "valence_sd", "arousal_mean", "arousal_sd"],
           stretches)  # fmt: skip
    if listeners:
        _write(home / "raters.csv", ["id", "rater", "stretch", "valence", "arousal"], raters)
    return home


def write_rated(dataset, folder, over_time=True):
    """Write a collection below a folder; give its ``data_home``."""
    if dataset == "vgmidi":
        return write_vgmidi(folder)
    home, _ = write_collection(dataset, folder, seconds=[SECONDS] * N_SONGS)
    if over_time:
        {"pmemo": _pmemo, "eim": _eim, "deam": _deam}[dataset](home)
    return home
