"""The training of the network of SSSLClassifier and SSSLRegressor: its label strategy, callbacks and rows."""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.utils import Bunch
from threadpoolctl import threadpool_limits

from skmer.sssl.label_strategy import LabelStrategy
from skmer.sssl.mixture import check_clean_probability, gaussian_mixture_split
from skmer.sssl.strategies import GMMSplit, SelfLearning
from skmer.training.augmentation import AUGMENTATION_CONSTRAINTS, BatchAugmentation
from skmer.training.build import build_backbone_net
from skmer.training.callbacks import AverageWeights, BestWeights, stop_early
from skmer.training.data import make_bank, pool_pitch_classes
from skmer.training.runtime import torch_threads

__all__ = ["RATING_SPLIT_PARAMS", "SPLIT_PARAMS", "describe_split", "make_strategy", "train_network"]

_HARM = 0.1  # share of the training songs

RATING_SPLIT_PARAMS = ("clean_threshold", "loss_memory", "min_separation", "max_erased")
"""Parameters of the regressor that are those of `GMMSplit`."""

SPLIT_PARAMS = ("balance", *RATING_SPLIT_PARAMS, "temperature")
"""Parameters of the classifier that are those of `GMMSplit`."""


def make_strategy(estimator, seed):
    """Return the label strategy of a fit, or None for training on the inherited labels."""
    if estimator.noise_model is None:
        return None
    if isinstance(estimator.noise_model, LabelStrategy):
        strategy = clone(estimator.noise_model)
    elif estimator.noise_model == "self-learning":
        strategy = SelfLearning()
    else:
        noise_model = gaussian_mixture_split if estimator.noise_model == "gmm" else estimator.noise_model
        params = {name: getattr(estimator, name) for name in SPLIT_PARAMS if hasattr(estimator, name)}
        strategy = GMMSplit(noise_model, **params)
    strategy.warmup_epochs, strategy.min_learnt = estimator.warmup_epochs, estimator.min_learnt
    strategy.prepare(getattr(estimator, "classes_", None), seed)
    return strategy


def train_network(estimator, data, seed, strategy, held):
    """Train a network on the segments of `TrainingSongs` or `RatedSongs` but those of the songs in the mask `held`.

    Return its net, and the clean probability of each segment, NaN if it was held out or has no label, or None without
    a strategy.
    """
    songs = data.songs
    average = estimator.average_epochs
    callbacks: list = [] if average is None else [("average", AverageWeights(average))]
    if strategy is not None:
        callbacks.append(("strategy", strategy))
    trained = np.ones(len(songs), dtype=bool) if held is None else ~held
    params = {
        **data.net_params(trained),
        "compiled": estimator.compile,
        "segment_step": estimator.segment_step,
        "pooled": pool_pitch_classes(songs.names),
    }
    clean = None
    with torch_threads(estimator.n_threads):
        net, bank, standardizer = build_backbone_net(
            data.net_class, estimator, songs[trained], data.n_outputs, seed, callbacks, **params
        )
        data.load_rows(net, bank, trained)
        changes = {name: getattr(estimator, name) for name in AUGMENTATION_CONSTRAINTS}
        if any(changes.values()):
            net.augmentation_ = BatchAugmentation(
                **changes, scale=standardizer.scale, names=songs.names, device=net.device
            )
        if held is not None:
            scored = held & data.labelled
            net.load_validation(make_bank(songs[scored], standardizer, net.device), data.of_segments(scored))
        if estimator.patience is not None:
            net.callbacks_.append(("best", BestWeights("valid_loss_best").initialize()))
            stop_early(net, "valid_loss", estimator.patience, lower_is_better=True)
        net.train_rows()
        if strategy is not None:
            losses, outputs = net.losses_and_outputs(precision="float32")
            known = net.labelled_.to(outputs.device)
            strategy.rows_ = known.nonzero()[:, 0].cpu().numpy()
            strategy.songs_ = bank.song[strategy.rows_]
            predictions = net.predictions(outputs.double())
            with net.random_state, threadpool_limits(1):
                found = strategy.clean_probability(losses[known], predictions[known], net.labels_[known])
            found = check_clean_probability(found, len(strategy.rows_), f"{type(strategy).__name__}.clean_probability")
            clean = np.full(songs.n_segments.sum(), np.nan)
            rows = np.flatnonzero(np.repeat(trained, songs.n_segments))
            clean[rows[strategy.rows_]] = found
            _warn_of_split(net.history, strategy, n_rows=len(bank), n_songs=int(trained.sum()))
        net.drop_rows()
    return net, clean


def describe_split(strategy, classes=None):
    """Return the last split of a `GMMSplit`, its losses, and the share of the segments of each mixture.

    `classes` are those of the segments, if there may be a mixture for each.
    """
    n_mixtures = len(strategy.split_.separation)
    shares = np.bincount(classes) / len(classes) if n_mixtures > 1 else np.ones(1)
    return Bunch(loss=strategy.losses_, shares=shares, **vars(strategy.split_))


def _warn_of_split(history, strategy, n_rows, n_songs):
    """Warn if there was no split because the songs were not learnt, or if songs were unlearnt by it."""
    learnt = [row["songs_learnt"] for row in history if "songs_learnt" in row]
    split = [row["songs_learnt"] for row in history if "songs_learnt" in row and row["phase"] != "warmup"]
    if learnt and not split:
        warnings.warn(
            "songs_learnt is undefined, since the songs do not differ in their ratings, so that no label was doubted. "
            "Set noise_model=None."
            if np.isnan(learnt[-1])
            else f"min_learnt={strategy.min_learnt:g} was not reached, so that no label was doubted: songs_learnt was "
            f"{learnt[-1]:.2f} at the beginning of the last epoch. Raise max_epochs, or lower min_learnt.",
            stacklevel=4,
        )
    # a song of one segment may be wrong as a whole
    elif split and n_rows > n_songs and split[0] - split[-1] > _HARM:
        warnings.warn(
            f"The split of the labels does harm: since it began, songs_learnt fell from {split[0]:.2f} to "
            f"{split[-1]:.2f}. Compare with noise_model=None, lower max_erased, or raise min_learnt.",
            stacklevel=4,
        )
