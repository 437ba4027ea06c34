"""predictor_of: which of the predictors suits a fitted model."""

from sklearn.exceptions import NotFittedError

from skmer.inspection.over_time import SegmentPredictor
from skmer.inspection.song_readers import reads_songs
from skmer.inspection.tagged_songs import TagPredictor, gives_tags
from skmer.inspection.whole_songs import SongPredictor

__all__ = ["predictor_of"]


def predictor_of(estimator):
    """Choose how a fitted model is asked about songs: where it can be, down to its segments.

    Parameters
    ----------
    estimator : Pipeline or LongShortEnsemble
        Fitted, or a fitted search over one, that takes songs.

    Returns
    -------
    SegmentPredictor, TagPredictor or SongPredictor
        The second where songs have several tags; the third where no step behind a SegmentTransformer gives
        segment probabilities.

    Raises
    ------
    ValueError
        If it takes no songs, or has no classifier.
    NotFittedError
        If it is not fitted.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import SVC
    >>> from skmer.inspection import predictor_of
    >>> predictor_of(make_pipeline(SVC()))
    Traceback (most recent call last):
    ...
    ValueError: The pipeline has no SegmentTransformer; its steps are ['svc'].
    """
    if gives_tags(estimator):
        return TagPredictor(estimator)
    try:
        return SegmentPredictor(estimator)
    except NotFittedError:
        raise
    except ValueError:
        # of other pipelines the first message says what most people want
        if not reads_songs(estimator):
            raise
    return SongPredictor(estimator)
