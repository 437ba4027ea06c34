"""Recordings given to a step that takes segments: it says which step makes segments of them, at every door."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from skmer import EmotionTagger
from skmer.utils.estimator_checks import N_SONGS, labels_for, make_input
from tests.estimators.instances import ESTIMATORS

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

PATHS = [f"folder/{i}.wav" for i in range(N_SONGS)]
KINDS = {
    "list": PATHS,
    "tuple": tuple(PATHS),
    "array": np.array(PATHS),
    "object array": np.array(PATHS, dtype=object),
    "series": pd.Series(PATHS, index=range(5, 5 + N_SONGS)),
    "series of text": pd.Series(PATHS, dtype="string"),
    "paths": [Path(path) for path in PATHS],
    "one path": PATHS[0],
}
METHODS = ("transform", "predict", "predict_proba", "decision_function", "score", "reconstruct")


# an ensemble takes what its members take, who have the say
TAKE_SEGMENTS = [name for name, (_, kind) in ESTIMATORS.items() if kind != "waveforms" and "Ensemble" not in name]


@pytest.mark.parametrize("name", TAKE_SEGMENTS)
def test_paths_are_refused_in_words(name):
    estimator, kind = ESTIMATORS[name]
    y, fitted = labels_for(estimator), clone(estimator).fit(make_input(kind), labels_for(estimator))
    doors = [lambda X: clone(estimator).fit(X, y)]
    doors += [lambda X: clone(estimator).fit_transform(X, y)] if hasattr(fitted, "fit_transform") else []
    for method in METHODS:
        if hasattr(fitted, method):
            doors.append(lambda X, m=method: getattr(fitted, m)(X, *([y] if m == "score" else [])))
    before = "TaggingTransformer" if isinstance(estimator, EmotionTagger) else "SegmentTransformer"
    message = rf"^X holds paths, such as 'folder/0\.wav': put {before}\b.* before {type(estimator).__name__}\.$"
    assert len(doors) > 1
    for door in doors:
        for X in KINDS.values():
            with pytest.raises(ValueError, match=message):
                door(X)
