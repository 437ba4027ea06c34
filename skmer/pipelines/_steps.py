"""Steps that several pipelines have."""

from sklearn.preprocessing import StandardScaler

from skmer.aggregation import SongAggregator
from skmer.feature_extraction import SegmentStatistics
from skmer.pipelines.calibration import CalibratedSVC
from skmer.sssl import SSSLClassifier

__all__ = ["final_steps", "network_steps", "rows_for"]


def rows_for(network):
    """Return the step that computes rows of features from segments, if the network takes these."""
    return [("segment_statistics", SegmentStatistics())] if network.backbone == "mlp" else []


def network_steps(recipe, params):
    """Return the steps from segments to song statistics."""
    network = SSSLClassifier(**params) if recipe is None else SSSLClassifier.from_recipe(recipe, **params)
    return [*rows_for(network), ("sssl", network), ("statistics", SongAggregator())]


def final_steps(final_estimator, network_cv=None):
    """Return the steps from features of songs to classes; `network_cv` is the `cv` of a network before them."""
    if final_estimator is None:
        # features by a network that was trained on the same songs say nothing of its errors on others
        final_estimator = CalibratedSVC(cv=None) if network_cv == "insample" else CalibratedSVC()
    return [("scaler", StandardScaler()), ("svm", final_estimator)]
