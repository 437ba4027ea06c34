"""Pages that a browser opens from disk, to listen to songs: where their curves are drawn, or to annotate them."""

from skmer.listening.annotation import write_annotation_page

__all__ = ["write_annotation_page"]
