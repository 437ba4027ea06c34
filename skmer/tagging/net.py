"""TagNet: the skorch net of the taggers, with its loss, masks and the callback that keeps the best epoch."""

import numpy as np
import torch
from torch import nn

from skmer.backbones.unpacking import MEL_BANDS, MEL_STEPS, unpack_blocks
from skmer.model_selection.tag_metrics import macro_roc_auc
from skmer.training.augmentation import draw_spans, in_spans
from skmer.training.callbacks import BestWeights
from skmer.training.net import RowNet

__all__ = ["BestEpoch", "TagNet", "draw_masks", "hide_masked", "weighted_bce"]


# ---- loss and masks ----------------------------------------------------------------------------------


def weighted_bce(logits, targets, weights):
    """Compute the mean binary cross-entropy over the entries of weight 1; all arguments have shape (n, n_tags)."""
    total = nn.functional.binary_cross_entropy_with_logits(logits.float(), targets, weight=weights, reduction="sum")
    return total / weights.sum().clamp_min(1.0)


def draw_masks(rng, n, n_blocks, mask_range):
    """Draw a time and a frequency mask for each of n rows, (4, n): first step and length, first band and height.

    As in Tan (2021), section 2.1, the maximum length of SpecAugment's masks is drawn for each batch. Lengths from 0 to
    the maximum, and then positions, are equally likely.
    """
    longest = rng.integers(mask_range[0], mask_range[1], endpoint=True)
    spans = []
    for size in (n_blocks * MEL_STEPS, MEL_BANDS):
        spans += draw_spans(rng, n, size, longest)
    return np.stack(spans)


def hide_masked(x, masks):
    """Return a batch of blocks (n, 1, 256 or 316, n_blocks) in which the values under `draw_masks`' masks are 0.

    A frequency mask hides its bands at all mel steps, and no pitch class profiles. A time mask hides its mel steps, and
    the profiles of all blocks that it overlaps, which would reveal what is hidden.
    """
    unpack_blocks(x[:1])  # raises for other shapes
    n_blocks = x.shape[3]
    steps = in_spans(masks[0], masks[1], n_blocks * MEL_STEPS).unflatten(1, (n_blocks, MEL_STEPS))
    bands = in_spans(masks[2], masks[3], MEL_BANDS)
    # a block holds all bands of its first step, then all bands of its second
    mel = (steps.transpose(1, 2)[:, :, None] | bands[:, None, :, None]).flatten(1, 2)
    profiles = steps.any(2)[:, None].expand(-1, x.shape[2] - mel.shape[1], -1)
    return x.masked_fill(torch.cat([mel, profiles], 1).unsqueeze(1), 0.0)


# ---- net ---------------------------------------------------------------------------------------------


class BestEpoch(BestWeights):
    """Compute the macro ROC-AUC on validation songs in each epoch, and restore the best weights at the end.

    `y` are their tags. The history gets ``valid_roc_auc`` and ``best``, whether it is greater than in all epochs
    before.
    """

    def __init__(self, y):
        super().__init__("best")
        self.y = y

    def on_train_begin(self, net, **kwargs):
        self.score_ = -np.inf
        super().on_train_begin(net, **kwargs)

    def on_epoch_end(self, net, **kwargs):
        logits = net.song_means(net.valid_outputs_, net.valid_.X.song)
        if not np.isfinite(logits).all():
            raise ValueError("The logits of the validation songs are not finite: lower lr, or use precision='float32'.")
        score = macro_roc_auc(self.y, logits)
        best = score > self.score_
        net.history.record("valid_roc_auc", score)
        net.history.record("best", bool(best))
        self.score_ = max(score, self.score_)
        super().on_epoch_end(net, **kwargs)


class TagNet(RowNet):
    """Train on segments whose targets are the tags of their songs; parameters are those of `EmotionTagger`."""

    _training_only = (*RowNet._training_only, "song_", "targets_", "weights_")

    def __init__(self, module, *, mask_range=None, noise=0.0, precision="float32", seed=0, **kwargs):
        self.mask_range = mask_range
        self.noise = noise
        # skorch's own function for this criterion is for one binary target
        kwargs = {"criterion": nn.BCEWithLogitsLoss, "predict_nonlinearity": torch.sigmoid, **kwargs}
        super().__init__(module, precision=precision, seed=seed, **kwargs)

    def load_rows(self, bank, targets, weights=None):
        """Load segments, and for each song targets and weights (n_songs, n_tags); entries of weight 0 are ignored."""
        self.load_bank(bank, targets[bank.song])
        self.song_ = torch.as_tensor(bank.song, device=self.device)
        self.targets_ = torch.as_tensor(targets, dtype=torch.float32, device=self.device)
        weights = np.ones(targets.shape) if weights is None else weights
        self.weights_ = torch.as_tensor(weights, dtype=torch.float32, device=self.device)

    def batch_loss(self, index):
        """Compute the loss of some segments."""
        x = self._channels_last(self.augment(self.bank_.gather(index)))
        song = self.song_[index]
        with self._autocast():
            return weighted_bce(self.module_(x), self.targets_[song], self.weights_[song])

    def augment(self, x):
        """Add noise to a batch, then mask it."""
        if self.noise > 0:
            x = x + self.noise * torch.randn_like(x)
        if self.mask_range is not None:
            masks = draw_masks(self.rng_, len(x), x.shape[-1], self.mask_range)
            # drawn on the CPU, so that a seed's masks are the same on every device
            x = hide_masked(x, torch.from_numpy(masks).to(x.device))
        return x

    @staticmethod
    def song_means(rows, song):
        """Compute the mean of the rows of each song, (n_songs, n_tags) in float64; `song` is the song of each row."""
        first = np.flatnonzero(np.diff(song, prepend=-1))
        return np.stack([segments.mean(axis=0) for segments in np.split(rows.cpu().double().numpy(), first[1:])])

    def predict(self, X):
        """Predict the tags of segments as 0 and 1, with a threshold of 0.5.

        Parameters
        ----------
        X : ndarray of shape (n_segments, ...), or songs
            Segments, or songs whose segments are taken in order.

        Returns
        -------
        ndarray of shape (n_segments, n_tags)
            1 for tags whose probability is at least 0.5.
        """
        return (self.predict_proba(X) >= 0.5).astype(np.int64)

    def mean_logits(self, songs, standardizer, precision="float32"):
        """Compute the mean logits of songs, (n_songs, n_tags), in float64; songs are loaded in parts."""
        outputs = self.song_outputs(songs, standardizer, precision=precision)
        return np.stack([logits.mean(axis=0, dtype=np.float64) for logits in outputs])
