"""content_key: a key of what a thing is and does; class_key: of the code of a class."""

from skmer.content_key._parts import key_of, own_bases

__all__ = ["class_key", "content_key"]


def content_key(thing):
    """Give the key of a value, a function, a class or an object.

    Parameters
    ----------
    thing : object
        Arrays and tensors count by their bytes, tensors also by whether a fit changes them;
        functions by their code, defaults, closure, the globals that they name and the modules of
        one's own that they import in their body; classes of one's own by what stands in their
        bodies and in those of their bases; objects by their class and by what pickle would keep
        of them. Code of Python itself, scikit-learn, skorch, torch, numpy, scipy, librosa, joblib
        and skmer counts by its name, that of other installed packages by its file and the
        version of its package. A text attribute ``cache_key`` is taken for all of a thing.

    Returns
    -------
    str
        64 hexadecimal digits, the same in every process and for a copy.

    Raises
    ------
    TypeError
        If something in it cannot be described, such as a lock; the message names the way to it.
        A random generator that is a global or stands in the body of a class cannot: its state
        changes with each use. So do other globals that are written to, such as a dict of former
        results, and the key with them: give the function a ``cache_key``.

    Notes
    -----
    What does not count: files that code reads, environment variables, what it finds by
    a name made while it runs (`getattr`, `importlib.import_module`, `eval`), compiled code, the
    other files of an installed package whose version stays the same, and methods of what a
    function gets as an argument. A module of one's own that is imported within a function
    counts by its file alone until it is loaded, so that the first use may change the key:
    import it at the top.

    Examples
    --------
    >>> from skmer.content_key import content_key
    >>> content_key(lambda x: x + 1) == content_key(lambda x: x + 1) != content_key(lambda x: x + 2)
    True
    """
    return key_of(thing)


def class_key(kind):
    """Give the key of the code that a class has from its author: it may be changed under its name.

    Parameters
    ----------
    kind : type
        A class.

    Returns
    -------
    str or None
        64 hexadecimal digits; None for a class of a known package, with bases of known packages alone.

    Examples
    --------
    >>> from skmer.content_key import class_key
    >>> class_key(dict) is None
    True
    """
    return key_of(kind) if own_bases(kind) else None
