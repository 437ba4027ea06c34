"""run_mirable: Tables 1 and 2 of the second paper, on MTG-Jamendo or on Emotify."""

import operator
import tempfile
import warnings
from contextlib import nullcontext
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from skmer.model_selection._fold_jobs import versions
from skmer.model_selection.fold_store import song_names
from skmer.reproduction.collections import songs_digest
from skmer.reproduction.mirable.inputs import Inputs
from skmer.reproduction.mirable.jobs import RowJob, part_key
from skmer.reproduction.mirable.judge import dummy_scores, ensemble_scores, judge
from skmer.reproduction.mirable.parts import grouped_parts, published_part
from skmer.reproduction.mirable.row_store import RowStore
from skmer.reproduction.mirable.rows import ROWS, check_rows, with_needed
from skmer.reproduction.mirable.settings import MirableSettings
from skmer.reproduction.mirable.songs import load_songs

__all__ = ["run_mirable"]


def run_mirable(
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
    store=None,
    n_jobs=None,
    verbose=0,
):
    """Run the rows of Tables 1 and 2 of Mirable on a collection with tags.

    Parameters
    ----------
    dataset : {"mtg_jamendo", "emotify"}, default="mtg_jamendo"
        MTG-Jamendo by a published split; Emotify, with each emotion that a quarter of a song's listeners felt as a
        tag, in folds by artist.
    settings : MirableSettings, default=None
        What the rows have in common; by default the paper's.
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
        MTG-Jamendo: use so many tracks without tags at most.
    hide : float, default=None
        Share of the training songs, artist by artist, whose tags are hidden from every row, so that students have
        songs without tags. None is half of Emotify's, and of MTG-Jamendo's none unless there are students and no audio
        without tags.
    store : str or Path, default=None
        Folder of the songs' blocks and of the finished rows with their taggers; a run that is started again
        takes up what it finds there. None keeps nothing.
    n_jobs : int, default=None
        Threads that decode songs.
    verbose : int, default=0
        1 shows progress.

    Returns
    -------
    dict
        As JSON can hold it: ``table``, ``dataset``, ``title``, ``unit``, ``n_songs``, ``songs`` (a digest), ``tags``,
        ``notes``, ``settings``, ``protocol``, ``parts``, ``rows``, ``versions`` and ``date``.

    Raises
    ------
    FileNotFoundError, ValueError
        From the loader and the settings; or if rows, folds or songs do not fit together.
    AudioError
        If a song cannot be read.

    Warns
    -----
    UserWarning
        If MTG-Jamendo has no songs without tags, so that some of its training songs serve.

    See Also
    --------
    mirable_markdown : Writes it for people.

    Notes
    -----
    All rows of a part learn from the same songs with tags and are judged on the same test songs; only students hear
    the others. A finished row is taken up when all that decides it is the same: songs, tags, parameters, seed,
    teacher and skmer's code between songs and logits. Memory does not grow with the number of songs but for some
    kilobytes each: blocks are on disk and read as they are needed.

    References
    ----------
    Tan, "Semi-Supervised Music Emotion Recognition using Noisy Student Training and Harmonic
    Pitch Class Profiles" (2021), Tables 1 and 2.

    Examples
    --------
    >>> from skmer.reproduction.mirable import run_mirable
    >>> table = run_mirable("emotify", store="mirable")  # doctest: +SKIP
    """
    settings = MirableSettings() if settings is None else settings
    names = with_needed(check_rows(rows))
    if hide is not None and not 0 <= hide < 1:
        raise ValueError(f"hide={hide} must be a share, at least 0 and below 1.")
    songs = load_songs(dataset, data_home, audio_home=audio_home, split=split, subset=subset, unlabelled=unlabelled)
    settings.check([ROWS[name] for name in names if ROWS[name].length], len(songs.tags))
    has_students = any(ROWS[name].kind == "student" for name in names)
    hide = _share_to_hide(songs, hide, has_students)
    if songs.parts:
        parts, n_folds = [published_part(songs, hide)], 1
    else:
        parts = grouped_parts(songs, n_splits, hide)
        n_folds = len(parts)
    parts = _chosen(parts, folds)
    if not has_students:
        # what nobody hears need not be read
        parts = [replace(part, unlabelled=part.unlabelled[part.unlabelled < len(songs.target)]) for part in parts]
    with tempfile.TemporaryDirectory() if store is None else nullcontext(store) as folder:
        found = _run(names, parts, list(seeds), songs, settings, Path(folder), n_jobs, verbose)
    return {
        "table": "mirable",
        "dataset": dataset,
        "title": songs.title,
        "unit": songs.unit,
        "n_songs": len(songs.target),
        "n_artists": len(np.unique(songs.groups)),
        "songs": songs_digest(songs.paths),
        "tags": list(songs.tags),
        "notes": list(songs.notes),
        "settings": settings.to_dict(),
        "protocol": {
            "split": split if songs.parts else None,
            "n_folds": n_folds,
            "folds": [part.fold for part in parts],
            "seeds": list(seeds),
            "hide": float(hide),
            "subset": subset,
            "unlabelled": unlabelled,
        },
        "parts": [_about(part, songs) for part in parts],
        "rows": found,
        "versions": versions(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
    }


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


def _run(names, parts, seeds, songs, settings, folder, n_jobs, verbose):
    """Train what is not kept yet, and judge every row."""
    known, store = song_names(songs.paths), RowStore(folder / "rows")
    jobs: dict = {}
    for part in parts:
        key = part_key(part, songs, known)
        for seed in seeds:
            for name in names:
                row = ROWS[name]
                if row.length is not None:
                    teacher = jobs[part.fold, seed, row.needs[0]] if row.kind == "student" else None
                    jobs[part.fold, seed, name] = RowJob(name, part, seed, songs, key, settings, store, teacher)
    missing = [job for job in jobs.values() if job.load() is None]
    needed = np.unique(np.concatenate([part.songs for part in parts]))
    inputs = Inputs(songs.paths, needed, settings, folder / "blocks", n_jobs, verbose)
    if missing:
        inputs.prepare()
    _train(missing, list(jobs.values()), inputs, verbose)
    return [
        found
        for part in parts
        for seed in seeds
        for found in _judge(names, part, seed, songs, {name: jobs.get((part.fold, seed, name)) for name in names})
    ]


def _train(missing, jobs, inputs, verbose):
    total, left = sum(job.cost for job in jobs), sum(job.cost for job in missing)
    layout = "{desc}: {percentage:3.0f}%|{bar}| {postfix} [{elapsed}<{remaining}]"
    n_left = len(missing)
    with tqdm(total=total, initial=total - left, desc="Rows", bar_format=layout, disable=not verbose) as bar:
        for job in missing:
            bar.set_postfix_str(f"{job.name}, fold {job.part.fold}, seed {job.seed}; {n_left} of {len(jobs)} left")
            # a teacher whose tagger was gone has been run by its student
            if job.load() is None:
                job.run(inputs, verbose)
            n_left -= 1
            bar.update(job.cost)


def _judge(names, part, seed, songs, jobs):
    records = {name: job.load() for name, job in jobs.items() if job is not None}
    for name in names:
        row, more = ROWS[name], {}
        if row.kind == "dummy":
            scores = dummy_scores(part, songs.target)
        elif row.kind == "ensemble":
            both = (records[need]["predictions"] for need in row.needs)
            scores, more["weight"] = ensemble_scores(part, songs.target, *both)
        else:
            scores = records[name]["predictions"]
            kept = ("seconds", "history", "pseudo_labels", "C", "versions")
            more = {key: records[name][key] for key in kept if key in records[name]}
        yield {"name": name, "fold": part.fold, "seed": seed, **judge(part, songs.target, songs.tags, scores), **more}


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
