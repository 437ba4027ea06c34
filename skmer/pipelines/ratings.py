"""The pipeline from recordings to ratings, such as valence and arousal."""

from sklearn.preprocessing import StandardScaler

from skmer.aggregation import SongAggregator
from skmer.feature_extraction import SegmentTransformer
from skmer.pipelines._steps import rows_for
from skmer.pipelines.song_pipeline import SongPipeline
from skmer.sssl import SSSLRegressor

__all__ = ["RATING_STATISTICS", "make_rating_pipeline"]

RATING_STATISTICS = ("mean", "std", "min", "q1", "median", "q3", "max")
"""Statistics of the ratings of a song's segments; a share above a threshold says little of ratings."""


def make_rating_pipeline(
    duration=3.0,
    *,
    max_duration=30.0,
    harmony=False,
    final_estimator=None,
    memory=None,
    n_jobs=None,
    verbose=0,
    **sssl,
):
    """Build a pipeline that predicts ratings: segments, network, and possibly a regressor of song statistics.

    Parameters
    ----------
    duration : float, default=3.0
        Length of a segment in seconds; segments are 1 s apart.
    max_duration : float or None, default=30.0
        Seconds of each song that are used; None uses whole songs.
    harmony : bool, default=False
        Whether segments carry the levels of semitones and pitch classes beside the mel bands, see `SegmentTransformer`.
    final_estimator : estimator, default=None
        Regressor of the songs' statistics, such as a `sklearn.linear_model.Ridge` or a
        `sklearn.multioutput.MultiOutputRegressor` of a `sklearn.svm.SVR`. By default there is none, and a song has the
        mean rating of its segments; only so can the pipeline be fitted to ratings over time.
    memory : str, Path or joblib.Memory, default=None
        Cache of the songs' spectrograms, see `SegmentTransformer`.
    n_jobs : int, default=None
        Number of workers for reading songs and for cross-fitting.
    verbose : int, default=0
        1 shows progress.
    **sssl
        Parameters of `SSSLRegressor`, such as ``backbone="mlp"`` or ``random_state=0``.

    Returns
    -------
    SongPipeline
        With the steps ``segments`` and ``sssl``, whose `transform` returns the ratings of all segments. With
        ``backbone="mlp"`` there is a step ``segment_statistics`` before ``sssl``, and with `final_estimator` the steps
        ``statistics``, ``scaler`` and ``regressor`` follow.

    See Also
    --------
    make_sssl_pipeline : The same for classes.
    SSSLRegressor : The network; with a `final_estimator`, its `cv` selects cross-fitting.

    Examples
    --------
    >>> from skmer import make_rating_pipeline
    >>> pipe = make_rating_pipeline(harmony=True, backbone="mlp", random_state=0)
    >>> list(pipe.named_steps)
    ['segments', 'segment_statistics', 'sssl']
    """
    segments = SegmentTransformer(
        duration=duration, harmony=harmony, max_duration=max_duration, memory=memory, n_jobs=n_jobs, verbose=verbose
    )
    network = SSSLRegressor(**{"n_jobs": n_jobs, "verbose": verbose, **sssl})
    steps = [("segments", segments), *rows_for(network), ("sssl", network)]
    if final_estimator is not None:
        statistics = SongAggregator(RATING_STATISTICS)
        steps += [("statistics", statistics), ("scaler", StandardScaler()), ("regressor", final_estimator)]
    return SongPipeline(steps)
