"""make_musicnn_tagger: the tags of the published network musicnn, without any training."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import Pipeline

from skmer.embeddings import musicnn
from skmer.feature_extraction.embeddings import EmbeddingTransformer

__all__ = ["make_musicnn_tagger"]

_SR, _WINDOW = 16000, 3.0  # of its training


def make_musicnn_tagger(model="MSD", *, n_tags=3, max_duration=None, precision="auto", device="auto", path=None):
    """Build a tagger that needs no training: musicnn with its 50 tags, as published by its authors.

    The tags are genres, instruments, voices and decades, and among those of "MSD" words for moods: *beautiful*,
    *chill*, *chillout*, *easy listening*, *happy*, *Mellow*, *party*, *sad* and *sexy*. They are what listeners of
    last.fm, or players of a game, wrote on the songs that the network was trained on, and no labels of an emotion:
    no study has compared them with the emotions that a model of skmer predicts.

    Parameters
    ----------
    model : {"MSD", "MTT"}, default="MSD"
        The songs and tags of its training, as in `skmer.embeddings.musicnn`: the Million Song Dataset with tags of
        last.fm, or MagnaTagATune, whose tags have hardly any words for moods.
    n_tags : int, default=3
        Number of the most probable tags that `predict` gives to a song, as the package's own function does.
    max_duration : float, default=None
        Seconds of each song that are used; None is the whole song.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        As in `skmer.embeddings.musicnn`.
    device : str, default="auto"
        As in `EmbeddingTransformer`.
    path : str or Path, default=None
        The wheel of musicnn (a file ``.whl``), or the folder of its contents. None is the installed package.

    Returns
    -------
    Pipeline
        Ready to predict, from files and from waveforms at 16 kHz: `predict_proba` returns the mean probability of
        each tag over windows of 3 s, and `predict` marks the `n_tags` highest with 1, both of shape (n_songs, 50).
        ``pipeline[-1].tags_`` has the names.

    Raises
    ------
    ImportError
        If the package musicnn is not installed, and no `path` is given.
    ValueError
        If a file is missing, damaged or not that of musicnn, or a parameter is out of range.

    See Also
    --------
    skmer.embeddings.musicnn : The network, whose layers are features for models of your own.
    skmer.inspection.predict_files : Takes the pipeline, as `skmer predict --ready musicnn` does.

    Notes
    -----
    A song is cut into windows of 3 s without overlap, and the probabilities are averaged, as by the authors' package;
    songs shorter than 3 s are filled with silence. The samples after the last whole window are not used.

    References
    ----------
    Pons & Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging", late-breaking demo,
    ISMIR 2019.

    Examples
    --------
    >>> from skmer.tagging import make_musicnn_tagger
    >>> tagger = make_musicnn_tagger()  # doctest: +SKIP
    >>> probabilities = tagger.predict_proba(["song.mp3"])[0]  # doctest: +SKIP
    >>> dict(zip(tagger[-1].tags_, probabilities))["happy"]  # doctest: +SKIP
    """
    network = musicnn(model, "tags", precision, path)
    if not (isinstance(n_tags, int | np.integer) and 1 <= n_tags <= len(network.tags)):
        raise ValueError(f"n_tags must be a whole number from 1 to {len(network.tags)}, got {n_tags!r}.")
    embedding = EmbeddingTransformer(
        network, sr=_SR, window=_WINDOW, statistics=["mean"], padding="zero", max_duration=max_duration, device=device
    )
    return Pipeline([("embedding", embedding), ("tags", MostProbableTags(list(network.tags), n_tags))])


class MostProbableTags(ClassifierMixin, BaseEstimator):
    """A tagger whose features are the probabilities of its tags; nothing is learnt.

    `names` are those of the tags; a song has the `n_tags` most probable ones.
    """

    def __init__(self, names, n_tags):
        self.names = names
        self.n_tags = n_tags

    @property
    def tags_(self):
        """Names of the tags."""
        return np.array(self.names)

    @property
    def classes_(self):
        """Absent and present, for each tag."""
        return np.tile([0, 1], (len(self.names), 1))

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X, y=None):
        """Return the tagger."""
        return self

    def predict_proba(self, X):
        """Return the probabilities, (n_songs, n_tags) in float64."""
        return np.asarray(X, dtype=np.float64)

    def predict(self, X):
        """Return 1 for the most probable tags of each song, and 0 for the others."""
        probabilities = self.predict_proba(X)
        found = np.zeros(probabilities.shape, dtype=np.int64)
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, : self.n_tags]
        np.put_along_axis(found, best, 1, axis=1)
        return found
