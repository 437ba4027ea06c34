"""RowJob: one row on one part with one seed, run once and kept."""

import time
import warnings

import joblib
import numpy as np

from skmer.model_selection._descriptions import digest
from skmer.model_selection._fold_jobs import versions
from skmer.model_selection.fold_store import code_digest, describe
from skmer.reproduction.mirable.linear import STRENGTHS, fit_linear, spectrogram_statistics, tag_regression
from skmer.reproduction.mirable.rows import ROWS
from skmer.tagging._taggers import tag_logits

__all__ = ["RowJob", "part_key"]

_KINDS = ("labelled", "unlabelled", "validation", "test")
# what decides a row beside the package's code between songs and logits
_CODE = tuple(f"reproduction/mirable/{name}.py" for name in ("inputs", "jobs", "linear", "rows"))


def part_key(part, songs, song_names):
    """Digest the songs of a part, and the tags that are learnt from; those of test songs decide figures, not logits.

    Parameters
    ----------
    part : Part
        The songs, as positions.
    songs : TaggedSongs
        With tags.
    song_names : list of str
        Of all songs, whatever folder they lie in.

    Returns
    -------
    dict of str to str
        For each kind of songs.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.reproduction.mirable import Part, TaggedSongs
    >>> from skmer.reproduction.mirable.jobs import part_key
    >>> songs = TaggedSongs("X", "song", list("abcd"), np.ones((4, 1), int), ["sad"], np.arange(4))
    >>> list(part_key(Part(0, *np.split(np.arange(4), 4)), songs, songs.paths))
    ['labelled', 'unlabelled', 'validation', 'test']
    """
    names = {which: [song_names[i] for i in getattr(part, which)] for which in _KINDS}
    tags = {which: songs.target[getattr(part, which)].tolist() for which in ("labelled", "validation")}
    return {which: digest([names[which], tags.get(which)]) for which in _KINDS}


