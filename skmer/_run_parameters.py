"""Which parameters are a run's and not a model's: every estimator calls them by the same names."""

__all__ = ["INDIFFERENT", "OF_RUN", "WITHOUT_TRACE"]

WITHOUT_TRACE = {"memory": None, "store": None, "n_jobs": 1, "verbose": 0}
"""Folders, processes and progress bars, each with the value that says nothing of a run."""

INDIFFERENT = frozenset({*WITHOUT_TRACE, "device"})
"""What changes how a result is come by, not the result."""

OF_RUN = INDIFFERENT | {"random_state"}
"""The seed too, which decides the result but is no setting of a model."""
