"""Every collection as its authors publish it, with a dozen songs of two seconds, and the options that make it quick."""

from functools import cache

import numpy as np
import soundfile

from skmer.datasets.deam import PUBLISHED
from skmer.datasets.emotify import EMOTIONS
from skmer.datasets.four_q import ANNOTATIONS, METADATA

SR = 8000
N_SONGS = 12
SECONDS = 2
ARTISTS = ("Ana", "Bo", "Cy", "Di", "Ed", "Fay")  # two songs each
QUADRANTS = [f"Q{1 + i % 4}" for i in range(N_SONGS)]
# (valence, arousal) from 0 to 1: each half holds half of the songs, on the diagonals of the plane
RATINGS = [
    (
        0.5 + (1 if quadrant in ("Q1", "Q4") else -1) * (0.1 + 0.02 * i),
        0.5 + (1 if i % 4 < 2 else -1) * (0.1 + 0.02 * i),
    )
    for i, quadrant in enumerate(QUADRANTS)
]
QUICK = (
    "--backbone", "small", "--params", '{"backbone_params": {"width": 4}}', "--epochs", "2", "--warmup-epochs", "1",
    "--n-splits", "2", "--max-duration", "2", "--device", "cpu", "-q", "--duration", "0.5",
)  # fmt: skip
# what takes fewer options
QUICK_OF = {"table1": ("--max-duration", "2", "-q"), "table2": QUICK[:-2]}


@cache
def waveform(number, seconds=SECONDS):
    """A tone that is higher and louder in the quadrants of high arousal, with noise."""
    rng = np.random.default_rng(number)
    high = number % 4 < 2
    t = np.arange(round(seconds * SR)) / SR
    return (0.4 if high else 0.1) * np.sin(2 * np.pi * (900 if high else 300) * t) + 0.02 * rng.standard_normal(len(t))


def write_song(path, number, seconds=SECONDS, format="WAV", sr=SR):
    """Write a song; what a file holds decides how it is read, whatever its ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform(number, seconds), sr, format=format)


def _write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _artist(i):
    return ARTISTS[i // 2]


def _pmemo(home):
    header = "musicId,fileName,title,artist,album,duration,chorus_start_time,chorus_end_time"
    rows = [f"{i + 1},{i + 1}.mp3,T,{_artist(i)},x,{SECONDS},00:00,00:02" for i in range(N_SONGS)]
    _write(home / "metadata.csv", [header, *rows])
    rows = [f"{i + 1},{arousal},{valence}" for i, (valence, arousal) in enumerate(RATINGS)]
    _write(home / "annotations" / "static_annotations.csv", ["musicId,Arousal(mean),Valence(mean)", *rows])
    return [home / "chorus" / f"{i + 1}.mp3" for i in range(N_SONGS)]


def _four_q(home):
    songs = [f"MT{i:010}" for i in range(N_SONGS)]
    _write(home / ANNOTATIONS, ["Song,Quadrant", *(f"{s},{q}" for s, q in zip(songs, QUADRANTS, strict=True))])
    rows = [f"{song},{_artist(i)},T,{QUADRANTS[i]}" for i, song in enumerate(songs)]
    _write(home / METADATA, ["Song,Artist,Title,Quadrant", *rows])
    return [home / quadrant / f"{song}.mp3" for song, quadrant in zip(songs, QUADRANTS, strict=True)]


def _eim(home):
    header = "song_id,file_name,Artist,Song title,start,end,Genre,Mediaeval 2013 set"
    parts = ["development"] * 8 + ["evaluation"] * 4
    rows = [f"{i + 1},{i + 1}.mp3,{_artist(i)},T,0.0,45.0,Rock,{part}" for i, part in enumerate(parts)]
    _write(home / "annotations" / "songs_info.csv", [header, *rows])
    rows = [f"{i + 1},{1 + 8 * arousal},0.5,{1 + 8 * valence},0.5" for i, (valence, arousal) in enumerate(RATINGS)]
    header = "song_id,mean_arousal,std_arousal,mean_valence,std_valence"
    _write(home / "annotations" / "static_annotations.csv", [header, *rows])
    return [home / "clips_45seconds" / f"{i + 1}.mp3" for i in range(N_SONGS)]


def _deam(home):
    numbers = [*range(2, N_SONGS), 2001, 2002]
    rows = [f"{n},{1 + 8 * v},0.5,{1 + 8 * a},0.5" for n, (v, a) in zip(numbers, RATINGS, strict=True)]
    header = "song_id, valence_mean, valence_std, arousal_mean, arousal_std"
    _write(home / PUBLISHED[0], [header, *rows[:-2]])
    _write(home / PUBLISHED[1], [header, *rows[-2:]])
    return [home / "MEMD_audio" / f"{n}.mp3" for n in numbers]


def _emopia(home):
    header = "clip,song_id,quadrant,arousal_high,valence_high,annotator,split_cls_repo,split_zip,duration_s"
    parts = ["train"] * 4 + ["val"] * 3 + ["test"] * 4 + [""]
    clips = [f"{QUADRANTS[i]}_{_artist(i)}_{i}" for i in range(N_SONGS)]
    rows = [
        f"{clip},{_artist(i)},{QUADRANTS[i]},{int(i % 4 < 2)},{int(i % 4 in (0, 3))},A,{parts[i]},train,{SECONDS}"
        for i, clip in enumerate(clips)
    ]
    _write(home / "labels.csv", [header, *rows])
    return [home / "audio" / f"{clip}.flac" for clip in clips]


def _emotify(home):
    """The last song's emotion is none of the four commonest."""
    emotions = ["calmness", "joyful_activation", "nostalgia", "tension"] * 3 + ["power"]
    header = ["track_id", "file", "genre", *EMOTIONS, "dominant", "dominant_tied", "artist"]
    rows = [
        [f"{i}", f"audio/{i}.opus", "rock", *("1" if e == emotion else "0" for e in EMOTIONS), emotion, "0", artist]
        for i, (emotion, artist) in enumerate(zip(emotions, [*map(_artist, range(N_SONGS)), "Gus"], strict=True))
    ]
    _write(home / "labels.csv", [",".join(row) for row in [header, *rows]])
    return [home / "audio" / f"{i}.opus" for i in range(N_SONGS + 1)]


def _folder(home):
    return [home / ("calm" if i % 2 else "tense") / f"{i}.mp3" for i in range(N_SONGS)]


def _csv(table):
    rows = [f"songs/{i}.mp3,{'calm' if i % 2 else 'tense'},{_artist(i)}" for i in range(N_SONGS)]
    _write(table, ["path,label,group", *rows])
    return [table.parent / "songs" / f"{i}.mp3" for i in range(N_SONGS)]


LAYOUTS = {
    "pmemo": _pmemo, "4q": _four_q, "eim": _eim, "deam": _deam,
    "emopia": _emopia, "emotify": _emotify, "folder": _folder, "csv": _csv,
}  # fmt: skip


def write_collection(dataset, folder, seconds=None, format="WAV"):
    """Write a collection below a folder; give its ``data_home`` and its songs."""
    home = folder / "songs.csv" if dataset == "csv" else folder / dataset
    songs = LAYOUTS[dataset](home)
    for number, path in enumerate(songs):
        write_song(path, number, SECONDS if seconds is None else seconds[number], format)
    return home, songs
