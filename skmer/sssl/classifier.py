"""SSSLClassifier: a network on segments, trained on inherited labels of which some are wrong."""

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions

from skmer.sssl._base import TRAINING_CONSTRAINTS, SegmentClassifier
from skmer.sssl.data import TrainingSongs, check_noise_model
from skmer.sssl.losses import LOSS_CONSTRAINTS
from skmer.sssl.recipes import RecipeMixin
from skmer.sssl.strategies import GMMSplit
from skmer.sssl.training import SPLIT_PARAMS, describe_split, make_strategy, train_network
from skmer.training.holdout import hold_out
from skmer.training.runtime import reset_fitted_attributes

__all__ = ["SSSLClassifier"]


class SSSLClassifier(RecipeMixin, SegmentClassifier):
    """Semi-supervised self-learning on segments that inherit the label of their song.

    After a warm-up with cross-entropy, each epoch begins with a two-component Gaussian mixture over the losses of the
    segments. Segments with a small loss keep their label; the label of the others is erased and replaced by the
    sharpened prediction of the network. The network is trained on mixtures of both (mixup), and to agree with itself
    under two dropout masks (R-Drop).

    Parameters
    ----------
    backbone : str, callable or Module, default="vgg16"
        ``"vgg16"``, ``"vgg16_bn"``, ``"small"`` (trains on a CPU), ``"mlp"`` (for rows of features), or a custom
        network: see `skmer.backbones.build_backbone`.
    backbone_params : dict, default=None
        Keyword arguments of the backbone, such as ``{"head": "original"}``; `set_params` also takes each entry by name,
        as in ``backbone_params__head="original"``. The ``head`` of VGG16 is ``"pooled"`` on a CPU by default, unless
        there is a ``state_dict``, and ``"original"`` on other devices.
    max_epochs : int, default=30
        Number of epochs, including warm-up.
    warmup_epochs : int, default=5
        Epochs of cross-entropy before the first split, at least 1. If `max_epochs` is not larger, there is no split,
        with a warning.
    min_learnt : float, default=0.0
        Share of the training songs that must be classified right before the first split; until then, warm-up goes on.
    batch_size : int, default=64
        Segments per batch.
    segment_step : int, default=1
        Every `segment_step`-th segment of a song is trained on in an epoch, from a random one of the first on: with
        segments 1 s apart, 3 takes a third of the time of an epoch. All segments are predicted.
    lr : float or "auto", default="auto"
        Peak learning rate; "auto" is the ``peak_lr`` of the backbone (vgg16 1e-4, vgg16_bn 1e-3, small 3e-3, mlp
        1e-2, a custom network 1e-3).
    weight_decay : float, default=1e-2
        Weight decay of AdamW.
    schedule : {"one-cycle", None}, default="one-cycle"
        Learning rate schedule; None is a constant rate.
    noise_model : {"gmm", "self-learning", None}, callable or LabelStrategy, default="gmm"
        How wrong labels are handled. "gmm" splits the segments by a mixture over their losses. A callable splits
        them as ``noise_model(losses, labels, random_state=...)``, which returns clean probabilities. "self-learning"
        uses the predictions as the labels of the next epoch (`skmer.sssl.SelfLearning`). A `skmer.sssl.LabelStrategy`
        chooses the targets freely; a `skmer.sssl.GMMSplit` has further options, and uses its own `balance`,
        `clean_threshold`, `loss_memory`, `min_separation`, `max_erased` and `temperature`. None trains with
        cross-entropy on the inherited labels.
    balance : {"class", None}, default="class"
        Fit one mixture for each class, or one for all segments.
    clean_threshold : float, default=0.5
        Threshold tau: segments with a larger clean probability keep their label.
    loss_memory : float, default=0.0
        Weight of the losses of earlier epochs in the losses that are split, in [0, 1).
    min_separation : float, default=0.0
        Smallest separation of the two components (Ashman's D, averaged over the classes) for which a split is used.
    max_erased : float, default=0.5
        Largest share of the segments of a song that lose their label in a split, rounded up to whole segments: a song
        that is hard to learn does not lose its label altogether. 1 sets no limit.
    temperature : float, default=0.5
        Temperature T of the sharpening, Eq. 4.
    mixup_alpha : float, default=4.0
        Parameter of Beta(alpha, alpha), Eq. 6; 0 switches mixup off.
    mixup_dominant : bool, default=True
        Use max(delta, 1 - delta), so that each row has the larger weight in its mixture.
    lambda_kl : float, default=1.0
        Weight lambda of R-Drop, Eq. 9.
    kl_rows : {"mixed", "raw", "all"}, default="mixed"
        Rows to which R-Drop applies: mixed rows whose heavier partner lost its label (one pass of the trunk), the
        unmixed rows of U as in the paper, or all mixed rows.
    ramp_epochs : int, default=16
        Epochs over which lambda grows linearly, at most half of those after warm-up.
    bag_weight : float, default=0.0
        Share, in [0, 1], of the song's cross-entropy in the classification loss: that of the mean probability of up to
        four segments of a song, which are drawn together.
    prior_weight : float, default=1.0
        Weight of the penalty that keeps the mean prediction of a batch near the class shares.
    average_epochs : float or None, default=1.0
        Horizon, in epochs, of the moving average of the weights that is used for splits, pseudo-labels and
        predictions; None uses the last weights.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, by which `sample_weight` is multiplied; "balanced" gives each class the same total
        weight over its segments.
    cv : "insample", int, splitter or iterable, default="insample"
        What `fit_transform` returns; see Notes.
    n_jobs : int, default=None
        Number of processes for cross-fitting.
    time_mask, band_mask : int, default=0
        Largest width, in frames and in bands, of the masks of SpecAugment: in each training batch, a random stretch of
        every segment, and a random range of its bands other than pitch classes, are set to the mean of their band.
    max_gain : float, default=0.0
        Largest gain, in dB, by which a segment in a training batch is made louder or softer at random.
    validation_fraction : float or None, default=None
        Share of the songs, in whole groups if `fit` gets groups, that are not trained on but evaluated after each
        epoch; see `history_`.
    patience : int or None, default=None
        Number of epochs without a smaller ``valid_loss`` after which training stops. The weights of the best epoch
        are kept. Requires `validation_fraction`; None trains for `max_epochs` and keeps the last weights.
    callbacks : list of skorch callbacks or (name, callback) tuples, default=None
        Further callbacks, such as `EarlyStopping`, `Checkpoint` and `GradientNormClipping`. Between epochs the module
        has the averaged weights, which predict. `EpochScoring` scores the segments of the validation songs, or, with
        ``on_train=True, use_caching=False``, of the training songs.
    device : str, default="auto"
        A torch device; "auto" is CUDA if available, otherwise the CPU.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision in training; "auto" is bfloat16 for convolutions if the hardware supports it. The split that is kept
        is computed in float32.
    prediction_precision : {"auto", "float32", "bfloat16"}, default="float32"
        Precision of predictions, which may be set after `fit`.
    compile : bool, default=False
        Compile the network for training with `torch.compile`, which takes about a minute and pays off in long fits on
        CUDA. Dropout then draws other random numbers.
    n_threads : int, default=1
        CPU threads of torch, on which the last digits of the result depend; raise it for a single long fit on a CPU.
    random_state : int, RandomState or None, default=None
        Determines the result, for any `n_jobs`; the global generators of torch and NumPy are not used.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    net_ : SegmentNet
        The fitted skorch net; its module is ``net_.module_``.
    history_ : list of dict
        One row per epoch: ``epoch``, ``phase`` (``"warmup"``; ``"sssl"``; ``"supervised"`` if a split was not usable
        and the inherited labels were used with mixup; the class name of another strategy; ``"cross-entropy"`` with
        ``noise_model=None``), ``train_loss`` and ``lr``. After `warmup_epochs`, ``songs_learnt``, the share of the
        training songs that are classified right at the beginning of the epoch. From the first split on,
        ``clean_share``, ``clean_mean`` and ``noisy_mean`` (losses), ``separation`` (Ashman's D, averaged over the
        classes), ``songs_erased`` (share of the songs of which no segment keeps its label) and ``targets_moved`` (share
        of the segments whose target is largest for another class than the label). With validation songs also
        ``valid_loss`` (cross-entropy of their segments) and ``valid_acc`` (accuracy of their songs), and whether they
        are better than in all epochs before, ``valid_loss_best`` and ``valid_acc_best``; with `patience`, the weights
        are those of the last row with ``valid_loss_best``.
    validation_songs_ : ndarray of shape (n_validation_songs,) or None
        Positions of the songs of X that were held out.
    clean_probability_ : list of ndarray (n_segments,), or ndarray of shape (n_samples,)
        Probability that the inherited label of each training segment is correct, according to the fitted network; an
        array if X was plain rows. NaN for songs that were not trained on. Absent with ``noise_model=None``; with a
        strategy that does not split, the predicted probability of the label.
    split_ : Bunch
        The split that it comes from, if there is one: ``loss`` and ``clean_probability``, each of shape
        (n_training_segments,), and ``means``, ``variances``, ``weights``, ``separation`` and ``shares`` (of the
        segments) of the mixture of each class, or of the one mixture, as in `skmer.sssl.Split`.
    segment_shape_ : tuple of int
        Shape of the segments in `fit`.
    n_features_in_ : int
        Number of features, if X was plain rows.
    feature_names_in_ : ndarray of str
        Names of the columns of a table, or of the values along the first axis of a segment, if X has names.

    See Also
    --------
    SegmentTransformer : Computes segments from recordings.
    SongAggregator : Computes song features from the probabilities of segments.

    Notes
    -----
    One sample is one song. `transform` returns the probabilities of every segment, `predict_proba` their mean over
    each song.

    ``fit_transform(X, y)`` differs from ``fit(X, y).transform(X)`` unless ``cv="insample"``: as in scikit-learn's
    `TargetEncoder`, with an integer or splitter it returns predictions of networks that were not trained on the song,
    so that a later classifier of a pipeline is trained on the kind of input that it will have in prediction. This
    takes one more training per fold. ``"insample"`` is the protocol of the paper. Songs of one group (such as an
    artist) stay together in these folds; in a pipeline, `groups` reach `fit` through metadata routing.

    Unlabelled songs take part from the first split on: their segments are treated like those whose label was erased.
    In warm-up, each epoch has as many batches as later ones, but of labelled segments, in turn. Mixtures, class
    shares, `clean_share` and validation scores are those of labelled songs.

    The rows of a plain two-dimensional X are songs of one segment, which makes the class a general learner from noisy
    labels.

    References
    ----------
    Sun et al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition".
    Per-class mixtures, the prior penalty and averaged weights are additions; ``SSSLClassifier.from_recipe("paper")``
    omits them.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmer import SSSLClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = SSSLClassifier(backbone="mlp", max_epochs=8, random_state=0).fit(X[:1000], y[:1000])
    >>> classifier.score(X[1000:], y[1000:]) > 0.9
    True
    >>> classifier.clean_probability_.shape
    (1000,)
    """

    __metadata_request__fit = {"groups": True}  # noqa: RUF012
    _unlabelled = "-1"

    _parameter_constraints = {  # noqa: RUF012
        **TRAINING_CONSTRAINTS,
        **{name: GMMSplit._parameter_constraints[name] for name in SPLIT_PARAMS},
        **LOSS_CONSTRAINTS,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        backbone="vgg16",
        *,
        backbone_params=None,
        max_epochs=30,
        warmup_epochs=5,
        min_learnt=0.0,
        batch_size=64,
        segment_step=1,
        lr="auto",
        weight_decay=1e-2,
        schedule="one-cycle",
        noise_model="gmm",
        balance="class",
        clean_threshold=0.5,
        loss_memory=0.0,
        min_separation=0.0,
        max_erased=0.5,
        temperature=0.5,
        mixup_alpha=4.0,
        mixup_dominant=True,
        lambda_kl=1.0,
        kl_rows="mixed",
        ramp_epochs=16,
        bag_weight=0.0,
        prior_weight=1.0,
        average_epochs=1.0,
        class_weight=None,
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
        self.balance = balance
        self.clean_threshold = clean_threshold
        self.loss_memory = loss_memory
        self.min_separation = min_separation
        self.max_erased = max_erased
        self.temperature = temperature
        self.mixup_alpha = mixup_alpha
        self.mixup_dominant = mixup_dominant
        self.lambda_kl = lambda_kl
        self.kl_rows = kl_rows
        self.ramp_epochs = ramp_epochs
        self.bag_weight = bag_weight
        self.prior_weight = prior_weight
        self.average_epochs = average_epochs
        self.class_weight = class_weight
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
        y : array-like of shape (n_songs,)
            Label of each song, which its segments inherit. -1 means unlabelled, also beside text in a list or an array
            of dtype object; see Notes.
        groups : array-like of shape (n_songs,), default=None
            Group of each song, such as its artist: used by the cross-fitting of `fit_transform` and by
            `validation_fraction`.
        sample_weight : array-like of shape (n_songs,), default=None
            Weight of each song, which its segments inherit. Songs of weight 0 are left out.

        Returns
        -------
        SSSLClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If X and y do not match, y has one class only, or the backbone does not accept the segments; or if there are
            unlabelled songs but no epoch that uses them.
        """
        self._validate_params()
        reset_fitted_attributes(self)
        check_noise_model(self)
        data = TrainingSongs(self, X, y, groups, sample_weight)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        held = hold_out(self, data.labels, data.groups, seed)
        strategy = make_strategy(self, seed)
        self.net_, clean = train_network(self, data, seed, strategy, held)
        self._set_fitted(X, data, held, clean)
        if isinstance(strategy, GMMSplit) and hasattr(strategy, "split_"):
            self.split_ = describe_split(strategy, np.repeat(data.labels, data.songs.n_segments)[~np.isnan(clean)])
        return self
