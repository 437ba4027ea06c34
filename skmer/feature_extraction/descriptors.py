"""DescriptorTransformer: songs in, one row of hand-crafted descriptors a song out."""

import os
from functools import partial
from importlib.metadata import version
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import HasMethods, Interval

from skmer.audio import AudioError, check_waveform, read_audio
from skmer.feature_extraction._base import RecordingTransformerMixin
from skmer.feature_extraction._cache import cached, file_key
from skmer.feature_extraction._song_input import check_songs
from skmer.feature_extraction._song_loop import map_songs
from skmer.features.dynamics import dynamics
from skmer.features.opensmile_functionals import opensmile_functionals, opensmile_names, require_opensmile
from skmer.features.rhythm import rhythm
from skmer.features.segment_log_mel import in_samples
from skmer.features.timbre import check_rate, timbre
from skmer.features.tonality import tonality

__all__ = ["DescriptorTransformer"]

# part of every cache key: raise it when the numbers that a group gives change
CACHE_VERSION = 1

_OF_FRAMES = {"timbre": timbre, "rhythm": rhythm, "tonality": tonality, "dynamics": dynamics}
_GROUPS = (*_OF_FRAMES, "opensmile")
_COARSEST = 50  # Hz from bin to bin: wider ones leave bands of the spectral contrast empty


def _describe(y, groups, sr, n_fft, hop_length):
    """Give a song's values, group by group, and whether it is silent."""
    values: list[float] = []
    for group in groups:
        if group == "opensmile":
            values += opensmile_functionals(y, sr).values()
        else:
            values += _OF_FRAMES[group](y, sr, n_fft, hop_length).values()
    return np.array(values), not y.any()


def _describe_file(path, size, mtime_ns, version, max_duration, groups, sr, n_fft, hop_length):
    # size, mtime_ns and version are there for the cache's key only
    return _describe(read_audio(path, sr=sr, max_duration=max_duration), groups, sr, n_fft, hop_length)


