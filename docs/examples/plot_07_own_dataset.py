"""
Your own songs, and a leak
==========================

Songs of one artist sound alike: the same studio, the same instruments. If an artist also has one emotion, a model can
learn the artist in place of the emotion, and plain folds will not notice. This example writes a collection to disk,
loads it in three ways, and shows how far plain folds and folds by artist are from the truth, which is known here.
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
# Forty artists, each of whom records in one studio, which colours the sound.

SR = 11264


def recorded(wave, artist):
    """Play a waveform through the studio of an artist: a filter and a level."""
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
# Folders, ``<class>/<artist>/<song>``: with ``groups="parent"`` the artist is the group.

songs = load_folder(home / "songs", groups="parent")
print(f"{len(songs.data)} songs of {len(songs.target_names)} classes by {len(set(songs.groups))} artists")

# %%
# A table with the columns ``path``, ``label`` and, where songs belong together, ``group``:

with open(home / "songs.csv", "w", newline="") as file:
    lines = csv.writer(file)
    lines.writerow(["path", "label", "group"])
    lines.writerows(zip(songs.data, songs.target, songs.groups, strict=True))
table = load_csv(home / "songs.csv")
print(f"the same songs: {table.data == songs.data}; the same groups: {np.array_equal(table.groups, songs.groups)}")

# %%
# A function of your own, where a collection is arranged in another way. Nothing downstream asks for more than paths (or
# waveforms), labels and groups in the same order; a ``Bunch`` is how scikit-learn's loaders hand them over. This one
# makes artists whom the collection does not have: the songs that a model will meet.


def load_new_artists(n_songs=240):
    """Give songs by eighty other artists, each in a studio of its own."""
    new = make_songs(n_songs=n_songs, duration=4, n_composers=80, sr=SR, random_state=1)
    artists = [100 + int(composer.split()[1]) for composer in new.groups]
    data = [recorded(wave, artist).astype(np.float32) for wave, artist in zip(new.data, artists, strict=True)]
    return Bunch(data=data, target=new.target, groups=np.array(artists), DESCR="Synthetic songs by new artists")


new = load_new_artists()

# %%
# Two smaller collections
# -----------------------
# Of each artist five songs are kept. In one collection they are drawn from all songs of the artist. In the other each
# artist has one emotion, given by lot, as in many collections that were made from playlists or genres.


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
# Look at a collection before you learn from it. A column is an artist; where it has one dark cell, who plays tells
# what the label is.

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
# Spectrogram statistics and an SVM, in plain folds and in folds that keep an artist on one side. The truth is the
# accuracy on songs by artists whom the collection does not have. Twelve collections of each kind are judged.

features = make_pipeline(SegmentTransformer(duration=4, sr=SR, n_fft=512, n_mels=64), SpectrogramStatistics())
X, X_new = features.fit_transform(songs.data), features.fit_transform(new.data)
svm = make_pipeline(StandardScaler(), SVC(C=10))


def judge(kept, seed):
    """Estimate the accuracy in plain folds and in folds by artist, and give the true one."""
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
    ax.set(title=kind, xlabel="estimated less true accuracy")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_yticks([0, 1], ["plain folds", "folds by artist"])
axes[0].set_ylim(1.6, -0.5)
plt.show()

# %%
# Plain folds do not lie about what they measure: the accuracy on further songs of the same artists. It is rarely what
# one wants to know. A single estimate by artist is coarse, for it rests on forty artists and not on two hundred songs.
# Every loader of :mod:`skmer.datasets` gives ``groups`` where the collection knows who its artists are.

folder.cleanup()
