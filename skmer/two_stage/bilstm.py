"""BiLSTMClassifier: the class of a song from the sequence of its segments."""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from skmer._validation import check_sample_weight, check_songs, check_training_data, multiply_class_weight
from skmer.songs import as_song_sequence
from skmer.training.build import NET_CONSTRAINTS, build_net
from skmer.training.data import SegmentBank, Standardizer
from skmer.training.net import RowNet
from skmer.training.parameters import NetParametersMixin
from skmer.training.runtime import FitRandomState, choose_device, reset_fitted_attributes, torch_threads
from skmer.two_stage.networks import BiLSTM

__all__ = ["BiLSTMClassifier"]


class _SongBank:
    """A bank whose rows are songs, as packed sequences of standardised segments."""

    def __init__(self, songs, standardizer, device):
        self._segments = SegmentBank(songs, standardizer, device)
        ends = np.cumsum(songs.n_segments)
        self._bounds = np.stack([ends - songs.n_segments, ends], 1)

    def __len__(self):
        return len(self._bounds)

    def gather(self, index):
        """Return some songs as a PackedSequence."""
        bounds = self._bounds[index.cpu().numpy()]
        # positions in the bank, in the order of the packed sequence: only these numbers are padded
        positions = pack_sequence([torch.arange(a, b) for a, b in bounds], enforce_sorted=False).to(index.device)
        return positions._replace(data=self._segments.gather(positions.data))


class _SongNet(RowNet):
    """Net that is trained on labelled songs with cross-entropy."""

    _training_only = (*RowNet._training_only, "labels_", "weights_")

    def load_songs(self, bank, labels, weights=None):
        self.load_bank(bank, labels)
        self.labels_ = torch.as_tensor(labels, dtype=torch.long, device=self.device)
        self.weights_ = None if weights is None else torch.as_tensor(weights, dtype=torch.float32, device=self.device)

    def make_rows(self, X):
        """Return songs as a standardised bank, whose rows are songs."""
        return X if hasattr(X, "gather") else _SongBank(as_song_sequence(X), self.standardizer_, self.device)

    def batch_loss(self, index):
        logits, labels = self.module_(self.bank_.gather(index)), self.labels_[index]
        if self.weights_ is None:
            return nn.functional.cross_entropy(logits, labels)
        return (nn.functional.cross_entropy(logits, labels, reduction="none") * self.weights_[index]).mean()


