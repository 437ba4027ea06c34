"""Steps that several pipelines have."""

from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer.aggregation import SongAggregator
from skmer.feature_extraction import SegmentStatistics
from skmer.sssl import SSSLClassifier

__all__ = ["final_steps", "network_steps", "rows_for"]


def rows_for(network):
    """Return the step that computes rows of features from segments, if the network takes these."""
    return [("segment_statistics", SegmentStatistics())] if network.backbone == "mlp" else []


def network_steps(recipe, params):
    """Return the steps from segments to song statistics."""
    network = SSSLClassifier(**params) if recipe is None else SSSLClassifier.from_recipe(recipe, **params)
    return [*rows_for(network), ("sssl", network), ("statistics", SongAggregator())]


def final_steps(final_estimator):
    """Return the steps from features of songs to classes."""
    return [("scaler", StandardScaler()), ("svm", SVC() if final_estimator is None else final_estimator)]
