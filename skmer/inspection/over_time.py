"""emotion_over_time: predict songs segment by segment, one after the other."""

from skmer.feature_extraction._base import check_songs
from skmer.inspection.song_predictor import as_predictor

__all__ = ["emotion_over_time"]


def emotion_over_time(estimator, songs):
    """Predict the emotion or the ratings of songs, segment by segment and as a whole.

    Parameters
    ----------
    estimator : Pipeline or SongPredictor
        Fitted pipeline with a `SegmentTransformer` and, after it, a network on segments such
        as `SSSLClassifier` or `SSSLRegressor`; or a fitted search over one.
    songs : sequence of n_songs paths or waveforms
        As `SegmentTransformer.transform` takes them.

    Yields
    ------
    SongEmotion or SongRatings
        One a song, in order; ratings by a regressor. Each song is decoded once, when it is asked for.

    Raises
    ------
    AudioError
        If a song cannot be read or is shorter than a segment.
    ValueError
        If `estimator` does not predict segments, or `songs` is no collection of songs.
    NotFittedError
        If `estimator` is not fitted.

    See Also
    --------
    skmer.inspection.predict_files : Continues after files that cannot be read.
    skmer.inspection.EmotionTimelineDisplay, skmer.inspection.RatingTimelineDisplay : Draw a song.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from skmer import SegmentTransformer, SSSLClassifier
    >>> from skmer.datasets import make_songs
    >>> from skmer.inspection import emotion_over_time
    >>> songs = make_songs(4, duration=4, sr=11264, random_state=0)
    >>> pipe = make_pipeline(
    ...     SegmentTransformer(duration=2, sr=11264, n_mels=32),
    ...     SSSLClassifier.from_recipe("plain", backbone="small", max_epochs=1, random_state=0),
    ... ).fit(songs.data, songs.target)
    >>> for song in emotion_over_time(pipe, songs.data[:1]):
    ...     print(song.probabilities.shape, song.ends)
    (3, 4) [2. 3. 4.]
    """
    predictor = as_predictor(estimator, require_segments=True)
    for song in check_songs(songs):
        yield predictor.predict(predictor.read(song))