class BiLSTMClassifier(ClassifierMixin, NetParametersMixin, BaseEstimator):
    """Classify songs by a bidirectional LSTM over the sequence of their segments.

    The second stage of the 2-Stage system. Unlike statistics of the segments, it takes their order into account, such
    as whether a song rises or falls.

    Parameters
    ----------
    hidden_size : int, default=64
        States of the LSTM in each direction.
    n_layers : int, default=1
        Number of LSTM layers.
    dropout : float, default=0.5
        Dropout rate before the last layer, and between LSTM layers.
    max_epochs : int, default=60
        Number of epochs.
    batch_size : int, default=32
        Songs per batch.
    lr : float, default=1e-2
        Peak learning rate.
    weight_decay : float, default=1e-2
        Weight decay of AdamW.
    schedule : {"one-cycle", None}, default="one-cycle"
        Learning rate schedule; None is a constant rate.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, by which `sample_weight` is multiplied; "balanced" gives each class the same total
        weight.
    callbacks : list of skorch callbacks or (name, callback) tuples, default=None
        Further callbacks, such as `EarlyStopping` on ``"train_loss"`` or `GradientNormClipping`.
    device : str, default="auto"
        A torch device; "auto" is CUDA if available, otherwise the CPU.
    n_threads : int, default=1
        CPU threads of torch, on which the last digits of the result depend; raise it for a single long fit on a CPU.
    random_state : int, RandomState or None, default=None
        Determines the result; the global generators of torch and NumPy are not used.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    net_ : RowNet
        The fitted skorch net; its module, a `skmer.two_stage.BiLSTM`, is ``net_.module_``.
    history_ : list of dict
        One row per epoch: ``epoch``, ``train_loss`` and ``lr``.
    segment_shape_ : tuple of (int,)
        Shape of the segments in `fit`.
    n_features_in_ : int
        Number of features, if X was plain rows.
    feature_names_in_ : ndarray of str
        Names of the features, if X has names.

    See Also
    --------
    skmer.MaskedMelAutoencoder : The first stage, which computes the embeddings of the segments.
    SongAggregator : Computes statistics of the segments, regardless of their order.

    Notes
    -----
    Sun et al. describe this stage as a bidirectional LSTM that learns temporal information and classifies. The mean of
    the states over the segments of a song, the sizes, dropout and training are our choice. Padding is not read, and a
    prediction depends on its own song only.

    Each feature is standardised with its mean and standard deviation over all training segments. The rows of a plain
    two-dimensional X are songs of one segment.

    References
    ----------
    He and Ferguson, "Music emotion recognition based on segment-level two-stage learning",
    International Journal of Multimedia Information Retrieval (2022), as described by Sun et
    al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition".

    Examples
    --------
    Songs of the same values, rising or falling:

    >>> import numpy as np
    >>> from skmer.two_stage import BiLSTMClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.array(["falls", "rises"] * 50)
    >>> X = [np.sort(rng.normal(size=(10, 1)), axis=0)[:: 1 if name == "rises" else -1] for name in y]
    >>> classifier = BiLSTMClassifier(max_epochs=20, random_state=0).fit(X[:80], y[:80])
    >>> classifier.score(X[80:], y[80:]) > 0.9
    True
    """

    _parameter_constraints = {  # noqa: RUF012
        **NET_CONSTRAINTS,
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    _songs_from = "SegmentTransformer and MaskedMelAutoencoder"

    def __init__(
        self,
        hidden_size=64,
        *,
        n_layers=1,
        dropout=0.5,
        max_epochs=60,
        batch_size=32,
        lr=1e-2,
        weight_decay=1e-2,
        schedule="one-cycle",
        class_weight=None,
        callbacks=None,
        device="auto",
        n_threads=1,
        random_state=None,
        verbose=0,
    ):
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.dropout = dropout
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.class_weight = class_weight
        self.callbacks = callbacks
        self.device = device
        self.n_threads = n_threads
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Train the network.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, n_features) or array-like (n_samples, n_features)
            Rows of features of each song's segments, in order.
        y : array-like of shape (n_songs,)
            Label of each song.
        sample_weight : array-like of shape (n_songs,), default=None
            Weight of each song. Songs of weight 0 are left out.

        Returns
        -------
        BiLSTMClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If X and y do not match, y has one class only, or the segments are not rows of features.
        """
        self._validate_params()
        reset_fitted_attributes(self)
        songs, self.classes_, labels = check_training_data(self, X, y)
        if len(songs.segment_shape) != 1:
            raise ValueError(
                "BiLSTMClassifier requires songs of shape (n_segments, n_features), but their segments have shape "
                f"{songs.segment_shape}: put a step such as MaskedMelAutoencoder before it."
            )
        weights = check_sample_weight(sample_weight, labels, self.classes_)
        if weights is not None:
            used = np.flatnonzero(weights)
            songs, labels, weights = songs[used], labels[used], weights[used]
        weights = multiply_class_weight(weights, self.class_weight, labels, self.classes_)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        device = choose_device(self.device)
        with torch_threads(self.n_threads):
            with (random_state := FitRandomState(seed, device)):
                network = BiLSTM(
                    songs.segment_shape[0], len(self.classes_), self.hidden_size, self.n_layers, float(self.dropout)
                )
            self.standardizer_ = Standardizer.fit(songs)
            net = build_net(_SongNet, network, self, len(songs), device, seed, random_state)
            net.standardizer_ = self.standardizer_
            net.load_songs(_SongBank(songs, self.standardizer_, device), labels, weights)
            net.train_rows()
            net.drop_rows()
        self.net_ = net
        self.history_ = net.history_rows()
        return self

    def predict_proba(self, X):
        """Predict the class probabilities of songs.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, n_features) or array-like (n_samples, n_features)
            Rows of features of each song's segments, in order.

        Returns
        -------
        ndarray of shape (n_songs, n_classes)
            Probabilities.

        Raises
        ------
        ValueError
            If the segments have another shape than in `fit`.
        """
        check_is_fitted(self)
        songs, _ = check_songs(self, X, reset=False)
        with torch_threads(self.n_threads):
            bank = _SongBank(songs, self.standardizer_, self.net_.device)
            # song by song, so that the last bits of a song do not depend on the others
            logits = self.net_.row_outputs(bank, batch_size=1)
            return torch.softmax(logits.cpu().double(), 1).numpy()

    def predict(self, X):
        """Predict the class of songs.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, n_features) or array-like (n_samples, n_features)
            Rows of features of each song's segments, in order.

        Returns
        -------
        ndarray of shape (n_songs,)
            The most probable class.
        """
        check_is_fitted(self)
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")
