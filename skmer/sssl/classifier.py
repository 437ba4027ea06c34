"""SSSLClassifier: a segment network that finds out which inherited labels are wrong."""

import warnings
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from skmer._validation import check_training_data
from skmer.songs import is_song_data
from skmer.sssl._base import TRAINING_CONSTRAINTS, SegmentClassifier
from skmer.sssl.gmm_split import GMMSplit
from skmer.sssl.loss import SSSLLoss
from skmer.sssl.mixture import gaussian_mixture_split
from skmer.sssl.recipes import SSSL_RECIPES
from skmer.sssl.self_learning import SelfLearning
from skmer.sssl.strategy import LabelStrategy
from skmer.training.callbacks import AverageWeights
from skmer.training.runtime import reset_fitted_attributes

__all__ = ["SSSL_RECIPES", "SSSLClassifier"]

# parameters of GMMSplit that stand here too
_OF_SPLIT = ("balance", "clean_threshold", "loss_memory", "min_separation", "temperature")


class SSSLClassifier(SegmentClassifier):
    """Semi-supervised self-learning on segments that inherit the label of their song.

    After a warm-up of plain cross-entropy, each epoch begins with a two-component
    Gaussian mixture over the segments' losses. Segments of small loss keep their
    label; the label of the others is erased and replaced by the network's own sharpened
    prediction. The network is trained on mixtures of both (mixup), and is made to agree
    with itself under two dropout masks (R-Drop).

    Parameters
    ----------
    backbone : str, callable or Module, default="vgg16"
        ``"vgg16"``, ``"vgg16_bn"``, ``"small"`` (trains on a CPU), ``"mlp"`` (for rows of
        features), or your own: see `skmer.backbones.build_backbone`.
    backbone_params : dict, default=None
        Keyword arguments of the backbone, such as ``{"head": "pooled"}``.
    max_epochs : int, default=30
        Epochs, warm-up included.
    warmup_epochs : int, default=5
        Epochs of plain cross-entropy before the first split, at least 1. Without an epoch
        after them there is no split, with a warning.
    batch_size : int, default=64
        Segments a batch.
    lr : float or "auto", default="auto"
        Peak learning rate; "auto" takes the backbone's ``peak_lr`` (VGG16 1e-4, with
        batch norm 1e-3, small 3e-3, mlp 1e-2, your own 1e-3).
    weight_decay : float, default=1e-2
        Of AdamW.
    schedule : {"one-cycle", None}, default="one-cycle"
        Course of the learning rate.
    noise_model : {"gmm", "self-learning", None}, callable or LabelStrategy, default="gmm"
        What is done about wrong labels. "gmm" splits the segments by a mixture over their
        losses; a callable does so in its own way, as ``noise_model(losses, labels,
        random_state=...)`` → clean probabilities. "self-learning" takes the network's
        predictions as the next epoch's labels (`skmer.sssl.SelfLearning`); a
        `skmer.sssl.LabelStrategy` of your own decides on the labels freely. None
        trains with plain cross-entropy on the inherited labels. Of a `skmer.sssl.GMMSplit`
        given here, its own `balance`, `clean_threshold`, `loss_memory`, `min_separation` and
        `temperature` hold, not the classifier's; warm-up and seed are the classifier's for every
        strategy.
    balance : {"class", None}, default="class"
        A mixture for each class, or one for all.
    clean_threshold : float, default=0.5
        tau: segments with a larger clean probability keep their label.
    loss_memory : float, default=0.0
        Share of earlier epochs' losses in the losses that are split, in [0, 1).
    min_separation : float, default=0.0
        Ashman's D of the two components (its mean over the classes) below which an epoch
        does not split.
    temperature : float, default=0.5
        T of the sharpening, Eq. 4.
    mixup_alpha : float, default=4.0
        Of Beta(alpha, alpha), Eq. 6; 0 switches mixup off.
    mixup_dominant : bool, default=True
        Use max(delta, 1 - delta), so that a row stays closer to itself.
    lambda_kl : float, default=1.0
        lambda, the weight of R-Drop, Eq. 9.
    kl_rows : {"mixed", "raw", "all"}, default="mixed"
        Rows that R-Drop counts: mixed rows whose heavier partner lost its label (the
        trunk then runs once), the paper's raw rows of U, or all mixed rows.
    ramp_epochs : int, default=16
        Epochs over which lambda grows, by equal steps, at most half of those after warm-up.
    prior_weight : float, default=1.0
        Weight of the penalty that keeps a batch's mean prediction at the class shares.
    average_epochs : float or None, default=1.0
        Horizon, in epochs, of the moving average of the weights that makes splits,
        pseudo-labels and predictions; None uses the last weights.
    cv : "insample", int, splitter or iterable, default="insample"
        What `fit_transform` returns; see Notes.
    n_jobs : int, default=None
        Processes for the cross-fitting.
    callbacks : list of skorch callbacks, default=None
        Added to the training. Those that look at epochs, gradients, rates and the history
        work (`EarlyStopping` on ``"train_loss"``, `GradientNormClipping`, checkpoints);
        scoring callbacks do not: the batches' predictions are of mixed targets.
    device : str, default="auto"
        A torch device; "auto" takes CUDA where there is one.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Of training; "auto" takes bfloat16 for convolutions where the hardware has it.
        Predictions, and the split that is kept, are made in float32.
    compile : bool, default=False
        Whether `torch.compile` translates the network's passes of training, which takes a
        minute and pays in long fits on CUDA. Dropout then draws other random numbers.
    n_threads : int, default=1
        torch's CPU threads. The result depends on it in the last digits, which is why
        it is fixed; raise it for a single long fit on a CPU.
    random_state : int, RandomState or None, default=None
        Decides the result, whatever `n_jobs` is; torch's and NumPy's global generators
        are left alone.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    net_ : SegmentNet
        The fitted skorch net; its module is ``net_.module_``.
    history_ : list of dict
        A row an epoch: ``epoch``, ``phase`` (``"warmup"``, ``"sssl"``, ``"supervised"``
        where a split was not usable and the inherited labels served with mixup, the name
        of another strategy's class, or ``"cross-entropy"`` with ``noise_model=None``),
        ``train_loss``, ``lr`` and, from the first split on, ``clean_share``, ``clean_mean``, ``noisy_mean`` (losses),
        ``separation`` (Ashman's D, mean over the classes).
    clean_probability_ : list of ndarray (n_segments,), or ndarray of shape (n_samples,)
        How sure the finished network is of each training segment's inherited label; an
        array where X was plain rows. Absent with ``noise_model=None``; with a strategy
        that does not split, the probability that the network gives to the label.
    split_ : Bunch
        The split that it comes from, where there is one: ``loss`` and ``clean_probability``, each of shape
        (n_segments_of_all_songs,), and ``means``, ``variances``, ``weights``,
        ``separation`` and ``shares`` (of the segments) of the mixture of each class, or
        of the one mixture, as in `skmer.sssl.Split`.
    segment_shape_ : tuple of int
        Shape of the segments it was fitted on.
    n_features_in_ : int
        Number of features, where X was plain rows.

    See Also
    --------
    SegmentTransformer : Makes the segments.
    SongAggregator : Makes song features of the segments' probabilities.

    Notes
    -----
    One sample is one song. `transform` gives the probabilities of every segment,
    `predict_proba` their mean over each song.

    ``fit_transform(X, y)`` differs from ``fit(X, y).transform(X)`` unless
    ``cv="insample"``: as in scikit-learn's `TargetEncoder`, with an integer or splitter it
    returns predictions by networks that have not seen the song, so that a classifier
    further down a pipeline learns from the kind of input that it will meet. That costs
    as many further trainings as folds. ``"insample"`` is the paper's protocol.
    `groups` (such as artists) keep songs together in these folds; in a pipeline they reach
    `fit` under scikit-learn's metadata routing.

    A plain two-dimensional X is taken as songs of one segment, which makes the class a
    general learner from noisy labels.

    References
    ----------
    Sun et al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition".
    Per-class mixtures, the prior penalty and averaged weights are ours;
    ``SSSLClassifier.from_recipe("paper")`` goes without.

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

    _parameter_constraints = {  # noqa: RUF012
        **TRAINING_CONSTRAINTS,
        "backbone": [str, callable, torch.nn.Module],
        "backbone_params": [dict, None],
        "warmup_epochs": [Interval(Integral, 1, None, closed="left")],
        "noise_model": [StrOptions({"gmm", "self-learning"}), callable, LabelStrategy, None],
        **{name: GMMSplit._parameter_constraints[name] for name in _OF_SPLIT},
        "mixup_alpha": [Interval(Real, 0, None, closed="left")],
        "mixup_dominant": ["boolean"],
        "lambda_kl": [Interval(Real, 0, None, closed="left")],
        "kl_rows": [StrOptions({"mixed", "raw", "all"})],
        "ramp_epochs": [Interval(Integral, 0, None, closed="left")],
        "prior_weight": [Interval(Real, 0, None, closed="left")],
        "average_epochs": [Interval(Real, 0, None, closed="neither"), None],
        "compile": ["boolean"],
    }

    def __init__(
        self,
        backbone="vgg16",
        *,
        backbone_params=None,
        max_epochs=30,
        warmup_epochs=5,
        batch_size=64,
        lr="auto",
        weight_decay=1e-2,
        schedule="one-cycle",
        noise_model="gmm",
        balance="class",
        clean_threshold=0.5,
        loss_memory=0.0,
        min_separation=0.0,
        temperature=0.5,
        mixup_alpha=4.0,
        mixup_dominant=True,
        lambda_kl=1.0,
        kl_rows="mixed",
        ramp_epochs=16,
        prior_weight=1.0,
        average_epochs=1.0,
        cv="insample",
        n_jobs=None,
        callbacks=None,
        device="auto",
        precision="auto",
        compile=False,
        n_threads=1,
        random_state=None,
        verbose=0,
    ):
        self.backbone = backbone
        self.backbone_params = backbone_params
        self.max_epochs = max_epochs
        self.warmup_epochs = warmup_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.noise_model = noise_model
        self.balance = balance
        self.clean_threshold = clean_threshold
        self.loss_memory = loss_memory
        self.min_separation = min_separation
        self.temperature = temperature
        self.mixup_alpha = mixup_alpha
        self.mixup_dominant = mixup_dominant
        self.lambda_kl = lambda_kl
        self.kl_rows = kl_rows
        self.ramp_epochs = ramp_epochs
        self.prior_weight = prior_weight
        self.average_epochs = average_epochs
        self.cv = cv
        self.n_jobs = n_jobs
        self.callbacks = callbacks
        self.device = device
        self.precision = precision
        self.compile = compile
        self.n_threads = n_threads
        self.random_state = random_state
        self.verbose = verbose

    @classmethod
    def from_recipe(cls, recipe, **params):
        """Build a classifier with named settings.

        Parameters
        ----------
        recipe : {"paper", "plain", "self-learning"}
            ``"paper"``: as printed, without our guards against collapse. ``"plain"``:
            cross-entropy on the inherited labels. ``"self-learning"``: Mao et al.'s, the
            output of an epoch as the labels of the next.
        **params
            Further parameters; they win over the recipe's.

        Returns
        -------
        SSSLClassifier
            Unfitted.

        Raises
        ------
        ValueError
            If the recipe is unknown.

        Examples
        --------
        >>> from skmer import SSSLClassifier
        >>> SSSLClassifier.from_recipe("paper", max_epochs=10).kl_rows
        'raw'
        """
        if recipe not in SSSL_RECIPES:
            raise ValueError(f"recipe={recipe!r} is unknown: choose from {sorted(SSSL_RECIPES)}.")
        return cls(**{**SSSL_RECIPES[recipe], **params})

    def fit(self, X, y, groups=None):
        """Train the network.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, ...) or array-like (n_samples, n_features)
            Segments of each song.
        y : array-like of shape (n_songs,)
            Label of each song, which its segments inherit.
        groups : array-like of shape (n_songs,), default=None
            Only used by the cross-fitting of `fit_transform`.

        Returns
        -------
        SSSLClassifier
            Itself.

        Raises
        ------
        ValueError
            If X and y do not fit each other, y has one class, or the segments do not
            suit the backbone.
        """
        self._validate_params()
        reset_fitted_attributes(self)
        if isinstance(self.noise_model, type):
            raise ValueError(f"noise_model is the class {self.noise_model.__name__}: give an instance of it.")
        if self.noise_model is not None and self.max_epochs <= self.warmup_epochs:
            warnings.warn(
                f"max_epochs={self.max_epochs} leaves no epoch after warmup_epochs={self.warmup_epochs}: "
                "the network is trained with plain cross-entropy only.",
                stacklevel=2,
            )
        plain = not is_song_data(X)
        songs, self.classes_, labels = check_training_data(self, X, y, groups)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        strategy = self._make_strategy(seed)
        average = None if self.average_epochs is None else AverageWeights(self.average_epochs)
        loss = SSSLLoss(
            mixup_alpha=self.mixup_alpha,
            mixup_dominant=self.mixup_dominant,
            lambda_kl=self.lambda_kl,
            kl_rows=self.kl_rows,
            ramp_epochs=min(self.ramp_epochs, (self.max_epochs - self.warmup_epochs) // 2),
            prior_weight=self.prior_weight,
        )
        clean = self._train(songs, labels, seed, strategy, average, loss_after_split=loss, compiled=self.compile)
        if strategy is not None:
            self.clean_probability_ = clean if plain else np.split(clean, np.cumsum(songs.n_segments)[:-1])
        if isinstance(strategy, GMMSplit) and hasattr(strategy, "split_"):
            segment_labels = np.repeat(labels, songs.n_segments)
            n_mixtures = len(strategy.split_.separation)
            shares = np.bincount(segment_labels) / len(segment_labels) if n_mixtures > 1 else np.ones(1)
            self.split_ = Bunch(loss=strategy.losses_, shares=shares, **vars(strategy.split_))
        return self

    def _make_strategy(self, seed):
        if self.noise_model is None:
            return None
        if isinstance(self.noise_model, LabelStrategy):
            strategy = clone(self.noise_model)
        elif self.noise_model == "self-learning":
            strategy = SelfLearning()
        else:
            noise_model = gaussian_mixture_split if self.noise_model == "gmm" else self.noise_model
            strategy = GMMSplit(noise_model=noise_model, **{name: getattr(self, name) for name in _OF_SPLIT})
        # set, not given: a strategy of one's own need not take them
        strategy.warmup_epochs, strategy.seed = self.warmup_epochs, seed
        return strategy
