"""What a training of classes and one of ratings do differently: systems, folds, scores, and the words for them."""

from collections.abc import Callable

import numpy as np

from skmer._pipeline_steps import leaf_steps
from skmer._validation import check_training_classes
from skmer.model_selection import Protocol, summary_table
from skmer.model_selection.rating_protocol import RATING_SCORES, RatingProtocol
from skmer.models.checks import check_pipeline
from skmer.models.config import RATING_SYSTEMS, SYSTEMS
from skmer.models.estimate import CHOSEN, INNER_SPLITS, choose_folds, choose_inner_folds, stratified_folds
from skmer.sssl.rated_songs import check_shares

__all__ = ["ClassTask", "RatingTask", "task_of"]


def task_of(songs):
    """Return the task of `TrainingSongs`."""
    return ClassTask() if songs.targets is None else RatingTask(songs.targets)


class ClassTask:
    """Classes: stratified folds, the accuracy, and a dummy that predicts the commonest class."""

    ratings = False
    systems = SYSTEMS
    scores = ("accuracy", "macro-F1", "balanced accuracy")
    score = "accuracy"  # by which systems are chosen and tested
    words, mean_words = "accuracy", "mean accuracy"
    choice_words = (
        f'The row "{CHOSEN}" has the accuracy of these choices on songs that had no part in them; the highest of '
        "several mean accuracies is too optimistic."
    )
    kind_of_folds = "stratified folds"

    def protocol(self, groups, n_splits, seed):
        """Return the protocol of the estimate."""
        return Protocol("stratified" if groups is None else "grouped", n_splits, fold_seed=seed)

    def folds(self, songs, n_splits, seed):
        """Return the (train, test) pairs of the estimate; none for 0 folds."""
        return stratified_folds(songs.target, songs.groups, n_splits, seed)

    def choose_folds(self, songs, n_splits, seed):
        """Return the number of folds that the songs allow, and a remark if it is lower than `n_splits`."""
        return choose_folds(songs.target, songs.groups, n_splits)

    def choose_inner_folds(self, songs, folds, seed):
        """Return the number of folds within the training songs of each fold that the songs allow, 3 or 2."""
        return choose_inner_folds(songs.target, songs.groups, folds)

    def check_training(self, y, name):
        """Raise ValueError if no model can learn the training songs of a fold."""
        check_training_classes(y, name)

    def check_pipeline(self, pipeline, songs, configured):
        """Check the parameters of a pipeline before any song is read."""
        check_pipeline(pipeline, np.unique(songs.target).tolist(), configured=configured)

    def lost(self, given, used):
        """Return the classes of which no song can be used."""
        return sorted({*map(str, given.target)} - {*map(str, used.target)})

    def table(self, scores):
        """Format the scores of systems over folds."""
        return summary_table(scores, self.scores)

    def remark(self, dummy, y):
        """Return a remark if the accuracy of the dummy is below chance, so that the comparison is too favourable.

        This happens in small folds, where the commonest training class is rare among the test songs.
        """
        n_classes = len(np.unique(y))
        if dummy["accuracy"].mean() >= 1 / n_classes:
            return ""
        return f" The dummy's accuracy is below 1/{n_classes} here: look at the balanced accuracy too."

    def name_targets(self, pipeline):
        """Set the names of what a fitted pipeline predicts: a classifier has its classes."""

    def describe(self, target):
        """Format the number of songs of each class."""
        return ", ".join(f"{name} {count}" for name, count in _per_class(target).items())

    def of_model(self, pipeline):
        """Return the entries of the card on what the model predicts."""
        return {"classes": pipeline[-1].classes_.tolist()}

    def predicts(self, pipeline):
        """Return the names of what the model predicts."""
        return [str(name) for name in pipeline[-1].classes_]

    def of_songs(self, target):
        """Return the entries of the card on the labels of the songs."""
        return {"songs_per_class": _per_class(target)}


