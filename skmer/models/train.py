"""train_model: estimate the accuracy of a system on labelled songs, and fit it on all of them."""

import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joblib
from sklearn import config_context

from skmer._pipeline_steps import first_steps, leaf_steps
from skmer._run_parameters import RUN_DEFAULTS
from skmer.model_selection._fits import fit_key
from skmer.model_selection.systems import fit_with_groups
from skmer.models.calibration import set_temperature
from skmer.models.card import format_steps, groups_sentence, make_card
from skmer.models.checks import check_cross_fitting, check_device
from skmer.models.config import CANDIDATES, changed_parameters, default_parameters, make_candidates, read_config
from skmer.models.estimate import estimate
from skmer.models.tasks import task_of
from skmer.models.training_songs import UnreadableSongs, check_songs, join_copies, read_songs
from skmer.training.runtime import choose_device

__all__ = ["TrainedModel", "train_model"]


@dataclass(frozen=True)
class TrainedModel:
    """A fitted pipeline and its model card.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted on all songs that could be used.
    card : dict
        The model card as plain values, which `card_markdown` formats.

    See Also
    --------
    train_model : Trains a model.
    save_trained_model : Writes it.

    Examples
    --------
    >>> from skmer.models import TrainedModel
    >>> TrainedModel(None, {"system": "log-mel"}).card["system"]
    'log-mel'
    """

    pipeline: Any
    card: dict


