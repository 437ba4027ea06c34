"""Times as ratios within one run, so that the load of the machine affects both sides alike."""

import time

import numpy as np


def interleave(functions, rounds, clock=time.perf_counter):
    """Time functions in turn, round by round.

    Parameters
    ----------
    functions : dict of str to callable
        Without parameters. Each is called once beforehand, so that the cost of a first call does not count.
    rounds : int
        Number of times that each is timed. Every other round has the reverse order, so that no function always
        follows the same one.
    clock : callable, default=time.perf_counter
        Returns seconds.

    Returns
    -------
    dict of str to ndarray of shape (rounds,)
        Seconds.
    """
    for function in functions.values():
        function()
    seconds: dict = {name: [] for name in functions}
    for i in range(rounds):
        for name in list(functions)[:: 1 if i % 2 == 0 else -1]:
            began = clock()
            functions[name]()
            seconds[name].append(clock() - began)
    return {name: np.array(values) for name, values in seconds.items()}


def spread(values):
    """Return ``{"median", "low", "high", "n"}`` of some values; low and high are the quartiles."""
    low, median, high = np.percentile(values, [25, 50, 75])
    return {"median": float(median), "low": float(low), "high": float(high), "n": len(values)}


def row(what, values, aim=None, at_least=False, unit="×"):
    """Return a row of a report.

    Parameters
    ----------
    what : str
        Description of the figure.
    values : array-like or float
        The figure in each round; or the one value of a count.
    aim : float, default=None
        The figure to reach.
    at_least : bool, default=False
        Whether the figure must not be below the aim; by default it must not be above it.
    unit : str, default="×"
        Unit of the figure.

    Returns
    -------
    dict
        As JSON can hold it.
    """
    figures = spread(np.atleast_1d(values))
    reached = None if aim is None else bool(figures["median"] >= aim if at_least else figures["median"] <= aim)
    return {"what": what, **figures, "unit": unit, "aim": aim, "at_least": at_least, "reached": reached}
