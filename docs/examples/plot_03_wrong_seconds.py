"""
Which seconds do not carry their label
======================================

A song's label need not hold for each of its seconds, and now and then it is wrong for the whole song. A fitted pipeline
says where it distrusts a label and what it hears there instead. The songs are synthetic, with both kinds of
error planted in them, so that every claim can be checked.
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
# Songs with two kinds of error
# -----------------------------
# A quarter of the seconds of each song expresses another quadrant than its label. Besides, eight of the eighty songs
# get a wrong label altogether.

SR, DURATION = 11264, 1
songs = make_songs(n_songs=80, duration=16, noise=0.25, sr=SR, random_state=0)
labels = songs.target.copy()
rng = np.random.default_rng(0)
mislabelled = rng.choice(len(labels), 8, replace=False)
for i in mislabelled:
    labels[i] = rng.choice([name for name in songs.target_names if name != songs.target[i]])

# %%
# Train on them
# -------------
# After four epochs of warm-up, a mixture of two Gaussians over the losses divides the segments of each class: those of
# small loss keep their label, the others lose it. Segments of 1 s say where in the song a label fails more exactly than
# the usual 3 s do, for what a longer segment hears is shared by all of its seconds.

pipe = make_pipeline(
    SegmentTransformer(duration=DURATION, sr=SR, n_fft=512, n_mels=64),
    SSSLClassifier(
        "small", backbone_params={"width": 12}, batch_size=32, max_epochs=12, warmup_epochs=4, random_state=0
    ),
)
pipe.fit(songs.data, labels)

# %%
# The last split, with the truth, which the network did not have. Where the two colours overlap, no threshold could tell
# wrong labels from right ones that are hard to learn.

wrong_segments = [
    segment_labels(seconds, DURATION)[0] != label for seconds, label in zip(songs.segment_target, labels, strict=True)
]
LossMixtureDisplay.from_estimator(pipe, is_noisy=wrong_segments)
plt.show()

# %%
# Second by second
# ----------------
# ``label_trust`` applies the same mixture to each song and averages over the segments that cover a second (here there
# is one). A second is judged rightly if it is distrusted where it expresses something else than the label, and trusted
# where it expresses the label.

trusts = list(label_trust(pipe, songs.data, labels))
wrong = [seconds != label for seconds, label in zip(songs.segment_target, labels, strict=True)]
agreement = np.array([(trust.second_is_distrusted == w).mean() for trust, w in zip(trusts, wrong, strict=True)])
print(f"seconds that are judged rightly, over all songs: {agreement.mean():.0%}")

# %%
# The strip has the colour of the label, and is hatched where the label is distrusted; beneath stands what the seconds
# truly express. First the rightly labelled song that is judged best, then the one that is judged worst.


def draw_beside_truth(i):
    """Draw where the label of a song is distrusted, and under it what its seconds express."""
    _, (ax, strip) = plt.subplots(2, 1, figsize=(9, 4), height_ratios=[9, 1], sharex=True, layout="constrained")
    title = f"labelled {labels[i]}; {agreement[i]:.0%} of the seconds judged rightly"
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
# How good is it over all songs? The ranking of the seconds, and what the threshold makes of it:

wrong = np.concatenate(wrong)
clean = np.concatenate([trust.second_clean_probability for trust in trusts])
distrusted = np.concatenate([trust.second_is_distrusted for trust in trusts])
print(f"{wrong.mean():.0%} of the seconds do not carry their label; {distrusted.mean():.0%} are distrusted")
print(f"of the distrusted seconds {wrong[distrusted].mean():.0%} are wrong")
print(f"of the wrong seconds {distrusted[wrong].mean():.0%} are distrusted")
print(f"ROC-AUC of the ranking: {roc_auc_score(wrong, -clean):.3f}")

# %%
# Song by song
# ------------
# The mean of the doubt over a song, ``expected_wrong``, says where to listen first. Each dot is a song; those whose
# label is wrong altogether should be at the top.

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
# What is heard in these songs, by the mean probability of their seconds:

for i in order[is_wrong]:
    heard = trusts[i].classes[trusts[i].second_probabilities.mean(axis=0).argmax()]
    print(f"labelled {labels[i]}, truly {songs.target[i]}, heard as {heard}; expected wrong: {doubt[i]:.0%}")

# %%
# Doubt is no verdict. It is large too where an emotion is hard to learn, and a network that is trained for long learns
# wrong labels by heart and trusts them. Listen before you relabel: ``skmer label-noise`` writes a page with pictures
# that sorts the songs in this way, and a table of the labels, to mend and to train with again.
