"""Tables 1 and 2 of the second paper, on MTG-Jamendo or on Emotify."""

import tempfile
import warnings
from contextlib import nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from skmer.model_selection import TAG_SCORES, best_thresholds, best_weight, tag_scores
from skmer.model_selection._fits import run_fits, song_keys, versions
from skmer.model_selection.tag_metrics import weighted_sum
from skmer.reproduction.checks import check_n_splits, check_seeds, chosen_folds
from skmer.reproduction.mirable.fits import fits_of_split, songs_of_fit
from skmer.reproduction.mirable.songs import grouped_splits, load_songs, published_split
from skmer.reproduction.mirable.systems import ROWS, MirableSettings, rows_with_needed
from skmer.reproduction.overwrite import check_overwrite, songs_digest

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
    replaces=None,
    store=None,
    n_jobs=None,
    verbose=0,
):
    """Run Tables 1 and 2 of the second paper, Mirable at MediaEval 2021.

    Parameters
    ----------
    dataset : {"mtg_jamendo", "emotify"}, default="mtg_jamendo"
        MTG-Jamendo by a published split; Emotify, with each emotion that a quarter of a song's listeners felt as a
        tag, in folds by artist.
    settings : MirableSettings, default=None
        Settings that the rows share; by default those of `MirableSettings.for_dataset`.
    data_home, audio_home : str or Path, default=None
        Folder of the collection, and of MTG-Jamendo's tracks if it is elsewhere.
    split : int, default=0
        MTG-Jamendo: number of the published split.
    rows : list of str, default=None
        Rows such as "long-hpcp"; those that they need are added. None is all.
    n_splits : int, default=5
        Emotify: number of folds.
    folds : list of int, default=None
        Numbers of the folds to run; by default all.
    seeds : sequence of int, default=(0,)
        Seeds of the networks.
    subset : int, default=None
        Number of songs to use, for a trial, among those with an audio file; None is all.
    unlabelled : int, default=None
        MTG-Jamendo: largest number of tracks without tags; None is all, or `subset` if it is given.
    hide : float, default=None
        Share of the training songs, by artist, whose tags are hidden from every row, so that students have
        songs without tags. None is half for Emotify, and none for MTG-Jamendo unless there are students and no audio
        without tags.
    replaces : str or Path, default=None
        JSON file that the table is to be written to; see `run_table`.
    store : str or Path, default=None
        Folder of the songs' features and of finished fits. A run that is started again does not repeat them. None
        keeps nothing.
    n_jobs : int, default=None
        Number of threads that decode songs.
    verbose : int, default=0
        1 shows progress.

    Returns
    -------
    dict
        The table, as JSON can hold it: ``table``, ``dataset``, ``title``, ``unit``, ``n_songs``, ``songs`` (a
        digest), ``tags``, ``notes``, ``settings``, ``protocol``, ``parts``, ``rows``, ``versions`` and ``date``.
        `table_markdown` formats it.

    Raises
    ------
    FileNotFoundError, ValueError
        If the data cannot be loaded, a parameter or setting is invalid, or `replaces` must not be replaced. Everything
        is checked before any song is decoded.
    AudioError
        If a song cannot be read.

    Warns
    -----
    UserWarning
        If MTG-Jamendo has no tracks without tags, so that those of some training tracks are hidden.

    Notes
    -----
    All rows of a fold learn from the same songs with tags and are judged on the same test songs; only students are
    trained on the others. The dummy and the logistic regression are fitted once, whatever the seeds: their ``seed`` is
    None. Features are on disk and read as needed, so that memory hardly grows with the number of songs.

    References
    ----------
    Tan, "Semi-Supervised Music Emotion Recognition using Noisy Student Training and Harmonic
    Pitch Class Profiles" (2021), Tables 1 and 2.

    Examples
    --------
    >>> from skmer.reproduction import run_mirable
    >>> table = run_mirable("emotify", store="mirable")  # doctest: +SKIP
    """
    settings = MirableSettings.for_dataset(dataset) if settings is None else settings
    names = rows_with_needed(rows)
    seeds, n_splits = check_seeds(seeds), check_n_splits(n_splits)
    if hide is not None and not 0 <= hide < 1:
        raise ValueError(f"hide={hide} must be a share, at least 0 and below 1.")
    songs = load_songs(dataset, data_home, audio_home=audio_home, split=split, subset=subset, unlabelled=unlabelled)
    hide = _share_to_hide(songs, hide, any(ROWS[name].kind == "student" for name in names))
    all_splits = [published_split(songs, hide)] if songs.parts else grouped_splits(songs, n_splits, hide)
    splits = [all_splits[i] for i in chosen_folds(folds, len(all_splits))]
    settings.check([ROWS[name] for name in names if ROWS[name].length], len(songs.tags))
    places = [
        (fold, seed, name)
        for fold in splits
        for seed in [None, *seeds]
        for name in names
        if ROWS[name].seeded == (seed is not None)
    ]
    table = {
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
            "n_folds": len(all_splits),
            "folds": [fold.fold for fold in splits],
            "seeds": seeds,
            "hide": float(hide),
            "subset": subset,
            "unlabelled": unlabelled,
        },
        "parts": [_counts(fold, songs) for fold in splits],
        "rows": [{"name": name, "fold": fold.fold, "seed": seed} for fold, seed, name in places],
        "versions": versions(),
    }
    if replaces is not None:
        check_overwrite(replaces, table)
    fitted, looped = _run_fits(splits, names, seeds, songs, settings, store, n_jobs, verbose)
    for part in table["parts"]:
        part["looped"] = looped.get(part["fold"])
    for row, (fold, seed, name) in zip(table["rows"], places, strict=True):
        row |= _judge(fold, songs, name, {need: fitted.get((fold.fold, seed, need)) for need in names})
    return {**table, "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M")}


