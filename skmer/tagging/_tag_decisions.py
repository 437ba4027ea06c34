"""What every classifier of tags does once it has logits: probabilities, decisions, score."""

import numpy as np
from scipy.special import expit
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from skmer.model_selection.tag_metrics import best_thresholds, macro_roc_auc
from skmer.tagging._tags_in import check_tags, warn_of_tags

__all__ = ["TagDecisions"]


class TagDecisions(ClassifierMixin):
    """A classifier of several tags, by the logits that its `decision_function` gives.

    Its `fit` calls `_set_tags`, and keeps what `_fit_thresholds` gives as ``thresholds_``.

    Examples
    --------
    >>> from skmer import EmotionTagger
    >>> from skmer.tagging._tag_decisions import TagDecisions
    >>> issubclass(EmotionTagger, TagDecisions)
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

    def _set_tags(self, y, n_songs):
        """Give y as (n_songs, n_tags) of 0 and 1, and remember its tags."""
        self.tags_, targets = check_tags(self, y, n_songs)
        self.n_tags_ = len(self.tags_)
        self.classes_ = [np.array([0, 1]) for _ in self.tags_]
        return targets

    def _warn_of_lacking(self, valid, train=None):
        """Warn by name of tags that no song to learn from has, and of those that no validation song has."""
        if train is not None:
            warn_of_tags(self.tags_[~train.any(0)], "Tags that no training song has, which cannot be learnt")
        warn_of_tags(self.tags_[~valid.any(0)], "Tags that no validation song has, which predict gives to no song")

    def _fit_thresholds(self, y, probabilities):
        """Give the thresholds of the best F-scores, infinite for tags without songs."""
        has = y.any(0)
        thresholds = np.full(self.n_tags_, np.inf)
        thresholds[has] = best_thresholds(y[:, has], probabilities[:, has])
        return thresholds

    def predict_proba(self, X):
        """Compute the probabilities of the tags of songs.

        Parameters
        ----------
        X : collection of n_songs songs
            As `decision_function` takes them.

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
        X : collection of n_songs songs
            As `decision_function` takes them.

        Returns
        -------
        ndarray of shape (n_songs, n_tags)
            1 for the tags whose probability is at least `thresholds_`, else 0.
        """
        check_is_fitted(self)
        return (self.predict_proba(X) >= self.thresholds_).astype(np.int64)

    def score(self, X, y, sample_weight=None):
        """Compute the macro ROC-AUC.

        Parameters
        ----------
        X : collection of n_songs songs
            As `decision_function` takes them.
        y : array-like or sparse matrix of shape (n_songs, n_tags)
            1 where a song has a tag, 0 where it has not.
        sample_weight : array-like of shape (n_songs,), default=None
            How much each song counts, at least 0; by default all count alike.

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
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, logits, ensure_non_negative=True)
        return macro_roc_auc(targets, logits, sample_weight)
