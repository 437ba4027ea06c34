"""Whole pipelines, ready to fit."""

from collections.abc import Sized

import numpy as np
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer.aggregation import SongAggregator
from skmer.feature_extraction.segments import SegmentTransformer
from skmer.feature_extraction.shortening import SegmentShortening
from skmer.sssl.classifier import SSSLClassifier

__all__ = ["make_multi_duration_pipeline", "make_sssl_pipeline"]


def _network(recipe, params):
    return SSSLClassifier(**params) if recipe is None else SSSLClassifier.from_recipe(recipe, **params)


def make_sssl_pipeline(
    duration=3.0,
    *,
    max_duration=30.0,
    recipe="paper",
    final_estimator=None,
    memory=None,
    n_jobs=None,
    verbose=0,
    **sssl,
):
    """Build the paper's system: segments, network, song statistics, SVM.

    Parameters
    ----------
    duration : float, default=3.0
        Length of a segment in seconds; the hop is 1 s.
    max_duration : float or None, default=30.0
        Seconds of each song that are used. The paper's segment counts say 30; None
        uses whole songs.
    recipe : {"paper", "plain", "self-learning"} or None, default="paper"
        Settings of `SSSLClassifier.from_recipe`; None takes the defaults of
        `SSSLClassifier`, which add guards against collapse.
    final_estimator : estimator, default=None
        What decides on the song's features; by default an RBF `sklearn.svm.SVC`.
    memory : str, Path or joblib.Memory, default=None
        Cache of the songs' spectrograms, see `SegmentTransformer`.
    n_jobs : int, default=None
        Workers that read songs, and that cross-fit.
    verbose : int, default=0
        1 shows progress.
    **sssl
        Parameters of `SSSLClassifier`, such as ``backbone="small"`` or
        ``random_state=0``.

    Returns
    -------
    Pipeline
        With the steps ``segments``, ``sssl``, ``statistics``, ``scaler`` and ``svm``.

    See Also
    --------
    SegmentTransformer : The first step.
    SSSLClassifier : The second; its `cv` decides between the paper's in-sample protocol
        and cross-fitting.

    Notes
    -----
    With scikit-learn's metadata routing enabled (``sklearn.set_config(
    enable_metadata_routing=True)``), groups that are given to `fit` or, as
    ``params={"groups": ...}``, to `cross_validate` reach the cross-fitting; without it
    the splitter alone sees them, and cross-fitting splits by song.

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
    sssl = {"n_jobs": n_jobs, "verbose": verbose, **sssl}
    return Pipeline(
        [
            (
                "segments",
                SegmentTransformer(
                    duration=duration, max_duration=max_duration, memory=memory, n_jobs=n_jobs, verbose=verbose
                ),
            ),
            ("sssl", _network(recipe, sssl)),
            ("statistics", SongAggregator()),
            ("scaler", StandardScaler()),
            ("svm", SVC() if final_estimator is None else final_estimator),
        ]
    )


def _whole_seconds(durations):
    """Give durations as whole numbers in order, or say what is wrong with them."""
    try:
        seconds = sorted(int(d) for d in durations if not isinstance(d, str) and d == int(d))
    except (TypeError, ValueError, OverflowError):
        seconds = []
    n_given = len(durations) if isinstance(durations, Sized) else None
    if not seconds or len(set(seconds)) != n_given or seconds[0] < 1:
        raise ValueError(
            f"durations must be different whole numbers of seconds, at least one, got {durations!r}: the segments of "
            "one spectrogram begin and end at whole seconds."
        )
    return seconds


def make_multi_duration_pipeline(
    durations=(1, 3, 5),
    *,
    max_duration=30.0,
    recipe="paper",
    final_estimator=None,
    memory=None,
    n_jobs=None,
    verbose=0,
    **sssl,
):
    """Build a stack of several durations: a network each, their song statistics side by side, one SVM.

    The paper finds short segments better for arousal and long ones for valence and keeps one
    of them; here the SVM weighs all. Every duration is cut from the same spectrogram.

    Parameters
    ----------
    durations : sequence of int, default=(1, 3, 5)
        Lengths of a segment in whole seconds; the hop is 1 s.
    max_duration : float or None, default=30.0
        Seconds of each song that are used; None uses whole songs.
    recipe : {"paper", "plain", "self-learning"} or None, default="paper"
        As in `make_sssl_pipeline`.
    final_estimator : estimator, default=None
        What decides on the song's features; by default an RBF `sklearn.svm.SVC`.
    memory : str, Path or joblib.Memory, default=None
        Cache of the songs' spectrograms, see `SegmentTransformer`.
    n_jobs : int, default=None
        Workers that read songs, and that train the durations side by side.
    verbose : int, default=0
        1 shows progress.
    **sssl
        Parameters of every `SSSLClassifier`.

    Returns
    -------
    Pipeline
        With the steps ``segments`` (of the longest duration), ``durations`` (a `FeatureUnion`
        whose parts are called such as ``3s``), ``scaler`` and ``svm``.

    Raises
    ------
    ValueError
        If there is no duration, one stands there twice, one is not a whole number of seconds, or
        one is longer than `max_duration`.

    See Also
    --------
    make_sssl_pipeline : One duration.
    skmer.feature_extraction.SegmentShortening : Cuts the shorter segments.

    References
    ----------
    Sun et al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition",
    Table 2; the stack is ours.

    Examples
    --------
    >>> from skmer import make_multi_duration_pipeline
    >>> pipe = make_multi_duration_pipeline([1, 3], backbone="small", random_state=0)
    >>> [name for name, _ in pipe["durations"].transformer_list]
    ['1s', '3s']
    """
    seconds = _whole_seconds(durations)
    longest = seconds[-1]
    if max_duration is not None and max_duration < longest:
        raise ValueError(
            f"max_duration={max_duration:g} s is shorter than the longest of the durations, {longest} s: no segment "
            "fits. Raise max_duration or leave that duration out."
        )
    sssl = {"verbose": verbose, **sssl}
    if isinstance(sssl.get("random_state"), np.random.RandomState):
        # parts that share a generator would depend on whether they are trained in turn or side by side
        sssl["random_state"] = int(sssl["random_state"].randint(2**31 - 1))
    parts = [
        (
            f"{d}s",
            Pipeline(
                [
                    ("segments", SegmentShortening(longest - d)),
                    ("sssl", _network(recipe, sssl)),
                    ("statistics", SongAggregator()),
                ]
            ),
        )
        for d in seconds
    ]
    segments = SegmentTransformer(
        duration=longest, max_duration=max_duration, memory=memory, n_jobs=n_jobs, verbose=verbose
    )
    return Pipeline(
        [
            ("segments", segments),
            ("durations", FeatureUnion(parts, n_jobs=n_jobs)),
            ("scaler", StandardScaler()),
            ("svm", SVC() if final_estimator is None else final_estimator),
        ]
    )
