"""What every tagger of songs by their chunks shares: its net, thresholds, prediction."""

from numbers import Integral, Real

import numpy as np
import torch
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data
from skorch.callbacks import EarlyStopping

from skmer.backbones import build_backbone, check_backbone
from skmer.backbones.unpacking import holds_hpcp
from skmer.classifiers._songs_in import songs_for_prediction
from skmer.classifiers._tags_in import both_kinds, check_tags, refuse_not_finite, warn_of_tags
from skmer.model_selection.tag_scores import best_thresholds
from skmer.songs import SongSequence, as_song_sequence, is_song_data, refuse_no_songs
from skmer.training.row_net import NET_CONSTRAINTS, build_net
from skmer.training.rows import Standardizer
from skmer.training.runtime import choose_device, isolated
from skmer.training.stored_rows import make_bank
from skmer.training.tag_net import BestEpoch, TagNet, macro_roc_auc

__all__ = ["TAGGING_CONSTRAINTS", "TagClassifier"]

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


class TagClassifier(ClassifierMixin, BaseEstimator):
    """Base of the taggers: what follows once their songs and tags are known.

    A subclass has the parameters of `TAGGING_CONSTRAINTS`, and its `fit` calls `_set_tags` and
    `_songs_in` before `_train`.

    Examples
    --------
    >>> from skmer import EmotionTagger
    >>> from skmer.classifiers._tag_classifier import TagClassifier
    >>> issubclass(EmotionTagger, TagClassifier)
    True
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # a column of 0 and 1 for each tag, and nothing else
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = True
        tags.target_tags.single_output = False
        tags.target_tags.multi_output = True
        tags.target_tags.two_d_labels = True
        return tags

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def _set_tags(self, y, n_songs):
        """Give y as (n_songs, n_tags) of 0 and 1, and remember its tags."""
        self.tags_, targets = check_tags(self, y, n_songs)
        self.n_tags_ = len(self.tags_)
        self.classes_ = [np.array([0, 1]) for _ in self.tags_]
        return targets

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
        refuse_no_songs(X)
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
        _, targets = check_tags(self, y_val, len(valid), self.n_tags_, "y_val", "X_val")
        refuse_not_finite(valid, "X_val")
        return valid, targets

    def _train(self, songs, targets, weights, valid, valid_targets, seed):
        """Train on songs; `weights` (n_songs, n_tags) are 0 for entries that are not to be learnt from, or None."""
        if songs.n_segments.sum() < 2:
            raise ValueError("X leaves one chunk to train on: give more songs, or X_val and y_val.")
        if not both_kinds(valid_targets).any():
            raise ValueError(
                "No tag has both validation songs with it and without it, so that no epoch can be judged best: a "
                "classifier of tags needs both. Give more songs, a larger validation_fraction, or X_val and y_val."
            )
        warn_of_tags(self.tags_[~(targets > 0).any(0)], "Tags that no training song has, which cannot be learnt")
        device = choose_device(self.device)
        with isolated(seed, self.n_threads):
            network = build_backbone(self.backbone, songs.segment_shape, self.n_tags_, **(self.backbone_params or {}))
            self.standardizer_ = Standardizer.fit(songs)
            bank = make_bank(songs, self.standardizer_, device)
            check_backbone(network.to(device), bank.gather(torch.arange(2, device=device)), self.n_tags_)
            judge = BestEpoch(valid_targets, make_bank(valid, self.standardizer_, device))
            lr = getattr(network, "peak_lr", 1e-3) if self.lr == "auto" else self.lr
            augmentation = {"mask_range": self.mask_range, "noise": float(self.noise)}
            best = [("best", judge)]
            net = build_net(TagNet, network, self, len(bank), device, seed, self.precision, lr, best, **augmentation)
            stop = EarlyStopping(
                "valid_roc_auc", patience=self.patience, threshold=0.0, lower_is_better=False, sink=lambda *_: None
            )
            # the last one, so that every other callback sees the epoch that ends the training
            net.callbacks_.append(("stop", stop.initialize()))
            net.load_rows(bank, targets, weights)
            net.train_rows()
            logits = net.song_logits(judge.bank, precision="float32")
            net.drop_rows()
        self.thresholds_ = self._fit_thresholds(valid_targets, expit(logits))
        self.net_ = net
        self.history_ = net.history_rows()

    def _fit_thresholds(self, y, probabilities):
        has = y.any(0)
        warn_of_tags(self.tags_[~has], "Tags that no validation song has, which predict gives to no song")
        thresholds = np.full(self.n_tags_, np.inf)
        thresholds[has] = best_thresholds(y[:, has], probabilities[:, has])
        return thresholds

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
            chunks = self.net_.song_outputs(songs, self.standardizer_)
        return np.stack([rows.mean(axis=0, dtype=np.float64) for rows in chunks])

    def predict_proba(self, X):
        """Compute the probabilities of the tags of songs.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_chunks, n_features, n_blocks) or array-like (n_samples, n_features)
            Chunks of each song.

        Returns
        -------
        ndarray of shape (n_songs, n_tags)
            Sigmoids of `decision_function`; each tag has its own, and those of a song sum to anything.
        """
        return expit(self.decision_function(X))

    def predict(self, X):
        """Decide on the tags of songs, by the thresholds of the validation songs.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_chunks, n_features, n_blocks) or array-like (n_samples, n_features)
            Chunks of each song.

        Returns
        -------
        ndarray of shape (n_songs, n_tags)
            1 for the tags whose probability is at least `thresholds_`, else 0.
        """
        check_is_fitted(self)
        return (self.predict_proba(X) >= self.thresholds_).astype(np.int64)

    def score(self, X, y):
        """Compute the macro ROC-AUC.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_chunks, n_features, n_blocks) or array-like (n_samples, n_features)
            Chunks of each song.
        y : array-like or sparse matrix of shape (n_songs, n_tags)
            1 where a song has a tag, 0 where it has not.

        Returns
        -------
        float
            Mean over the tags; those that no song or every song has are left out. NaN if that is all of them.

        See Also
        --------
        skmer.model_selection.tag_scores : Further figures, per tag too, which names what is left out.
        """
        logits = self.decision_function(X)
        _, targets = check_tags(self, y, len(logits), self.n_tags_)
        return macro_roc_auc(targets, logits)