class RatingTask:
    """Ratings: folds that are not stratified, R², and a dummy that predicts the mean rating."""

    ratings = True
    systems = RATING_SYSTEMS
    score = "R²"  # its mean over targets
    mean_words = "mean R²"
    choice_words = (
        f'The rows "{CHOSEN}" have the scores of these choices on songs that had no part in them; the highest of '
        "several values of R² is too optimistic."
    )
    kind_of_folds = "folds"

    def __init__(self, targets):
        self.targets = list(targets)
        self.words = "R²" if len(self.targets) == 1 else "mean R²"
        self.scores = ("R²", "CCC", *(f"{score} of {name}" for name in self.targets for score in RATING_SCORES))

    def protocol(self, groups, n_splits, seed):
        """Return the protocol of the estimate."""
        return RatingProtocol(tuple(self.targets), n_splits, seed)

    def folds(self, songs, n_splits, seed):
        """Return the (train, test) pairs of the estimate; none for 0 folds."""
        return self.protocol(None, n_splits, seed).split(songs.target, songs.groups) if n_splits else []

    def choose_folds(self, songs, n_splits, seed):
        """Return the number of folds that the songs allow, and a remark if it is lower than `n_splits`.

        Each fold must have two test songs, since R² of one song is undefined.
        """
        if n_splits == 0:
            return 0, None
        n = self._most_folds(songs, n_splits, seed)
        if not n:
            raise ValueError(
                f"The {_count(songs)} do not make two folds of two songs or more, which R² needs: add songs, or train "
                "without an estimate (n_splits=0)."
            )
        if n == n_splits:
            return n, None
        return n, f"n_splits={n_splits} is lowered to {n}, so that each fold has two songs or more, which R² needs."

    def choose_inner_folds(self, songs, folds, seed):
        """Return the number of folds within the training songs of each fold that the songs allow, 3 or 2."""
        parts = [songs.subset(train) for train, _ in folds]
        found = [self._most_folds(part, INNER_SPLITS, seed) for part in parts]
        if not min(found):
            raise ValueError(
                f"The {_count(parts[found.index(0)])} that train in a fold do not make two folds of two songs or more, "
                "which the choice within them needs: add songs, or train one system by its name."
            )
        return min(found)

    def _most_folds(self, songs, n_splits, seed):
        units = len(songs.target) if songs.groups is None else len(np.unique(songs.groups))
        for n in range(min(n_splits, units), 1, -1):
            if min(len(test) for _, test in self.folds(songs, n, seed)) >= 2:
                return n
        return 0

    def check_training(self, y, name):
        """Check the training songs of a fold: any ratings can be learnt."""

    def check_pipeline(self, pipeline, songs, configured):
        """Check the parameters of a pipeline before any song is read."""
        check_pipeline(pipeline, songs.target[:2], configured=configured)
        network = dict(leaf_steps(pipeline)).get("sssl")
        if network is not None and network.loss == "cross_entropy":
            check_shares(songs.target)

    def lost(self, given, used):
        """Return the classes of which no song can be used: there are none."""
        return []

    def table(self, scores):
        """Format the scores of systems over folds: a table for each target, and one of their mean."""
        of_targets = {name: {score: f"{score} of {name}" for score in RATING_SCORES} for name in self.targets}
        mean = {"mean of the ratings": {"R²": "R²", "CCC": "CCC"}} if len(self.targets) > 1 else {}
        parts = []
        for title, columns in {**of_targets, **mean}.items():
            rows = {which: {column: own[name] for column, name in columns.items()} for which, own in scores.items()}
            parts += [f"{title}:", summary_table(rows, tuple(columns))]
        return "\n\n".join(parts)

    def remark(self, dummy, y):
        """Return a remark on the scores of the dummy: there is none."""
        return ""

    def name_targets(self, pipeline):
        """Set the names of the ratings that a fitted pipeline predicts, which `skmer predict` reads."""
        pipeline[-1].target_names_ = list(self.targets)

    def describe(self, target):
        """Format the range of each rating."""
        ranges = zip(self.targets, target.min(axis=0), target.max(axis=0), strict=True)
        return ", ".join(f"{name} from {low:.3g} to {high:.3g}" for name, low, high in ranges)

    def of_model(self, pipeline):
        """Return the entries of the card on what the model predicts."""
        return {"targets": self.targets}

    def predicts(self, pipeline):
        """Return the names of what the model predicts."""
        return self.targets

    def of_songs(self, target):
        """Return the entries of the card on the ratings of the songs."""
        figures: dict[str, Callable] = {"lowest": np.min, "highest": np.max, "mean": np.mean, "sd": np.std}
        columns = zip(self.targets, target.T, strict=True)
        return {"ratings": {name: {what: float(of(own)) for what, of in figures.items()} for name, own in columns}}


def _count(songs):
    n = f"{len(songs.target):,} songs"
    n_groups = 0 if songs.groups is None else len(np.unique(songs.groups))
    return f"{n} of {n_groups:,} group{'s' * (n_groups > 1)}" if n_groups else n


def _per_class(target):
    names, counts = np.unique(target, return_counts=True)
    return {str(name): count for name, count in zip(names, counts.tolist(), strict=True)}
