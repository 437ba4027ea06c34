"""Fits of the rows: a tagger, a teacher with its student, or logistic regression."""

import time
import warnings
from functools import partial

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmer.aggregation import SpectrogramStatistics
from skmer.feature_extraction import FileRows
from skmer.features import BlockLayout
from skmer.model_selection._fits import Fit, fit_key
from skmer.model_selection.tag_metrics import macro_roc_auc
from skmer.reproduction.mirable.systems import ROWS
from skmer.songs import SongSequence, open_array
from skmer.tagging._taggers import tag_logits

__all__ = ["fits_of_split", "songs_of_fit"]

_STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # C of the logistic regression, chosen on the validation songs


def fits_of_split(split, names, seeds, songs, keys, settings, store, verbose=0):
    """Return the fits that the rows of a split need, each with its rows and its seed; `keys` are those of the songs."""
    # a student is fitted with its teacher
    taught = {name: (*ROWS[name].needs, name) for name in names if ROWS[name].kind == "student"}
    teachers = {teacher for teacher, _ in taught.values()}
    groups = [taught.get(name, (name,)) for name in names if ROWS[name].length and name not in teachers]
    found = []
    for group in groups:
        for seed in seeds if ROWS[group[-1]].seeded else [None]:
            labels = {part: songs.target[getattr(split, part)] for part in ("labelled", "validation")}
            rows = [ROWS[name] for name in group]
            key = fit_key(
                [_regression(C) for C in _STRENGTHS] if rows[0].kind == "linear" else list(map(settings.tagger, rows)),
                settings.blocks(rows[0].length, rows[0].hpcp),
                seed,
                list(songs.tags),
                {part: [keys[i] for i in getattr(split, part)] for part in _parts(group)},
                labels,  # the logits do not depend on the tags of test songs
            )
            name = f"{group[-1]}-fold{split.fold}" + ("" if seed is None else f"-seed{seed}")
            run = partial(_run, group, split, seed, songs, settings, store, verbose)
            cost = sum(row.cost for row in rows) * len(split.labelled)
            found.append((group, seed, Fit(name, key, run, cost)))
    return found


def songs_of_fit(split, names):
    """Return the sorted positions of the songs that a fit of these rows reads."""
    return np.sort(np.concatenate([getattr(split, part) for part in _parts(names)]))


def _parts(names):
    unlabelled = ["unlabelled"] * (ROWS[names[-1]].kind == "student")
    return ["labelled", *unlabelled, "validation", "test"]


def _run(names, split, seed, songs, settings, store, verbose):
    """Fit the rows; return the logits of the validation and test songs, and what the report shows."""
    last = ROWS[names[-1]]
    fit = _fit_linear if last.kind == "linear" else partial(_fit_networks, names, seed, settings, verbose)
    y = {part: songs.target[getattr(split, part)] for part in ("labelled", "validation")}
    with warnings.catch_warnings():
        # tags without songs and students without pseudo-labels are named in the report
        warnings.simplefilter("ignore", UserWarning)
        blocks = settings.blocks(last.length, last.hpcp).set_params(store=store)
        positions = songs_of_fit(split, names)
        features = blocks.transform([songs.paths[i] for i in positions])
        if last.length == "long":
            features = _first_chunks(features)
        X = {part: features[np.searchsorted(positions, getattr(split, part))] for part in _parts(names)}
        rows = dict(fit(X, y))
    looped = None
    if last.length == "long":
        # songs that are shorter than the input are repeated until it is full
        n_looped = sum(len(open_array(item.path)) < features.window[0] for item in features.items)
        looped = {"songs": n_looped, "of": len(features)}
    return {"rows": rows, "looped": looped}


def _first_chunks(songs):
    n_rows = songs.window[0]
    items = [FileRows(item.path, n_rows, item.fill, item.n_columns) for item in songs.items]
    return SongSequence(items, window=songs.window)


def _fit_networks(names, seed, settings, verbose, X, y):
    tagger = None
    for name in names:
        began = time.monotonic()
        further: dict = {}
        more: dict = {}
        teacher, tagger = tagger, settings.tagger(ROWS[name]).set_params(random_state=seed, verbose=verbose)
        if teacher is not None:
            tagger.set_params(teacher=teacher)
            further["unlabelled"] = X["unlabelled"]
        tagger.fit(X["labelled"], y["labelled"], X_val=X["validation"], y_val=y["validation"], **further)
        if teacher is not None:
            more["pseudo_labels"] = [
                {key: value if isinstance(value, int | str) else float(value) for key, value in iteration.items()}
                for iteration in tagger.iterations_
            ]
        # the weights of the best epoch are used: the history shows which it is
        more["history"] = {
            key: [round(float(epoch[key]), 5) for epoch in tagger.history_] for key in ("train_loss", "valid_roc_auc")
        }
        logits = {part: tag_logits(tagger, X[part]).tolist() for part in ("validation", "test")}
        yield name, {"logits": logits, **more, "seconds": round(time.monotonic() - began, 2)}


def _fit_linear(X, y):
    """Fit logistic regression on statistics of the log-mel spectrogram, with the best C on the validation songs."""
    began = time.monotonic()
    X = {part: _spectrogram_statistics(songs) for part, songs in X.items()}
    with warnings.catch_warnings():
        # with weak regularisation the solver may not converge; the model is evaluated nevertheless
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = [_regression(C).fit(X["labelled"], y["labelled"]) for C in _STRENGTHS]

    def logits(model, part):
        return model.decision_function(X[part]).reshape(-1, y["labelled"].shape[1])

    figures = [macro_roc_auc(y["validation"], logits(model, "validation")) for model in fitted]
    best = int(np.argmax(np.nan_to_num(figures, nan=0.0)))
    found = {part: logits(fitted[best], part).tolist() for part in ("validation", "test")}
    seconds = round(time.monotonic() - began, 2)
    yield "logistic-regression", {"logits": found, "C": _STRENGTHS[best], "seconds": seconds}


def _regression(C):
    return OneVsRestClassifier(make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=1000)))


def _spectrogram_statistics(songs):
    """Return mean, deviation and change of each mel band of each song; one song at a time is in memory."""
    layout = BlockLayout(hpcp=False)
    found = []
    for song in songs:
        chunks = np.stack([layout.split(chunk.T)[0] for chunk in np.asarray(song, dtype=np.float64)])
        found.append(SpectrogramStatistics().fit_transform([chunks]))
    return np.concatenate(found)
