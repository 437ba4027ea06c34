"""Pipelines whose first step reads songs: which they are, and how they are divided there."""

from copy import deepcopy

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils import get_tags

from skmer._run_parameters import WITHOUT_TRACE

__all__ = ["found_by_search", "reader_and_rest", "reads_songs", "reset_run_parameters", "steps_of"]


def reset_run_parameters(step):
    """Copy a step that reads songs without its trainer's folders, threads and progress bars."""
    step = deepcopy(step)
    names = {name: name.rpartition("__")[2] for name in step.get_params()}
    return step.set_params(**{name: WITHOUT_TRACE[last] for name, last in names.items() if last in WITHOUT_TRACE})


def found_by_search(estimator):
    """Give what a search found, or what is frozen; anything else as it is."""
    if isinstance(estimator, FrozenEstimator):
        return found_by_search(estimator.estimator)
    return getattr(estimator, "best_estimator_", estimator)


def steps_of(estimator):
    """Give the steps of a pipeline, those of pipelines within it in their place; none that is passed through."""
    pipeline = found_by_search(estimator)
    steps = [step for _, step in pipeline.steps] if isinstance(pipeline, Pipeline) else []
    steps = [step for step in steps if step is not None and not isinstance(step, str)]
    return [inner for step in steps for inner in (steps_of(step) if isinstance(step, Pipeline) else [step])]


def reads_songs(estimator):
    """Tell whether an estimator is a pipeline whose first step reads songs.

    A union of steps that each read songs is one.

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
    >>> from skmer.inspection.song_readers import reads_songs
    >>> reads_songs(make_pipeline(DescriptorTransformer(), SVC())), reads_songs(SVC())
    (True, False)
    """
    steps = steps_of(estimator)
    return bool(steps) and _reads(steps[0])


def _reads(step):
    if isinstance(step, FeatureUnion):
        parts = [part for _, part in step.transformer_list if not isinstance(part, str)]
        return bool(parts) and all(reads_songs(part) if isinstance(part, Pipeline) else _reads(part) for part in parts)
    # a step of one's own need be no BaseEstimator
    tags = get_tags(step) if hasattr(step, "__sklearn_tags__") else None
    return tags is not None and tags.input_tags.string and not tags.requires_fit


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
    >>> from skmer.inspection.song_readers import reader_and_rest
    >>> reader, rest = reader_and_rest(make_pipeline(DescriptorTransformer(n_jobs=2), SVC()))
    >>> reader.n_jobs, len(rest)
    (1, 1)
    """
    first, *others = steps_of(estimator)
    return reset_run_parameters(first), Pipeline([(str(i), step) for i, step in enumerate(others)])
