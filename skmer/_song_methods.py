"""SongMethods: predict one file, or one waveform, with a fitted estimator of songs."""

from importlib import import_module
from weakref import WeakKeyDictionary

from skmer._pipeline_steps import leaf_steps

__all__ = ["SongMethods"]

# apart from the estimators, which are cloned, hashed and saved
_predictors: WeakKeyDictionary = WeakKeyDictionary()


class SongMethods:
    """Mixin of estimators that `skmer.inspection.SongPredictor` takes.

    The predictor is made at the first call, and again after a step was fitted or has another parameter. Threads need
    no lock: of two that make it at the same time, one is kept.
    """

    def predict_file(self, file):
        """Predict one audio file: the song, and its segments over time.

        Parameters
        ----------
        file : str or path-like
            The file.

        Returns
        -------
        SongEmotion, SongRatings or SongTags
            As `skmer.inspection.SongPredictor.predict` returns it: the emotion with probabilities, ratings or tags.

        Raises
        ------
        AudioError
            If the file cannot be read, or is too short.
        ValueError
            If this estimator does not read songs.
        NotFittedError
            If it is not fitted.
        """
        return self._song_predictor().predict_file(file)

    def predict_waveform(self, waveform, sr):
        """Predict one waveform: the song, and its segments over time.

        Parameters
        ----------
        waveform : array-like of shape (n_samples,) or (n_channels, n_samples)
            Floating-point samples between -1 and 1; they are mixed and resampled as those of a file are.
        sr : float
            Its sampling rate, in Hz.

        Returns
        -------
        SongEmotion, SongRatings or SongTags
            As `predict_file` returns it for a file of these samples.

        Raises
        ------
        AudioError
            If the waveform has another shape or type, invalid samples, or is too short.
        ValueError
            If this estimator does not read songs.
        NotFittedError
            If it is not fitted.
        """
        return self._song_predictor().predict_waveform(waveform, sr)

    def _song_predictor(self):
        state = self._song_state()
        known = _predictors.get(self)
        if known is None or not _same(known[0], state):
            # of a higher layer, which these estimators do not need otherwise
            known = state, import_module("skmer.inspection").SongPredictor(self)
            _predictors[self] = known
        return known[1]

    def _song_state(self):
        """Return the attributes of this estimator and of all steps, by which a change of them is noticed."""
        members = [self, *(value for value in vars(self).values() if hasattr(value, "get_params"))]
        steps = [step for member in members for _, step in leaf_steps(member) if step is not self]
        # a reference to the estimator itself would keep it alive
        return [vars(self).copy(), *({**getattr(step, "__dict__", {}), "": step} for step in steps)]


def _same(before, now):
    """Return whether steps have the very same attributes."""
    return len(before) == len(now) and all(
        own.keys() == other.keys() and all(own[name] is other[name] for name in own)
        for own, other in zip(before, now, strict=True)
    )
