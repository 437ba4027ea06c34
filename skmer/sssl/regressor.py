"""SSSLRegressor: a network on segments, trained on inherited ratings of which some are wrong."""

from numbers import Integral

from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from skmer.sssl._base import TRAINING_CONSTRAINTS, SegmentRegressor
from skmer.sssl.data import check_noise_model
from skmer.sssl.rated_songs import RatedSongs
from skmer.sssl.recipes import RecipeMixin
from skmer.sssl.regression_loss import REGRESSION_CONSTRAINTS
from skmer.sssl.strategies import GMMSplit
from skmer.sssl.training import RATING_SPLIT_PARAMS, describe_split, make_strategy, train_network
from skmer.training.holdout import hold_out_rated
from skmer.training.runtime import reset_fitted_attributes

__all__ = ["SSSLRegressor"]


class SSSLRegressor(RecipeMixin, SegmentRegressor):
    """Semi-supervised self-learning of ratings, such as valence and arousal, on segments that inherit those of songs.

    The counterpart of `SSSLClassifier` for numbers. After a warm-up on the inherited ratings, each epoch begins with a
    two-component Gaussian mixture over the errors of the segments. Segments with a small error keep their rating; that
    of the others is replaced by the prediction of the network, shifted so that the predictions for a song have the mean
    of its ratings. The network is trained to agree with itself under two dropout masks (R-Drop with a squared
    distance), and, if wanted, on mixtures of segments (mixup).

    Parameters
    ----------
    backbone : str, callable or Module, default="vgg16"
        As in `SSSLClassifier`, as are all parameters whose description is short here.
    loss : {"squared_error", "huber", "cross_entropy"}, default="squared_error"
        Error of a segment. "squared_error" and "huber", which is linear from one standard deviation of the ratings on,
        are means over the targets, in units of their standard deviation. "cross_entropy" is for shares: rows of y that
        sum to one, such as the shares of listeners who chose each emotion; shares are predicted. Rows may miss one by
        .01, since published shares are rounded; they are divided by their sum.
    backbone_params : dict, default=None
        Keyword arguments of the backbone.
    max_epochs : int, default=30
        Number of epochs, including warm-up.
    warmup_epochs : int, default=5
        Epochs on the inherited ratings before the first split, at least 1.
    min_learnt : float, default=0.0
        R² of the training songs that must be reached before the first split; until then, warm-up goes on. If the songs
        do not differ in their mean ratings, R² is undefined, and there is no split.
    batch_size : int, default=64
        Segments per batch.
    segment_step : int, default=1
        Every `segment_step`-th segment of a song is trained on.
    lr : float or "auto", default="auto"
        Peak learning rate.
    weight_decay : float, default=1.0
        Weight decay of AdamW. Ratings of few songs are overfitted sooner than classes, hence more than for these.
    schedule : {"one-cycle", None}, default="one-cycle"
        Learning rate schedule; None is a constant rate.
    noise_model : {"gmm", "self-learning", None}, callable or LabelStrategy, default="gmm"
        How wrong ratings are handled. "gmm" splits the segments by a mixture over their errors; a callable as
        ``noise_model(errors, None, random_state=...)`` returns clean probabilities; "self-learning" uses the
        predictions as the ratings of the next epoch; None trains on the inherited ratings. A `skmer.sssl.LabelStrategy`
        is shown errors, predictions and ratings in units of the ratings' standard deviation, see there.
    clean_threshold : float, default=0.5
        Threshold tau: segments with a larger clean probability keep their rating.
    loss_memory : float, default=0.0
        Weight of the errors of earlier epochs in the errors that are split, in [0, 1).
    min_separation : float, default=0.0
        Smallest separation of the two components (Ashman's D) for which a split is used.
    max_erased : float, default=0.5
        Largest share of the segments of a song that lose their rating in a split, rounded up to whole segments.
    preserve_mean : bool, default=True
        Whether the predictions for a song, some of which replace ratings, are shifted by a constant, so that the mean
        of all of them is the rating of the song: its seconds may differ from it, but not all in the same direction. A
        song of one segment then keeps its rating. Otherwise self-learning shrinks ratings to their mean, since
        predictions vary less.
    mixup_alpha : float, default=0.0
        Parameter of Beta(alpha, alpha); 0 switches mixup off. Mixed ratings lie nearer to their mean, and so do the
        predictions of a network that learns them.
    mixup_dominant : bool, default=True
        Use max(delta, 1 - delta), so that each row has the larger weight in its mixture.
    lambda_kl : float, default=0.1
        Weight lambda of R-Drop; its distance is the squared one, and the divergence with ``loss="cross_entropy"``.
    kl_rows : {"mixed", "raw", "all"}, default="mixed"
        Rows to which R-Drop applies.
    ramp_epochs : int, default=16
        Epochs over which lambda grows linearly, at most half of those after warm-up.
    bag_weight : float, default=0.0
        Share, in [0, 1], of the song's error in the loss: that of the mean prediction of up to four segments of a song,
        which are drawn together.
    average_epochs : float or None, default=1.0
        Horizon, in epochs, of the moving average of the weights; None uses the last weights.
    clip : bool, default=True
        Whether predictions are kept within the range of the training ratings: a network may extrapolate far beyond it
        for music that is unlike that of the training. Shares are always between 0 and 1.
    smoothing : int, default=1
        Number of segments over which `transform` averages ratings: those around each (one more before than after it, if
        the number is even), and at the ends of a song its first or last segment again. Listeners change their ratings
        slowly; may be set after `fit`.
    cv : "insample", int, splitter or iterable, default="insample"
        What `fit_transform` returns: predictions of the network itself, or of networks that were trained without the
        song. An integer is the number of folds, of songs or, if `fit` gets groups, of groups.
    n_jobs : int, default=None
        Number of processes for cross-fitting.
    time_mask, band_mask : int, default=0
        Largest width, in frames and in bands, of the masks of SpecAugment.
    max_gain : float, default=0.0
        Largest gain, in dB, by which a training segment is made louder or softer at random.
    validation_fraction : float or None, default=None
        Share of the songs, in whole groups if `fit` gets groups, that are evaluated after each epoch instead of being
        trained on.
    patience : int or None, default=None
        Number of epochs without a smaller ``valid_loss`` after which training stops; the weights of the best epoch are
        kept. Requires `validation_fraction`.
    callbacks : list of skorch callbacks or (name, callback) tuples, default=None
        Further callbacks.
    device : str, default="auto"
        A torch device; "auto" is CUDA if available, otherwise the CPU.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision in training.
    prediction_precision : {"auto", "float32", "bfloat16"}, default="float32"
        Precision of predictions, which may be set after `fit`.
    compile : bool, default=False
        Compile the network for training with `torch.compile`.
    n_threads : int, default=1
        CPU threads of torch, on which the last digits of the result depend.
    random_state : int, RandomState or None, default=None
        Determines the result, for any `n_jobs`.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    n_targets_ : int
        Number of targets.
    target_names_ : list of str
        The columns of y if it was a table, or a list of tables; otherwise ``target0``, ``target1`` and so on.
    net_ : RatingNet
        The fitted skorch net; its module is ``net_.module_``.
    history_ : list of dict
        One row per epoch, as in `SSSLClassifier`, with these differences: ``songs_learnt`` is R² of the training songs
        (its mean over targets), ``targets_moved`` the mean distance of targets to inherited ratings, in standard
        deviations, ``valid_loss`` the error of the validation segments and ``valid_r2`` R² of the validation songs.
        ``phase`` is ``"inherited"`` with ``noise_model=None``.
    validation_songs_ : ndarray of shape (n_validation_songs,) or None
        Positions of the songs of X that were held out.
    clean_probability_ : list of ndarray (n_segments,), or ndarray of shape (n_samples,)
        Probability that the rating of each training segment is right, according to the fitted network; NaN for segments
        that were not trained on or have no ratings. Absent with ``noise_model=None``.
    split_ : Bunch
        The split that it comes from, if there is one, as in `SSSLClassifier`.
    segment_shape_ : tuple of int
        Shape of the segments in `fit`.
    n_features_in_ : int
        Number of features, if X was plain rows.
    feature_names_in_ : ndarray of str
        Names of the columns of a table, or of the values along the first axis of a segment, if X has names.

    See Also
    --------
    SSSLClassifier : The same for classes.
    CurveRegressor : Learns ratings over time without a network.
    make_rating_pipeline : Puts it behind the segments of recordings.
    SongAggregator : Computes song features from the predictions for segments.

    Notes
    -----
    One sample is one song. `transform` returns the ratings of every segment, a curve over the song, and `predict` their
    mean over each song, before any smoothing.

    y may also hold **ratings over time**: an array (n_segments, n_targets) for each song. A segment without ratings has
    NaN in all columns, and so has a song without ratings, if y has a row for each song. With ``noise_model=None``,
    segments without ratings are left out. Otherwise they take part from the first split on, with the prediction as
    their target, as unlabelled songs do in `SSSLClassifier`.

    References
    ----------
    Sun et al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition", for classes. R-Drop for regression
    is that of Liang et al., "R-Drop: Regularized Dropout for Neural Networks" (2021), mixup for regression that of
    Zhang et al., "mixup: Beyond Empirical Risk Minimization" (2018).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skmer import SSSLRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> regressor = SSSLRegressor("mlp", max_epochs=20, random_state=0).fit(X[:300], y[:300])
    >>> regressor.score(X[300:], y[300:]) > 0.4
    True

    Ratings over time:

    >>> import numpy as np
    >>> songs = [np.array([[0.0], [1.0], [2.0]]), np.array([[2.0], [3.0]])]
    >>> curves = [np.array([[0.1], [0.2], [0.3]]), np.array([[0.3], [np.nan]])]
    >>> regressor = SSSLRegressor("mlp", noise_model=None, max_epochs=2, random_state=0).fit(songs, curves)
    >>> [song.shape for song in regressor.transform(songs)]
    [(3, 1), (2, 1)]
    """

    __metadata_request__fit = {"groups": True}  # noqa: RUF012

    _parameter_constraints = {  # noqa: RUF012
        **TRAINING_CONSTRAINTS,
        **{name: GMMSplit._parameter_constraints[name] for name in RATING_SPLIT_PARAMS},
        **REGRESSION_CONSTRAINTS,
        "preserve_mean": ["boolean"],
        "clip": ["boolean"],
        "smoothing": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        backbone="vgg16",
        *,
        loss="squared_error",
        backbone_params=None,
        max_epochs=30,
        warmup_epochs=5,
        min_learnt=0.0,
        batch_size=64,
        segment_step=1,
        lr="auto",
        weight_decay=1.0,
        schedule="one-cycle",
        noise_model="gmm",
        clean_threshold=0.5,
        loss_memory=0.0,
        min_separation=0.0,
        max_erased=0.5,
        preserve_mean=True,
        mixup_alpha=0.0,
        mixup_dominant=True,
        lambda_kl=0.1,
        kl_rows="mixed",
        ramp_epochs=16,
        bag_weight=0.0,
        average_epochs=1.0,
        clip=True,
        smoothing=1,
        cv="insample",
        n_jobs=None,
        time_mask=0,
        band_mask=0,
        max_gain=0.0,
        validation_fraction=None,
        patience=None,
        callbacks=None,
        device="auto",
        precision="auto",
        prediction_precision="float32",
        compile=False,
        n_threads=1,
        random_state=None,
        verbose=0,
    ):
        self.backbone = backbone
        self.loss = loss
        self.backbone_params = backbone_params
        self.max_epochs = max_epochs
        self.warmup_epochs = warmup_epochs
        self.min_learnt = min_learnt
        self.batch_size = batch_size
        self.segment_step = segment_step
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.noise_model = noise_model
        self.clean_threshold = clean_threshold
        self.loss_memory = loss_memory
        self.min_separation = min_separation
        self.max_erased = max_erased
        self.preserve_mean = preserve_mean
        self.mixup_alpha = mixup_alpha
        self.mixup_dominant = mixup_dominant
        self.lambda_kl = lambda_kl
        self.kl_rows = kl_rows
        self.ramp_epochs = ramp_epochs
        self.bag_weight = bag_weight
        self.average_epochs = average_epochs
        self.clip = clip
        self.smoothing = smoothing
        self.cv = cv
        self.n_jobs = n_jobs
        self.time_mask = time_mask
        self.band_mask = band_mask
        self.max_gain = max_gain
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.callbacks = callbacks
        self.device = device
        self.precision = precision
        self.prediction_precision = prediction_precision
        self.compile = compile
        self.n_threads = n_threads
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, groups=None, sample_weight=None):
        """Train the network.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, ...) or array-like (n_samples, n_features)
            Segments of each song.
        y : array-like of shape (n_songs,) or (n_songs, n_targets), or list of ndarray (n_segments, n_targets)
            Ratings of each song, which its segments inherit, or of each segment of each song. NaN means not rated; see
            Notes.
        groups : array-like of shape (n_songs,), default=None
            Group of each song, such as its artist: used by the cross-fitting of `fit_transform` and by
            `validation_fraction`.
        sample_weight : array-like of shape (n_songs,), default=None
            Weight of each song, which its segments inherit. Songs of weight 0 are left out.

        Returns
        -------
        SSSLRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            If X and y do not match, no song is rated, a row of y has NaN in some columns only, or the backbone does not
            accept the segments; with ``loss="cross_entropy"``, if a row of y does not hold shares.
        """
        self._validate_params()
        reset_fitted_attributes(self)
        check_noise_model(self)
        data = RatedSongs(self, X, y, groups, sample_weight)
        self._one_dimension = data.one_dimension
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        strategy = make_strategy(self, seed)
        held = hold_out_rated(self, data.labelled, data.groups, seed)
        self.net_, clean = train_network(self, data, seed, strategy, held)
        self._set_fitted(X, data, held, clean)
        if isinstance(strategy, GMMSplit) and hasattr(strategy, "split_"):
            self.split_ = describe_split(strategy)
        return self
