"""
Valence and arousal over time
=============================

Emotions can be rated by numbers, such as valence (from unpleasant to pleasant) and arousal (from calm to excited), and
ratings change during a song. A network that is trained on ratings of segments draws a curve for each song. The songs
in this example are synthetic: their loudness, tempo, brightness, register and mode follow planted curves, with which
the predictions are compared.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone

from skmer import make_rating_pipeline
from skmer.datasets import DynamicRatings, segment_ratings
from skmer.inspection import RatingTimelineDisplay, ValenceArousalDisplay, emotion_over_time
from skmer.metrics import curve_score

# %%
# Songs that change
# -----------------
# Valence and arousal move between random values that are eight seconds apart. The music is a sequence of chords. With
# arousal, chords are louder, brighter and follow each other faster; with valence, they are higher and more of them are
# major.

SR, SECONDS, NAMES = 11264, 40, ["valence", "arousal"]
rng = np.random.default_rng(0)


def draw_course():
    """Return valence and arousal in the middle of each second."""
    knots = rng.uniform(-0.9, 0.9, (SECONDS // 8 + 1, 2))
    middles = np.arange(SECONDS) + 0.5
    return np.column_stack([np.interp(middles, 8 * np.arange(len(knots)), own) for own in knots.T])


def play(course):
    """Return the waveform of chords that follow valence and arousal."""
    wave, onset, partials = np.zeros(SECONDS * SR, dtype=np.float32), 0.0, np.arange(1, 7, dtype=np.float32)
    while onset < SECONDS:
        valence, arousal = course[int(onset)]
        time = np.arange(min(0.8, SECONDS - onset) * SR, dtype=np.float32) / SR
        root = 220 * 2 ** ((rng.integers(-4, 5) + 3 * valence) / 12)
        third = 4 if rng.random() < (1 + valence) / 2 else 3
        frequencies = np.outer(root * 2 ** (np.array([0, third, 7]) / 12), partials).astype(np.float32)
        strength = np.tile(partials ** (arousal - 2), 3) * 10 ** ((8 * arousal - 30 + 2 * rng.normal()) / 20)
        tone = strength @ np.sin(2 * np.pi * np.outer(frequencies.ravel(), time)) * np.exp(-4 * time)
        wave[int(onset * SR) :][: len(tone)] += tone[: SECONDS * SR - int(onset * SR)]
        onset += 0.5 - 0.3 * arousal
    return wave


courses = [draw_course() for _ in range(50)]
songs = [play(course) for course in courses]

# %%
# Ratings of listeners
# --------------------
# Ten listeners rate each second. They disagree, and their mean is what the network learns from. Loaders of collections
# with such ratings, for example :func:`skmer.datasets.load_vgmidi`, return the same
# :class:`skmer.datasets.DynamicRatings`.


def listen(course):
    """Return the ratings of ten listeners, some of whom rate higher than others, with random errors."""
    levels = rng.normal(scale=0.2, size=(10, 1, 2))
    ratings = np.clip(course + levels + rng.normal(scale=0.2, size=(10, SECONDS, 2)), -1, 1)
    seconds = np.arange(SECONDS)
    return DynamicRatings(seconds, seconds + 1, ratings.mean(axis=0), ratings.std(axis=0, ddof=1), 10)


dynamic = [listen(course) for course in courses]

# %%
# Training
# --------
# ``segment_ratings`` computes the ratings of the segments, which overlap. The network is trained on forty songs.
# Ratings over time are arrays without names; therefore, the names of the targets are set after the training. Ratings
# change slowly: with ``smoothing=5``, each value of a curve is the mean of five segments.

TRAINED = 40
pipe = make_rating_pipeline(
    duration=2, max_duration=None, harmony=True, backbone="mlp", noise_model=None, random_state=0
)
pipe.set_params(segments__sr=SR, segments__n_mels=64, sssl__smoothing=5)
n_segments = [SECONDS - 1] * len(songs)
y = segment_ratings(dynamic, n_segments, pipe["segments"])
pipe.fit(songs[:TRAINED], y[:TRAINED])
pipe["sssl"].target_names_ = NAMES

# %%
# For comparison, a second network learns from one rating for each song, the mean over its time.

by_song = clone(pipe).fit(songs[:TRAINED], [rows.mean(axis=0) for rows in y[:TRAINED]])
by_song["sssl"].target_names_ = NAMES

# %%
# Curves of new songs
# -------------------
# The other ten songs are predicted, and compared with the planted curves. The score is the concordance, which is 1 if
# two curves are the same. It is computed for each song, so that only the course within a song counts.

new = songs[TRAINED:]
planted = [DynamicRatings(own.starts, own.ends, course) for own, course in zip(dynamic, courses, strict=True)]
truth = segment_ratings(planted, n_segments, pipe["segments"])[TRAINED:]
predicted = {"seconds": list(emotion_over_time(pipe, new)), "songs": list(emotion_over_time(by_song, new))}


def concordance(own, song):
    """Return the concordance of the curves of a song, for each target."""
    return curve_score([own], [song.values], average="pooled", multioutput="raw_values")


scores = {name: np.array(list(map(concordance, truth, found))) for name, found in predicted.items()}
for name, rows in scores.items():
    valence, arousal = rows.mean(axis=0)
    print(f"trained on ratings of {name}: valence {valence:.2f}, arousal {arousal:.2f}")

# %%
# This is the song with the median score. The grey curve with its band is the mean of the listeners and their deviation,
# and the black line is what was planted.

i = np.argsort(scores["seconds"].mean(axis=1))[len(new) // 2]
display = RatingTimelineDisplay.from_song_ratings(
    predicted["seconds"][i], dynamic=dynamic[TRAINED + i], limits=(-1, 1), title="median song"
)
for ax, course in zip(display.axes_, courses[TRAINED + i].T, strict=True):
    ax.plot(np.arange(SECONDS) + 0.5, course, color="black", label="planted")
display.axes_[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, fontsize="small")
plt.show()

# %%
# The path of the same song in the plane of valence and arousal, with that of the planted ratings:

plane = ValenceArousalDisplay.from_song_ratings(
    predicted["seconds"][i], dynamic=planted[TRAINED + i], title="median song"
)
plane.listener_line_.set_label("planted")
plane.ax_.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=4, frameon=False, fontsize="small")
plt.show()

# %%
# Ratings of seconds or of songs
# ------------------------------
# Each line is a new song. A network that has seen one rating for each song has learnt what differs between songs, and
# its curves follow the changes within a song less closely.

fig, panels = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
order = np.argsort(scores["seconds"].mean(axis=1))
for k, (ax, name) in enumerate(zip(panels, NAMES, strict=True)):
    least, most = scores["songs"][order, k], scores["seconds"][order, k]
    ax.hlines(np.arange(len(order)), least, most, color="#BBBBBB", linewidth=3, zorder=1)
    ax.scatter(least, np.arange(len(order)), s=60, facecolor="white", edgecolor="black", label="ratings of songs")
    ax.scatter(most, np.arange(len(order)), s=60, color=("#0072B2", "#D55E00")[k], label="ratings of seconds")
    ax.set(title=name, xlabel="concordance with the planted curve", xlim=(-0.05, 1.03))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, frameon=False)
    ax.grid(axis="x", alpha=0.3)
panels[0].set_yticks(np.arange(len(order)), [f"song {number}" for number in order])
plt.show()

# %%
# On the command line, ``skmer predict model.skmer songs --per-segment`` writes the ratings of all segments to a table,
# and ``skmer timeline model.skmer song.mp3`` draws the curves of one song, if ``save_model`` has stored the pipeline.
