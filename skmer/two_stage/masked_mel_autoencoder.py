"""MaskedMelAutoencoder: embeddings of segments, learnt without labels from hidden parts of spectrograms."""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skmer.feature_extraction._base import SongsOutMixin
from skmer.songs import SongSequence
from skmer.training.data import Standardizer, make_bank
from skmer.training.net import NET_CONSTRAINTS, build_net
from skmer.training.runtime import choose_device, isolated, reset_fitted_attributes
from skmer.two_stage._masks import MaskedNet, check_masks, draw_masks, masked_error
from skmer.two_stage._songs_in import spectrograms, together
from skmer.two_stage.mel_autoencoder import MelAutoencoder

__all__ = ["MaskedMelAutoencoder"]


class MaskedMelAutoencoder(SongsOutMixin, TransformerMixin, BaseEstimator):
    """Describe each segment by an autoencoder that learnt to rebuild hidden parts of spectrograms.

    The first stage of the 2-Stage system. Whole mel bands and stretches of time are
    hidden from a convolutional autoencoder, which is trained to rebuild the hidden cells
    from the others. No label takes part, so that songs without one can join the training.

    Parameters
    ----------
    n_components : int, default=128
        Length of an embedding.
    width : int, default=16
        Channels of the network's first layer: see `skmer.two_stage.MelAutoencoder`.
    band_share : float, default=0.25
        Share of the mel bands that are hidden in each segment; 0 hides none.
    band_width : int, default=8
        Adjacent bands that are hidden together.
    frame_share : float, default=0.25
        Share of the frames that are hidden in each segment; 0 hides none.
    frame_width : int, default=8
        Adjacent frames that are hidden together.
    max_epochs : int, default=20
        Epochs.
    batch_size : int, default=64
        Segments a batch.
    lr : float, default=3e-3
        Peak learning rate.
    weight_decay : float, default=1e-2
        Of AdamW.
    schedule : {"one-cycle", None}, default="one-cycle"
        Course of the learning rate.
    callbacks : list of skorch callbacks, default=None
        Added to the training, such as `EarlyStopping` on ``"train_loss"``.
    device : str, default="auto"
        A torch device; "auto" takes CUDA where there is one.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Of training; "auto" takes bfloat16 where the hardware has it. Embeddings are
        computed in float32.
    n_threads : int, default=1
        torch's CPU threads. The result depends on it in the last digits, which is why
        it is fixed; raise it for a single long fit on a CPU.
    random_state : int, RandomState or None, default=None
        Decides the result; torch's and NumPy's global generators are left alone.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    net_ : RowNet
        The fitted skorch net; its module, a `MelAutoencoder`, is ``net_.module_``.
    history_ : list of dict
        A row an epoch: ``epoch``, ``train_loss`` (mean squared error on hidden cells, in
        units of each band's variance) and ``lr``.
    segment_shape_ : tuple of (int, int)
        Mel bands and frames of the segments that it was fitted on.

    See Also
    --------
    BiLSTMClassifier : The second stage, over the embeddings of a song's segments.
    SegmentTransformer : Makes the spectrograms.
    SongAggregator : Statistics of a song's embeddings, where their order does not matter.

    Notes
    -----
    Sun et al. describe the first stage of He and Ferguson in one sentence: without labels,
    an autoencoder that rebuilds the masked mel spectrogram of a segment gives the
    segment's embedding. All the rest is our choice: what the masks look like, that the
    loss counts hidden cells only, that a map of the hidden cells is a second input, the
    convolutional network, and that `transform` hides nothing. Results under this name are
    those of our reading, not of their program.

    Cells are standardised with one mean and deviation a mel band, over all training
    segments, unlabelled ones included. An embedding depends on its own segment alone.

    In a pipeline, ``fit(X, y, maskedmelautoencoder__unlabelled=segments)`` takes segments;
    recordings pass the earlier steps under metadata routing (`sklearn.set_config`), with
    ``Pipeline(steps, transform_input=["unlabelled"]).fit(X, y, unlabelled=recordings)``.
    Cross-validation splits metadata that has as many entries as X has songs: give it
    another number of unlabelled songs.

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
            Further songs, of the same segment shape, that only this training sees.

        Returns
        -------
        MaskedMelAutoencoder
            Itself.

        Raises
        ------
        ValueError
            If the segments are no spectrograms, `unlabelled` has others than X, or a mask
            is as wide as the spectrogram.
        """
        self._validate_params()
        reset_fitted_attributes(self)
        songs = spectrograms(X, "X")
        masks = {name: getattr(self, name) for name in ("band_share", "band_width", "frame_share", "frame_width")}
        check_masks(songs.segment_shape, **masks)
        if unlabelled is not None:
            songs = together(songs, spectrograms(unlabelled, "unlabelled"))
        if songs.n_segments.sum() < 2:
            raise ValueError("X has one segment in all: MaskedMelAutoencoder needs at least two to learn from.")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        device = choose_device(self.device)
        with isolated(seed, self.n_threads):
            network = MelAutoencoder(songs.segment_shape, self.n_components, self.width)
            standardizer = Standardizer.fit(songs)
            bank = make_bank(songs, standardizer, device)
            net = build_net(MaskedNet, network, self, len(bank), device, seed, self.precision, masks=masks)
            net.load_bank(bank)
            net.train_rows()
            net.drop_rows()
        self.segment_shape_, self.standardizer_, self.net_ = songs.segment_shape, standardizer, net
        self.history_ = net.history_rows()
        return self

    def transform(self, X):
        """Compute the embedding of every segment, with nothing hidden.

        Parameters
        ----------
        X : SongSequence or sequence of ndarray (n_segments, n_mels, n_frames)
            Spectrogram segments of each song, in dB.

        Returns
        -------
        SongSequence of (n_segments, n_components)
            Embeddings, float32.
        """
        songs = self._songs_for_prediction(X)
        names = [f"embedding{k}" for k in range(self.net_.module_.to_components.out_features)]
        return SongSequence(self._outputs(songs, self.net_.module_.encode), names=names)

    def reconstruct(self, X, hidden_bands=None, hidden_frames=None):
        """Rebuild spectrograms, with some bands and frames hidden from the network.

        Parameters
        ----------
        X : SongSequence or sequence of ndarray (n_segments, n_mels, n_frames)
            Spectrogram segments of each song, in dB.
        hidden_bands, hidden_frames : array-like of int, default=None
            Which mel bands, and which frames of each segment, are hidden; None hides none.

        Returns
        -------
        SongSequence of (n_segments, n_mels, n_frames)
            What the network makes of all cells, hidden or not, in dB, float32. It holds
            each segment in full: look at some songs at a time.

        Raises
        ------
        ValueError
            If the segments have another shape than in `fit`.
        IndexError
            If there is no such band or frame.
        """
        songs = self._songs_for_prediction(X)
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
        """Tell how much of hidden cells the network rebuilds, as R² against each band's training mean.

        Parameters
        ----------
        X : SongSequence or sequence of ndarray (n_segments, n_mels, n_frames)
            Spectrogram segments of each song, in dB.
        y : None
            Ignored.

        Returns
        -------
        float
            One for a perfect reconstruction of all hidden cells, zero for one that is as
            good as the band's mean. Masks are drawn as in training, the same at each call.
        """
        songs = self._songs_for_prediction(X)
        rng = np.random.default_rng(self.net_.seed)
        masks, module = self.net_.masks, self.net_.module_

        def errors(x):
            hidden = torch.from_numpy(draw_masks(rng, len(x), *x.shape[2:], **masks)).to(x.device)
            # of standardised cells, the mean is zero
            return torch.stack([masked_error(guess, x, hidden) for guess in (module(x, hidden), x.new_zeros(()))], 1)

        error, spread = np.concatenate(self._outputs(songs, errors)).sum(axis=0, dtype=np.float64)
        return float(1 - error / spread) if spread > 0 else float(error == 0)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags

    def _songs_for_prediction(self, X):
        check_is_fitted(self)
        songs = spectrograms(X, "X")
        if songs.segment_shape != self.segment_shape_:
            raise ValueError(
                f"X has segments of shape {songs.segment_shape}, but MaskedMelAutoencoder was fitted on "
                f"{self.segment_shape_}: use the same duration and spectrogram settings."
            )
        return songs

    def _outputs(self, songs, function):
        """Give what a function of batches gives for each song's segments."""
        with isolated(None, self.n_threads):
            return list(self.net_.song_outputs(songs, self.standardizer_, function))
