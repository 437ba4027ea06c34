"""EmotionTagger: the emotions and themes of songs, several at once."""

from skmer.tagging._tag_classifier import TAGGING_CONSTRAINTS, TagClassifier, unfitted_on_error

__all__ = ["EmotionTagger"]


class EmotionTagger(TagClassifier):
    """Tag songs with emotions and themes by a network over their chunks.

    Each tag is a decision of its own: a song may have none, one or many. It stops when the
    validation songs are not ranked better any more, and keeps its best epoch.

    Parameters
    ----------
    backbone : str, callable or Module, default="crnn"
        ``"crnn"`` or ``"vggish"`` for the chunks of `TaggingTransformer`; else as `build_backbone` takes it.
    backbone_params : dict, default=None
        For the backbone, such as ``{"width": 128}``.
    max_epochs : int, default=100
        Epochs at most.
    patience : int, default=5
        Epochs without a better ROC-AUC on the validation songs after which the training ends.
    batch_size : int, default=16
        Chunks a batch.
    lr : float or "auto", default="auto"
        Learning rate; "auto" takes the backbone's own, 1e-4 for ``"crnn"``.
    weight_decay : float, default=0.0
        Of AdamW; without it that is Adam.
    schedule : {"one-cycle", None}, default=None
        Course of the learning rate; None keeps it.
    validation_fraction : float, default=0.2
        Share of the songs that is held out for validation where `fit` gets no `X_val`.
    mask_range : tuple of (int, int) or None, default=(20, 60)
        Of a training batch, the maximum length of the masks, in mel steps and in mel bands, is drawn from
        this range, both ends included; `draw_masks` and `hide_masked` say how they lie. None for no masks, as other
        segments than those of `TaggingTransformer` with 128 bands need.
    noise : float, default=0.0
        Standard deviation of Gaussian noise on standardised input in training.
    callbacks : list of skorch callbacks, default=None
        Added to the training. With `skmer.training.callbacks.AverageWeights`, each epoch's averages are judged
        and the best ones kept. The best epoch is kept whatever else callbacks make of the network at the end.
    device : str, default="auto"
        A torch device; "auto" takes CUDA where there is one.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Of training and its validation; "auto" takes bfloat16 for convolutions where the hardware has it.
        Thresholds and predictions are made in float32.
    n_threads : int, default=1
        torch's CPU threads. The result depends on it in the last digits, which is why
        it is fixed; raise it for a single long fit on a CPU.
    random_state : int, RandomState or None, default=None
        Decides the result, validation songs included; torch's and NumPy's global generators are left alone.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    tags_ : ndarray of shape (n_tags,)
        What the tags are called: the columns of y where it was a DataFrame, else 0, 1 and so on.
    n_tags_ : int
        Number of tags.
    classes_ : list of ndarray
        ``array([0, 1])`` for each tag, as scikit-learn's forests have it of such a y.
    thresholds_ : ndarray of shape (n_tags,)
        A song is given a tag where its probability is at least this: the threshold of the best F-score on
        the validation songs. Infinite for a tag that none of them has.
    validation_songs_ : ndarray of shape (n_validation_songs,) or None
        Positions of the songs of X that were held out; None where `X_val` was given.
    net_ : TagNet
        The fitted skorch net; its module is ``net_.module_``.
    standardizer_ : Standardizer
        Mean and deviation over the training chunks, of each feature; for chunks of blocks, of each mel band (over
        both its steps) and of all pitch classes together.
    history_ : list of dict
        A row an epoch: ``epoch``, ``train_loss``, ``lr``, ``valid_roc_auc`` and ``best``, whether no epoch before was
        as good. The last row with ``best`` is the epoch whose weights are kept.
    segment_shape_ : tuple of (int, int)
        Shape of the chunks that it was fitted on.
    n_features_in_ : int
        Number of features, where X was plain rows.

    See Also
    --------
    skmer.TaggingTransformer : Makes the chunks.
    skmer.model_selection.tag_scores : The figures by which tags are judged.

    Notes
    -----
    Every chunk is trained on with all tags of its song, with binary cross-entropy. The logit
    of a song is the mean of its chunks' logits: a mean of probabilities would let chunks that are sure count
    no more than others. Masked cells are 0, the mean of the standardised features.

    `score` is the macro ROC-AUC, not the share of songs whose tags are all right, which is near
    zero for dozens of tags. In a pipeline, `X_val` is handed on as it is: transform it first.

    References
    ----------
    Tan, "Semi-Supervised Music Emotion Recognition using Noisy Student Training and Harmonic
    Pitch Class Profiles" (2021), sections 2.1 to 2.4.

    Examples
    --------
    Songs of two chunks, half of which are loud in the lowest 16 of the 128 bands:

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

    _parameter_constraints = TAGGING_CONSTRAINTS

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
        self.n_threads = n_threads
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, groups=None, X_val=None, y_val=None):
        """Train the network.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_chunks, n_features, n_blocks) or array-like (n_samples, n_features)
            Chunks of each song.
        y : array-like or sparse matrix of shape (n_songs, n_tags)
            1 where a song has a tag, 0 where it has not. A DataFrame names the tags.
        groups : array-like of shape (n_songs,), default=None
            Songs of one group, such as those of an artist, are all validation songs or none of them.
        X_val : like X, default=None
            Validation songs; by default they are drawn from X.
        y_val : array-like of shape (n_validation_songs, n_tags), default=None
            Their tags.

        Returns
        -------
        EmotionTagger
            Itself.

        Raises
        ------
        ValueError
            If X and y do not fit each other, or no tag can be judged on the validation songs.

        Warns
        -----
        UserWarning
            If a tag has no training song, or no validation song.
        """
        with unfitted_on_error(self):
            songs, targets, valid, valid_targets, seed = self._begin_fit(X, y, groups, X_val, y_val)
            self._warn_of_lacking(valid_targets, targets)
            self._train(songs, targets, None, valid, valid_targets, seed)
        return self