def _run_fits(splits, names, seeds, songs, settings, store, n_jobs, verbose):
    """Return the result of each row by fold, seed and name, and by fold how many songs were repeated."""
    with tempfile.TemporaryDirectory() if store is None else nullcontext(store) as folder:
        blocks, keys = Path(folder) / "blocks", song_keys(songs.paths)
        planned = [
            (split, *found)
            for split in splits
            for found in fits_of_split(split, names, seeds, songs, keys, settings, blocks, verbose)
        ]
        read = {fit.key: songs_of_fit(split, group) for split, group, _, fit in planned}

        def decode(missing):
            # decode all songs once, with the pitch class profiles that some rows need; the fits only open the files
            positions = np.unique(np.concatenate([read[fit.key] for fit in missing]))
            transformer = settings.blocks("short", True).set_params(store=blocks, n_jobs=n_jobs, verbose=verbose)
            transformer.transform([songs.paths[i] for i in positions])

        fits = [fit for *_, fit in planned]
        kept = None if store is None else Path(folder) / "rows"
        results, _ = run_fits(fits, kept, verbose=verbose, description="Rows", on_missing=decode)
    fitted: dict = {}
    looped: dict = {}
    for (split, group, seed, _), result in zip(planned, results, strict=True):
        for name in group:
            fitted[split.fold, seed, name] = {**result["rows"][name], "versions": result["versions"]}
        most = looped.get(split.fold)
        if result["looped"] is not None and (most is None or result["looped"]["of"] > most["of"]):
            looped[split.fold] = result["looped"]
    return fitted, looped


def _judge(split, songs, name, fitted):
    """Return a row's scores on the test songs, with thresholds from the validation songs, and further results."""
    row, more = ROWS[name], {}
    y = {part: songs.target[getattr(split, part)] for part in ("labelled", "validation", "test")}
    if row.kind == "dummy":
        share = y["labelled"].mean(0, keepdims=True)
        scores = {part: np.repeat(share, len(y[part]), axis=0) for part in ("validation", "test")}
    elif row.kind == "ensemble":
        short, long = (fitted[need]["logits"] for need in row.needs)
        more["weight"] = float(best_weight(y["validation"], short["validation"], long["validation"]))
        scores = {
            part: weighted_sum(np.array(short[part]), np.array(long[part]), more["weight"])
            for part in ("validation", "test")
        }
    else:
        scores = fitted[name]["logits"]
        more = {key: value for key, value in fitted[name].items() if key != "logits"}
    return {**judge_tags(y, songs.tags, scores), **more}


def judge_tags(y, tags, scores):
    """Return the mean scores of the test songs, and those of each tag, with None for undefined scores."""
    with warnings.catch_warnings():
        # the report lists such tags once for a fold, not for each row
        warnings.simplefilter("ignore", UserWarning)
        thresholds = best_thresholds(y["validation"], scores["validation"], tags)
        found = tag_scores(y["test"], scores["test"], thresholds, tags)
    per_tag = {
        name: [float(value) if np.isfinite(value) else None for value in found["per_tag"][name]] for name in TAG_SCORES
    }
    return {"scores": {name: found[name] for name in TAG_SCORES}, "per_tag": per_tag}


def _counts(split, songs):
    """Return the numbers of songs of a split, and the tags without a labelled, validation or test song."""
    counts = {key: len(value) for key, value in asdict(split).items() if key != "fold"}
    lacking = {
        f"tags_not_in_{part}": [
            tag for tag, has in zip(songs.tags, songs.target[getattr(split, part)].any(0), strict=True) if not has
        ]
        for part in ("labelled", "validation", "test")
    }
    hidden = int((split.unlabelled < len(songs.target)).sum())
    return {"fold": split.fold, **counts, "hidden": hidden, **lacking}


def _share_to_hide(songs, hide, has_students):
    none = not len(songs.untagged)
    if hide is None and not songs.parts:
        return 0.5  # independent of the rows, so that tables with other rows can be combined
    if hide is None:
        if none and has_students:
            warnings.warn(
                f"There are no {songs.unit}s without tags for the students: the tags of half of the training "
                f"{songs.unit}s are hidden from every row instead. To use all tags, provide the audio of the whole "
                "collection, or leave out the ensemble and the rows that end in -noisy.",
                UserWarning,
                stacklevel=3,
            )
        return 0.5 if none and has_students else 0.0
    if not hide and none and has_students:
        raise ValueError(
            f"hide=0 leaves the students without songs, because the collection has no {songs.unit}s without tags: "
            "increase hide, or leave out the ensemble and the rows that end in -noisy."
        )
    return hide
