"""Pipelines that join the network with descriptors and an embedding, or average their probabilities."""

from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer.aggregation import SongAggregator
from skmer.feature_extraction import DescriptorTransformer
from skmer.pipelines._steps import final_steps
from skmer.pipelines.segments import make_sssl_pipeline
from skmer.pipelines.song_pipeline import SongPipeline

__all__ = ["make_averaging_classifier", "make_joined_pipeline"]

_SR = 22528  # Hz, of SegmentTransformer, so that waveforms suit both
# of a network that is trained in seconds, as in skmer train on a CPU
_NETWORK = {
    "backbone": "mlp", "backbone_params": {"hidden": [128]}, "max_epochs": 20, "warmup_epochs": 8, "segment_step": 3,
}  # fmt: skip


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
        Classifier of the songs' features; by default a `CalibratedSVC`.
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
    SongPipeline
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
    return SongPipeline(
        [("features", FeatureUnion(parts)), *final_steps(final_estimator, cv if isinstance(cv, str) else None)]
    )


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
    return SongPipeline(pipeline.steps[:-3])


def _calibrated(transformer):
    svm = CalibratedClassifierCV(SVC(), ensemble=False)
    return SongPipeline([("features", transformer), ("scaler", StandardScaler()), ("svm", svm)])


def _check_embedding(embedding):
    if getattr(embedding, "statistics", ()) is None:
        raise ValueError('embedding keeps windows: set its statistics, such as ["mean", "std"].')
    return embedding
