"""LabelStrategy: the base class of label strategies, and the skorch callback that applies them."""

from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from skorch.callbacks import Callback
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn import functional as F

__all__ = ["LabelStrategy", "inherited_targets", "share_right"]


class LabelStrategy(BaseEstimator, Callback):
    """Base class of strategies against label noise, which choose the targets of each epoch.

    During warm-up, `skmer.SSSLClassifier` trains with cross-entropy on the inherited labels. From then on, at the
    beginning of each epoch, it passes the losses and predictions of all training segments to the method `targets`,
    which returns the targets of the epoch. To write a strategy, derive a class with this method and pass an instance
    as `noise_model`; mixup, R-Drop and the prior penalty still apply as they are set. Segments of unlabelled songs are
    not passed to `targets`; their targets are those of the method `unlabelled_targets`.

    A strategy is a skorch callback, which may also be passed to a plain `skorch.NeuralNetClassifier`: see Notes.

    Attributes
    ----------
    warmup_epochs : int
        Epochs before the first call of `targets`; `skmer.SSSLClassifier` sets its own.
    min_learnt : float
        Share of the training songs that must be classified right before the first call; until then, warm-up goes on.
        `skmer.SSSLClassifier` sets its own.
    classes_ : ndarray of shape (n_classes,)
        The labels, in the order of the columns of the probabilities; None for ratings. Set by `prepare`.
    random_state_ : RandomState
        Random numbers of the fit, determined by the classifier's `random_state`. Set by `prepare`.
    rows_ : ndarray of shape (n,)
        Numbers of the rows, among all training segments, of the losses and probabilities passed to `targets`; in a
        plain skorch net, as they stand in the data.
    songs_ : ndarray of shape (n,)
        Number of the song of each of these rows; in a plain skorch net, each row is a song.

    See Also
    --------
    GMMSplit : Erases the labels of segments with a large loss, as the paper does.
    SelfLearning : Replaces every label by the prediction.

    Notes
    -----
    `skmer.SSSLRegressor` passes errors as losses, the ratings of segments as labels and predictions as probabilities.
    Labels and predictions have the shape (n_segments, n_targets), and are in units of the ratings' standard deviation
    unless they are shares. With its `preserve_mean`, the predictions for a song are shifted to the mean of its ratings.
    Targets may be any finite numbers, or with ``loss="cross_entropy"`` shares, and `classes_` is None.

    In a plain `skorch.NeuralNetClassifier`, the criterion must be `torch.nn.CrossEntropyLoss`, which takes the
    distributions that replace the labels, and the data must tell the number of each row: X is a dict with an entry
    ``"row"``, such as ``net.fit({"x": X, "row": np.arange(len(X))}, y)``. The callback removes this entry from the
    batches, so that the module does not get it; it is not needed for prediction. Where scikit-learn predicts with the
    data of a fit, as in cross-validation, X must be a `skorch.helper.SliceDict`, and the `forward` of the module must
    accept the entry, as in ``def forward(self, x, row=None)``. Labels must be class indices. Random numbers follow from
    `torch.manual_seed`.

    Examples
    --------
    A strategy that moves each label towards the prediction by a fixed share (bootstrapping, Reed et al., 2015):

    >>> import torch
    >>> from sklearn.datasets import load_digits
    >>> from skmer import SSSLClassifier
    >>> from skmer.sssl import LabelStrategy
    >>> class Bootstrapping(LabelStrategy):
    ...     def __init__(self, share=0.2):
    ...         self.share = share
    ...
    ...     def targets(self, losses, probabilities, labels, epoch):
    ...         inherited = torch.nn.functional.one_hot(labels, len(self.classes_))
    ...         return torch.lerp(inherited.float(), probabilities, self.share)
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = SSSLClassifier("mlp", noise_model=Bootstrapping(share=0.3), max_epochs=8, random_state=0)
    >>> classifier.fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) > 0.9
    True
    """

    _parameter_constraints: dict = {}  # noqa: RUF012

    warmup_epochs = 5
    min_learnt = 0.0

    def prepare(self, classes, seed):
        """Validate the parameters and discard the state of an earlier fit; called before the first epoch.

        Parameters
        ----------
        classes : ndarray of shape (n_classes,)
            The labels.
        seed : int
            Seed of `random_state_`.
        """
        self._validate_params()
        self.classes_ = classes
        self.random_state_ = np.random.RandomState(seed)
        self.rows_: Any = None
        self.songs_: Any = None

    def targets(self, losses, probabilities, labels, epoch):
        """Return the targets of an epoch; every subclass must define this method.

        Parameters
        ----------
        losses : Tensor of shape (n_segments,)
            Cross-entropy of each training segment against its inherited label, in nats.
        probabilities : Tensor of shape (n_segments, n_classes)
            Predictions for the training segments, without dropout.
        labels : Tensor of shape (n_segments,)
            Inherited labels, as positions in `classes_`.
        epoch : int
            Number of the epoch, counted from 1, warm-up included.

        Returns
        -------
        targets : Tensor of shape (n_segments, n_classes)
            A distribution for each segment. May be returned alone, or in a tuple with one or both of the following.
        erased : Tensor of shape (n_segments,) of bool
            Segments whose label was erased, to which R-Drop applies. By default all segments.
        figures : dict
            Entries for the row of the epoch in ``history_``.

        Raises
        ------
        NotImplementedError
            If a subclass does not define the method.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define a method targets(losses, probabilities, labels, epoch)."
        )

    def clean_probability(self, losses, probabilities, labels):
        """Return the probability that each inherited label is correct, according to the trained network.

        Parameters
        ----------
        losses : Tensor of shape (n_segments,)
            Cross-entropy of each training segment against its inherited label, in nats.
        probabilities : Tensor of shape (n_segments, n_classes)
            Predictions of the trained network.
        labels : Tensor of shape (n_segments,)
            Inherited labels, as positions in `classes_`.

        Returns
        -------
        ndarray or Tensor of shape (n_segments,)
            Values in [0, 1]; in this class the predicted probability of the label, and for ratings exp(-error / 2), the
            likelihood of the rating relative to a perfect prediction.
        """
        if labels.is_floating_point():
            return torch.exp(-losses / 2)
        return probabilities.gather(1, labels[:, None])[:, 0]

    def unlabelled_targets(self, probabilities):
        """Return the targets of an epoch for segments of unlabelled songs, which are not passed to `targets`.

        Parameters
        ----------
        probabilities : Tensor of shape (n_unlabelled_segments, n_classes)
            Predictions for these segments, without dropout.

        Returns
        -------
        Tensor of shape (n_unlabelled_segments, n_classes)
            A distribution for each segment; in this class the prediction.
        """
        return probabilities

    # ---- skorch callback ---------------------------------------------------------------------------

    def on_train_begin(self, net, **kwargs):
        """Discard the targets of an earlier training."""
        self._of_plain_net, self._started = None, False

    def on_epoch_begin(self, net, dataset_train=None, **kwargs):
        """After warm-up, pass the present losses and predictions to `targets`, and its figures to the history."""
        epoch = len(net.history)
        if epoch <= self.warmup_epochs:
            net.history.record("phase", "warmup")
            return
        plain = None if hasattr(net, "set_targets") else self._evaluate_plain_net(net, dataset_train)
        name, distributions = type(self).__name__, getattr(net, "predicts_distributions", True)
        if plain is None:
            losses, outputs = net.losses_and_outputs(net.rows_)
            labels, labelled = net.labels_[net.rows_], net.labelled_[net.rows_].to(outputs.device)
            probabilities = net.predictions(outputs)
            self.rows_ = net.rows_[labelled.cpu()].numpy()
            self.songs_ = net.songs_[self.rows_].numpy()
            learnt = net.share_learnt(probabilities[labelled], labels[labelled], self.songs_)
            probabilities[labelled] = net.pseudo_targets(probabilities[labelled], labels[labelled], self.songs_)
        else:
            losses, outputs, labels = plain
            labelled, probabilities = labels >= 0, torch.softmax(outputs, 1)
            self.songs_ = np.arange(len(self.rows_))
            learnt = share_right(probabilities, labels, self.songs_)
        net.history.record("songs_learnt", learnt)
        self._started = self._started or learnt >= self.min_learnt
        if not self._started:
            net.history.record("phase", "warmup")
            return
        with threadpool_limits(1):  # of scikit-learn's mixture
            made = self.targets(losses[labelled], probabilities[labelled], labels[labelled], epoch)
        targets, erased, figures = _check_targets(made, probabilities[labelled], f"{name}.targets", distributions)
        if not labelled.all():
            made = self.unlabelled_targets(probabilities[~labelled])
            others, others_erased, _ = _check_targets(
                made, probabilities[~labelled], f"{name}.unlabelled_targets", distributions
            )
            order = torch.argsort(torch.cat([labelled.nonzero()[:, 0], (~labelled).nonzero()[:, 0]]))
            targets, erased = torch.cat([targets, others])[order], torch.cat([erased, others_erased])[order]
        if plain is None:
            net.set_targets(targets, erased)
        else:
            self._of_plain_net = targets.cpu()
        for key, value in {"phase": name, **figures}.items():
            net.history.record(key, value)

    def on_batch_begin(self, net, batch=None, training=True, **kwargs):
        """In a plain net, remove the row numbers from a batch, and replace the labels by the targets."""
        if hasattr(net, "set_targets"):
            return
        rows = self._take_rows(net, batch)
        if training and self._of_plain_net is not None:
            batch[1] = self._of_plain_net[self._positions(rows.numpy())]

    def _evaluate_plain_net(self, net, dataset):
        """Return losses, logits and labels of the training rows of a skorch net; set `rows_`."""
        rows, logits, labels = [], [], []
        for batch in net.get_iterator(dataset, training=False):
            rows.append(self._take_rows(net, batch))
            outputs = net.evaluation_step(batch, training=False)
            logits.append((outputs[0] if isinstance(outputs, tuple) else outputs).float())
            labels.append(batch[1].long().to(logits[-1].device))
        numbers, outputs, own = torch.cat(rows), torch.cat(logits), torch.cat(labels)
        if self._of_plain_net is None:
            self.prepare(np.arange(outputs.shape[1]), torch.initial_seed() % 2**32)
        self.rows_ = numbers.numpy()
        self._order = np.argsort(self.rows_)
        if len(np.unique(self.rows_)) < len(self.rows_):
            raise ValueError(f"{type(self).__name__} requires a different number for each row, but some occur twice.")
        return F.cross_entropy(outputs, own, reduction="none"), outputs, own

    def _positions(self, rows):
        """Return the positions of row numbers in `rows_`; raise ValueError if one is missing there."""
        places = np.searchsorted(self.rows_, rows, sorter=self._order).clip(max=len(self.rows_) - 1)
        positions = self._order[places]
        missing = rows[self.rows_[positions] != rows]
        if len(missing):
            raise ValueError(
                f"{type(self).__name__} has no targets for row {missing[0]}, which is trained on but was not evaluated "
                "at the beginning of the epoch: set iterator_valid__drop_last=False."
            )
        return positions

    def _take_rows(self, net, batch):
        """Remove the row numbers from a batch of a plain net and return them; raise ValueError if it has none."""
        name = type(self).__name__
        if not isinstance(net.criterion_, nn.CrossEntropyLoss):
            raise ValueError(
                f"{name} requires criterion=torch.nn.CrossEntropyLoss, since its targets are distributions, got "
                f"{type(net.criterion_).__name__}."
            )
        X = batch[0] if isinstance(batch, list) and len(batch) == 2 else None
        if not isinstance(X, dict) or getattr(X.get("row"), "ndim", 0) != 1:
            raise ValueError(
                f"{name} requires the number of each row in the data: pass X as a dict with an entry 'row', such as "
                "net.fit({'x': X, 'row': np.arange(len(X))}, y)."
            )
        return X.pop("row").long().cpu()


def inherited_targets(labels, n_classes):
    """Return inherited labels as targets: classes as distributions, ratings as they are."""
    return labels if labels.is_floating_point() else F.one_hot(labels, n_classes).float()


def share_right(probabilities, labels, songs):
    """Return the share of songs whose class, that of the largest mean probability, is their label."""
    first = np.unique(songs, return_index=True)[1]
    sums = np.add.reduceat(probabilities.double().cpu().numpy(), first)
    return float((sums.argmax(axis=1) == labels.cpu().numpy()[first]).mean())


def _check_targets(made, predictions, name, distributions):
    """Return targets, erased rows and figures that a strategy returned for predictions; raise if they do not fit."""
    n_segments = len(predictions)
    targets, *others = made if isinstance(made, tuple) and made else (made,)
    figures = others.pop() if others and isinstance(others[-1], dict) else {}
    if len(others) > 1:
        raise ValueError(
            f"{name} must return targets, or a tuple of targets, a mask of erased segments and a dict of "
            f"figures, got a tuple of {len(made)}."
        )
    erased = others[0] if others else torch.ones(n_segments, dtype=torch.bool)
    shapes = [("targets", targets, tuple(predictions.shape)), ("a mask of erased segments", erased, (n_segments,))]
    for what, tensor, shape in shapes:
        if not isinstance(tensor, torch.Tensor) or tensor.shape != shape:
            given = f"shape {tuple(tensor.shape)}" if isinstance(tensor, torch.Tensor) else type(tensor).__name__
            raise ValueError(f"{name} must return {what} as a tensor of shape {shape}, got {given}.")
    if erased.dtype != torch.bool:
        raise ValueError(f"{name} must return a mask of erased segments of dtype bool, got {erased.dtype}.")
    if targets.is_complex():
        raise ValueError(f"{name} must return real numbers as targets, got {targets.dtype}.")
    rounding = 1e-2 if targets.dtype in (torch.bfloat16, torch.float16) else 1e-3
    # detached: only the first batch could backpropagate through their graph
    targets = targets.detach().float()
    # also False for NaN and infinity
    if not distributions and not torch.isfinite(targets).all():
        raise ValueError(f"{name} must return finite targets.")
    if distributions and not ((targets >= 0).all() and ((targets.sum(1) - 1).abs() < rounding).all()):
        raise ValueError(
            f"{name} must return a distribution for each segment: finite values, none below 0, with sum 1."
        )
    return targets.to(predictions.device), erased.to(predictions.device), figures
