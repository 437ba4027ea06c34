"""Each cell of the table in docs/guide/composition.md is tried: the page must say what happens."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import sklearn
import soundfile
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFECV, SelectFromModel, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    StratifiedGroupKFold,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    train_test_split,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils import resample, shuffle

from skmer import EmotionTagger, SegmentTransformer, SongAggregator, SSSLClassifier
from skmer.utils.estimator_checks import N_SONGS, make_input
from tests.estimators.instances import SPECTROGRAM, SR, SSSL, TAGGER

pytestmark = pytest.mark.filterwarnings("ignore")

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "composition.md"
WORDS = {"works", "by position", "rows only", "no", "–"}


class Case(NamedTuple):
    """A model and its input: `y` are classes, or tags; `pairs` are two columns of y with two classes each."""

    model: Any
    X: Any
    y: np.ndarray

    @property
    def pairs(self):
        return self.y if self.y.ndim == 2 else np.stack([self.y == "calm", np.arange(N_SONGS) % 2 == 0], 1)

    @property
    def cv(self):
        return StratifiedKFold(2) if self.y.ndim == 1 else KFold(2)

    @property
    def rate(self):
        """The name of the learning rate among the parameters of the model."""
        return f"{self.model.steps[-1][0]}__lr" if isinstance(self.model, Pipeline) else "lr"

    @property
    def features(self):
        """A transformer from X to rows."""
        return make_pipeline(*(self.model if isinstance(self.model, Pipeline) else [self.model]), SongAggregator())

    @property
    def plain(self):
        return isinstance(self.X, np.ndarray)

    def fitted(self):
        return clone(self.model).fit(self.X, self.y)


def fit(tool, case, y=None):
    """Fit a meta-estimator, and predict every song."""
    assert len(tool.fit(case.X, case.y if y is None else y).predict(case.X)) == N_SONGS


def search(tool, case, **params):
    """Search two learning rates."""
    tool = tool(case.model, {case.rate: [1e-2, 1e-3]}, cv=case.cv, error_score="raise", **params)
    fit(tool, case)
    assert len(set(tool.cv_results_[f"param_{case.rate}"])) == 2


def halve(tool, case, **params):
    search(tool, case, **params, min_resources=8, factor=1.5, random_state=0)


def fit_with_cache(case):
    with TemporaryDirectory() as folder:
        fit(make_pipeline(*case.features, LogisticRegression(), memory=folder), case)
        assert list(Path(folder).rglob("output.pkl"))


def score(function, case, **params):
    result = function(case.model, case.X, case.y, cv=case.cv, **params)
    scores = {"test": result} if isinstance(result, np.ndarray) else result
    values = [v for v in (scores.values() if isinstance(scores, dict) else scores) if isinstance(v, np.ndarray)]
    assert values
    assert all(np.isfinite(v).all() for v in values)


def score_with_groups(case):
    groups = np.arange(N_SONGS) // 2
    with sklearn.config_context(enable_metadata_routing=True):
        params = {"params": {"groups": groups}, "return_indices": True, "error_score": "raise"}
        result = cross_validate(case.model, case.X, case.y, cv=StratifiedGroupKFold(2), **params)
    for train, test in zip(result["indices"]["train"], result["indices"]["test"], strict=True):
        assert not set(groups[train]) & set(groups[test])


def predict_out_of_fold(case):
    n_columns = 3 if case.y.ndim == 1 else case.y.shape[1]
    shape = cross_val_predict(case.model, case.X, case.y, cv=case.cv, method="predict_proba").shape
    assert shape == (N_SONGS, n_columns)


def split(case):
    train, test, *_ = train_test_split(case.X, case.y, random_state=0)
    assert (len(train), len(test)) == (9, 3)
    for function in (shuffle, resample):
        again, labels = function(case.X, case.y, random_state=0)
        assert len(again) == len(labels) == N_SONGS


def threshold(case):
    y = np.where(case.y == "calm", "calm", "other")
    fit(TunedThresholdClassifierCV(case.model, cv=2), case, y)
    fit(FixedThresholdClassifier(case.model, threshold=0.4), case, y)


def union(case):
    fit(make_pipeline(FeatureUnion([("a", case.features), ("b", case.features)]), LogisticRegression()), case)


def columns(case):
    """Songs are a column of a table; rows are several."""
    if case.plain:
        table, key = pd.DataFrame(case.X).rename(columns=str), ["0", "1"]
    else:
        table, key = pd.DataFrame({"song": list(case.X), "tempo": np.linspace(60, 90, N_SONGS)}), "song"
    joined = make_pipeline(
        ColumnTransformer([("song", case.features, key)], remainder="passthrough"), LogisticRegression()
    )
    fit(joined, case._replace(X=table))


def select(case):
    """Select statistics of songs, or columns of rows."""
    for selector in (SelectFromModel(LogisticRegression()), RFECV(LogisticRegression(), cv=2)):
        if case.plain:
            fit(make_pipeline(selector, case.model), case)
        else:
            fit(make_pipeline(case.features, selector, LogisticRegression()), case)


def self_train(case):
    y = np.unique(case.y, return_inverse=True)[1]
    y[9:] = -1
    fit(SelfTrainingClassifier(case.model, threshold=0.3, max_iter=2), case, y)


def boost(case):
    """AdaBoost stops at a classifier that is worse than random, as one of few epochs may be."""
    model = clone(case.model).set_params(noise_model=None, max_epochs=60)
    fit(AdaBoostClassifier(model, n_estimators=2, random_state=0), case)


def stack(case, **params):
    fit(StackingClassifier([("a", case.model)], LogisticRegression(), cv=2, **params), case)


def select_in_sequence(case):
    SequentialFeatureSelector(case.model, n_features_to_select=1, cv=2).fit(case.X, case.y)


# the names are those of the page
TOOLS = {
    "Pipeline": lambda case: fit(Pipeline([("model", case.model)]), case),
    "Pipeline(memory=...)": fit_with_cache,
    "cross_val_score, cross_validate": lambda case: [
        score(cross_val_score, case, error_score="raise"),
        score(cross_validate, case, error_score="raise"),
    ],
    'cross_validate(params={"groups": ...})': score_with_groups,
    "cross_val_predict": predict_out_of_fold,
    "learning_curve": lambda case: score(
        learning_curve, case, train_sizes=[4, 6], shuffle=True, random_state=0, error_score="raise"
    ),
    "validation_curve": lambda case: score(
        validation_curve, case, param_name=case.rate, param_range=[1e-2, 1e-3], error_score="raise"
    ),
    "permutation_test_score": lambda case: score(permutation_test_score, case, n_permutations=2),
    "train_test_split, shuffle, resample": split,
    "GridSearchCV, RandomizedSearchCV": lambda case: [
        search(GridSearchCV, case),
        search(RandomizedSearchCV, case, n_iter=2, random_state=0),
    ],
    "HalvingGridSearchCV, HalvingRandomSearchCV": lambda case: [
        halve(HalvingGridSearchCV, case),
        halve(HalvingRandomSearchCV, case, n_candidates=2),
    ],
    "ConfusionMatrixDisplay.from_estimator": lambda case: ConfusionMatrixDisplay.from_estimator(
        case.fitted(), case.X, case.y
    ),
    "DummyClassifier": lambda case: fit(DummyClassifier(), case),
    "FrozenEstimator": lambda case: fit(FrozenEstimator(case.fitted()), case),
    "CalibratedClassifierCV": lambda case: [
        fit(CalibratedClassifierCV(case.model, cv=2), case),
        fit(CalibratedClassifierCV(FrozenEstimator(case.fitted()), cv=2), case),
    ],
    "FixedThresholdClassifier, TunedThresholdClassifierCV": threshold,
    "VotingClassifier": lambda case: fit(VotingClassifier([("a", case.model), ("b", case.model)], voting="soft"), case),
    "StackingClassifier": stack,
    "StackingClassifier(passthrough=True)": lambda case: stack(case, passthrough=True),
    "BaggingClassifier": lambda case: fit(BaggingClassifier(case.model, n_estimators=2, random_state=0), case),
    "AdaBoostClassifier": boost,
    "OneVsRestClassifier": lambda case: fit(OneVsRestClassifier(case.model), case),
    "OneVsOneClassifier": lambda case: fit(OneVsOneClassifier(case.model), case),
    "OutputCodeClassifier": lambda case: fit(OutputCodeClassifier(case.model, random_state=0), case),
    "MultiOutputClassifier": lambda case: fit(MultiOutputClassifier(case.model), case, case.pairs),
    "ClassifierChain": lambda case: fit(ClassifierChain(case.model), case, case.pairs),
    "SelfTrainingClassifier": self_train,
    "FeatureUnion": union,
    "ColumnTransformer": columns,
    "SelectFromModel, RFECV": select,
    "SequentialFeatureSelector": select_in_sequence,
    "permutation_importance": lambda case: permutation_importance(case.fitted(), case.X, case.y, n_repeats=1),
}


def read_table():
    """Return the cells of the table on the page: tool, column, word."""
    header = "| tool | songs | rows | taggers | remark |"
    lines = PAGE.read_text(encoding="utf-8").partition(header)[2].partition("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    return [
        (tool.replace("`", ""), column, word)
        for tool, *words in rows
        for column, word in zip(header.strip("| ").split(" | ")[1:-1], words[:-1], strict=True)
    ]


TABLE = read_table()


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """The cases of each column, and songs by position, as on the page."""
    waveforms, segments = make_input("waveforms"), make_input("segments")
    y, rows = (
        np.array(["calm", "happy", "tense"] * 4),
        np.arange(N_SONGS)[:, None] % 3 + np.linspace(0, 0.1, 60).reshape(12, 5),
    )
    folder, paths = tmp_path_factory.mktemp("songs"), []
    for i, waveform in enumerate(waveforms):
        paths.append(str(folder / f"{i}.wav"))
        soundfile.write(paths[-1], waveform, SR)
    network = SSSLClassifier(**{**SSSL, "max_epochs": 2})
    at = FunctionTransformer(lambda positions: segments[positions[:, 0].astype(int)])
    return {
        "songs": [
            Case(network, segments, y),
            Case(network, [np.array(song) for song in segments], y),
            Case(make_pipeline(SegmentTransformer(**SPECTROGRAM), network), paths, y),
        ],
        "rows": [Case(network, rows, y)],
        "taggers": [Case(EmotionTagger(**TAGGER), segments, np.stack([y == "calm", y != "tense"], 1).astype(int))],
        "positions": Case(make_pipeline(at, network), np.arange(N_SONGS)[:, None], y),
    }


def test_the_table_has_a_row_for_each_tool():
    assert [tool for tool, *_ in TABLE[::3]] == list(TOOLS)
    assert {word for *_, word in TABLE} == WORDS


@pytest.mark.parametrize(
    ("tool", "column", "word"), [cell for cell in TABLE if cell[-1] != "–"], ids=lambda value: value
)
def test_the_table_says_what_happens(tool, column, word, inputs):
    run = TOOLS[tool]
    if word == "works":
        for case in inputs[column]:
            run(case)
    elif word == "no":
        with pytest.raises((TypeError, ValueError), match=r"^.+$"):
            run(inputs[column][0])
    else:
        with pytest.raises(TypeError, match=r"^A SongSequence holds songs of unequal length and cannot be converted"):
            run(inputs[column][0])
        if word == "by position":
            run(inputs["positions"])
