"""What every tagger of songs by their chunks shares: its doors, its net, its logits."""

from contextlib import contextmanager
from numbers import Integral, Real

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data
from skorch.callbacks import EarlyStopping

from skmer._validation import refuse_no_segments, songs_for_prediction
from skmer.backbones import CRNN, VGGish
from skmer.backbones.unpacking import alike_in_block, holds_hpcp
from skmer.songs import SongSequence, as_song_sequence, is_song_data
from skmer.tagging._tag_decisions import TagDecisions
from skmer.tagging._tags_in import (
    both_kinds,
    check_groups,
    check_tags,
    draw_validation,
    refuse_not_finite,
    refuse_other_names,
)
from skmer.tagging.net import BestEpoch, TagNet
from skmer.training.callbacks import AverageWeights
from skmer.training.data import make_bank
from skmer.training.net import NET_CONSTRAINTS, build_backbone_net
from skmer.training.runtime import isolated, reset_fitted_attributes

__all__ = ["TAGGING_CONSTRAINTS", "TagClassifier", "unfitted_on_error"]

TAGGING_CONSTRAINTS = {
    **NET_CONSTRAINTS,
    "lr": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
    "precision": [StrOptions({"auto", "float32", "bfloat16"})],
    "backbone_params": [dict, None],
    "patience": [Interval(Integral, 1, None, closed="left")],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "mask_range": [tuple, list, None],
    "noise": [Interval(Real, 0, None, closed="left")],
}
"""Of the parameters that every tagger has."""

_OF_BLOCKS = ("crnn", "vggish", CRNN, VGGish)  # the backbones that take nothing but blocks


@contextmanager
def unfitted_on_error(tagger):
    """Leave a tagger that is not fitted where its fit fails or is interrupted, whatever it has got by then."""
    try:
        yield
    except BaseException:
        reset_fitted_attributes(tagger)
        raise


