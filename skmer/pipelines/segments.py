"""Pipelines from the segments of recordings to classes: with segments of one duration, or of several."""

import numpy as np
from sklearn.pipeline import FeatureUnion, Pipeline

from skmer.feature_extraction import SegmentShortening, SegmentTransformer
from skmer.pipelines._steps import final_steps, network_steps
from skmer.pipelines.song_pipeline import SongPipeline

__all__ = ["make_multi_duration_pipeline", "make_sssl_pipeline"]


def make_sssl_pipeline(
    duration=3.0,
    *,
    max_duration=30.0,
    harmony=False,
    recipe="paper",
    final_estimator=None,
    memory=None,
    n_jobs=None,
    verbose=0,
    **sssl,
):
    """Build the paper's system: segments, network, song statistics, SVM.

    Its network is VGG16, which needs a GPU: on a CPU one fit takes half an hour and more. There `skmer train`, and
    `skmer.models.make_pipeline_of` in Python, build the same steps with a multilayer perceptron on statistics of
    segments, which is trained in seconds; here that is ``recipe=None, backbone="mlp", harmony=True``.

    Parameters
    ----------
    duration : float, default=3.0
        Length of a segment in seconds; segments are 1 s apart.
    max_duration : float or None, default=30.0
        Seconds of each song that are used, by default as many as the paper's segment counts
        imply. None uses whole songs.
    harmony : bool, default=False
        Whether segments carry the levels of semitones and pitch classes beside the mel bands, see `SegmentTransformer`.
    recipe : {"paper", "plain", "self-learning"} or None, default="paper"
        Settings of `SSSLClassifier.from_recipe`; None takes the defaults of
        `SSSLClassifier`, which add guards against collapse.
    final_estimator : estimator, default=None
        Classifier of the songs' features; by default a `CalibratedSVC`, without calibration unless the
        network is cross-fitted (``cv=5``): see `calibrate`.
    memory : str, Path or joblib.Memory, default=None
        Cache of the songs' spectrograms, see `SegmentTransformer`.
    n_jobs : int, default=None
        Number of workers for reading songs and for cross-fitting.
    verbose : int, default=0
        1 shows progress.
    **sssl
        Parameters of `SSSLClassifier`, such as ``backbone="small"`` or
        ``random_state=0``.

    Returns
    -------
    SongPipeline
        With the steps ``segments``, ``sssl``, ``statistics``, ``scaler`` and ``svm``. With ``backbone="mlp"``, which
        is a network for rows of features, there is a step ``segment_statistics`` before ``sssl``.

    See Also
    --------
    SegmentTransformer : The first step.
    SegmentStatistics : The step before a network for rows of features.
    SSSLClassifier : The network; its `cv` selects the paper's in-sample protocol or
        cross-fitting.

    Notes
    -----
    With scikit-learn's metadata routing enabled (``sklearn.set_config(
    enable_metadata_routing=True)``), groups passed to `fit` or, as
    ``params={"groups": ...}``, to `cross_validate` reach the cross-fitting. Without it
    only the splitter receives them, and cross-fitting splits by song.

    References
    ----------
    Sun et al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition",
    Fig. 1.

    Examples
    --------
    >>> from skmer import make_sssl_pipeline
    >>> pipe = make_sssl_pipeline(duration=2, backbone="small", random_state=0)
    >>> list(pipe.named_steps)
    ['segments', 'sssl', 'statistics', 'scaler', 'svm']
    """
    segments = SegmentTransformer(
        duration=duration, harmony=harmony, max_duration=max_duration, memory=memory, n_jobs=n_jobs, verbose=verbose
    )
    steps = network_steps(recipe, {"n_jobs": n_jobs, "verbose": verbose, **sssl})
    return SongPipeline([("segments", segments), *steps, *final_steps(final_estimator, dict(steps)["sssl"].cv)])


