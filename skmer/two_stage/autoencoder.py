"""MaskedMelAutoencoder: embeddings of segments, learnt without labels from masked spectrograms."""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skmer._output import SongTransformerMixin, check_names_in
from skmer._validation import check_finite, check_segment_names, check_spectrograms
from skmer.songs import SongSequence, join_songs
from skmer.training.build import NET_CONSTRAINTS, build_net
from skmer.training.data import Standardizer, make_bank
from skmer.training.net import RowNet
from skmer.training.parameters import NetParametersMixin
from skmer.training.runtime import FitRandomState, choose_device, reset_fitted_attributes, torch_threads
from skmer.two_stage.masks import check_masks, draw_masks, masked_error
from skmer.two_stage.networks import MelAutoencoder

__all__ = ["MaskedMelAutoencoder"]


class MaskedNet(RowNet):
    """Net that trains an autoencoder to reconstruct masked cells."""

    def __init__(self, module, *, masks, **kwargs):
        self.masks = masks
        super().__init__(module, **kwargs)

    def batch_loss(self, index):
        x = self._channels_last(self.bank_.gather(index))
        hidden = torch.from_numpy(draw_masks(self.rng_, len(index), *x.shape[2:], **self.masks)).to(x.device)
        with self._autocast():
            rebuilt = self.module_(x, hidden)
        return masked_error(rebuilt, x, hidden).sum() / hidden.sum()


def _check_unlabelled(others, songs):
    """Return unlabelled songs; raise if their segments have another shape than those of `songs`, or are not finite."""
    if others.segment_shape != songs.segment_shape:
        raise ValueError(
            f"unlabelled has segments of shape {others.segment_shape}, but those of X have shape "
            f"{songs.segment_shape}: use the same duration and spectrogram settings."
        )
    check_finite(others, "unlabelled")
    return others


