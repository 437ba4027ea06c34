"""MirablePlan: which rows are of which songs and seeds, known before anything is decoded or trained."""

import operator
import warnings
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import numpy as np

from skmer.model_selection._fold_jobs import versions
from skmer.reproduction.mirable.parts import Part, grouped_parts, published_part
from skmer.reproduction.mirable.rows import ROWS, check_rows, with_needed
from skmer.reproduction.mirable.settings import MirableSettings
from skmer.reproduction.mirable.songs import TaggedSongs, load_songs
from skmer.reproduction.tables import songs_digest

__all__ = ["MirablePlan", "plan_mirable"]

_LAST_SEED = 2**32 - 1  # of NumPy's generators


@dataclass(frozen=True)
class MirablePlan:
    """What a table will be of.

    Parameters
    ----------
    dataset : str
        The collection.
    settings : MirableSettings
        What the rows have in common.
    songs : TaggedSongs
        With tags and without.
    names : list of str
        Rows, with those that they need.
    parts : list of Part
        The folds that are run.
    seeds : list of int
        Of the networks.
    protocol : dict
        How the parts came about, for the report.

    Examples
    --------
    >>> from skmer.reproduction.mirable import MirablePlan, MirableSettings
    >>> plan = MirablePlan("emotify", MirableSettings(), None, ["dummy", "baseline"], [], [0, 1], {})
    >>> [(seed, plan.names_of(seed)) for seed in plan.all_seeds]
    [(None, ['dummy']), (0, ['baseline']), (1, ['baseline'])]
    """

    dataset: str
    settings: MirableSettings
    songs: TaggedSongs
    names: list[str]
    parts: list[Part]
    seeds: list[int]
    protocol: dict

    @property
    def all_seeds(self):
        """None, for the rows that no seed has a say in, and the seeds."""
        return [None, *self.seeds]

    def names_of(self, seed):
        """Give the rows that are run with a seed, or without one.

        Parameters
        ----------
        seed : int or None
            One of `all_seeds`.

        Returns
        -------
        list of str
            In the order of the tables.
        """
        return [name for name in self.names if ROWS[name].seeded == (seed is not None)]

    def outline(self):
        """Give the table without its figures.

        Returns
        -------
        dict
            As `run_plan` gives it; of a row there are ``name``, ``fold`` and ``seed``.
        """
        songs = self.songs
        return {
            "table": "mirable",
            "dataset": self.dataset,
            "title": songs.title,
            "unit": songs.unit,
            "n_songs": len(songs.target),
            "n_artists": len(np.unique(songs.groups)),
            "songs": songs_digest(songs.paths),
            "tags": list(songs.tags),
            "notes": list(songs.notes),
            "settings": self.settings.to_dict(),
            "protocol": self.protocol,
            "parts": [_about(part, songs) for part in self.parts],
            "rows": [
                {"name": name, "fold": part.fold, "seed": seed}
                for part in self.parts
                for seed in self.all_seeds
                for name in self.names_of(seed)
            ],
            "versions": versions(),
            "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        }


def plan_mirable(
    dataset="mtg_jamendo",
    settings=None,
    *,
    data_home=None,
    audio_home=None,
    split=0,
    rows=None,
    n_splits=5,
    folds=None,
    seeds=(0,),
    subset=None,
    unlabelled=None,
    hide=None,
):
    """Find the songs, and refuse whatever would fail later, before anything is decoded.

    Parameters
    ----------
    dataset : {"mtg_jamendo", "emotify"}, default="mtg_jamendo"
        MTG-Jamendo by a published split; Emotify, with each emotion that a quarter of a song's listeners felt as a
        tag, in folds by artist.
    settings : MirableSettings, default=None
        What the rows have in common; by default the paper's, and of Emotify those of `MirableSettings.for_dataset`.
    data_home, audio_home : str or Path, default=None
        Folder of the collection, and of MTG-Jamendo's tracks if it is elsewhere.
    split : int, default=0
        MTG-Jamendo: number of the published split.
    rows : list of str, default=None
        Some of `ROWS`; those that they need are added. None is all.
    n_splits : int, default=5
        Emotify: number of folds.
    folds : list of int, default=None
        Only these.
    seeds : sequence of int, default=(0,)
        Of the networks.
    subset : int, default=None
        Use so many songs, for a trial.
    unlabelled : int, default=None
        MTG-Jamendo: use so many tracks without tags at most; None is all, or `subset` where there is one.
    hide : float, default=None
        Share of the training songs, artist by artist, whose tags are hidden from every row, so that students have
        songs without tags. None is half of Emotify's, and of MTG-Jamendo's none unless there are students and no audio
        without tags.

    Returns
    -------
    MirablePlan
        For `run_plan`.

    Raises
    ------
    FileNotFoundError, ValueError
        From the loader and the settings; or if rows, folds, seeds or songs do not fit together.

    Warns
    -----
    UserWarning
        If MTG-Jamendo has no songs without tags, so that some of its training songs serve.

    See Also
    --------
    run_plan : What is done with it.

    Examples
    --------
    >>> from skmer.reproduction.mirable import plan_mirable
    >>> plan_mirable("emotify", seeds=[])
    Traceback (most recent call last):
    ...
    ValueError: seeds must be whole numbers from 0, at least one, not [].
    """
    settings = MirableSettings.for_dataset(dataset) if settings is None else settings
    names = with_needed(check_rows(rows))
    seeds, n_splits = _check_seeds(seeds), _check_n_splits(n_splits)
    if hide is not None and not 0 <= hide < 1:
        raise ValueError(f"hide={hide} must be a share, at least 0 and below 1.")
    songs = load_songs(dataset, data_home, audio_home=audio_home, split=split, subset=subset, unlabelled=unlabelled)
    hide = _share_to_hide(songs, hide, any(ROWS[name].kind == "student" for name in names))
    parts = [published_part(songs, hide)] if songs.parts else grouped_parts(songs, n_splits, hide)
    n_folds, parts = len(parts), _chosen(parts, folds)
    settings.check([ROWS[name] for name in names if ROWS[name].length], len(songs.tags))
    protocol = {
        "split": split if songs.parts else None,
        "n_folds": n_folds,
        "folds": [part.fold for part in parts],
        "seeds": seeds,
        "hide": float(hide),
        "subset": subset,
        "unlabelled": unlabelled,
    }
    return MirablePlan(dataset, settings, songs, names, parts, seeds, protocol)


def _check_seeds(seeds):
    try:
        found = list(dict.fromkeys(map(operator.index, seeds)))
    except TypeError:
        found = []
    if not found or min(found) < 0 or max(found) > _LAST_SEED:
        told = "at least one" if not found or min(found) < 0 else f"to {_LAST_SEED}"
        raise ValueError(f"seeds must be whole numbers from 0, {told}, not {seeds}.")
    return found


def _check_n_splits(n_splits):
    try:
        number = operator.index(n_splits)
    except TypeError:
        number = 0
    if number < 2:
        raise ValueError(f"n_splits must be a whole number, at least 2, not {n_splits!r}.")
    return number


def _share_to_hide(songs, hide, has_students):
    none = not len(songs.untagged)
    if hide is None and not songs.parts:
        return 0.5  # whatever rows are asked for, so that all of them can be put together
    if hide is None:
        if none and has_students and songs.parts:
            warnings.warn(
                f"There is no audio of {songs.unit}s that the split does not name: the tags of half of the training "
                f"{songs.unit}s are hidden from every row, so that the students have some. With the whole collection's "
                "audio, or without the rows that end in -noisy and the ensemble, all tags are learnt from.",
                UserWarning,
                stacklevel=3,
            )
        return 0.5 if none and has_students else 0.0
    if not hide and none and has_students:
        raise ValueError(
            f"hide=0 leaves the students without songs to hear, for there are no {songs.unit}s without tags beside "
            "those of the collection: hide some, or leave out the rows that end in -noisy, and the ensemble."
        )
    return hide


def _chosen(parts, folds):
    if folds is None:
        return parts
    try:
        chosen = sorted({operator.index(fold) for fold in folds})
    except TypeError:
        chosen = []
    if not chosen or chosen[0] < 0 or chosen[-1] >= len(parts):
        raise ValueError(f"folds must be some of 0 to {len(parts) - 1}, got {folds}.")
    return [parts[fold] for fold in chosen]


def _about(part, songs):
    """Tell the numbers of songs of a part, and the tags that it cannot learn, set a threshold for, or judge."""
    counts = {key: len(value) for key, value in asdict(part).items() if key != "fold"}
    lacking = {
        f"tags_not_in_{which}": [
            tag for tag, has in zip(songs.tags, songs.target[getattr(part, which)].any(0), strict=True) if not has
        ]
        for which in ("labelled", "validation", "test")
    }
    hidden = int((part.unlabelled < len(songs.target)).sum())
    return {"fold": part.fold, **counts, "hidden": hidden, **lacking}
