"""
Emotion over time
=================

A song has one label, but its emotion changes. A network that was trained on segments can predict the emotion of every
second of a song. The songs in this example are synthetic, so that the true emotion of each second is known, and can
be compared with the predictions.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline

from skmer import SegmentTransformer, SSSLClassifier
from skmer.datasets import make_songs, segment_labels
from skmer.inspection import EmotionTimelineDisplay, emotion_over_time

# %%
# Train on labels of whole songs
# ------------------------------
# The network is trained on 80 songs of 12 s with one label each. A quarter of their seconds expresses another
# emotion, which the network does not know.

SR, DURATION = 11264, 2
songs = make_songs(n_songs=80, duration=12, noise=0.25, sr=SR, random_state=0)
pipe = make_pipeline(
    SegmentTransformer(duration=DURATION, sr=SR, n_fft=512, n_mels=64),
    SSSLClassifier(
        "small", backbone_params={"width": 16}, batch_size=32, max_epochs=14, warmup_epochs=4, random_state=0
    ),
)
pipe.fit(songs.data, songs.target)

# %%
# Predict every second of new songs
# ---------------------------------
# There are twelve songs of one minute by composers that are not among the training songs; two fifths of the seconds
# of each express another quadrant than the label. ``emotion_over_time`` yields the probabilities of every segment.
# The true emotion of a segment is the one that most of it expresses.

new = make_songs(n_songs=12, duration=60, noise=0.4, n_composers=12, sr=SR, random_state=1)
emotions = list(emotion_over_time(pipe, new.data))
truths = [segment_labels(seconds, DURATION)[0] for seconds in new.segment_target]
right = np.array([(truth == emotion.leading).mean() for truth, emotion in zip(truths, emotions, strict=True)])
by_label = np.array([(truth == label).mean() for truth, label in zip(truths, new.target, strict=True)])
print(
    f"segments predicted correctly by the network: {right.mean():.0%}; by the label of the song: {by_label.mean():.0%}"
)


# %%
# This is the song with the best predictions. The lines are the probabilities of the four quadrants, and the band
# below them has the colour of the most probable one. The strip at the bottom shows the true emotions.


def draw_beside_truth(i):
    """Draw the emotion of a song over time, and its true emotions below."""
    _, (ax, strip) = plt.subplots(2, 1, figsize=(9, 4.2), height_ratios=[8, 1], sharex=True, layout="constrained")
    display = EmotionTimelineDisplay.from_song_emotion(
        emotions[i], title=f"labelled {new.target[i]}; {right[i]:.0%} of the segments predicted correctly", ax=ax
    )
    colours = dict(zip(display.class_names, (line.get_color() for line in display.lines_), strict=True))
    seconds = new.segment_target[i]
    strip.bar(np.arange(len(seconds)), 1, width=1, align="edge", color=[colours[name] for name in seconds])
    ax.set_xlabel("")
    strip.set(xlabel="time (s)", yticks=[0.5], yticklabels=["truth"], ylim=(0, 1))
    strip.spines[["top", "right", "left"]].set_visible(False)
    plt.show()


draw_beside_truth(right.argmax())

# %%
# This is the song with the worst predictions. The height of a line is the probability that the network predicts,
# which is not calibrated: on songs of another composer, predictions may be confident and wrong.

draw_beside_truth(right.argmin())
wrong = emotions[right.argmin()].leading != truths[right.argmin()]
sure = emotions[right.argmin()].probabilities.max(axis=1)[wrong]
print(f"the mean probability of wrong predictions is {sure.mean():.2f}")

# %%
# Comparison with the label
# -------------------------
# A simple alternative is to assume that every second of a song expresses its label. The network is useful for a song
# if its dot is to the right of the dot of the label.

order = np.argsort(right)
fig, ax = plt.subplots(figsize=(9, 4), layout="constrained")
rows = np.arange(len(order))
ax.hlines(rows, by_label[order], right[order], color="#BBBBBB", linewidth=3, zorder=1)
ax.scatter(by_label[order], rows, s=70, facecolor="white", edgecolor="black", zorder=2, label="label of the song")
ax.scatter(right[order], rows, s=70, color="#0072B2", zorder=2, label="network")
ax.set_yticks(rows, [f"song {i}, {new.target[i]}" for i in order])
ax.set(xlabel="share of the segments that are predicted correctly", xlim=(0, 1))
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
ax.grid(axis="x", alpha=0.3)
plt.show()
print(f"the network is better than the label for {(right > by_label).sum()} of {len(right)} songs")

# %%
# On the command line, ``skmer timeline model.skmer song.mp3`` draws the same plot for a file.