class TagClassifier(TagDecisions, BaseEstimator):
    """Base of the taggers: what follows once their songs and tags are known.

    A subclass has the parameters of `TAGGING_CONSTRAINTS`, and its `fit` calls `_begin_fit`, then `_train`,
    within `unfitted_on_error`.

    Examples
    --------
    >>> from skmer import EmotionTagger
    >>> from skmer.tagging._tag_classifier import TagClassifier
    >>> issubclass(EmotionTagger, TagClassifier)
    True
    """

    _songs_from = "TaggingTransformer"

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def _begin_fit(self, X, y, groups, X_val, y_val):
        """Check what a fit is given; give songs and tags to learn from, songs and tags to validate on, and a seed."""
        self._validate_params()
        self._check_mask_range()
        reset_fitted_attributes(self)
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val go together: give both, or neither to have validation songs drawn.")
        songs = self._songs_in(X)
        targets = self._set_tags(y, len(songs))
        groups = check_groups(groups, len(songs))
        refuse_not_finite(songs, "X")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.validation_songs_: np.ndarray | None = None
        if X_val is not None:
            valid, valid_targets = self._validation_in(X_val, y_val)
        else:
            held = draw_validation(targets, groups, self.validation_fraction, seed)
            self.validation_songs_ = np.flatnonzero(held)
            valid, valid_targets = songs[held], targets[held]
            songs, targets = songs[~held], targets[~held]
        if not both_kinds(valid_targets).any():
            raise ValueError(
                "No tag has both validation songs with it and without it, so that no epoch can be judged best: a "
                "classifier of tags needs both. Give more songs, a larger validation_fraction, or X_val and y_val."
            )
        return songs, targets, valid, valid_targets, seed

    def _network_params(self):
        return self.backbone_params or {}

    def _alike(self, songs):
        """Say which values of a chunk are standardised alike; None where chunks need not be of blocks."""
        of_blocks = self.backbone in _OF_BLOCKS or isinstance(self.backbone, CRNN | VGGish)
        return alike_in_block(songs.segment_shape[0]) if of_blocks or self.mask_range is not None else None

    def _check_mask_range(self):
        if self.mask_range is None:
            return
        ends = tuple(self.mask_range)
        if len(ends) != 2 or not all(isinstance(end, Integral) for end in ends) or not 0 <= ends[0] <= ends[1]:
            raise ValueError(
                f"mask_range={self.mask_range} must be two lengths, at least 0, the least first, such as (20, 60), "
                "or None."
            )

    def _songs_in(self, X):
        """Give the songs of a fit, and remember what their chunks look like."""
        refuse_no_segments(self, X)
        if is_song_data(X):
            songs = as_song_sequence(X)
        else:
            songs = SongSequence(validate_data(self, X, dtype=(np.float64, np.float32))[:, None, :])
        if self.mask_range is not None:
            try:
                holds_hpcp(songs.segment_shape, "crnn", 1)
            except ValueError:
                raise ValueError(
                    f"mask_range={self.mask_range} needs segments of (n_features, n_blocks) with 256 or 316 features, "
                    f"as of TaggingTransformer, not {songs.segment_shape}: use mask_range=None for others."
                ) from None
        self.segment_shape_ = songs.segment_shape
        return songs

    def _validation_in(self, X_val, y_val):
        try:
            valid, _ = songs_for_prediction(self, X_val)
        except ValueError as error:
            raise ValueError(f"Of X_val: {error}") from error
        tags, targets = check_tags(self, y_val, len(valid), self.n_tags_, "y_val", "X_val")
        refuse_other_names({"y": self.tags_, "y_val": tags})
        refuse_not_finite(valid, "X_val")
        return valid, targets

    def _train(self, songs, targets, weights, valid, valid_targets, seed):
        """Train on songs; `weights` (n_songs, n_tags) are 0 for entries that are not to be learnt from, or None."""
        if songs.n_segments.sum() < 2:
            raise ValueError("X leaves one chunk to train on: give more songs, or X_val and y_val.")
        augmentation = {"mask_range": self.mask_range, "noise": float(self.noise)}
        judge, alike = BestEpoch(valid_targets), self._alike(songs)
        with isolated(seed, self.n_threads):
            net, bank, self.standardizer_ = build_backbone_net(
                TagNet,
                self,
                songs,
                self.n_tags_,
                seed,
                callbacks=[("best", judge)],
                backbone_params=self._network_params(),
                pooled=alike,
                **augmentation,
            )
            judge.bank = make_bank(valid, self.standardizer_, net.device)
            # averages end before the best of them is put in place, for the other callbacks to see
            net.callbacks_.sort(key=lambda named: not isinstance(named[1], AverageWeights))
            stop = EarlyStopping(
                "valid_roc_auc", patience=self.patience, threshold=0.0, lower_is_better=False, sink=lambda *_: None
            )
            # the last one, so that every other callback sees the epoch that ends the training
            net.callbacks_.append(("stop", stop.initialize()))
            net.load_rows(bank, targets, weights)
            net.train_rows()
            # whatever callbacks did to the network at the end
            judge.restore(net)
            logits = net.song_logits(judge.bank, precision="float32")
            net.drop_rows()
        self.thresholds_ = self._fit_thresholds(valid_targets, expit(logits))
        self.net_ = net
        self.history_ = net.history_rows()

    def decision_function(self, X):
        """Compute the logits of songs, the means of their chunks' logits.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_chunks, n_features, n_blocks) or array-like (n_samples, n_features)
            Chunks of each song.

        Returns
        -------
        ndarray of shape (n_songs, n_tags)
            Logits; they rank songs for a tag as `predict_proba` does.

        Raises
        ------
        ValueError
            If the chunks have another shape than in `fit`, or hold NaN or infinity.
        """
        check_is_fitted(self)
        songs, _ = songs_for_prediction(self, X)
        refuse_not_finite(songs, "X")
        with isolated(None, self.n_threads):
            return self.net_.mean_logits(songs, self.standardizer_)
