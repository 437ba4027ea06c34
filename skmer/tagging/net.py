"""The net that the tagger trains: chunks with their song's tags, and the loss of the tags that count."""

from copy import deepcopy

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import nn

from skmer.model_selection.tag_metrics import macro_roc_auc
from skmer.tagging.masks import draw_masks, hide_masked
from skmer.training.callbacks import final_network
from skmer.training.net import RowNet

__all__ = ["BestEpoch", "TagNet", "macro_roc_auc", "weighted_bce"]


def weighted_bce(logits, targets, weights):
    """Binary cross-entropy averaged over the entries that count.

    Parameters
    ----------
    logits, targets : Tensor of shape (n, n_tags)
        Logits, and what they should say: 0, 1 or between.
    weights : Tensor of shape (n, n_tags)
        1 for entries that count. An entry of weight 0 takes no part in the sum nor in what it is
        divided by, and has a gradient of zero.

    Returns
    -------
    Tensor of shape ()
        In nats; zero where no entry counts.

    Examples
    --------
    >>> import torch
    >>> from skmer.tagging.net import weighted_bce
    >>> weighted_bce(torch.tensor([[0.0, 50.0]]), torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))  # ln(2)
    tensor(0.6931)
    """
    total = nn.functional.binary_cross_entropy_with_logits(logits.float(), targets, weight=weights, reduction="sum")
    return total / weights.sum().clamp_min(1.0)


class BestEpoch(Callback):
    """Judge each epoch on validation songs, and keep the weights of the best one.

    The history gets ``valid_roc_auc``, the macro ROC-AUC, and ``best``, whether no epoch before was as
    good. At the end of training the best weights become the network's. Where `AverageWeights` averages
    them, the averages are judged and kept.

    Parameters
    ----------
    y : ndarray of shape (n_songs, n_tags)
        0 and 1, tags of the validation songs.
    bank : SegmentBank, default=None
        Their chunks, on the net's device; it may be set until the training begins.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.tagging.net import BestEpoch
    >>> BestEpoch(np.array([[1], [0]])).y.shape
    (2, 1)
    """

    def __init__(self, y, bank=None):
        self.y = y
        self.bank = bank

    def on_train_begin(self, net, **kwargs):
        """Begin anew."""
        self.score_, self.weights_ = -np.inf, None

    def on_epoch_end(self, net, **kwargs):
        """Judge the epoch; keep its weights if they are better than all before."""
        network = final_network(net)
        logits = net.song_logits(self.bank, network)
        if not np.isfinite(logits).all():
            raise ValueError("The logits of the validation songs are not finite: lower lr, or use precision='float32'.")
        score = macro_roc_auc(self.y, logits)
        best = score > self.score_
        net.history.record("valid_roc_auc", score)
        net.history.record("best", bool(best))
        if best:
            self.score_, self.weights_ = score, deepcopy(network.state_dict())

    def on_train_end(self, net, **kwargs):
        """Give the network its best weights."""
        self.restore(net)

    def restore(self, net):
        """Give the network the weights of the best epoch, if one was judged.

        Parameters
        ----------
        net : TagNet
            The net that was trained.
        """
        if self.weights_ is not None:
            net.module_.load_state_dict(self.weights_)


