"""Keys of what things are and do, the same in every process, for all that is kept on disk."""

from skmer.content_key.given import given_key
from skmer.content_key.keys import class_key, content_key

__all__ = ["class_key", "content_key", "given_key"]