class RowJob:
    """A row that is trained, on one part and with one seed.

    Parameters
    ----------
    name : str
        Of `ROWS`.
    part : Part
        The songs, as positions.
    seed : int or None
        ``random_state`` of the tagger; None for a row that no seed has a say in.
    songs : TaggedSongs
        With tags.
    key_of_part : dict of str to str
        What `part_key` gives.
    settings : MirableSettings
        What the rows have in common.
    store : RowStore
        Where the row is kept.
    teacher : RowJob, default=None
        Of a student.

    Attributes
    ----------
    path : Path
        Its file; the name has a key of all that decides the row.

    Examples
    --------
    >>> from skmer.reproduction.mirable.jobs import RowJob
    >>> callable(RowJob.run)
    True
    """

    def __init__(self, name, part, seed, songs, key_of_part, settings, store, teacher=None):
        self.name, self.row, self.part, self.seed = name, ROWS[name], part, seed
        self.songs, self.settings, self.store, self.teacher = songs, settings, store, teacher
        row = self.row
        linear = {"of": describe(tag_regression()), "C": list(STRENGTHS)}
        student = row.kind == "student"  # alone in hearing songs without tags
        self.decisive = {
            "code": code_digest(*_CODE),
            "tagger": linear if row.kind == "linear" else describe(settings.estimator(row)),
            "input": describe(settings.blocks(row.length, row.hpcp)),
            "seed": seed,
            "tags": list(songs.tags),
            **{key: value for key, value in key_of_part.items() if student or key != "unlabelled"},
            "teacher": digest(teacher.decisive) if teacher is not None else None,
        }
        labels = {"fold": part.fold, "seed": seed}
        self.path = store.path_of(name, {k: v for k, v in labels.items() if v is not None}, self.decisive)

    @property
    def cost(self):
        """Rough work, for the time left."""
        return self.row.cost * len(self.part.labelled)

    @property
    def heard(self):
        """Positions of the songs that it hears."""
        part, student = self.part, self.row.kind == "student"
        return np.sort(np.concatenate([getattr(part, which) for which in _KINDS if student or which != "unlabelled"]))

    def load(self):
        """Give the kept record with its logits, or None.

        Returns
        -------
        dict or None
            None too for a student of a teacher that was run again since and says something else.
        """
        record = self.store.load_row(self.path, len(self.part.validation), len(self.part.test), len(self.songs.tags))
        if record is None or self.teacher is None:
            return record
        taught = self.teacher.load()
        return record if taught is not None and record.get("teacher") == _digest_of(taught) else None

    def run(self, inputs, verbose=0):
        """Train, predict validation and test songs, and keep the tagger and the record.

        Parameters
        ----------
        inputs : Inputs
            Of the songs.
        verbose : int, default=0
            1 shows the epochs.
        """
        began = time.monotonic()
        with warnings.catch_warnings():
            # tags without songs and unsure teachers are named in the report
            warnings.simplefilter("ignore", UserWarning)
            fit = self._fit_linear if self.row.kind == "linear" else self._fit_network
            tagger, logits, more = fit(inputs, verbose)
        long = self.row.length == "long"
        record = {
            "system": self.name,
            "fold": self.part.fold,
            "seed": self.seed,
            "seconds": round(time.monotonic() - began, 2),
            "parts": {key: self.decisive[key] for key in ("tagger", "input")},
            "versions": versions(),
            **more,
            "looped": {"songs": inputs.looped(self.heard), "of": len(self.heard)} if long else None,
            "predictions": {which: values.tolist() for which, values in logits.items()},
        }
        self.store.save_model(self.path, tagger)
        self.store.save(self.path, record)

    def _fit_linear(self, inputs, verbose):
        part, target = self.part, self.songs.target
        X = {
            w: spectrogram_statistics(inputs.of(self.row, getattr(part, w))) for w in ("labelled", "validation", "test")
        }
        model = fit_linear(X["labelled"], target[part.labelled], X["validation"], target[part.validation])
        shape = (-1, target.shape[1])
        logits = {which: model.decision_function(X[which]).reshape(shape) for which in ("validation", "test")}
        return model, logits, {"C": model.estimator[-1].C}

    def _fit_network(self, inputs, verbose):
        part, target, row = self.part, self.songs.target, self.row
        tagger = self.settings.estimator(row).set_params(random_state=self.seed, verbose=verbose)
        valid = inputs.of(row, part.validation)
        own, more = {}, {}
        if self.teacher is not None:
            tagger.set_params(teacher=self.teacher.fitted(inputs, verbose))
            own["unlabelled"] = inputs.of(row, part.unlabelled)
            more["teacher"] = _digest_of(self.teacher.load())
        tagger.fit(
            inputs.of(row, part.labelled), target[part.labelled], X_val=valid, y_val=target[part.validation], **own
        )
        if self.teacher is not None:
            more["pseudo_labels"] = [
                {key: value if isinstance(value, int | str) else float(value) for key, value in iteration.items()}
                for iteration in tagger.iterations_
            ]
        # the best epoch of each is what counts
        more["history"] = {
            key: [round(float(epoch[key]), 5) for epoch in tagger.history_] for key in ("train_loss", "valid_roc_auc")
        }
        logits = {"validation": tag_logits(tagger, valid), "test": tag_logits(tagger, inputs.of(row, part.test))}
        return tagger, logits, more

    def fitted(self, inputs, verbose=0):
        """Give the kept tagger; one whose file is gone is trained again.

        Parameters
        ----------
        inputs : Inputs
            Of the songs.
        verbose : int, default=0
            1 shows the epochs.

        Returns
        -------
        estimator
            Fitted.
        """
        model = self.store.load_model(self.path)
        if model is None or self.load() is None:
            self.run(inputs, verbose)
            model = self.store.load_model(self.path)
        return model


def _digest_of(record):
    return joblib.hash([record["predictions"][which] for which in ("validation", "test")])
