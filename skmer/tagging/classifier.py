"""EmotionTagger: a network that predicts several emotions or themes for each song."""

from numbers import Integral, Real

import numpy as np
from scipy.special import expit
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from skmer._validation import check_finite, check_songs, encode_groups
from skmer.backbones import CRNN, VGGish
from skmer.backbones.unpacking import check_block_shape, standardisation_groups
from skmer.tagging._base import (
    BaseTagger,
    check_same_tags,
    check_validation_pair,
    unfitted_on_error,
)
from skmer.tagging.net import BestEpoch, TagNet
from skmer.training.build import SEGMENT_NET_CONSTRAINTS, build_backbone_net
from skmer.training.callbacks import stop_early
from skmer.training.data import make_bank
from skmer.training.holdout import draw_validation
from skmer.training.parameters import NetParametersMixin
from skmer.training.runtime import torch_threads

__all__ = ["EmotionTagger"]

_BLOCK_BACKBONES = ("crnn", "vggish", CRNN, VGGish)  # whose segments are always blocks of TaggingTransformer


class EmotionTagger(NetParametersMixin, BaseTagger):
    """Predict the emotions and themes of songs with a network over their segments.

    Each tag is predicted on its own: a song may have none, one or many. Training stops when the ROC-AUC on
    validation songs no longer improves, and the best epoch is kept.

    Parameters
    ----------
    backbone : str, callable or Module, default="crnn"
        ``"crnn"`` or ``"vggish"`` for the segments of `TaggingTransformer`; others as in
        `skmer.backbones.build_backbone`.
    backbone_params : dict, default=None
        Parameters of the backbone, such as ``{"width": 128}``; `set_params` also takes ``backbone_params__width``.
    max_epochs : int, default=100
        Maximum number of epochs.
    patience : int, default=5
        Number of epochs without a better ROC-AUC on the validation songs after which training stops.
    batch_size : int, default=16
        Segments per batch.
    lr : float or "auto", default="auto"
        Learning rate; "auto" is the backbone's own, 1e-4 for ``"crnn"``.
    weight_decay : float, default=0.0
        Weight decay of AdamW, which is Adam without it.
    schedule : {"one-cycle", None}, default=None
        Schedule of the learning rate; constant if None.
    validation_fraction : float, default=0.2
        Fraction of the songs that is held out for validation if `fit` gets no `X_val`.
    mask_range : tuple of (int, int) or None, default=(20, 60)
        Range, both ends included, from which the maximum length of the time and frequency masks is drawn for each
        training batch, in mel steps and mel bands. None disables masks, which segments other than those
        of `TaggingTransformer` with 128 bands require.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise that is added to the standardised input in training.
    callbacks : list of skorch callbacks or (name, callback) tuples, default=None
        Additional callbacks. With ``skmer.training.callbacks.AverageWeights``, the averages of each epoch are
        validated and the best ones kept. Changes by callbacks at the end of training are discarded.
    device : str, default="auto"
        A torch device; "auto" is CUDA if available.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of training and validation; "auto" is bfloat16 for convolutions if the hardware supports it.
        Thresholds are computed in float32.
    prediction_precision : {"auto", "float32", "bfloat16"}, default="float32"
        Precision of predictions, which may be set after `fit`.
    n_threads : int, default=1
        Number of torch CPU threads, on which the last digits of the result depend. Increase it for a single long
        fit on a CPU.
    random_state : int, RandomState or None, default=None
        Determines the result, including the validation songs. Global random states are not used.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    tags_ : ndarray of shape (n_tags,)
        Names of the tags: the columns of y if it was a DataFrame, else 0, 1 and so on; the second class if y was
        labels.
    n_tags_ : int
        Number of tags.
    classes_ : ndarray of shape (n_tags, 2) or (2,)
        0 and 1 for each tag; the two classes, sorted, if y was labels.
    thresholds_ : ndarray of shape (n_tags,)
        Probability from which on `predict` assigns a tag: the threshold of the best F-score on the
        validation songs, infinite for a tag that none of them has. 0.5 if y was labels.
    validation_songs_ : ndarray of shape (n_validation_songs,) or None
        Positions of the songs of X that were held out; None if `X_val` was given.
    net_ : TagNet
        The fitted skorch net; its module is ``net_.module_``.
    standardizer_ : Standardizer
        Mean and standard deviation over the training segments: of each feature, or for segments of blocks of each
        mel band (over both its steps) and of all pitch classes together.
    history_ : list of dict
        One row per epoch: ``epoch``, ``train_loss``, ``lr``, ``valid_roc_auc`` and ``best``, whether it was better
        than all epochs before. The last row with ``best`` is the epoch whose weights are kept.
    segment_shape_ : tuple of (int, int)
        Shape of the segments in `fit`.
    n_features_in_ : int
        Number of features, if X was a plain array.
    feature_names_in_ : ndarray of str
        Names of the columns of a table, or of the values along the first axis of a segment, if X has names.

    See Also
    --------
    skmer.TaggingTransformer : Computes the segments.
    skmer.model_selection.tag_scores : Multi-label metrics.

    Notes
    -----
    Each segment is trained on all tags of its song with binary cross-entropy. The logit of a song is the mean of its
    segments' logits; in a mean of probabilities, confident segments would count no more than others. Masked values
    are 0, the mean of the standardised features.

    `score` is the macro ROC-AUC instead of the subset accuracy, which is close to zero for dozens of tags. A pipeline
    does not transform `X_val`: transform it before.

    References
    ----------
    Tan, "Semi-Supervised Music Emotion Recognition using Noisy Student Training and Harmonic
    Pitch Class Profiles" (2021), sections 2.1 to 2.4.

    Examples
    --------
    Songs of two segments, half of which are loud in the lowest 16 of the 128 bands:

    >>> import numpy as np
    >>> from skmer import EmotionTagger, SongSequence
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(80)[:, None] // [1, 2] % 2
    >>> blocks = rng.normal(size=(80, 8, 2, 128))
    >>> blocks[y[:, 0] == 1, :, :, :16] += 2
    >>> blocks[y[:, 1] == 1, :, :, 64:80] += 2
    >>> X = SongSequence(list(blocks.reshape(80, 8, 256)), window=(4, 4))
    >>> tiny = {"width": 4, "n_hidden": 8}
    >>> tagger = EmotionTagger(backbone_params=tiny, mask_range=(2, 4), lr=0.01, max_epochs=15, random_state=0)
    >>> tagger.fit(X[:60], y[:60]).score(X[60:], y[60:]) > 0.9
    True
    """

    _parameter_constraints = {  # noqa: RUF012
        **SEGMENT_NET_CONSTRAINTS,
        "patience": [Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "mask_range": [tuple, list, None],
        "noise": [Interval(Real, 0, None, closed="left")],
    }
    _songs_from = "TaggingTransformer"

    def __init__(
        self,
        backbone="crnn",
        *,
        backbone_params=None,
        max_epochs=100,
        patience=5,
        batch_size=16,
        lr="auto",
        weight_decay=0.0,
        schedule=None,
        validation_fraction=0.2,
        mask_range=(20, 60),
        noise=0.0,
        callbacks=None,
        device="auto",
        precision="auto",
        prediction_precision="float32",
        n_threads=1,
        random_state=None,
        verbose=0,
    ):
        self.backbone = backbone
        self.backbone_params = backbone_params
        self.max_epochs = max_epochs
        self.patience = patience
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.validation_fraction = validation_fraction
        self.mask_range = mask_range
        self.noise = noise
        self.callbacks = callbacks
        self.device = device
        self.precision = precision
        self.prediction_precision = prediction_precision
        self.n_threads = n_threads
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def fit(self, X, y, groups=None, X_val=None, y_val=None):
        """Fit the network to songs and their tags.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, n_features, n_blocks) or array-like (n_samples, n_features)
            Segments of each song.
        y : array-like or sparse matrix of shape (n_songs, n_tags), or array-like of shape (n_songs,)
            1 where a song has a tag, 0 where it has not. The columns of a DataFrame name the tags. With labels of
            two classes, one per song, the tagger is a binary classifier.
        groups : array-like of shape (n_songs,), default=None
            Groups, such as artists, whose songs are either all validation songs or none of them.
        X_val : like X, default=None
            Validation songs; drawn from X by default.
        y_val : array-like of shape (n_validation_songs, n_tags) or (n_validation_songs,), default=None
            Tags or labels of the validation songs.

        Returns
        -------
        EmotionTagger
            The fitted estimator.

        Raises
        ------
        ValueError
            If X and y are inconsistent, y is ratings or labels of one class or of more than two, or no tag has both
            positive and negative validation songs.

        Warns
        -----
        UserWarning
            If a tag has no training song or no validation song.
        """
        with unfitted_on_error(self):
            train, y_train, valid, y_valid, seed = self._split(X, y, groups, X_val, y_val)
            self._warn_missing(y_valid, y_train)
            self._train(train, y_train, None, valid, y_valid, seed)
        return self

    def decision_function(self, X):
        """Compute the logits of songs, the means of their segments' logits.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, n_features, n_blocks) or array-like (n_samples, n_features)
            Segments of each song.

        Returns
        -------
        ndarray of shape (n_songs, n_tags) or (n_songs,)
            Logits, which rank songs as `predict_proba` does; those of the second class if y of `fit` was labels.

        Raises
        ------
        ValueError
            If the segments have another shape than in `fit`, or hold NaN or infinity.
        """
        check_is_fitted(self)
        songs, _ = check_songs(self, X, reset=False)
        check_finite(songs)
        with torch_threads(self.n_threads):
            logits = self.net_.mean_logits(songs, self.standardizer_, self.prediction_precision)
            return self._decisions(logits)

    # ---- input validation --------------------------------------------------------------------------

    def _split(self, X, y, groups, X_val, y_val):
        """Validate parameters and data; return songs and tags to train on, those to validate on, and a seed."""
        self._validate_params()
        self._check_mask_range()
        check_validation_pair(X_val, y_val)
        songs = self._check_songs(X)
        targets = self._check_y(y, len(songs))
        groups = encode_groups(groups, len(songs))
        check_finite(songs)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.validation_songs_: np.ndarray | None = None
        if X_val is not None:
            valid, valid_targets = self._check_validation_songs(X_val, y_val)
        else:
            held = draw_validation(targets, groups, self.validation_fraction, seed)
            self.validation_songs_ = np.flatnonzero(held)
            valid, valid_targets = songs[held], targets[held]
            songs, targets = songs[~held], targets[~held]
        self._check_validation_tags(valid_targets)
        return songs, targets, valid, valid_targets, seed

    def _check_mask_range(self):
        if self.mask_range is None:
            return
        ends = tuple(self.mask_range)
        if len(ends) != 2 or not all(isinstance(end, Integral) for end in ends) or not 0 <= ends[0] <= ends[1]:
            raise ValueError(
                f"mask_range must be None or two integers (minimum, maximum) of at least 0, such as (20, 60), got "
                f"{self.mask_range}."
            )

    def _check_songs(self, X):
        """Return X as a SongSequence and set `segment_shape_`."""
        songs, _ = check_songs(self, X)
        if self.mask_range is not None:
            try:
                check_block_shape(songs.segment_shape, "crnn", 1)
            except ValueError:
                raise ValueError(
                    f"mask_range={self.mask_range} requires segments of shape (n_features, n_blocks) with 256 or 316 "
                    f"features, as of TaggingTransformer, got {songs.segment_shape}: set mask_range=None."
                ) from None
        return songs

    def _check_validation_songs(self, X_val, y_val):
        try:
            valid, _ = check_songs(self, X_val, reset=False)
        except ValueError as error:
            raise ValueError(f"Invalid X_val: {error}") from error
        tags, targets = self._check_y_like_fit(y_val, len(valid), "y_val", "X_val")
        check_same_tags({"y": self.tags_, "y_val": tags})
        check_finite(valid, "X_val")
        return valid, targets

    # ---- training ----------------------------------------------------------------------------------

    def _network_params(self):
        return self.backbone_params or {}

    def _train(self, songs, targets, weights, valid, valid_targets, seed):
        """Train a network; entries of weight 0 in `weights` (n_songs, n_tags) are ignored, none if it is None."""
        if songs.n_segments.sum() < 2:
            raise ValueError("X leaves only one segment to train on: pass more songs, or X_val and y_val.")
        has_blocks = self.backbone in _BLOCK_BACKBONES or isinstance(self.backbone, CRNN | VGGish)
        pooled = standardisation_groups(songs.segment_shape[0]) if has_blocks or self.mask_range is not None else None
        best = BestEpoch(valid_targets)
        with torch_threads(self.n_threads):
            net, bank, self.standardizer_ = build_backbone_net(
                TagNet,
                self,
                songs,
                self.n_tags_,
                seed,
                callbacks=[("best", best)],
                backbone_params=self._network_params(),
                pooled=pooled,
                mask_range=self.mask_range,
                noise=float(self.noise),
            )
            stop_early(net, "valid_roc_auc", self.patience, lower_is_better=False)
            net.load_rows(bank, targets, weights)
            held = make_bank(valid, self.standardizer_, net.device)
            net.load_validation(held, valid_targets[held.song])
            net.train_rows()
            # callbacks may have changed the network at the end
            best.restore(net)
            logits = net.song_means(net.row_outputs(held, precision="float32"), held.song)
            net.drop_rows()
        self.thresholds_ = self._best_thresholds(valid_targets, expit(logits))
        self.net_ = net
        self.history_ = net.history_rows()
