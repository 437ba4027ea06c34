"""
A custom backbone
=================

The network that maps segments to probabilities is a parameter: a name, or your own class. Almost any torch module can
be used. This example defines a network that computes features of each frame and a weighted mean over frames, compares
it with ``"small"``, and plots the learnt weights.
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.model_selection import StratifiedGroupKFold, cross_validate
from torch import nn

from skmer import SegmentTransformer, SSSLClassifier
from skmer.backbones import check_backbone, has_shared_trunk
from skmer.datasets import make_songs

# %%
# Requirements
# ------------
# A backbone is a class that is called with the shape of a segment and the number of classes, and maps a batch of
# shape ``(n, 1, n_mels, n_frames)`` to logits of shape ``(n, n_classes)``. Its input is standardised. Two features
# are optional: ``peak_lr`` is the learning rate that ``lr="auto"`` uses; and if the forward pass is
# ``head(trunk(x))``, with all dropout in the head, the trunk is computed once for the two passes of R-Drop.


class WeightedFrames(nn.Module):
    """Convolutions over time with the mel bands as channels, and a mean over frames with learnt weights."""

    peak_lr = 3e-3

    def __init__(self, segment_shape, n_classes, width=48, dropout=0.5):
        super().__init__()
        n_mels, _ = segment_shape
        self.frames = nn.Sequential(
            nn.Conv1d(n_mels, width, 5, padding=2),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, width, 5, padding=2),
            nn.ReLU(),
        )
        self.weigh = nn.Sequential(nn.Conv1d(width, 1, 1), nn.Softmax(dim=2))
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, n_classes))

    def trunk(self, x):
        """Return the weighted mean of the features of all frames, (n, width)."""
        z = self.frames(x.squeeze(1))
        return (self.weigh(z) * z).sum(dim=2)

    def forward(self, x):
        """Return the logits."""
        return self.head(self.trunk(x))


# %%
# ``check_backbone`` passes a batch through the network and raises an error that describes what is wrong. The
# classifier calls it too.

network = WeightedFrames((64, 44), n_classes=4)
check_backbone(network, torch.zeros(2, 1, 64, 44), n_classes=4)
print(f"R-Drop needs one pass of the trunk: {has_shared_trunk(network)}")

# %%
# Comparison with "small"
# -----------------------
# Pass the class itself; ``backbone_params`` are passed to its constructor. Without further steps the classifier
# predicts a song by the mean probability of its segments.

SR = 11264
songs = make_songs(n_songs=80, duration=8, noise=0.25, sr=SR, random_state=0)
segments = SegmentTransformer(duration=2, sr=SR, n_fft=512, n_mels=64).transform(songs.data)
backbones = {"small": ("small", {"width": 16}), "weighted frames": (WeightedFrames, {"width": 48})}
folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
found = {}
for name, (backbone, params) in backbones.items():
    classifier = SSSLClassifier(
        backbone, backbone_params=params, batch_size=32, max_epochs=12, warmup_epochs=4, random_state=0
    )
    found[name] = cross_validate(
        classifier, segments, songs.target, groups=songs.groups, cv=folds, return_estimator=True
    )
    size = sum(p.numel() for p in found[name]["estimator"][0].net_.module_.parameters())
    score, seconds = found[name]["test_score"], found[name]["fit_time"].mean()
    print(f"{name:15} {size:7,} parameters, {seconds:.1f} s a fit, accuracy {score.mean():.3f} ± {score.std():.3f}")

# %%
# The plots show the accuracy of each fold and the training loss. Whether a difference over five folds is significant
# is discussed in :ref:`another example <sphx_glr_gallery_plot_05_comparing_systems.py>`. At the dotted line the
# warm-up ends and the labels are split for the first time; the loss is computed differently from then on, so that its
# jump is meaningless.

colours = dict(zip(found, ("#0072B2", "#D55E00"), strict=True))
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), width_ratios=[1, 1.3], layout="constrained")
scores = np.stack([values["test_score"] for values in found.values()])
left.plot([0, 1], scores, "-", color="#999999", linewidth=1, zorder=1)
for x, (name, values) in enumerate(zip(found, scores, strict=True)):
    left.scatter(np.full(len(values), x), values, s=60, color=colours[name], zorder=2)
    loss = np.array([[row["train_loss"] for row in fitted.history_] for fitted in found[name]["estimator"]])
    epochs = np.arange(1, loss.shape[1] + 1)
    right.fill_between(epochs, loss.min(axis=0), loss.max(axis=0), color=colours[name], alpha=0.2, linewidth=0)
    right.plot(epochs, loss.mean(axis=0), color=colours[name], linewidth=2, label=name)
left.set_xticks([0, 1], list(found))
left.set(xlim=(-0.4, 1.4), ylim=(0, 1), ylabel="accuracy", title="each fold")
right.axvline(4.5, color="black", linestyle=":", linewidth=1)
right.set(xlabel="epoch", ylabel="training loss", title="mean and range over folds")
right.legend(loc="lower right", frameon=False)
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Inspecting the network
# ----------------------
# ``net_.module_`` is the trained module. A forward hook of torch stores the output of ``weigh`` while the classifier
# predicts a song that it has not seen.

fitted = found["weighted frames"]["estimator"][0]
_, test = next(folds.split(segments, songs.target, songs.groups))
caught = []
handle = fitted.net_.module_.weigh.register_forward_hook(lambda module, given, weights: caught.append(weights[:, 0]))
fitted.transform(segments[[test[0]]])
handle.remove()
weights = torch.cat(caught).numpy()[: len(segments[test[0]])]  # on a CPU, the last batch is padded
level = segments[test[0]].mean(axis=1)
print(f"correlation of a frame's weight with its level: {np.corrcoef(weights.ravel(), level.ravel())[0, 1]:.2f}")

# %%
# The plots show the spectrogram of each segment and the weights of its frames; the titles are the true emotions of
# the seconds. The network was trained with the labels of whole songs only. Such weights show which frames contribute;
# they do not explain a prediction.

fig, axes = plt.subplots(2, 4, figsize=(9.5, 4), height_ratios=[2, 1], sharex="col", sharey="row", layout="constrained")
for k, (above, below) in enumerate(axes[:, :4].T):
    image = above.imshow(
        segments[test[0]][2 * k], origin="lower", aspect="auto", extent=(2 * k, 2 * k + 2, 0, 64), cmap="magma"
    )
    time = 2 * k + (np.arange(weights.shape[1]) + 0.5) * 2 / weights.shape[1]
    below.fill_between(time, weights[2 * k], color="#0072B2", linewidth=0)
    below.axhline(1 / weights.shape[1], color="black", linestyle=":", linewidth=1)
    above.set_title(" | ".join(songs.segment_target[test[0]][2 * k : 2 * k + 2]), fontsize="medium")
axes[0, 0].set_ylabel("mel band")
axes[1, 0].set(ylabel="weight", ylim=(0, None))
fig.supxlabel("time (s)", fontsize="medium")
fig.suptitle(f"a song labelled {songs.target[test[0]]}; dotted: equal weights", fontsize="medium")
fig.colorbar(image, ax=axes[0], label="level (dB)")
plt.show()
