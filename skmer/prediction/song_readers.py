"""Pipelines whose first step reads songs: which they are, and how they are divided there."""

from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

__all__ = ["found_by_search", "reader_and_rest", "reads_songs", "steps_of"]

# a model must not bring its trainer's folders, threads and progress bars along
_AT_HOME = {"memory": None, "store": None, "n_jobs": 1, "verbose": 0}


def found_by_search(estimator):
    """Give what a search found, or what is frozen; anything else as it is."""
    if isinstance(estimator, FrozenEstimator):
        return found_by_search(estimator.estimator)
    return getattr(estimator, "best_estimator_", estimator)


def steps_of(estimator):
    """Give the steps of a pipeline, or of the one that a search found, without those that are passed through."""
    pipeline = found_by_search(estimator)
    steps = [step for _, step in pipeline.steps] if isinstance(pipeline, Pipeline) else []
    return [step for step in steps if step is not None and not isinstance(step, str)]


def reads_songs(estimator):
    """Tell whether an estimator is a pipeline whose first step reads songs, and learns nothing.

    Parameters
    ----------
    estimator : Pipeline
        Pipeline, or fitted search over one.

    Returns
    -------
    bool
        False for anything else too.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import SVC
    >>> from skmer import DescriptorTransformer
    >>> from skmer.prediction.song_readers import reads_songs
    >>> reads_songs(make_pipeline(DescriptorTransformer(), SVC())), reads_songs(SVC())
    (True, False)
    """
    steps = steps_of(estimator)
    if not steps:
        return False
    tags = get_tags(steps[0])
    return tags.input_tags.string and not tags.requires_fit


def reader_and_rest(estimator):
    """Divide a pipeline behind the step that reads songs; what it reads with leaves no traces.

    Parameters
    ----------
    estimator : Pipeline
        For which `reads_songs` is true.

    Returns
    -------
    reader : transformer
        A copy of the first step without its caches, threads and progress bars.
    rest : Pipeline
        The other steps, fitted as they are.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import SVC
    >>> from skmer import DescriptorTransformer
    >>> from skmer.prediction.song_readers import reader_and_rest
    >>> reader, rest = reader_and_rest(make_pipeline(DescriptorTransformer(n_jobs=2), SVC()))
    >>> reader.n_jobs, len(rest)
    (1, 1)
    """
    first, *others = steps_of(estimator)
    own = first.get_params(deep=False)
    reader = clone(first).set_params(**{name: value for name, value in _AT_HOME.items() if name in own})
    return reader, Pipeline([(str(i), step) for i, step in enumerate(others)])
