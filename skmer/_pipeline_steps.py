"""The steps of pipelines with unions and further pipelines in them, and fits that pass groups to them."""

from sklearn import get_config
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object

__all__ = ["first_steps", "fit_with_groups", "leaf_steps"]


def leaf_steps(estimator, name=""):
    """Yield the name and the estimator of each step, in order; a pipeline or union is replaced by its own steps."""
    if not isinstance(estimator, Pipeline | FeatureUnion):
        yield name, estimator
        return
    for part_name, part in _parts(estimator):
        yield from leaf_steps(part, part_name)


def first_steps(estimator, name=""):
    """Yield the name and the estimator of the `leaf_steps` that take the input: in a union, one of each part."""
    if not isinstance(estimator, Pipeline | FeatureUnion):
        yield name, estimator
        return
    parts = _parts(estimator)
    for part_name, part in parts[:1] if isinstance(estimator, Pipeline) else parts:
        yield from first_steps(part, part_name)


def fit_with_groups(estimator, X, y, groups=None):
    """Fit an estimator; pass groups to the steps that request them, where metadata routing is enabled."""
    routed = groups is not None and get_config()["enable_metadata_routing"]
    if routed and get_routing_for_object(estimator).consumes("fit", ["groups"]):
        return estimator.fit(X, y, groups=groups)
    return estimator.fit(X, y)


def _parts(estimator):
    parts = estimator.steps if isinstance(estimator, Pipeline) else estimator.transformer_list
    # "passthrough" and "drop" are no steps
    return [(name, part) for name, part in parts if part is not None and not isinstance(part, str)]
