"""
Your own songs, and a leak
==========================

Songs of one artist sound alike: they share the studio and the instruments. If the songs of an artist also share one
emotion, a model can learn the artist instead of the emotion, and plain cross-validation does not reveal it. This
example writes a collection to disk, loads it in three ways, and compares the estimates of plain folds and of folds by
artist with the true accuracy, which is known here.
"""

# sphinx_gallery_thumbnail_number = 2

import csv
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import soundfile
from scipy.signal import lfilter
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import Bunch

from skmer import SegmentTransformer
from skmer.aggregation import SpectrogramStatistics
from skmer.datasets import load_csv, load_folder, make_songs

# %%
# A collection on disk
# --------------------
# There are forty artists, each of whom records in one studio, which colours the sound.

SR = 11264


def recorded(wave, artist):
    """Filter and scale a waveform by the studio of an artist."""
    rng = np.random.default_rng([7, artist])
    return 10 ** (rng.normal(0, 4) / 20) * lfilter([1, *rng.uniform(-0.8, 0.8, 4)], 1, wave) / 4


folder = tempfile.TemporaryDirectory()
home = Path(folder.name)
written = make_songs(n_songs=800, duration=4, n_composers=40, sr=SR, random_state=0)
for i, (wave, emotion, composer) in enumerate(zip(written.data, written.target, written.groups, strict=True)):
    artist = int(composer.split()[1])
    path = home / "songs" / emotion / f"artist {artist:02}" / f"{i:03}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, recorded(wave, artist), SR)

# %%
# Three ways to load it
# ---------------------
# :func:`skmer.datasets.load_folder` loads a folder of class folders. With ``groups="parent"``, songs are at
# ``<class>/<artist>/<song>``, and the artist is the group.

songs = load_folder(home / "songs", groups="parent")
print(f"{len(songs.data)} songs of {len(songs.target_names)} classes by {len(set(songs.groups))} artists")

# %%
# :func:`skmer.datasets.load_csv` loads a table with the columns ``path``, ``label`` and, optionally, ``group``:

with open(home / "songs.csv", "w", newline="") as file:
    lines = csv.writer(file)
    lines.writerow(["path", "label", "group"])
    lines.writerows(zip(songs.data, songs.target, songs.groups, strict=True))
table = load_csv(home / "songs.csv")
print(f"the same songs: {table.data == songs.data}; the same groups: {np.array_equal(table.groups, songs.groups)}")

# %%
# For another layout, write a function. The following steps only need paths (or waveforms), labels and groups in the
# same order; scikit-learn's loaders return them as a ``Bunch``. The section "Add a dataset" of the contributing guide
# shows how such a function becomes a loader of skmer, in one file. The function below generates songs of artists that
# are not in the collection, as a model meets them in use.


def load_new_artists(n_songs=240):
    """Return songs of eighty other artists, each with a studio of their own."""
    new = make_songs(n_songs=n_songs, duration=4, n_composers=80, sr=SR, random_state=1)
    artists = [100 + int(composer.split()[1]) for composer in new.groups]
    data = [recorded(wave, artist).astype(np.float32) for wave, artist in zip(new.data, artists, strict=True)]
    return Bunch(data=data, target=new.target, groups=np.array(artists), DESCR="Synthetic songs by new artists")


new = load_new_artists()

# %%
# Two smaller collections
# -----------------------
# Each collection has five songs of each artist. In the first, they are drawn from all songs of the artist. In the
# second, each artist has one emotion, assigned at random, as in many collections that are compiled from playlists or
# genres.


artists = np.unique(songs.groups)


def draw(one_emotion, rng):
    """Draw the songs of a collection, five of each artist."""
    kept = []
    lots = rng.permutation(np.resize(songs.target_names, len(artists)))
    for artist, emotion in zip(artists, lots, strict=True):
        own = songs.groups == artist
        if one_emotion:
            own &= songs.target == emotion
        kept.append(rng.permutation(np.flatnonzero(own))[:5])
    return np.concatenate(kept)


# %%
# Look at a collection before training on it. Each column is an artist; where it has a single dark cell, the artist
# determines the label.

kinds = {"artists have several emotions": False, "each artist has one emotion": True}
fig, axes = plt.subplots(2, 1, figsize=(9.5, 4), sharex=True, layout="constrained")
for ax, (kind, one_emotion) in zip(axes, kinds.items(), strict=True):
    kept = draw(one_emotion, np.random.default_rng(0))
    who, what = songs.groups[kept], songs.target[kept]
    counts = np.array([[((who == a) & (what == e)).sum() for a in artists] for e in songs.target_names])
    image = ax.imshow(counts, cmap="Blues", aspect="auto", vmin=0, vmax=5)
    ax.set_yticks(range(4), songs.target_names)
    ax.set(title=kind, ylabel="label")
axes[1].set_xlabel("artist")
fig.colorbar(image, ax=axes, label="songs")
plt.show()

# %%
# The leak
# --------
# Spectrogram statistics and an SVM are evaluated in plain folds and in folds that keep the songs of an artist
# together. The true accuracy is that on the songs of the other artists. Twelve collections of each kind are
# evaluated.

features = make_pipeline(SegmentTransformer(duration=4, sr=SR, n_fft=512, n_mels=64), SpectrogramStatistics())
X, X_new = features.fit_transform(songs.data), features.fit_transform(new.data)
svm = make_pipeline(StandardScaler(), SVC(C=10))


def judge(kept, seed):
    """Return the accuracy in plain folds, in folds by artist, and the true one."""
    given = X[kept], songs.target[kept]
    plain, by_artist = (kind(5, shuffle=True, random_state=seed) for kind in (StratifiedKFold, StratifiedGroupKFold))
    return (
        cross_val_score(svm, *given, cv=plain).mean(),
        cross_val_score(svm, *given, groups=songs.groups[kept], cv=by_artist).mean(),
        svm.fit(*given).score(X_new, new.target),
    )


rng = np.random.default_rng(0)
found = {kind: np.array([judge(draw(one, rng), seed) for seed in range(12)]) for kind, one in kinds.items()}
for kind, values in found.items():
    plain, by_artist, truth = values.mean(axis=0)
    print(f"{kind}: plain folds {plain:.3f}, folds by artist {by_artist:.3f}, truth {truth:.3f}")

# %%
fig, axes = plt.subplots(1, 2, figsize=(9.5, 3.6), sharex=True, sharey=True, layout="constrained")
for ax, (kind, values) in zip(axes, found.items(), strict=True):
    errors = values[:, :2] - values[:, 2:]
    ax.axvline(0, color="black", linewidth=1.5)
    for row, colour in enumerate(("#D55E00", "#0072B2")):
        ax.scatter(errors[:, row], row + np.linspace(-0.2, 0.2, len(errors)), s=45, color=colour, alpha=0.7)
        ax.vlines(errors[:, row].mean(), row - 0.32, row + 0.32, color=colour, linewidth=4)
        ax.annotate(
            f"{errors[:, row].mean():+.2f}",
            (errors[:, row].mean(), row + 0.44),
            ha="center",
            va="center",
            color=colour,
            fontweight="bold",
        )
    ax.set(title=kind, xlabel="estimated minus true accuracy")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_yticks([0, 1], ["plain folds", "folds by artist"])
axes[0].set_ylim(1.6, -0.5)
plt.show()

# %%
# Plain folds estimate the accuracy on further songs of the same artists, which is rarely of interest. A single
# estimate by artist has a large variance, as it depends on forty artists rather than on two hundred songs. The
# loaders of :mod:`skmer.datasets` return ``groups`` for all collections whose artists are known.

folder.cleanup()