def train_model(
    songs,
    system="sssl",
    config=None,
    *,
    n_splits=5,
    seed=0,
    device="auto",
    max_duration=30.0,
    license=None,
    store=None,
    skip_unreadable=False,
    n_jobs=None,
    verbose=0,
    say=None,
):
    """Estimate the accuracy of a system on labelled songs by cross-validation, then fit it on all of them.

    Parameters
    ----------
    songs : :class:`~sklearn.utils.Bunch`
        As the loaders and `make_songs` return it: ``data`` (paths, or waveforms at the sampling rate of the
        steps that read them), ``target`` and optionally ``groups``, such as artists. A target of floats, of shape
        (n_songs,) or (n_songs, n_targets), are ratings, whose names are ``target_names``; all others are classes. With
        ``collection``, the name of a published collection, the card has its ``DESCR``.
    system : {"sssl", "cross-entropy", "descriptors", "log-mel", "musicnn", "joined", "auto", "best"}, default="sssl"
        The system to train, see `SYSTEMS`; "auto" chooses between "cross-entropy" and "sssl", and "best" among all
        (with "musicnn" if its package is installed), see Notes. For ratings, see `RATING_SYSTEMS`: "plain" is the
        network without self-learning, and there are no "cross-entropy" and "joined".
    config : dict, str or path-like, default=None
        Parameters by step of the pipeline, as `read_config` takes it; `make_pipeline_of` names the steps of "joined".
        With "auto" and "best", they apply to all systems that have the step.
    n_splits : int, default=5
        Number of folds of the estimate; 0 skips it, except with "auto" and "best". It is lowered where a class has
        fewer songs, or groups.
    seed : int, default=0
        Seed of the folds and of the training.
    device : str, default="auto"
        A torch device. It also decides the defaults: VGG16 and 30 epochs on CUDA, elsewhere a multilayer perceptron
        on statistics of segments with harmony, and 20 epochs.
    max_duration : float or None, default=30.0
        Seconds of each song that are used, by default those of the papers; None is the whole song. A ``max_duration``
        of a step in `config` overrides it.
    license : str, default=None
        Licence of the model for its card, such as "cc-by-4.0"; by default the card has none.
    store : str or path-like, default=None
        Folder for finished folds and for the features of each file, so that an interrupted run
        can be resumed; None is a temporary folder.
    skip_unreadable : bool, default=False
        If true, songs that cannot be used are left out, and listed on the card; otherwise they
        are an error.
    n_jobs : int, default=None
        Number of threads that read songs, and of processes over folds.
    verbose : int, default=0
        1 shows progress with the time left.
    say : callable, default=None
        Function such as `print`, called with each progress message.

    Returns
    -------
    TrainedModel
        The fitted pipeline, without the cache and other parameters of this run, and its card.

    Raises
    ------
    UnreadableSongs
        If songs cannot be used; the message lists all of them. With `skip_unreadable`, if no song of a class
        can be used.
    ValueError
        If a parameter, the config or the labels are invalid, or the features of songs cannot be written into the store.
    OSError
        If the store cannot be created, or the disk is full.
    ImportError
        If the system is "musicnn", whose package is not installed.

    See Also
    --------
    save_trained_model : Writes the model and its card.
    skmer.model_selection.run_experiment : Compares systems.

    Notes
    -----
    Each file is decoded before any training. Songs that hold the same recording, by their first minute, are named and
    kept in one fold, as if they were of one group (see `skmer.audit.audit_songs`). The folds are stratified by class,
    and the songs of a group are in one fold; the accuracy is compared with that of a dummy that predicts the commonest
    class by `skmer.model_selection.corrected_paired_test`. The scores are those of models
    trained on a part of the songs, whereas the returned model is trained on all of them. Finished folds in
    `store` are identified as `skmer.model_selection.run_experiment` describes.

    With ``system="auto"`` or ``"best"``, the systems of `CANDIDATES` are evaluated on the same folds. The one with
    the highest mean accuracy is fitted on all songs; of equally accurate ones it is the first. Because the highest
    of several means is too optimistic, the estimate is that of nested cross-validation: in each fold, the system is
    chosen by three folds within the training songs (two where a class has only two songs, or groups, there) and
    evaluated on the test songs. The card has the accuracies of all candidates, their differences with
    `skmer.model_selection.corrected_paired_test` (adjusted by `skmer.model_selection.holm` if there are several),
    and how often each was chosen inside the folds.

    **Ratings.** The folds are those of `sklearn.model_selection.KFold`, shuffled, or, with groups, of about equal size
    with the songs of a group in one fold. The scores of a fold are R², the concordance correlation coefficient and the
    root mean squared error of each rating, and the dummy predicts the mean rating of the training songs. R², its mean
    over ratings, takes the place of the accuracy. The last step of the pipeline has the names of the ratings as
    ``target_names_``.

    Examples
    --------
    >>> from skmer.datasets import make_songs
    >>> from skmer.models import train_model
    >>> songs = make_songs(16, duration=4, random_state=0)
    >>> trained = train_model(songs, "log-mel", n_splits=2)
    >>> trained.card["estimate"]["protocol"]
    '2 stratified folds, the songs of a group in one fold'

    Ratings:

    >>> import numpy as np
    >>> songs.target_names = ["loudness"]
    >>> songs.target = np.array([20 * np.log10(np.std(song)) for song in songs.data])
    >>> trained = train_model(songs, "log-mel", n_splits=2)
    >>> trained.pipeline[-1].target_names_
    ['loudness']
    """
    began = time.monotonic()
    say = (lambda line: None) if say is None else say
    config = {} if config is None else read_config(config)
    given = check_songs(songs)
    task = task_of(given)
    pipelines = make_candidates(system, config, device, seed, task.ratings, max_duration)
    if system in CANDIDATES and n_splits == 0:
        raise ValueError(
            f"system={system!r} chooses by cross-validation, which needs n_splits of at least 2, not 0: raise it, or "
            f"name one of {', '.join(pipelines)}."
        )
    # all checks that need no audio come before the audio is read
    check_device(device)
    for pipeline in pipelines.values():
        task.check_pipeline(pipeline, given, bool(config))
    left_out: list[str] | None = [] if system in CANDIDATES and "cv" not in config.get("sssl", {}) else None
    _check_folds(task, pipelines, given, n_splits, seed, left_out)
    for remark in left_out or []:
        say(remark)
    say(f"{len(given.target):,} songs to read: {task.describe(given.target)}. {groups_sentence(given.groups)}")
    for name, pipeline in pipelines.items():
        say(f"System {name} on {choose_device(device)}: {format_steps(changed_parameters(pipeline))}.")
    with _work_folder(store) as work:
        resumed = (work / "songs").exists()
        for pipeline in pipelines.values():
            for _, reader in first_steps(pipeline):
                reader.set_params(memory=str(work / "songs"))
        counts, unreadable = _read_songs(pipelines, given, n_jobs, verbose)
        used = given.subset([i for i, name in enumerate(given.names) if name not in unreadable])
        lost = task.lost(given, used)
        if lost or not used.names or (unreadable and not skip_unreadable):
            raise UnreadableSongs(unreadable, len(given.names), lost)
        if unreadable:
            songs_used = f"{len(used.target):,} of {len(given.target):,} songs are used"
            say(f"{songs_used}: {task.describe(used.target)}. {groups_sentence(used.groups)}")
        used, found_copies = join_copies(used, n_jobs, verbose)
        for remark in found_copies:
            say(remark)
        n_splits, inner_splits, lowered = _check_folds(task, pipelines, used, n_splits, seed, left_out)
        if lowered:
            say(lowered)
        name, scores = next(iter(pipelines)), None
        if n_splits:
            scores = estimate(task, pipelines, used, n_splits, seed, work / "folds", n_jobs, verbose, inner_splits)
            n_found = scores.pop("n_found")
            which = "them" if inner_splits is None else f"{len(pipelines) * n_splits * (1 + inner_splits)} trainings"
            found = f" ({n_found} of {which} finished by an earlier run)" if n_found else ""
            say(f"\n{scores['protocol'].capitalize()}; mean ± sd over folds{found}:\n\n{scores['table']}\n")
            say(scores["sentence"])
            if "choice" in scores:
                name = scores["choice"]["chosen"]
                say(scores["choice"]["sentence"])
            if scores.get("confusion"):
                say(f"\nThe test songs of all folds by class:\n\n{scores['confusion']['table']}\n")
        pipeline = pipelines[name]
        say(f"Fit on all {len(used.target):,} songs.")
        remarks = _fit(pipeline, used, n_jobs, verbose)
        task.name_targets(pipeline)
        set_temperature(pipeline, scores)
    card = make_card(
        task, pipeline, name, used, songs, counts[name], unreadable, license=license,
        estimate=scores, seed=seed, device=choose_device(device), seconds=round(time.monotonic() - began, 1),
        resumed=resumed, config=config, remarks=[*found_copies, *filter(None, [lowered]), *(left_out or []), *remarks],
    )  # fmt: skip
    return TrainedModel(pipeline, card)


