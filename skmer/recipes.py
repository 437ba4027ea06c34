"""Whole pipelines, ready to fit."""

from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer.aggregation import SongAggregator
from skmer.classifiers import SSSLClassifier
from skmer.segmentation import SegmentTransformer

__all__ = ["make_sssl_pipeline"]


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
    recipe : {"paper", "plain"} or None, default="paper"
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
            ("sssl", SSSLClassifier(**sssl) if recipe is None else SSSLClassifier.from_recipe(recipe, **sssl)),
            ("statistics", SongAggregator()),
            ("scaler", StandardScaler()),
            ("svm", SVC() if final_estimator is None else final_estimator),
        ]
    )
