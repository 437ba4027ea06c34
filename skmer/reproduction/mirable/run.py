"""run_plan: Tables 1 and 2 of the second paper, on MTG-Jamendo or on Emotify."""

import tempfile
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from skmer.model_selection.fold_store import song_names
from skmer.reproduction.mirable.inputs import Inputs
from skmer.reproduction.mirable.jobs import RowJob, part_key
from skmer.reproduction.mirable.judge import dummy_scores, ensemble_scores, judge
from skmer.reproduction.mirable.row_store import RowStore
from skmer.reproduction.mirable.rows import ROWS

__all__ = ["run_plan"]


def run_plan(plan, *, store=None, n_jobs=None, verbose=0):
    """Run the rows of Tables 1 and 2 of Mirable, as they were planned.

    Parameters
    ----------
    plan : MirablePlan
        What `plan_mirable` gives.
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
    AudioError
        If a song cannot be read.
    ValueError
        If a kept row is damaged.

    See Also
    --------
    mirable_markdown : Writes it for people.
    plan_mirable : Makes the plan.

    Notes
    -----
    All rows of a part learn from the same songs with tags and are judged on the same test songs; only students hear
    the others. The dummy and the logistic regression are run once, whatever the seeds: their ``seed`` is None. A
    finished row is taken up when all that decides it is the same: songs, tags, parameters, seed, teacher and skmer's
    code between songs and logits. Memory does not grow with the number of songs but for some kilobytes each: blocks
    are on disk and read as they are needed.

    References
    ----------
    Tan, "Semi-Supervised Music Emotion Recognition using Noisy Student Training and Harmonic
    Pitch Class Profiles" (2021), Tables 1 and 2.

    Examples
    --------
    >>> from skmer.reproduction.mirable import plan_mirable, run_plan
    >>> table = run_plan(plan_mirable("emotify"), store="mirable")  # doctest: +SKIP
    """
    with tempfile.TemporaryDirectory() if store is None else nullcontext(store) as folder:
        jobs = _train(plan, Path(folder), n_jobs, verbose)
        table = plan.outline()
        table["rows"] = [
            found
            for part in plan.parts
            for seed in plan.all_seeds
            for found in _judge(
                plan.names_of(seed), part, seed, plan.songs, {n: jobs.get((part.fold, seed, n)) for n in plan.names}
            )
        ]
        for part in table["parts"]:
            part["looped"] = _begun_again(job for (fold, *_), job in jobs.items() if fold == part["fold"])
    return table


def _train(plan, folder, n_jobs, verbose):
    """Train what is not kept yet; give the jobs of all rows by fold, seed and name."""
    known, store = song_names(plan.songs.paths), RowStore(folder / "rows")
    jobs: dict = {}
    for part in plan.parts:
        key = part_key(part, plan.songs, known)
        for seed in plan.all_seeds:
            for name in plan.names_of(seed):
                row = ROWS[name]
                if row.length is not None:
                    teacher = jobs[part.fold, seed, row.needs[0]] if row.kind == "student" else None
                    jobs[part.fold, seed, name] = RowJob(
                        name, part, seed, plan.songs, key, plan.settings, store, teacher
                    )
    missing = [job for job in jobs.values() if job.load() is None]
    if missing:
        # what no row hears is not decoded; a teacher hears nothing that its student does not hear
        needed = np.unique(np.concatenate([job.heard for job in missing]))
        inputs = Inputs(plan.songs.paths, needed, plan.settings, folder / "blocks", n_jobs, verbose)
        inputs.prepare()
        _run_missing(missing, list(jobs.values()), inputs, verbose)
    return jobs


def _begun_again(jobs):
    """Give what the row that hears the most songs of a part says of those that were too short."""
    found = [job.load()["looped"] for job in jobs if job.row.length == "long"]
    return max(found, key=lambda one: one["of"], default=None)


def _run_missing(missing, jobs, inputs, verbose):
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
