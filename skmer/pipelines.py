"""Pipelines from recordings to emotions, ready to fit."""

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer.aggregation import SongAggregator
from skmer.feature_extraction import DescriptorTransformer, SegmentShortening, SegmentStatistics, SegmentTransformer
from skmer.sssl import SSSLClassifier

__all__ = [
    "make_averaging_classifier",
    "make_joined_pipeline",
    "make_multi_duration_pipeline",
    "make_sssl_pipeline",
]

_SR = 22528  # Hz, of SegmentTransformer, so that waveforms suit both
# of a network that is trained in seconds, as in skmer train on a CPU
_NETWORK = {
    "backbone": "mlp", "backbone_params": {"hidden": [128]}, "max_epochs": 20, "warmup_epochs": 8, "segment_step": 3,
}  # fmt: skip


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
        Classifier of the songs' features; by default an RBF `sklearn.svm.SVC`.
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
    Pipeline
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
    steps = _network_steps(recipe, {"n_jobs": n_jobs, "verbose": verbose, **sssl})
    return Pipeline([("segments", segments), *steps, *_final_steps(final_estimator)])


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
        Classifier of the songs' features; by default an RBF `sklearn.svm.SVC`.
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
    Pipeline
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
            Pipeline([("segments", SegmentShortening(longest - d)), *_network_steps(recipe, sssl)]),
        )
        for d in seconds
    ]
    segments = SegmentTransformer(
        duration=longest, harmony=harmony, max_duration=max_duration, memory=memory, n_jobs=n_jobs, verbose=verbose
    )
    steps = [("segments", segments), ("durations", FeatureUnion(pipelines, n_jobs=n_jobs))]
    return Pipeline(steps + _final_steps(final_estimator))


def make_joined_pipeline(
    *, max_duration=30.0, embedding=None, cv=5, final_estimator=None, memory=None, n_jobs=None, verbose=0, **sssl
):
    """Build a pipeline that joins the network's song statistics, descriptors and an embedding for one SVM.

    Parameters
    ----------
    max_duration : float or None, default=30.0
        Seconds of each song that are used by the network and the descriptors; None uses whole songs.
    embedding : EmbeddingTransformer, default=None
        Transformer with `statistics`, such as that of `skmer.embeddings.musicnn`, whose features are joined too.
    cv : "insample", int, splitter or iterable, default=5
        As `cv` of `SSSLClassifier`: by default the SVM is trained on song statistics from networks that have not
        seen the song.
    final_estimator : estimator, default=None
        Classifier of the songs' features; by default an RBF `sklearn.svm.SVC`.
    memory : str, Path or joblib.Memory, default=None
        Cache of the songs' spectrograms and descriptors.
    n_jobs : int, default=None
        Number of workers for reading songs and for cross-fitting.
    verbose : int, default=0
        1 shows progress.
    **sssl
        Parameters of `SSSLClassifier`. By default the network is a multilayer perceptron on `SegmentStatistics` of
        segments with harmony, as in `skmer train` on a CPU.

    Returns
    -------
    Pipeline
        With the steps ``features`` (a `FeatureUnion` of ``network``, ``descriptors`` and possibly ``embedding``),
        ``scaler`` and ``svm``.

    Raises
    ------
    ValueError
        If `embedding` keeps windows, because its `statistics` are None.

    See Also
    --------
    make_averaging_classifier : Averages the probabilities of the same parts.

    Notes
    -----
    Groups reach the cross-fitting as described in `make_sssl_pipeline`. ``skmer train --system joined`` trains this
    pipeline on a CPU; on CUDA its network is VGG16.

    Examples
    --------
    >>> from skmer import make_joined_pipeline
    >>> pipe = make_joined_pipeline(random_state=0)
    >>> [name for name, _ in pipe["features"].transformer_list]
    ['network', 'descriptors']
    """
    run = {"memory": memory, "n_jobs": n_jobs, "verbose": verbose}
    network = _joined_network(max_duration, {"cv": cv, **sssl}, **run)
    parts = [
        ("network", Pipeline([*network.steps, ("statistics", SongAggregator())])),
        ("descriptors", DescriptorTransformer(sr=_SR, max_duration=max_duration, **run)),
    ]
    if embedding is not None:
        parts.append(("embedding", _check_embedding(embedding)))
    return Pipeline([("features", FeatureUnion(parts)), *_final_steps(final_estimator)])


