"""
Is one system better than another?
==================================

Four systems are evaluated on the same ten folds to answer three questions: is a system better than predicting the
most frequent label, is a network better than statistics of the spectrogram, and is it better to remove doubtful
labels than to use them? Folds share most of their training songs, while a plain t-test assumes that they are
independent. This example uses a corrected test.
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import ttest_1samp
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer import SegmentTransformer, SongAggregator, SSSLClassifier
from skmer.aggregation import SpectrogramStatistics
from skmer.datasets import make_songs
from skmer.model_selection import compare_systems, corrected_paired_test, holm, summary_table

# %%
# The systems
# -----------
# All systems use the same segments, which are therefore computed once.

SR = 11264
songs = make_songs(n_songs=80, duration=6, noise=0.25, sr=SR, random_state=0)
segments = SegmentTransformer(duration=2, sr=SR, n_fft=512, n_mels=64).transform(songs.data)


def with_network(**params):
    """Create a network on segments, followed by an SVM on song statistics."""
    network = SSSLClassifier("small", backbone_params={"width": 12}, batch_size=32, random_state=0, **params)
    return make_pipeline(network, SongAggregator(), StandardScaler(), SVC())


systems = {
    "SSSL": with_network(max_epochs=9, warmup_epochs=3),
    "inherited labels": with_network(max_epochs=9, noise_model=None),
    "log-mel statistics": make_pipeline(SpectrogramStatistics(), StandardScaler(), SVC()),
    "dummy": make_pipeline(SpectrogramStatistics(), DummyClassifier()),
}

# %%
# The same folds for all systems
# ------------------------------
# ``compare_systems`` returns the scores of each system on each fold. For long experiments,
# :func:`skmer.model_selection.run_experiment` does the same and stores each finished fold.

folds = StratifiedGroupKFold(10, shuffle=True, random_state=0)
folds = list(folds.split(segments, songs.target, songs.groups))
results = compare_systems(systems, segments, songs.target, cv=folds)
print(summary_table(results))

# %%
# Each line is a fold. Some folds are difficult for all systems, so that differences are computed within folds.

accuracy = np.stack([results[name]["accuracy"] for name in systems])
fig, ax = plt.subplots(figsize=(9, 3.8), layout="constrained")
shift = np.linspace(-0.12, 0.12, len(folds))
ax.plot(np.arange(len(systems))[:, None] + shift, accuracy, "-o", color="#0072B2", alpha=0.45, linewidth=1)
ax.hlines(accuracy.mean(axis=1), np.arange(4) - 0.25, np.arange(4) + 0.25, color="black", linewidth=3, zorder=3)
ax.set_xticks(range(len(systems)), systems)
ax.set(ylabel="accuracy", ylim=(0, 1.02), title="ten folds; the bars are means")
ax.grid(axis="y", alpha=0.3)
plt.show()

# %%
# A corrected paired test
# -----------------------
# The correction by Nadeau and Bengio increases the variance of the mean difference according to the ratio of test and
# training songs. With three comparisons, a significant result by chance is more likely; Holm's procedure adjusts the
# p-values for this.

others = [name for name in systems if name != "SSSL"]
n_train, n_test = ([len(fold[side]) for fold in folds] for side in (0, 1))
differences = {name: results["SSSL"]["accuracy"] - results[name]["accuracy"] for name in others}
tests = {name: corrected_paired_test(values, n_train, n_test) for name, values in differences.items()}
adjusted = dict(zip(others, holm([test.p_value for test in tests.values()]), strict=True))
for name, test in tests.items():
    plain = ttest_1samp(differences[name], 0).pvalue
    print(
        f"SSSL minus {name:18} {test.mean:+.3f}; p: plain {plain:.1g}, corrected {test.p_value:.1g}, "
        f"Holm {adjusted[name]:.1g}"
    )

# %%
# Dots are folds. The thick line is the 95 % confidence interval of the mean difference with the correction, the thin
# line that of a plain t-test. If the thick line crosses zero, the difference is not significant on ten folds of this
# collection, which does not prove that the systems are equal.

lines = {
    "corrected": (0, {"color": "black", "linewidth": 4}),
    "plain": (0.15, {"color": "#D55E00", "linewidth": 1.5}),
}
fig, ax = plt.subplots(figsize=(9, 3.6), layout="constrained")
for row, (name, test) in enumerate(tests.items()):
    plain = ttest_1samp(differences[name], 0).confidence_interval()
    ends = {"corrected": test.interval(), "plain": (plain.low, plain.high)}
    ax.scatter(differences[name], row + np.linspace(-0.3, -0.12, len(folds)), s=30, color="#0072B2", alpha=0.6)
    for kind, (below, style) in lines.items():
        ax.plot(ends[kind], [row + below] * 2, **style, label=None if row else kind)
    ax.plot(test.mean, row, "o", color="white", markeredgecolor="black", markersize=9)
    label = f"p = {adjusted[name]:.2f}" if adjusted[name] >= 0.005 else "p < 0.005"
    ax.annotate(label, (1.02, row), xycoords=("axes fraction", "data"), va="center")
ax.axvline(0, color="black", linestyle="--", linewidth=1)
ax.set_yticks(range(len(others)), [f"SSSL minus\n{name}" for name in others])
ax.set(xlabel="difference in accuracy on the same fold", ylim=(len(others) - 0.5, -0.6))
ax.legend(title="95 % interval", loc="upper right", frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# On these easy songs, statistics of the spectrogram are about as good as a network. Do not choose a system because
# its mean accuracy in the table is larger.
