"""
Which seconds do not carry their label
======================================

A song's label need not hold for each of its seconds, and some songs have a wrong label. A fitted pipeline estimates
for each second the probability that the label is right, and predicts the emotion that is expressed instead. The songs
are synthetic, with both kinds of errors planted in them, so that the results can be checked.
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from skmer import SegmentTransformer, SSSLClassifier
from skmer.datasets import make_songs, segment_labels
from skmer.inspection import LabelNoiseDisplay, LossMixtureDisplay, label_trust

# %%
# Songs with two kinds of errors
# ------------------------------
# A quarter of the seconds of each song expresses another quadrant than its label. In addition, eight of the eighty
# songs get a wrong label.

SR, DURATION = 11264, 1
songs = make_songs(n_songs=80, duration=16, noise=0.25, sr=SR, random_state=0)
labels = songs.target.copy()
rng = np.random.default_rng(0)
mislabelled = rng.choice(len(labels), 8, replace=False)
for i in mislabelled:
    labels[i] = rng.choice([name for name in songs.target_names if name != songs.target[i]])

# %%
# Training
# --------
# After four epochs of warm-up, a mixture of two Gaussians over the losses divides the segments of each class:
# segments with a small loss keep their label, the others lose it. Segments of 1 s locate wrong labels more precisely
# than the usual segments of 3 s, whose prediction is shared by all of their seconds.

pipe = make_pipeline(
    SegmentTransformer(duration=DURATION, sr=SR, n_fft=512, n_mels=64),
    SSSLClassifier(
        "small", backbone_params={"width": 12}, batch_size=32, max_epochs=12, warmup_epochs=4, random_state=0
    ),
)
pipe.fit(songs.data, labels)

# %%
# This is the last split, with the truth, which is unknown to the network. Where the two colours overlap, no threshold
# can separate wrong labels from right ones that are difficult to learn.

wrong_segments = [
    segment_labels(seconds, DURATION)[0] != label for seconds, label in zip(songs.segment_target, labels, strict=True)
]
LossMixtureDisplay.from_estimator(pipe, is_noisy=wrong_segments)
plt.show()

# %%
# Seconds
# -------
# ``label_trust`` applies the same mixture to each song and averages over the segments that cover a second (here there
# is one). The result for a second is correct if it is distrusted and does not express the label, or if it is trusted
# and expresses the label.

trusts = list(label_trust(pipe, songs.data, labels))
wrong = [seconds != label for seconds, label in zip(songs.segment_target, labels, strict=True)]
agreement = np.array([(trust.second_is_distrusted == w).mean() for trust, w in zip(trusts, wrong, strict=True)])
print(f"seconds with a correct result, over all songs: {agreement.mean():.0%}")

# %%
# The strip has the colour of the label, and is hatched where the label is distrusted; the true emotions of the
# seconds are shown below. The first plot is the song with a right label that has the best result, the second one that
# with the worst.


def draw_beside_truth(i):
    """Draw where the label of a song is distrusted, and the true emotions below."""
    _, (ax, strip) = plt.subplots(2, 1, figsize=(9, 4), height_ratios=[9, 1], sharex=True, layout="constrained")
    title = f"labelled {labels[i]}; {agreement[i]:.0%} of the seconds correct"
    LabelNoiseDisplay.from_predictions(trusts[i], title=title, ax=ax)
    colours = dict(zip(songs.target_names, ("#0072B2", "#D55E00", "#009E73", "#CC79A7"), strict=True))
    seconds = songs.segment_target[i]
    strip.bar(np.arange(len(seconds)), 1, width=1, align="edge", color=[colours[name] for name in seconds])
    for second, name in enumerate(seconds):
        strip.text(second + 0.5, 0.5, name, ha="center", va="center", color="white", fontsize="small")
    ax.set_xlabel("")
    strip.set(xlabel="time (s)", yticks=[0.5], yticklabels=["truth"], ylim=(0, 1))
    strip.spines[["top", "right", "left"]].set_visible(False)
    plt.show()


rightly = np.setdiff1d(np.arange(len(labels)), mislabelled)
draw_beside_truth(rightly[agreement[rightly].argmax()])

# %%
draw_beside_truth(rightly[agreement[rightly].argmin()])

# %%
# These are the results over all songs, for the ranking of the seconds and for the threshold:

wrong = np.concatenate(wrong)
clean = np.concatenate([trust.second_clean_probability for trust in trusts])
distrusted = np.concatenate([trust.second_is_distrusted for trust in trusts])
print(f"{wrong.mean():.0%} of the seconds do not carry their label; {distrusted.mean():.0%} are distrusted")
print(f"of the distrusted seconds {wrong[distrusted].mean():.0%} are wrong")
print(f"of the wrong seconds {distrusted[wrong].mean():.0%} are distrusted")
print(f"ROC-AUC of the ranking: {roc_auc_score(wrong, -clean):.3f}")

# %%
# Songs
# -----
# ``expected_wrong`` is the expected share of seconds with a wrong label, by which songs can be sorted. Each dot is a
# song; those with a wrong label should be on the left.

doubt = np.array([trust.expected_wrong for trust in trusts])
order = np.argsort(-doubt)
is_wrong = np.isin(order, mislabelled)
fig, ax = plt.subplots(figsize=(9, 3.8), layout="constrained")
rank = np.arange(1, len(order) + 1)
ax.scatter(rank[~is_wrong], doubt[order][~is_wrong], s=40, color="#0072B2", label="label right")
ax.scatter(rank[is_wrong], doubt[order][is_wrong], s=70, color="#D55E00", marker="s", label="label wrong")
ax.set(xlabel="songs, the most doubtful first", ylabel="share of seconds expected wrong", ylim=(0, 1.05))
ax.legend(loc="upper right", frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()
for n in (8, 16, 24):
    print(f"of the {n} most doubtful songs, {is_wrong[:n].sum()} of the {len(mislabelled)} with a wrong label")

# %%
# The most probable emotions of the songs with a wrong label are:

for i in order[is_wrong]:
    heard = trusts[i].classes[trusts[i].second_probabilities.mean(axis=0).argmax()]
    print(f"label {labels[i]}, truth {songs.target[i]}, prediction {heard}; expected wrong: {doubt[i]:.0%}")

# %%
# A low probability does not prove that a label is wrong. Emotions that are difficult to learn have low probabilities
# too, and a network that is trained for long memorises wrong labels and trusts them. Listen before you change a
# label: ``skmer label-noise`` writes a page with plots that sorts the songs in this way, and a table of the labels
# that can be corrected and used for training.
