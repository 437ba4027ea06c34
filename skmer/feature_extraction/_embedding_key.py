"""embedding_key: a text that tells an embedding from any other, for the cache of what it gave."""

import os
from functools import cache
from importlib.metadata import version

import skmer
from skmer._io import file_digest
from skmer.content_key import content_key, given_key

__all__ = ["embedding_key"]

# whose code the content key knows by its name; versions are read without importing anything
_PACKAGES = ("torch", "numpy", "scipy", "librosa", "scikit-learn")


def embedding_key(embedding):
    """Give the key of an embedding: of a file its bytes, of all else what `skmer.content_key` says.

    To the latter belong the versions of the packages that `skmer.content_key` knows by name.
    An attribute ``cache_key`` of the embedding, a text, is taken for all of it.
    """
    if isinstance(embedding, str | os.PathLike):
        return f"file {file_digest(embedding)}"
    given = given_key(embedding)
    if given is not None:
        return f"own {given}"
    try:
        return f"{_versions()} {content_key(embedding)}"
    except TypeError as error:
        raise ValueError(
            f"memory is set, but embedding={embedding!r:.80} cannot be told from others of its kind, so that old "
            f"results might be taken for new ones (memory=None keeps none): {error}"
        ) from error


@cache
def _versions():
    return " ".join([f"skmer {skmer.__version__}", *(f"{package} {version(package)}" for package in _PACKAGES)])
