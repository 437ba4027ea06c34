"""DescriptorTransformer: one row of hand-crafted descriptors per song."""

from functools import partial
from importlib.metadata import version
from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval

from skmer.audio import AudioError
from skmer.feature_extraction._base import MEMORY, RecordingTransformer, check_songs
from skmer.feature_extraction._cache import open_cache
from skmer.features.dynamics import dynamics
from skmer.features.opensmile_functionals import opensmile_functionals, opensmile_names, require_opensmile
from skmer.features.rhythm import rhythm
from skmer.features.timbre import check_rate, timbre
from skmer.features.tonality import tonality

__all__ = ["DescriptorTransformer"]

# part of every cache key: increment it if the values of a group change
_CACHE_VERSION = 2
_FRAME_GROUPS = {"timbre": timbre, "rhythm": rhythm, "tonality": tonality, "dynamics": dynamics}
_GROUPS = (*_FRAME_GROUPS, "opensmile")
_MAX_BIN_WIDTH = 50  # Hz; with wider bins, bands of the spectral contrast would be empty


class DescriptorTransformer(RecordingTransformer):
    """Describe each song by hand-crafted values of its timbre, rhythm, tonality and dynamics.

    Followed by a scaler and an SVM, this is the classic system of music emotion recognition.
    The descriptors are librosa's and our own; they are not the feature set of Panda et al.
    or of any other paper. It is stateless: `transform` works without `fit`.

    Parameters
    ----------
    groups : sequence of str, default=("timbre", "rhythm", "tonality", "dynamics")
        The groups, in order: ``"timbre"``, ``"rhythm"``, ``"tonality"`` and ``"dynamics"`` of
        `skmer.features`, and ``"opensmile"`` for the 88 functionals of eGeMAPSv02, which
        needs ``pip install skmer[opensmile]``.
    sr : float, default=22050
        Sampling rate in Hz to which files are resampled, and at which waveforms are
        expected. 22,050 is librosa's default, to which its frames and filters are adapted.
        `timbre` needs more than 400.
    max_duration : float, default=None
        Use the first `max_duration` seconds of each song only.
    n_fft, hop_length : int, default=2048, 512
        Length of a frame and step from frame to frame, in samples. `tonality` uses four
        times both.
    memory : str, Path or joblib.Memory, default=None
        Folder in which each file's values are cached, keyed on its path, size, time of
        modification, the parameters that matter and librosa's version; of a joblib.Memory, its
        location is used. Waveforms are not cached.
    n_jobs : int, default=None
        Number of threads that decode, resample and transform songs in parallel. None is 1,
        unless `joblib.parallel_config` sets another number of threads; -1 is every processor.
    verbose : int, default=0
        Above 0, a progress bar is shown.

    See Also
    --------
    skmer.aggregation.SpectrogramStatistics : Mean and deviation of the spectrogram only.
    skmer.features.timbre : One of the groups, for one waveform.

    Notes
    -----
    The four default groups have 114 values (fewer where `sr` is 12,800 Hz or less, which
    leaves fewer octaves). They take about 0.2 s of processor time for 30 s of sound, and 2 s
    more for the first song. Only `dynamics` depends on the level of a recording. The values of
    digital silence are finite, and a warning is raised.

    References
    ----------
    Panda, Malheiro & Paiva, "Novel audio features for music emotion recognition", IEEE
    Transactions on Affective Computing 11(4), 2020 (a feature set that differs from this one).

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.feature_extraction import DescriptorTransformer
    >>> rng = np.random.default_rng(0)
    >>> waveforms = [rng.normal(scale=0.1, size=n * 22050) for n in (1, 2)]
    >>> descriptors = DescriptorTransformer(groups=["dynamics"])
    >>> descriptors.transform(waveforms).shape
    (2, 8)
    >>> descriptors.get_feature_names_out()[:2]
    array(['dynamics_level', 'dynamics_frame_level_mean'], dtype=object)
    """

    _parameter_constraints = {  # noqa: RUF012
        **RecordingTransformer._parameter_constraints,
        "groups": ["array-like"],
        "n_fft": [Interval(Integral, 16, None, closed="left")],
        "hop_length": [Interval(Integral, 1, None, closed="left")],
        "memory": MEMORY,
    }

    def __init__(
        self,
        groups=("timbre", "rhythm", "tonality", "dynamics"),
        sr=22050,
        max_duration=None,
        n_fft=2048,
        hop_length=512,
        memory=None,
        n_jobs=None,
        verbose=0,
    ):
        self.groups = groups
        self.sr = sr
        self.max_duration = max_duration
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.memory = memory
        self.n_jobs = n_jobs
        self.verbose = verbose

    def transform(self, X):
        """Compute the descriptors of each song.

        Parameters
        ----------
        X : sequence of n_songs paths or waveforms, or ndarray of shape (n_songs, n_samples)
            Paths are str or Path; a pandas Series or a table of one column is also accepted.
            Waveforms are one-dimensional, mono, at `sr`; or tuples (waveform, rate) with a rate of their own,
            of shape (n_samples,) or (n_channels, n_samples), which are mixed and resampled as files are.

        Returns
        -------
        ndarray of shape (n_songs, n_features)
            The values, in the order of `get_feature_names_out`.

        Raises
        ------
        AudioError
            If a song cannot be read, or openSMILE cannot describe it; the message names it.
        ValueError
            If `X` is no collection of songs, a parameter is out of range, or `memory` cannot
            be written.
        ImportError
            If ``"opensmile"`` is among the groups and is not installed.

        Warns
        -----
        UserWarning
            If songs are digital silence; they are kept.
        """
        self._check_params()
        songs = check_songs(X)
        made = self._map(partial(self._transform_one, cache=open_cache(self.memory)), songs, "Descriptors")
        return np.stack(made)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns: group, underscore, descriptor.

        Parameters
        ----------
        input_features : ignored
            Not used, present for API consistency.

        Returns
        -------
        ndarray of str
            The name of each column of `transform`.
        """
        self._check_params()
        silence = np.zeros(int(self.n_fft))
        names = []
        for group in self.groups:
            if group == "opensmile":
                described = opensmile_names()
            else:
                described = list(_FRAME_GROUPS[group](silence, float(self.sr), int(self.n_fft), int(self.hop_length)))
            names += [f"{group}_{name}" for name in described]
        return np.array(names, dtype=object)

    def _check_params(self):
        super()._check_params()
        groups = list(self.groups)
        if not groups:
            raise ValueError(f"groups is empty: name at least one of {_GROUPS}.")
        for group in groups:
            if group not in _GROUPS:
                raise ValueError(f"groups holds the unknown group {group!r}: choose from {_GROUPS}.")
            if groups.count(group) > 1:
                raise ValueError(f"groups holds {group!r} more than once: name each group once.")
        if self.sr / self.n_fft > _MAX_BIN_WIDTH:
            raise ValueError(
                f"Frames of n_fft={self.n_fft} samples at sr={self.sr:g} Hz resolve frequencies to "
                f"{self.sr / self.n_fft:.0f} Hz only. Raise n_fft to {int(np.ceil(self.sr / _MAX_BIN_WIDTH))} or more."
            )
        if "timbre" in groups:
            check_rate(self.sr)
        if "opensmile" in groups:
            require_opensmile()

    def _transform_one(self, song, name, cache):
        # librosa's rounding differs between versions
        versions = [version(package) for package in ("librosa", "opensmile")[: 1 + ("opensmile" in self.groups)]]
        params = (self.groups, self.sr, self.max_duration, self.n_fft, self.hop_length)
        key = ("descriptors", _CACHE_VERSION, versions, params)
        values, _, silent = self._song_array(song, name, partial(self._describe, name=name), cache, key)
        return values, silent

    def _describe(self, y, name):
        values: list[float] = []
        try:
            for group in self.groups:
                if group == "opensmile":
                    values += opensmile_functionals(y, float(self.sr)).values()
                else:
                    values += _FRAME_GROUPS[group](y, float(self.sr), int(self.n_fft), int(self.hop_length)).values()
        except ValueError as error:
            raise AudioError(f"{name}: {error}") from error
        return np.array(values)