class TagNet(RowNet):
    """A net over chunks of songs whose targets are the tags of their song.

    `EmotionTagger` builds it and is documented; the parameters here are its own.

    Parameters
    ----------
    module : Module
        A backbone, already built.
    mask_range : tuple of (int, int), default=None
        As in `EmotionTagger`, like the next one.
    noise : float, default=0.0
        Standard deviation of what is added to each standardised value in training.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the network's arithmetic in training.
    seed : int, default=0
        For the order of the batches and the masks.
    **kwargs
        Of `skorch.NeuralNet`.

    See Also
    --------
    skmer.training.net.RowNet : Its batches and loops.

    Examples
    --------
    >>> from skmer.backbones import CRNN
    >>> from skmer.tagging.net import TagNet
    >>> TagNet(CRNN((256, 8), 3, width=4, n_hidden=8), mask_range=(2, 4)).mask_range
    (2, 4)
    """

    def __init__(self, module, *, mask_range=None, noise=0.0, precision="float32", seed=0, **kwargs):
        self.mask_range = mask_range
        self.noise = noise
        super().__init__(module, precision=precision, seed=seed, **{"criterion": nn.BCEWithLogitsLoss, **kwargs})

    # ---- rows and targets -------------------------------------------------------------------------

    def load_rows(self, bank, targets, weights=None):
        """Take the bank to train on, and the tags of its songs.

        Parameters
        ----------
        bank : SegmentBank
            Chunks, on the net's device; its ``song`` says whose they are.
        targets : ndarray of shape (n_songs, n_tags)
            0, 1 or between, finite.
        weights : ndarray of shape (n_songs, n_tags), default=None
            0 for entries that are not to be learnt from, otherwise 1; by default all are 1.
        """
        self.load_bank(bank)
        self.song_ = torch.as_tensor(bank.song, device=self.device)
        self.targets_ = torch.as_tensor(targets, dtype=torch.float32, device=self.device)
        weights = np.ones(targets.shape) if weights is None else weights
        self.weights_ = torch.as_tensor(weights, dtype=torch.float32, device=self.device)

    def drop_rows(self):
        """Forget what only training needs, so that the fitted net is small and travels."""
        super().drop_rows()
        for name in ("song_", "targets_", "weights_"):
            self.__dict__.pop(name, None)

    # ---- the loss of a batch -----------------------------------------------------------------------

    def batch_loss(self, index):
        """Compute the loss of some chunks.

        Parameters
        ----------
        index : Tensor of shape (n,)
            Rows of the bank.

        Returns
        -------
        Tensor of shape ()
            `weighted_bce`.
        """
        x = self._layout(self.augment(self.bank_.gather(index)))
        song = self.song_[index]
        with self._autocast():
            return weighted_bce(self.module_(x), self.targets_[song], self.weights_[song])

    def augment(self, x):
        """Add noise to a batch, then hide what its masks hide.

        Parameters
        ----------
        x : Tensor of shape (n, ...)
            Standardised chunks.

        Returns
        -------
        Tensor
            Of the same shape.
        """
        if self.noise > 0:
            x = x + self.noise * torch.randn_like(x)
        if self.mask_range is not None:
            masks = draw_masks(self.rng_, len(x), x.shape[-1], self.mask_range)
            # drawn on the host, the masks of a seed are the same on every device
            x = hide_masked(x, torch.from_numpy(masks).to(x.device))
        return x

    # ---- prediction --------------------------------------------------------------------------------

    def song_logits(self, bank, network=None, precision=None):
        """Compute the logits of songs, the means of their chunks' logits.

        Parameters
        ----------
        bank : SegmentBank
            Chunks, song by song, on the net's device.
        network : Module, default=None
            By default the net's own.
        precision : {"float32", "bfloat16"}, default=None
            By default that of training.

        Returns
        -------
        ndarray of shape (n_songs, n_tags)
            float64.
        """
        rows = self.row_outputs(bank, network, precision=precision).cpu().double().numpy()
        first = np.flatnonzero(np.diff(bank.song, prepend=-1))
        return np.stack([chunks.mean(axis=0) for chunks in np.split(rows, first[1:])])

    def mean_logits(self, songs, standardizer):
        """Compute the logits of songs in float32, some songs at a time, as prediction wants it.

        Parameters
        ----------
        songs, standardizer : SongSequence, Standardizer
            The songs, and what the training standardised its chunks with.

        Returns
        -------
        ndarray of shape (n_songs, n_tags)
            float64, as `song_logits` gives it.
        """
        chunks = self.song_outputs(songs, standardizer)
        return np.stack([logits.mean(axis=0, dtype=np.float64) for logits in chunks])
