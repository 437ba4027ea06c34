"""
A grid over d, λ and τ
======================

How long should segments be (d), which weight should R-Drop have (λ), and from which probability on should a label
count as clean (τ)? :class:`~sklearn.model_selection.GridSearchCV` searches these parameters of the paper at once,
because all steps from the audio file to the label are one pipeline. This example shows how a cache avoids decoding
songs again, and why to consider the standard deviation before choosing the best parameters.
"""

import tempfile
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer import SegmentTransformer, SongAggregator, SSSLClassifier
from skmer.datasets import make_songs, write_songs

# %%
# Files and a cache
# -----------------
# With ``memory=`` the spectrogram of each file is stored on disk. The segments of all durations are views of the same
# spectrogram, so that a grid of any size decodes each song once. Only files are cached, not waveforms in memory.

SR = 11264
folder = tempfile.TemporaryDirectory()
songs = make_songs(n_songs=48, duration=8, sr=SR, random_state=0)
paths = write_songs(songs, f"{folder.name}/collection")
segments = SegmentTransformer(sr=SR, n_fft=512, n_mels=64, memory=f"{folder.name}/cache")
for duration in (1, 2, 4):
    began = time.perf_counter()
    cut = segments.set_params(duration=duration).transform(paths)
    seconds = time.perf_counter() - began
    print(f"segments of {duration} s: {cut.n_segments.sum()} from {len(cut)} songs in {seconds:.2f} s")

# %%
# The grid
# --------
# There are three durations, two values of τ and three of λ, evaluated on three folds by composer. The parameters are
# named after the steps that ``make_pipeline`` creates. Parameters of the backbone and of callbacks are named in the
# same way, such as ``ssslclassifier__backbone_params__width``. The network is tiny and trained for a few epochs only,
# to keep this example short.

pipe = make_pipeline(
    segments,
    SSSLClassifier("small", backbone_params={"width": 8}, batch_size=32, max_epochs=8, warmup_epochs=3, random_state=0),
    SongAggregator(),
    StandardScaler(),
    SVC(),
)
grid = {
    "segmenttransformer__duration": [1, 2, 4],  # d
    "ssslclassifier__clean_threshold": [0.5, 0.9],  # τ
    "ssslclassifier__lambda_kl": [0, 1, 4],  # λ
}
cv = StratifiedGroupKFold(3, shuffle=True, random_state=0)
search = GridSearchCV(pipe, grid, cv=cv).fit(paths, songs.target, groups=songs.groups)
print(f"best: {search.best_params_}, accuracy {search.best_score_:.3f}")

# %%
# The best parameters
# -------------------
# The left plot shows the mean accuracy of each duration and λ with its standard deviation over the folds, the right
# plot the accuracy of each fold as a line. The colours of a heat map span the range of its values and therefore
# emphasise even small differences: note the scale. The level of a line depends on how difficult the songs of the fold
# are. If the duration mattered here, all lines would have a similar shape.

durations, thresholds, lambdas = grid.values()
names = [f"split{k}_test_score" for k in range(search.n_splits_)]
folds = np.stack([search.cv_results_[name] for name in names])
folds = folds.reshape(-1, len(durations), len(thresholds), len(lambdas))
over_tau = folds.mean(axis=2)
mean, sd = over_tau.mean(axis=0), over_tau.std(axis=0)
fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4), width_ratios=[1.2, 1], layout="constrained")
image = left.imshow(mean, cmap="cividis", aspect="auto")
for i, j in np.ndindex(mean.shape):
    colour = "white" if mean[i, j] < (mean.min() + mean.max()) / 2 else "black"
    left.text(j, i, f"{mean[i, j]:.2f}\n± {sd[i, j]:.2f}", ha="center", va="center", color=colour)
left.set_xticks(range(len(lambdas)), lambdas)
left.set_yticks(range(len(durations)), durations)
left.set(xlabel="λ, weight of R-Drop", ylabel="duration of a segment (s)", title="mean over τ, ± sd over folds")
fig.colorbar(image, ax=left, label="accuracy")
for values, colour, marker in zip(folds.mean(axis=(2, 3)), ("#0072B2", "#D55E00", "#009E73"), "os^", strict=True):
    right.plot(range(len(durations)), values, marker=marker, color=colour, linewidth=2)
right.set_xticks(range(len(durations)), durations)
right.set(xlabel="duration of a segment (s)", ylabel="accuracy, mean over λ and τ", ylim=(0, 1), title="each fold")
right.grid(axis="y", alpha=0.3)
plt.show()

# %%
# The same in numbers:

every = folds.mean(axis=0)
best = np.unravel_index(every.argmax(), every.shape)
print(f"range over all combinations: {np.ptp(every):.3f}")
print(f"range over folds, for the best combination: {np.ptp(folds[:, *best]):.3f}")
for name, others in {"d": (1, 2), "τ": (0, 2), "λ": (0, 1)}.items():
    print(f"range over {name}, mean over the others: {np.ptp(every.mean(axis=others)):.3f}")

# %%
# Shorter segments are also more segments, and thus more training steps in the same number of epochs: a grid search
# compares complete settings, not the effect of a parameter in isolation.
#
# ``search.best_score_`` is the largest of 18 noisy values and therefore too optimistic: the same songs were used to
# choose the parameters and to evaluate them. An unbiased estimate requires a search within each training fold,
# ``cross_val_score(search, ...)``, which runs a grid search for each outer fold, or
# :func:`skmer.model_selection.chosen_inside_folds`. For the significance of differences see
# :ref:`sphx_glr_gallery_plot_05_comparing_systems.py`.

folder.cleanup()
