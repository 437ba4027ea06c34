"""The parameters that concern a run and not the model; every estimator has the same names for them."""

__all__ = ["RUN_DEFAULTS", "RUN_PARAMETERS", "SEED_AND_RUN_PARAMETERS"]

RUN_DEFAULTS = {"memory": None, "store": None, "n_jobs": 1, "verbose": 0}
"""Folders, processes and progress bars, with the values to which a model that is shared is reset."""

RUN_PARAMETERS = frozenset({*RUN_DEFAULTS, "device"})
"""Parameters that do not change the result."""

SEED_AND_RUN_PARAMETERS = RUN_PARAMETERS | {"random_state"}
"""Parameters that are no settings of a model; the seed changes the result."""