def make_multi_duration_pipeline(
    durations=(1, 3, 5),
    *,
    max_duration=30.0,
    harmony=False,
    recipe="paper",
    final_estimator=None,
    memory=None,
    n_jobs=None,
    verbose=0,
    **sssl,
):
    """Build a pipeline that combines several durations: a network for each, the song statistics of all, one SVM.

    The paper finds short segments better for arousal and long ones for valence, and uses one
    duration for each task; here the SVM combines all durations, which are cut from the same spectrogram.

    Parameters
    ----------
    durations : sequence of int, default=(1, 3, 5)
        Lengths of a segment in whole seconds; the hop is 1 s.
    max_duration : float or None, default=30.0
        Seconds of each song that are used; None uses whole songs.
    harmony : bool, default=False
        As in `make_sssl_pipeline`.
    recipe : {"paper", "plain", "self-learning"} or None, default="paper"
        As in `make_sssl_pipeline`.
    final_estimator : estimator, default=None
        Classifier of the songs' features; by default a `CalibratedSVC`, without calibration unless the
        network is cross-fitted (``cv=5``): see `calibrate`.
    memory : str, Path or joblib.Memory, default=None
        Cache of the songs' spectrograms, see `SegmentTransformer`.
    n_jobs : int, default=None
        Number of workers for reading songs, and for fitting the durations in parallel.
    verbose : int, default=0
        1 shows progress.
    **sssl
        Parameters of every `SSSLClassifier`.

    Returns
    -------
    SongPipeline
        With the steps ``segments`` (of the longest duration), ``durations`` (a `FeatureUnion`
        of a pipeline for each duration, named ``3s`` and so on), ``scaler`` and ``svm``.

    Raises
    ------
    ValueError
        If `durations` is empty or has duplicates, or a duration is not a whole number of seconds
        or is longer than `max_duration`.

    See Also
    --------
    make_sssl_pipeline : One duration.
    skmer.feature_extraction.SegmentShortening : Cuts the shorter segments.

    References
    ----------
    Sun et al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition",
    Table 2, which compares single durations.

    Examples
    --------
    >>> from skmer import make_multi_duration_pipeline
    >>> pipe = make_multi_duration_pipeline([1, 3], backbone="small", random_state=0)
    >>> [name for name, _ in pipe["durations"].transformer_list]
    ['1s', '3s']
    """
    seconds = _check_durations(durations)
    longest = seconds[-1]
    if max_duration is not None and max_duration < longest:
        raise ValueError(
            f"max_duration={max_duration:g} s is shorter than the longest of the durations, {longest} s: no segment "
            "fits. Raise max_duration or leave that duration out."
        )
    sssl = {"verbose": verbose, **sssl}
    if isinstance(sssl.get("random_state"), np.random.RandomState):
        # with a shared generator, results would depend on whether the pipelines are fitted in parallel
        sssl["random_state"] = int(sssl["random_state"].randint(2**31 - 1))
    pipelines = [
        (
            f"{d}s",
            Pipeline([("segments", SegmentShortening(longest - d)), *network_steps(recipe, sssl)]),
        )
        for d in seconds
    ]
    segments = SegmentTransformer(
        duration=longest, harmony=harmony, max_duration=max_duration, memory=memory, n_jobs=n_jobs, verbose=verbose
    )
    steps = [("segments", segments), ("durations", FeatureUnion(pipelines, n_jobs=n_jobs))]
    cv = pipelines[0][1]["sssl"].cv
    return SongPipeline(steps + final_steps(final_estimator, cv))


def _check_durations(durations):
    """Return durations as sorted integers."""
    try:
        seconds = sorted({int(d) for d in durations if not isinstance(d, str) and d == int(d)})
        valid = len(seconds) == len(durations) > 0 and seconds[0] >= 1
    except (TypeError, ValueError, OverflowError):
        valid = False
    if not valid:
        raise ValueError(
            "durations must be different whole numbers of seconds, at least one, because segments of one spectrogram "
            f"begin and end at whole seconds; got {durations!r}."
        )
    return seconds
