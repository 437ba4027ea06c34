"""given_key: the text by which an author tells a thing from others of its kind."""

import contextlib

__all__ = ["given_key"]


def given_key(thing):
    """Give the text by which its author tells a thing from others of its kind.

    Parameters
    ----------
    thing : object
        Such as a function or a network with an attribute ``cache_key``.

    Returns
    -------
    str or None
        None if it has no such text. That of a class is for its objects.

    Examples
    --------
    >>> from skmer.content_key import given_key
    >>> def embedding(windows): ...
    >>> embedding.cache_key = "VGGish"
    >>> given_key(embedding)
    'VGGish'
    """
    found = None
    # a property may fail, and does not say more then
    with contextlib.suppress(Exception):
        found = None if isinstance(thing, type) else getattr(thing, "cache_key", None)
    return found if isinstance(found, str) else None
