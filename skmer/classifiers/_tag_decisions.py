"""What every classifier of tags does once it has logits: probabilities, decisions, score."""

import numpy as np
from scipy.special import expit
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from skmer.classifiers._tags_in import check_tags, warn_of_tags
from skmer.model_selection.tag_scores import best_thresholds
from skmer.training.tag_net import macro_roc_auc

__all__ = ["TagDecisions"]


class TagDecisions(ClassifierMixin):
    """A classifier of several tags, by the logits that its `decision_function` gives.

    Its `fit` calls `_set_tags`, and keeps what `_fit_thresholds` gives as ``thresholds_``.

    Examples
    --------
    >>> from skmer import EmotionTagger
    >>> from skmer.classifiers._tag_decisions import TagDecisions
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

    def _fit_thresholds(self, y, probabilities):
        """Give the thresholds of the best F-scores; warn of tags without songs by name."""
        has = y.any(0)
        warn_of_tags(self.tags_[~has], "Tags that no validation song has, which predict gives to no song")
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

    def score(self, X, y):
        """Compute the macro ROC-AUC.

        Parameters
        ----------
        X : collection of n_songs songs
            As `decision_function` takes them.
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