class DescriptorTransformer(RecordingTransformerMixin, BaseEstimator):
    """Describe each song by hand-crafted values of its timbre, rhythm, tonality and dynamics.

    With a scaler and an SVM behind it, this is the classic system of music emotion
    recognition. The descriptors are librosa's and our own; it is not the feature set of
    Panda et al., nor of any other paper. It learns nothing from the data: `transform` works
    without `fit`.

    Parameters
    ----------
    groups : sequence of str, default=("timbre", "rhythm", "tonality", "dynamics")
        Which groups, in which order: `timbre`, `rhythm`, `tonality` and `dynamics` of this
        package, and ``"opensmile"`` for the 88 functionals of eGeMAPSv02, which needs
        ``pip install skmer[opensmile]``.
    sr : float, default=22050
        Sampling rate in Hz to which files are resampled, and at which waveforms are
        expected. 22,050 is librosa's, for whose frames and filters its defaults are chosen;
        no window has to be a whole number of hops here, unlike in `SegmentTransformer`.
        `timbre` needs more than 400.
    max_duration : float, default=None
        Use the first `max_duration` seconds of each song only.
    n_fft, hop_length : int, default=2048, 512
        Length of a frame and step from frame to frame, in samples. `tonality` takes four
        times both.
    memory : str, Path or joblib.Memory, default=None
        Where to cache each file's values, keyed on its path, size, time of modification, the
        parameters that matter and librosa's version. Waveforms are not cached.
    n_jobs : int, default=None
        Number of threads. None is 1, unless in a `joblib.parallel_config` context; -1 is
        every processor.
    verbose : int, default=0
        Above 0, a progress bar.

    See Also
    --------
    skmer.aggregation.SpectrogramStatistics : The plainest description of the spectrum.
    skmer.features.timbre : One of the groups, for one waveform.

    Notes
    -----
    114 values in the four groups (fewer where `sr` is 12,800 Hz or less, for want of octaves), in
    about 0.2 s of processor time for 30 s of sound, the first song 2 s more. Only `dynamics`
    depends on the level of a recording. Digital silence gives finite values, and a warning.

    References
    ----------
    Panda, Malheiro & Paiva, "Novel audio features for music emotion recognition", IEEE
    Transactions on Affective Computing 11(4), 2020: what this is not.

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
        "groups": ["array-like"],
        "sr": [Interval(Real, 0, None, closed="neither")],
        "max_duration": [Interval(Real, 0, None, closed="neither"), None],
        "n_fft": [Interval(Integral, 16, None, closed="left")],
        "hop_length": [Interval(Integral, 1, None, closed="left")],
        "memory": [str, os.PathLike, HasMethods(["cache"]), None],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
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

    def fit(self, X=None, y=None):
        """Check the parameters; nothing is learnt, and no file is read.

        Parameters
        ----------
        X, y : ignored
            For scikit-learn's sake.

        Returns
        -------
        DescriptorTransformer
            Itself.

        Raises
        ------
        ValueError
            If the parameters are out of range or do not fit together.
        ImportError
            If ``"opensmile"`` is among the groups and is not installed.
        """
        self._check_params()
        return self

    def transform(self, X):
        """Compute the descriptors of each song.

        Parameters
        ----------
        X : sequence of n_songs paths or waveforms, or ndarray of shape (n_songs, n_samples)
            Paths are str or Path; a pandas Series or a table of one column does too.
            Waveforms are one-dimensional, mono, at `sr`.

        Returns
        -------
        ndarray of shape (n_songs, n_features)
            The values, in the order of `get_feature_names_out`.

        Raises
        ------
        AudioError
            If a song cannot be read, or openSMILE cannot describe it; the message names it.
        ValueError
            If `X` is no collection of songs, or a parameter is out of range.
        ImportError
            If ``"opensmile"`` is among the groups and is not installed.

        Warns
        -----
        UserWarning
            If songs are digital silence; they are kept.
        """
        self._check_params()
        one = partial(self._transform_one, describe_file=cached(_describe_file, self.memory))
        made = map_songs(one, check_songs(X), "Descriptors", self.n_jobs, self.verbose)
        return np.stack(made)

    def get_feature_names_out(self, input_features=None):
        """Name the output: group, underscore, descriptor.

        Parameters
        ----------
        input_features : ignored
            For scikit-learn's sake: a song has no features yet.

        Returns
        -------
        ndarray of str
            One name a column of `transform`.
        """
        self._check_params()
        silence = np.zeros(int(self.n_fft))
        names = []
        for group in self.groups:
            if group == "opensmile":
                described = opensmile_names()
            else:
                described = list(_OF_FRAMES[group](silence, float(self.sr), int(self.n_fft), int(self.hop_length)))
            names += [f"{group}_{name}" for name in described]
        return np.array(names, dtype=object)

    def _check_params(self):
        self._validate_params()
        groups = list(self.groups)
        if not groups:
            raise ValueError(f"groups is empty: name at least one of {_GROUPS}.")
        for group in groups:
            if group not in _GROUPS:
                raise ValueError(f"groups holds {group!r}, which is unknown: choose from {_GROUPS}.")
            if groups.count(group) > 1:
                raise ValueError(f"groups holds {group!r} more than once: name each group once.")
        if self.sr / self.n_fft > _COARSEST:
            raise ValueError(
                f"Frames of n_fft={self.n_fft} samples at sr={self.sr:g} Hz tell frequencies apart by "
                f"{self.sr / self.n_fft:.0f} Hz only. Raise n_fft to {int(np.ceil(self.sr / _COARSEST))} or more."
            )
        if "timbre" in groups:
            check_rate(self.sr)
        if "opensmile" in groups:
            require_opensmile()

    def _version(self):
        """Give what decides the numbers beside the parameters."""
        used = ["librosa"] + ["opensmile"] * ("opensmile" in self.groups)
        return (CACHE_VERSION, *(version(package) for package in used))

    def _transform_one(self, song, name, describe_file):
        # plain types, so that 22050 and 22050.0 have the same key
        plan = (tuple(str(group) for group in self.groups), float(self.sr), int(self.n_fft), int(self.hop_length))
        max_duration = None if self.max_duration is None else float(self.max_duration)
        if isinstance(song, str | os.PathLike):
            work = partial(describe_file, *file_key(song), self._version(), max_duration)
        else:
            y = check_waveform(song, name)
            if max_duration is not None:
                y = y[: max(round(in_samples(max_duration, self.sr)), 1)]
            work = partial(_describe, y)
        try:
            return work(*plan)
        except AudioError:
            raise
        except ValueError as error:
            raise AudioError(f"{name}: {error}") from error
