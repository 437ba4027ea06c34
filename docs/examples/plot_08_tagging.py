"""
Tags, and songs without tags
============================

A tagger predicts any number of tags per song. Tags are expensive and songs are cheap; a noisy student is therefore
also trained on songs without tags, using confident predictions of a teacher as targets. In this example the tags of
all songs are known, so that the predictions of the teacher can be checked, and the effect on the student measured.
"""

# sphinx_gallery_thumbnail_number = 1

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmer import NoisyStudentTagger, TaggingTransformer
from skmer.aggregation import SpectrogramStatistics
from skmer.datasets import make_songs
from skmer.model_selection import tag_scores

# %%
# Songs with two tags
# -------------------
# "energetic" and "happy" are high arousal and positive valence: an angry song has only the first, a calm song only
# the second, a sad song none. ``TaggingTransformer`` computes chunks of log-mel bands and pitch class profiles. Its
# steps are set here for a quarter of its default sampling rate; with 44.1 kHz the defaults can be used.

SR = 11264
songs = make_songs(n_songs=400, duration=4, noise=0, n_composers=100, sr=SR, random_state=0)
tags = ["energetic", "happy"]
y = np.column_stack([np.isin(songs.target, ["Q1", "Q2"]), np.isin(songs.target, ["Q1", "Q4"])]).astype(int)
chunks = TaggingTransformer(duration=3.7, sr=SR, hop_length=128, hpcp_n_fft=2048, hpcp_hop_length=512)
chunks = chunks.transform(songs.data)
print(chunks)

# %%
# For recordings, use a recurrent network on the chunks, ``backbone="crnn"``. Training it many times takes too long
# for this example, so that each song is described by the mean, standard deviation and change of its 316 features, and
# the networks are small perceptrons. Everything else is the same.

X = SpectrogramStatistics().fit_transform(chunks)
pool, test = np.arange(240), np.arange(240, 400)
settings = {
    "backbone": "mlp",
    "backbone_params": {"hidden": (64,)},
    "mask_range": None,
    "lr": 1e-3,
    "max_epochs": 40,
    "patience": 10,
    "validation_fraction": 1 / 3,
}

# %%
# With and without untagged songs
# -------------------------------
# In each of eight runs, 48 songs of the pool keep their tags and the others lose them. The teacher is trained on the
# tagged songs only, the student also on confident predictions of the teacher. Both are evaluated on the same 160 test
# songs, together with logistic regression on the same tagged songs.

runs, students = [], []
for seed in range(8):
    drawn = np.random.default_rng(seed).permutation(pool)
    tagged, others = drawn[:48], drawn[48:]
    student = NoisyStudentTagger(noise=0.1, random_state=seed, **settings)
    student.fit(X[tagged], y[tagged], unlabelled=X[others])
    logistic = OneVsRestClassifier(make_pipeline(StandardScaler(), LogisticRegression(C=0.01)))
    logistic.fit(X[tagged], y[tagged])
    runs.append(
        [
            student.teacher_.score(X[test], y[test]),
            student.score(X[test], y[test]),
            roc_auc_score(y[test], logistic.predict_proba(X[test])),
        ]
    )
    students.append((student, others))
runs = np.array(runs)
gain = runs[:, 1] - runs[:, 0]
better = (gain > 0).sum()
print(f"the student's gain in ROC-AUC: {gain.mean():+.3f} ± {gain.std():.3f}; it is better in {better} of 8 runs")

# %%
# Confident predictions of the teacher
# ------------------------------------
# The plots show the probabilities of the teacher for the songs without tags in the first run, coloured by the truth.
# Predictions outside of the grey band are confident and used by the student; those within are not used. The limits
# are the same for all tags. Confident predictions are therefore mostly those of the tag that is easier to predict,
# and needs additional songs least.

student, others = students[0]
row, probability = student.iterations_[0], student.teacher_.predict_proba(X[others])
fig, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), sharey=True, layout="constrained")
for k, ax in enumerate(axes):
    parts = [probability[y[others, k] == value, k] for value in (0, 1)]
    names = ["truly without", "truly with it"]
    ax.hist(parts, np.linspace(0, 1, 26), stacked=True, color=["#0072B2", "#E69F00"], label=names)
    unsure = (row["negative_below"], row["positive_above"])
    ax.axvspan(*unsure, color="#DDDDDD", linewidth=0, zorder=0, label="teacher not confident")
    sure = student.pseudo_tags_[:, k] >= 0
    right = (student.pseudo_tags_[:, k] == y[others, k])[sure]
    ax.set_title(f"{tags[k]}: {len(right)} of {len(sure)} confident, {right.sum()} correct", fontsize="medium")
    ax.set_xlim(0, 1)
axes[0].set_ylabel("songs without tags")
fig.supxlabel("probability predicted by the teacher", fontsize="medium")
fig.legend(*ax.get_legend_handles_labels(), loc="outside right center", frameon=False)
plt.show()

# %%
# Does it help?
# -------------
# Each line is a run: with the tagged songs only, and with the others too.

fig, ax = plt.subplots(figsize=(9, 3.8), layout="constrained")
ax.plot([0, 1, 2], runs.T, "-", color="#999999", linewidth=1, zorder=1)
for x, colour in enumerate(("#E69F00", "#0072B2", "#5B5B5B")):
    ax.scatter(np.full(len(runs), x), runs[:, x], s=60, color=colour, zorder=2)
    ax.hlines(runs[:, x].mean(), x + 0.08, x + 0.25, color="black", linewidth=3)
    ax.annotate(
        f"{runs[:, x].mean():.3f}",
        (x + 0.28, runs[:, x].mean()),
        va="center",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )
names = ["teacher:\n48 tagged songs", "student:\nand 192 without tags", "logistic regression:\n48 tagged songs"]
ax.set_xticks([0, 1, 2], names)
ax.set(ylabel="macro ROC-AUC, test songs", xlim=(-0.3, 2.6))
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# The lines increase in some runs and decrease in others, so that a single run would be uninformative. With so few
# songs, a simpler model without early stopping on validation songs is better than both. Create such a plot before you
# use a student. On the recordings of Emotify, too, the difference between the student and the same tagger without
# untagged songs is not significant (:doc:`/reports/reproduction`).
#
# ``tag_scores`` returns the scores of each tag, with the thresholds that were chosen on the validation songs.

figures = tag_scores(y[test], student.predict_proba(X[test]), student.thresholds_)
for k, tag in enumerate(tags):
    print(tag, {name: round(float(values[k]), 3) for name, values in figures["per_tag"].items()})
