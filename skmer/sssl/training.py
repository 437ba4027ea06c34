"""The training of SSSLClassifier's network: its label strategy, callbacks and loss."""

import warnings

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils import Bunch
from threadpoolctl import threadpool_limits

from skmer._validation import multiply_class_weight
from skmer.sssl.label_strategy import LabelStrategy
from skmer.sssl.losses import SSSLLoss
from skmer.sssl.mixture import check_clean_probability, gaussian_mixture_split
from skmer.sssl.net import SegmentNet
from skmer.sssl.strategies import GMMSplit, SelfLearning
from skmer.training.augmentation import AUGMENTATION_CONSTRAINTS, BatchAugmentation
from skmer.training.build import build_backbone_net
from skmer.training.callbacks import AverageWeights, BestWeights, stop_early
from skmer.training.data import make_bank, pool_pitch_classes
from skmer.training.runtime import torch_threads

__all__ = ["SPLIT_PARAMS", "describe_split", "make_strategy", "train_network"]

_HARM = 0.1  # share of the training songs

SPLIT_PARAMS = ("balance", "clean_threshold", "loss_memory", "min_separation", "max_erased", "temperature")
"""Parameters of the classifier that are those of `GMMSplit`."""


def make_strategy(classifier, seed):
    """Return the label strategy of a fit, or None for cross-entropy on the inherited labels."""
    if classifier.noise_model is None:
        return None
    if isinstance(classifier.noise_model, LabelStrategy):
        strategy = clone(classifier.noise_model)
    elif classifier.noise_model == "self-learning":
        strategy = SelfLearning()
    else:
        noise_model = gaussian_mixture_split if classifier.noise_model == "gmm" else classifier.noise_model
        strategy = GMMSplit(noise_model, **{name: getattr(classifier, name) for name in SPLIT_PARAMS})
    strategy.warmup_epochs, strategy.min_learnt = classifier.warmup_epochs, classifier.min_learnt
    strategy.prepare(classifier.classes_, seed)
    return strategy


def train_network(classifier, songs, labels, weights, seed, strategy, held):
    """Train a network on all segments but those of the songs in the mask `held`; `weights` of songs may be None.

    Return its net, and the clean probability of each segment, NaN if it was held out or has no label, or None without
    a strategy. Unlabelled songs have the label -1.
    """
    callbacks: list = (
        [] if classifier.average_epochs is None else [("average", AverageWeights(classifier.average_epochs))]
    )
    if strategy is not None:
        callbacks.append(("strategy", strategy))
    loss = SSSLLoss(
        mixup_alpha=classifier.mixup_alpha,
        mixup_dominant=classifier.mixup_dominant,
        lambda_kl=classifier.lambda_kl,
        kl_rows=classifier.kl_rows,
        ramp_epochs=classifier.ramp_epochs,
        prior_weight=classifier.prior_weight,
        bag_weight=classifier.bag_weight,
    )
    params = {
        "classes": classifier.classes_,
        "loss_after_split": loss,
        "compiled": classifier.compile,
        "segment_step": classifier.segment_step,
        "pooled": pool_pitch_classes(songs.names),
    }
    clean = None
    trained = np.ones(len(songs), dtype=bool) if held is None else ~held
    with torch_threads(classifier.n_threads):
        net, bank, standardizer = build_backbone_net(
            SegmentNet, classifier, songs[trained], len(classifier.classes_), seed, callbacks, **params
        )
        of_segments, own = labels[trained][bank.song], None if weights is None else weights[trained][bank.song]
        own = multiply_class_weight(own, classifier.class_weight, of_segments, classifier.classes_)
        net.load_rows(bank, of_segments, own)
        changes = {name: getattr(classifier, name) for name in AUGMENTATION_CONSTRAINTS}
        if any(changes.values()):
            net.augmentation_ = BatchAugmentation(
                **changes, scale=standardizer.scale, names=songs.names, device=net.device
            )
        if held is not None:
            scored = held & (labels >= 0)
            valid = make_bank(songs[scored], standardizer, net.device)
            net.load_validation(valid, classifier.classes_[labels[scored]][valid.song])
        if classifier.patience is not None:
            net.callbacks_.append(("best", BestWeights("valid_loss_best").initialize()))
            stop_early(net, "valid_loss", classifier.patience, lower_is_better=True)
        net.train_rows()
        if strategy is not None:
            losses, logits = net.losses_and_outputs(precision="float32")
            known = net.labels_ >= 0
            strategy.rows_ = known.nonzero()[:, 0].cpu().numpy()
            strategy.songs_ = bank.song[strategy.rows_]
            with net.random_state, threadpool_limits(1):
                found = strategy.clean_probability(
                    losses[known], torch.softmax(logits.double(), 1)[known], net.labels_[known]
                )
            found = check_clean_probability(found, int(known.sum()), f"{type(strategy).__name__}.clean_probability")
            clean = np.full(songs.n_segments.sum(), np.nan)
            clean[np.repeat(trained & (labels >= 0), songs.n_segments)] = found
            _warn_of_split(net.history, strategy, n_rows=len(bank), n_songs=int(trained.sum()))
        net.drop_rows()
    return net, clean


def describe_split(strategy, labels):
    """Return the last split of a `GMMSplit`, its losses, and the share of the segments of each mixture."""
    n_mixtures = len(strategy.split_.separation)
    shares = np.bincount(labels) / len(labels) if n_mixtures > 1 else np.ones(1)
    return Bunch(loss=strategy.losses_, shares=shares, **vars(strategy.split_))


def _warn_of_split(history, strategy, n_rows, n_songs):
    """Warn if there was no split because the songs were not learnt, or if songs were unlearnt by it."""
    learnt = [row["songs_learnt"] for row in history if "songs_learnt" in row]
    split = [row["songs_learnt"] for row in history if "songs_learnt" in row and row["phase"] != "warmup"]
    if learnt and not split:
        warnings.warn(
            f"min_learnt={strategy.min_learnt:g} was not reached, so that no label was doubted: {learnt[-1]:.2f} of "
            "the training songs were classified right at the beginning of the last epoch. Raise max_epochs, or lower "
            "min_learnt.",
            stacklevel=4,
        )
    # a song of one segment may be wrong as a whole
    elif split and n_rows > n_songs and split[0] - split[-1] > _HARM:
        warnings.warn(
            f"The split of the labels does harm: it began with {split[0]:.2f} of the training songs classified right, "
            f"and ended with {split[-1]:.2f}. Compare with noise_model=None, lower max_erased, or raise min_learnt.",
            stacklevel=4,
        )