class MaskedMelAutoencoder(SongTransformerMixin, NetParametersMixin, BaseEstimator):
    """Compute embeddings of segments by an autoencoder that is trained to reconstruct masked spectrograms.

    The first stage of the 2-Stage system. Mel bands and stretches of time are masked, and a convolutional autoencoder
    is trained to reconstruct the masked cells from the others. Labels are not used, so that unlabelled songs can take
    part in the training.

    Parameters
    ----------
    n_components : int, default=128
        Length of an embedding.
    width : int, default=16
        Channels of the first layer of the network: see `skmer.two_stage.MelAutoencoder`.
    band_share : float, default=0.25
        Share of the mel bands that are masked in each segment.
    band_width : int, default=8
        Number of adjacent bands that are masked together.
    frame_share : float, default=0.25
        Share of the frames that are masked in each segment.
    frame_width : int, default=8
        Number of adjacent frames that are masked together.
    max_epochs : int, default=20
        Number of epochs.
    batch_size : int, default=64
        Segments per batch.
    lr : float, default=3e-3
        Peak learning rate.
    weight_decay : float, default=1e-2
        Weight decay of AdamW.
    schedule : {"one-cycle", None}, default="one-cycle"
        Learning rate schedule; None is a constant rate.
    callbacks : list of skorch callbacks or (name, callback) tuples, default=None
        Further callbacks, such as `EarlyStopping` on ``"train_loss"``.
    device : str, default="auto"
        A torch device; "auto" is CUDA if available, otherwise the CPU.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision in training; "auto" is bfloat16 if the hardware supports it. Embeddings are computed in float32.
    n_threads : int, default=1
        CPU threads of torch, on which the last digits of the result depend; raise it for a single long fit on a CPU.
    random_state : int, RandomState or None, default=None
        Determines the result; the global generators of torch and NumPy are not used.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    net_ : RowNet
        The fitted skorch net; its module, a `MelAutoencoder`, is ``net_.module_``.
    history_ : list of dict
        One row per epoch: ``epoch``, ``train_loss`` (mean squared error of masked cells, in units of the variance of
        each band) and ``lr``.
    segment_shape_ : tuple of (int, int)
        Mel bands and frames of the segments in `fit`.
    feature_names_in_ : ndarray of str
        Names of the mel bands, if X has names, as the output of `SegmentTransformer` does.

    See Also
    --------
    BiLSTMClassifier : The second stage, which classifies the sequence of embeddings of a song.
    SegmentTransformer : Computes the spectrograms.
    SongAggregator : Computes statistics of the embeddings of a song, regardless of their order.

    Notes
    -----
    Sun et al. describe the first stage of He and Ferguson in one sentence: an autoencoder that reconstructs the masked
    mel spectrogram of a segment, without labels, computes the embedding of the segment. Everything else is our choice:
    the shape of the masks, a loss over masked cells only, a map of the masked cells as a second input, the
    convolutional network, and a `transform` without masks. The results may differ from those of the original.

    Cells are standardised with one mean and standard deviation for each mel band, over all training segments,
    including unlabelled ones. An embedding depends on its own segment only.

    In a pipeline, ``fit(X, y, maskedmelautoencoder__unlabelled=segments)`` takes segments; recordings pass through the
    earlier steps with metadata routing (`sklearn.set_config`) and
    ``Pipeline(steps, transform_input=["unlabelled"]).fit(X, y, unlabelled=recordings)``. Cross-validation splits
    metadata that has as many entries as X has songs: pass another number of unlabelled songs.

    References
    ----------
    He and Ferguson, "Music emotion recognition based on segment-level two-stage learning",
    International Journal of Multimedia Information Retrieval (2022), as described by Sun et
    al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition".

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.two_stage import MaskedMelAutoencoder
    >>> rng = np.random.default_rng(0)
    >>> songs = [rng.normal(size=(n, 32, 20)) for n in (3, 5)]
    >>> autoencoder = MaskedMelAutoencoder(n_components=8, max_epochs=2, random_state=0)
    >>> embeddings = autoencoder.fit_transform(songs, unlabelled=[rng.normal(size=(4, 32, 20))])
    >>> embeddings
    SongSequence(2 songs, 8 segments of shape (8,))
    """

    __metadata_request__fit = {"unlabelled": True}  # noqa: RUF012

    _parameter_constraints = {  # noqa: RUF012
        **NET_CONSTRAINTS,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "width": [Interval(Integral, 1, None, closed="left")],
        "band_share": [Interval(Real, 0, 1, closed="left")],
        "band_width": [Interval(Integral, 1, None, closed="left")],
        "frame_share": [Interval(Real, 0, 1, closed="left")],
        "frame_width": [Interval(Integral, 1, None, closed="left")],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
    }

    def __init__(
        self,
        n_components=128,
        *,
        width=16,
        band_share=0.25,
        band_width=8,
        frame_share=0.25,
        frame_width=8,
        max_epochs=20,
        batch_size=64,
        lr=3e-3,
        weight_decay=1e-2,
        schedule="one-cycle",
        callbacks=None,
        device="auto",
        precision="auto",
        n_threads=1,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.width = width
        self.band_share = band_share
        self.band_width = band_width
        self.frame_share = frame_share
        self.frame_width = frame_width
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.callbacks = callbacks
        self.device = device
        self.precision = precision
        self.n_threads = n_threads
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y=None, unlabelled=None):
        """Train the autoencoder.

        Parameters
        ----------
        X : SongSequence or sequence of ndarray (n_segments, n_mels, n_frames)
            Spectrogram segments of each song, in dB.
        y : None
            Ignored.
        unlabelled : SongSequence or sequence of ndarray (n_segments, n_mels, n_frames), default=None
            Further songs with segments of the same shape.

        Returns
        -------
        MaskedMelAutoencoder
            The fitted autoencoder.

        Raises
        ------
        ValueError
            If the segments are not spectrograms, those of `unlabelled` have another shape, or a mask is as wide as the
            spectrogram.
        """
        self._validate_params()
        reset_fitted_attributes(self)
        songs = check_spectrograms(self, X)
        check_segment_names(self, songs, reset=True)
        masks = {name: getattr(self, name) for name in ("band_share", "band_width", "frame_share", "frame_width")}
        check_masks(songs.segment_shape, **masks)
        if unlabelled is not None:
            songs = join_songs(songs, _check_unlabelled(check_spectrograms(self, unlabelled, "unlabelled"), songs))
        if songs.n_segments.sum() < 2:
            raise ValueError("MaskedMelAutoencoder requires at least two segments, got one.")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        device = choose_device(self.device)
        with torch_threads(self.n_threads):
            with (random_state := FitRandomState(seed, device)):
                network = MelAutoencoder(songs.segment_shape, self.n_components, self.width)
            standardizer = Standardizer.fit(songs)
            bank = make_bank(songs, standardizer, device)
            net = build_net(
                MaskedNet, network, self, len(bank), device, seed, random_state, self.precision, masks=masks
            )
            net.standardizer_ = standardizer
            net.load_bank(bank)
            net.train_rows()
            net.drop_rows()
        self.segment_shape_, self.standardizer_, self.net_ = songs.segment_shape, standardizer, net
        self.history_ = net.history_rows()
        return self

    def transform(self, X):
        """Compute the embedding of every segment, without masks.

        Parameters
        ----------
        X : SongSequence or sequence of ndarray (n_segments, n_mels, n_frames)
            Spectrogram segments of each song, in dB.

        Returns
        -------
        SongSequence of (n_segments, n_components)
            Embeddings, float32.
        """
        check_is_fitted(self)
        songs = check_spectrograms(self, X, reset=False)
        return SongSequence(self._outputs(songs, self.net_.module_.encode), names=self.get_feature_names_out())

    def get_feature_names_out(self, input_features=None):
        """Return the names of the dimensions of an embedding, ``embedding0``, ``embedding1``, ...

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the mel bands; only checked.

        Returns
        -------
        ndarray of str
            One name for each dimension.

        Raises
        ------
        ValueError
            If other names or another number of bands were seen in `fit`.
        """
        check_is_fitted(self)
        check_names_in(self, input_features, self.segment_shape_[0])
        n_components = self.net_.module_.to_components.out_features
        return np.array([f"embedding{k}" for k in range(n_components)], dtype=object)

    def reconstruct(self, X, hidden_bands=None, hidden_frames=None):
        """Reconstruct spectrograms, of which some bands and frames may be masked.

        Parameters
        ----------
        X : SongSequence or sequence of ndarray (n_segments, n_mels, n_frames)
            Spectrogram segments of each song, in dB.
        hidden_bands, hidden_frames : array-like of int, default=None
            Mel bands, and frames of each segment, to be masked.

        Returns
        -------
        SongSequence of (n_segments, n_mels, n_frames)
            The reconstruction of all cells, masked or not, in dB, float32. Overlapping segments are stored in full:
            for a large collection, reconstruct some songs at a time.

        Raises
        ------
        ValueError
            If the segments have another shape than in `fit`.
        IndexError
            If a band or frame does not exist.
        """
        check_is_fitted(self)
        songs = check_spectrograms(self, X, reset=False)
        hidden = np.zeros(self.segment_shape_, dtype=np.float32)
        for axis, (name, chosen) in enumerate((("hidden_bands", hidden_bands), ("hidden_frames", hidden_frames))):
            if chosen is None or not np.size(chosen):
                continue
            try:
                np.moveaxis(hidden, axis, 0)[np.asarray(chosen)] = 1
            except IndexError as error:
                raise IndexError(f"{name} must be positions from 0 to {hidden.shape[axis] - 1}: {error}.") from error
        mask = torch.from_numpy(hidden).to(self.net_.device)
        module = self.net_.module_
        rebuilt = self._outputs(songs, lambda x: module(x, mask.expand_as(x)))
        mean, scale = self.standardizer_.mean[:, None], self.standardizer_.scale[:, None]
        return SongSequence([(song[:, 0] * scale + mean).astype(np.float32) for song in rebuilt])

    def score(self, X, y=None):
        """Compute R² of the reconstruction of masked cells, relative to the training mean of each band.

        Parameters
        ----------
        X : SongSequence or sequence of ndarray (n_segments, n_mels, n_frames)
            Spectrogram segments of each song, in dB.
        y : None
            Ignored.

        Returns
        -------
        float
            One for a perfect reconstruction of masked cells, zero for one that is as good as the mean of the band.
            Masks are drawn as in training, the same in each call.
        """
        check_is_fitted(self)
        songs = check_spectrograms(self, X, reset=False)
        rng = np.random.default_rng(self.net_.seed)
        masks, module = self.net_.masks, self.net_.module_

        def errors(x):
            hidden = torch.from_numpy(draw_masks(rng, len(x), *x.shape[2:], **masks)).to(x.device)
            # the mean of standardised cells is zero
            return torch.stack([masked_error(guess, x, hidden) for guess in (module(x, hidden), x.new_zeros(()))], 1)

        error, spread = np.concatenate(self._outputs(songs, errors)).sum(axis=0, dtype=np.float64)
        return float(1 - error / spread) if spread > 0 else float(error == 0)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags

    def _outputs(self, songs, function):
        """Compute a function of batches for the segments of each song."""
        with torch_threads(self.n_threads):
            return list(self.net_.song_outputs(songs, self.standardizer_, function))
