"""The door of the figures of tags: tables of tags and of scores, or an error in words."""

import numpy as np

__all__ = ["NO_TAG_TO_JUDGE", "check_scores", "check_tag_table"]

NO_TAG_TO_JUDGE = "No tag can be judged: each is in y_true with no song or with every song."


def check_tag_table(y_true):
    """Give tags as an array (n_songs, n_tags) of bool."""
    y_true = _table("y_true", y_true)
    if not np.isin(y_true, (0, 1)).all():
        raise ValueError("y_true must hold 0 and 1 (or False and True) alone.")
    return y_true.astype(bool)


def check_scores(parameter, values, y_true, names=None):
    """Give scores as float64 of the shape of checked tags, all of them finite; `names` are those of the tags."""
    values = _table(parameter, values).astype(float)
    if values.shape != y_true.shape:
        raise ValueError(f"{parameter} has the shape {values.shape}, y_true has {y_true.shape}: they must be the same.")
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        song, tag = wrong[0]
        name = f"tag {tag}" if names is None else names[tag]
        raise ValueError(
            f"{parameter} must be finite, but {len(wrong)} of its values are not, the first that of song {song} for "
            f"{name}."
        )
    return values


def _table(parameter, values):
    try:
        values = np.asarray(values)
    except ValueError:
        raise ValueError(f"{parameter} has rows of unequal lengths: give each song a value for every tag.") from None
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"{parameter} must have the shape (n_songs, n_tags), both above 0, not {values.shape}.")
    if values.dtype.kind not in "buif":
        raise ValueError(f"{parameter} must hold numbers, not {values.dtype}.")
    return values
