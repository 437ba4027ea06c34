"""Logistic regression on statistics of the log-mel spectrogram: what a network is worth, it is worth above this."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmer.aggregation import SpectrogramStatistics
from skmer.features.blocks import BlockLayout
from skmer.model_selection.tag_metrics import macro_roc_auc

__all__ = ["STRENGTHS", "fit_linear", "spectrogram_statistics", "tag_regression"]

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # C, of which validation songs choose


def spectrogram_statistics(songs):
    """Describe each song by the mean, deviation and change of each mel band.

    Parameters
    ----------
    songs : SongSequence
        Blocks without HPCP; one song at a time is in memory.

    Returns
    -------
    ndarray of shape (n_songs, 384)
        As `skmer.aggregation.SpectrogramStatistics` gives it of the mel steps, ten frames each.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.reproduction.mirable.linear import spectrogram_statistics
    >>> from skmer.songs import SongSequence
    >>> spectrogram_statistics(SongSequence([np.ones((8, 256))], window=(4, 4)))[0, [0, 128, 256]]
    array([1., 0., 0.])
    """
    layout = BlockLayout(hpcp=False)
    return np.concatenate([_describe(np.asarray(song, dtype=np.float64), layout) for song in songs])


def _describe(chunks, layout):
    spectrograms = np.stack([layout.split(chunk.T)[0] for chunk in chunks])
    return SpectrogramStatistics().fit_transform([spectrograms])


def tag_regression(C=1.0):
    """Build the classifier.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the regularisation.

    Returns
    -------
    OneVsRestClassifier
        A scaler and a logistic regression for each tag.

    Examples
    --------
    >>> from skmer.reproduction.mirable.linear import tag_regression
    >>> tag_regression(0.1).estimator[-1].C
    0.1
    """
    return OneVsRestClassifier(make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=1000)))


def fit_linear(X, y, X_val, y_val):
    """Fit the classifier with the C that ranks validation songs best.

    Parameters
    ----------
    X, X_val : ndarray of shape (n_songs, n_features)
        Statistics.
    y, y_val : ndarray of shape (n_songs, n_tags)
        0 and 1.

    Returns
    -------
    OneVsRestClassifier
        Fitted on X.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.reproduction.mirable.linear import fit_linear
    >>> X, y = np.array([[0.0], [1.0]] * 4), np.array([[0, 1], [1, 0]] * 4)
    >>> fit_linear(X, y, X, y).predict(X)[:2]
    array([[0, 1],
           [1, 0]])
    """
    with warnings.catch_warnings():
        # a tag that no song has is named in the report; weak regularisation may not end, and is judged as it is
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = [tag_regression(C).fit(X, y) for C in STRENGTHS]
    figures = [macro_roc_auc(y_val, model.decision_function(X_val).reshape(y_val.shape)) for model in fitted]
    return fitted[int(np.argmax(np.nan_to_num(figures, nan=0.0)))]