def _check_folds(task, pipelines, songs, n_splits, seed, left_out=None):
    """Return the number of folds, that of folds inside them if there is a choice, and a remark if the first is lowered.

    Raise ValueError if a fold has one training class only, or if cross-fitting is impossible in it; with a list
    `left_out`, such a pipeline is removed instead, and a remark is appended to the list.
    """
    n_splits, lowered = task.choose_folds(songs, n_splits, seed)
    folds = task.folds(songs, n_splits, seed)
    names = [f"Fold {i} of 0 to {n_splits - 1} of the estimate" for i in range(n_splits)]
    inner_splits = None
    if len(pipelines) > 1:
        inner_splits = task.choose_inner_folds(songs, folds, seed)
        for name, (train, _) in list(zip(names, folds, strict=True)):
            inside = task.folds(songs.subset(train), inner_splits, seed)
            folds += [(train[a], train[b]) for a, b in inside]
            names += [f"{name}, fold {i} within its training songs" for i in range(inner_splits)]
    for name, (train, _) in zip(names, folds, strict=True):
        task.check_training(songs.target[train], name)
    for name, pipeline in list(pipelines.items()):
        try:
            check_cross_fitting(name, pipeline, songs, folds)
        except ValueError as error:
            if left_out is None:
                raise
            del pipelines[name]
            left_out.append(f"The system {name} is left out of the choice: {error}")
    return n_splits, inner_splits, lowered


def _read_songs(pipelines, songs, n_jobs, verbose):
    """Read each song once by each different first step; return the counts of usable songs by pipeline, and the reasons.

    A song that one of the first steps cannot use is used by no pipeline, so that their folds are the same.
    """
    readers = {name: {fit_key(step): step for _, step in first_steps(pipe)} for name, pipe in pipelines.items()}
    different = {key: step for own in readers.values() for key, step in own.items()}
    found: dict = {}
    for key, reader in different.items():
        which = f"Reading, {len(found) + 1} of {len(different)}" if len(different) > 1 else "Reading"
        found[key] = read_songs(reader, songs.data, songs.names, n_jobs, verbose, which)
    reasons = {name: reason for _, own in found.values() for name, reason in own.items()}
    usable = [name not in reasons for name in songs.names]
    counts = {}
    for name, own in readers.items():
        of_songs = zip(*(found[key][0] for key in own), strict=True)
        # a step that does not cut segments counts 0
        counts[name] = [max(of_song) for of_song in compress(of_songs, usable)]
    return counts, {name: reasons[name] for name in songs.names if name in reasons}


def _fit(pipeline, songs, n_jobs, verbose):
    """Fit the pipeline, reset its parameters of this run, and return the warnings."""
    if network := dict(leaf_steps(pipeline)).get("sssl"):
        network.set_params(n_jobs=n_jobs, verbose=verbose)
    with collect_warnings() as remarks, config_context(enable_metadata_routing=True):
        fit_with_groups(pipeline, songs.data, songs.target, songs.groups)
    for _, step in leaf_steps(pipeline):
        defaults = default_parameters(step)
        step.set_params(**{name: defaults[name] for name in RUN_DEFAULTS if name in defaults})
    return remarks


@contextmanager
def collect_warnings():
    """Yield a list that holds, after the block, each user warning of this process and of joblib's workers once, sorted.

    The order in which workers warn differs from run to run.
    """
    remarks: list[str] = []
    with TemporaryDirectory(prefix="skmer-remarks-", ignore_cleanup_errors=True) as folder:
        workers = joblib.parallel_config(backend="loky", initializer=_write_warnings, initargs=(folder,))
        with warnings.catch_warnings(record=True) as caught, workers:
            warnings.simplefilter("default", UserWarning)
            yield remarks
        found = {_one_line(warning.message) for warning in caught}
        found |= {file.read_text(encoding="utf-8") for file in Path(folder).glob("*")}
    remarks.extend(sorted(found))


def _write_warnings(folder):
    """Make a worker write its warnings into files instead of standard error."""
    warnings.simplefilter("default", UserWarning)

    def write(message, category, filename, lineno, file=None, line=None):
        text = _one_line(message)
        (Path(folder) / joblib.hash(text)).write_text(text, encoding="utf-8")

    warnings.showwarning = write


def _one_line(message):
    return " ".join(str(message).split())


@contextmanager
def _work_folder(store):
    """Yield the folder of a run: `store`, or a temporary one."""
    if store is not None:
        Path(store).mkdir(parents=True, exist_ok=True)
        yield Path(store).absolute()
        return
    with TemporaryDirectory(prefix="skmer-train-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
