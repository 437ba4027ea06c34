"""
A first pipeline
================

This example trains a classifier on eighty songs with one emotion each and predicts the emotion of songs that it has
not seen. It shows the steps of the pipeline, cross-validation that keeps the songs of a composer together, the
comparison with a dummy, and which emotions are confused.
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer import SegmentTransformer, SongAggregator, SSSLClassifier
from skmer.datasets import make_songs

# %%
# The songs
# ---------
# The labels are the quadrants of Russell's circumplex: Q1 happy, Q2 angry, Q3 sad, Q4 calm. In each song a quarter of
# the seconds expresses another quadrant than its label. ``songs.data`` is a list of waveforms; paths of audio files
# are accepted too. ``songs.groups`` contains the composers.

SR = 11264
songs = make_songs(n_songs=80, duration=12, noise=0.25, sr=SR, random_state=0)
print(f"{len(songs.data)} songs by {len(set(songs.groups))} composers")

# %%
# A whole song as a single segment is its spectrogram. High arousal is easy to see; the difference between Q1 and Q2,
# or between Q4 and Q3, is less obvious. The black bars mark the seconds that do not express the label of the song.

whole = SegmentTransformer(duration=12, sr=SR, n_fft=512, n_mels=64).transform(songs.data)
fig, axes = plt.subplots(2, 2, figsize=(9, 5), sharex=True, sharey=True, layout="constrained")
for ax, (name, mood) in zip(axes.flat, {"Q2": "angry", "Q1": "happy", "Q3": "sad", "Q4": "calm"}.items(), strict=True):
    i = int(np.flatnonzero(songs.target == name)[0])
    image = ax.imshow(whole[i][0], origin="lower", aspect="auto", extent=(0, 12, 0, 64), cmap="magma", vmin=-70, vmax=0)
    elsewhere = np.flatnonzero(songs.segment_target[i] != name)
    ax.hlines(np.full(len(elsewhere), 66), elsewhere, elsewhere + 1, color="black", linewidth=5)
    ax.set(ylim=(0, 68))
    ax.set_title(f"a song labelled {name} ({mood})", loc="left", fontsize="medium")
fig.supxlabel("time (s)")
fig.supylabel("mel band")
fig.colorbar(image, ax=axes, label="level (dB)", shrink=0.8)
plt.show()

# %%
# The pipeline
# ------------
# Songs are cut into segments of 2 s, which inherit the label of their song. A network is trained on the segments, and
# detects labels that are likely to be wrong. Statistics of the predicted probabilities are the features of a song for
# an SVM. A sample is a song at every step, so that the tools of scikit-learn can be applied to the whole pipeline.

pipe = make_pipeline(
    SegmentTransformer(duration=2, sr=SR, n_fft=512, n_mels=64),
    SSSLClassifier(
        "small", backbone_params={"width": 16}, batch_size=32, max_epochs=12, warmup_epochs=4, random_state=0
    ),
    SongAggregator(),
    StandardScaler(),
    SVC(),
)

# %%
# Cross-validation
# ----------------
# There are five folds, each with all emotions, and with all songs of a composer either in the training or in the test
# set. The dummy predicts the most frequent label of the training songs. An accuracy is difficult to interpret without
# it.

cv = StratifiedGroupKFold(5, shuffle=True, random_state=0)
folds = list(cv.split(songs.data, songs.target, songs.groups))
answers = {
    "dummy": cross_val_predict(DummyClassifier(), songs.data, songs.target, cv=folds),
    "pipeline": cross_val_predict(pipe, songs.data, songs.target, cv=folds),
}
accuracy = {
    name: np.array([accuracy_score(songs.target[test], predicted[test]) for _, test in folds])
    for name, predicted in answers.items()
}
for name, values in accuracy.items():
    print(f"{name:8}  accuracy {values.mean():.3f} ± {values.std():.3f} over {len(folds)} folds")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), width_ratios=[1.15, 1], layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    songs.target, answers["pipeline"], ax=left, cmap="Blues", colorbar=False, text_kw={"fontsize": 13}
)
left.set(title="songs, over all test folds", xlabel="predicted emotion", ylabel="label")
for x, values in enumerate(accuracy.values()):
    right.scatter(x + np.linspace(-0.12, 0.12, len(values)), values, s=50, color="#0072B2", alpha=0.8, zorder=2)
    right.hlines(values.mean(), x - 0.3, x + 0.3, color="black", linewidth=2)
    right.annotate(f"{values.mean():.3f}", (x + 0.32, values.mean()), va="center")
right.set(title="each fold, and their mean", ylabel="accuracy", ylim=(0, 1), xlim=(-0.6, 1.7))
right.set_xticks(range(len(accuracy)), accuracy)
right.grid(axis="y", alpha=0.3)
plt.show()

# %%
# Most confusions are within high or within low arousal. The same predictions can be evaluated for arousal and
# valence:

predicted = answers["pipeline"]
for axis, high in {"arousal": ["Q1", "Q2"], "valence": ["Q1", "Q4"]}.items():
    right_side = np.isin(predicted, high) == np.isin(songs.target, high)
    print(f"{axis} is right for {right_side.mean():.0%} of the songs")

# %%
# The probability of a song
# -------------------------
# The SVM predicts a label. Probabilities are those of the network: the first two steps of a fitted pipeline return
# their mean over each song. These are the songs of the first test fold, which the network has not seen.

train, test = folds[0]
pipe.fit([songs.data[i] for i in train], songs.target[train])

# %%
test = test[np.argsort(songs.target[test], kind="stable")]
probability = pipe[:2].predict_proba([songs.data[i] for i in test])
colours = {"Q1": "#0072B2", "Q2": "#D55E00", "Q3": "#009E73", "Q4": "#CC79A7"}
fig, ax = plt.subplots(figsize=(9, 4), layout="constrained")
base = np.zeros(len(test))
for name, column in zip(pipe[1].classes_, probability.T, strict=True):
    ax.bar(range(len(test)), column, bottom=base, color=colours[name], edgecolor="white", label=name)
    base += column
ax.set_xticks(range(len(test)), songs.target[test])
ax.set(xlabel="label of each test song", ylabel="mean probability over the segments", ylim=(0, 1))
handles, names = ax.get_legend_handles_labels()
ax.legend(handles[::-1], names[::-1], title="emotion", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
plt.show()

# %%
# These songs are easy: mean and standard deviation of a spectrogram are sufficient to predict their emotions about as
# well (:ref:`sphx_glr_gallery_plot_05_comparing_systems.py`). The advantage of synthetic songs is that the truth is
# known for every second, which the next examples use.