def make_averaging_classifier(*, max_duration=30.0, embedding=None, memory=None, n_jobs=None, verbose=0, **sssl):
    """Build a classifier that averages the probabilities of the network, descriptors and an embedding.

    The network's are the mean probabilities of its segments, the others' those of SVMs that are calibrated by
    cross-validation, which needs five songs of each class.

    Parameters
    ----------
    max_duration : float or None, default=30.0
        Seconds of each song that are used by the network and the descriptors; None uses whole songs.
    embedding : EmbeddingTransformer, default=None
        Transformer with `statistics`, whose features a further SVM takes.
    memory : str, Path or joblib.Memory, default=None
        Cache of the songs' spectrograms and descriptors.
    n_jobs : int, default=None
        Number of workers for reading songs.
    verbose : int, default=0
        1 shows progress.
    **sssl
        Parameters of `SSSLClassifier`, with defaults as in `make_joined_pipeline`.

    Returns
    -------
    VotingClassifier
        With soft voting over the pipelines ``network``, ``descriptors`` and possibly ``embedding``.

    Raises
    ------
    ValueError
        If `embedding` keeps windows, because its `statistics` are None.

    See Also
    --------
    make_joined_pipeline : Joins the features of the same parts.

    Examples
    --------
    >>> from skmer import make_averaging_classifier
    >>> [name for name, _ in make_averaging_classifier(random_state=0).estimators]
    ['network', 'descriptors']
    """
    run = {"memory": memory, "n_jobs": n_jobs, "verbose": verbose}
    members = [
        ("network", _joined_network(max_duration, sssl, **run)),
        ("descriptors", _calibrated(DescriptorTransformer(sr=_SR, max_duration=max_duration, **run))),
    ]
    if embedding is not None:
        members.append(("embedding", _calibrated(_check_embedding(embedding))))
    return VotingClassifier(members, voting="soft")


def _joined_network(max_duration, sssl, memory, n_jobs, verbose):
    """Return a pipeline that ends with the network."""
    params = {**_NETWORK, **sssl}
    if params["backbone"] != "mlp" and "backbone_params" not in sssl:
        del params["backbone_params"]
    pipeline = make_sssl_pipeline(
        max_duration=max_duration, harmony=params["backbone"] in ("mlp", "multi_branch"), recipe=None,
        memory=memory, n_jobs=n_jobs, verbose=verbose, **params,
    )  # fmt: skip
    return Pipeline(pipeline.steps[:-3])


def _calibrated(transformer):
    svm = CalibratedClassifierCV(SVC(), ensemble=False)
    return Pipeline([("features", transformer), ("scaler", StandardScaler()), ("svm", svm)])


def _check_embedding(embedding):
    if getattr(embedding, "statistics", ()) is None:
        raise ValueError('embedding keeps windows: set its statistics, such as ["mean", "std"].')
    return embedding


def _network_steps(recipe, params):
    """Return the steps from segments to song statistics."""
    network = SSSLClassifier(**params) if recipe is None else SSSLClassifier.from_recipe(recipe, **params)
    rows = [("segment_statistics", SegmentStatistics())] if network.backbone == "mlp" else []
    return [*rows, ("sssl", network), ("statistics", SongAggregator())]


def _final_steps(final_estimator):
    return [("scaler", StandardScaler()), ("svm", SVC() if final_estimator is None else final_estimator)]


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
