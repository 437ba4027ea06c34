"""Parameters of a run rather than of the model, which have the same names in every estimator."""

__all__ = ["RUN_DEFAULTS", "RUN_PARAMETERS", "SEED_AND_RUN_PARAMETERS"]

RUN_DEFAULTS = {"memory": None, "store": None, "n_jobs": 1, "verbose": 0}
"""Folders, processes and progress bars, with the values to which they are reset in a model that is shared."""

RUN_PARAMETERS = frozenset({*RUN_DEFAULTS, "device"})
"""Parameters that do not change the result."""

SEED_AND_RUN_PARAMETERS = RUN_PARAMETERS | {"random_state"}
"""Parameters that are not settings of a model; the seed changes the result."""
