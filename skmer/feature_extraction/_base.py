"""What scikit-learn has to know of steps whose input or output is songs, not a table."""

from sklearn.base import TransformerMixin

__all__ = ["RecordingTransformerMixin", "SongsOutMixin"]


class RecordingTransformerMixin(TransformerMixin):
    """A transformer of recordings that learns nothing: it takes paths or waveforms, and needs no fit."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.no_validation = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        return tags


class SongsOutMixin:
    """A step whose `transform` gives a `SongSequence`, which has no columns to name."""

    def set_output(self, *, transform=None):
        """Accept scikit-learn's output setting, which has no meaning for songs of unequal length.

        Parameters
        ----------
        transform : object, default=None
            Ignored: `transform` returns what it always does.

        Returns
        -------
        estimator
            Itself.
        """
        return self
