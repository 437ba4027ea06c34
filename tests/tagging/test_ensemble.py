import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_array, csr_array
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skmer import EmotionTagger, LongShortEnsemble, SongSequence, SSSLClassifier, TaggingTransformer
from skmer.model_selection import best_thresholds, best_weight
from skmer.model_selection.tag_metrics import macro_roc_auc

QUICK = {"backbone": "mlp", "mask_range": None, "max_epochs": 2, "lr": 1e-2}


class Logits(ClassifierMixin, BaseEstimator):
    """A tagger whose logits are a function of songs, and which keeps what it was fitted to."""

    def __init__(self, function=np.asarray):
        self.function = function

    def fit(self, X, y, X_val=None, y_val=None):
        self.fitted_to_ = X, y, X_val, y_val
        return self

    def decision_function(self, X):
        return self.function(X)


class Untouchable(Logits):
    def fit(self, X, y, X_val=None, y_val=None):
        raise AssertionError("fitted in vain")


def first_two(X):
    return np.asarray(X)[:, :2]


def last_two(X):
    return np.asarray(X)[:, 2:]


def ovr():
    return OneVsRestClassifier(LogisticRegression())


def on_column(column):
    return make_pipeline(ColumnTransformer([("column", "passthrough", [column])]), ovr())


@pytest.fixture(scope="module")
def rows():
    """Rows of 4 features, of which the first two determine a tag each."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 4))
    return X, (X[:, :2] + 0.3 * rng.normal(size=(90, 2)) > 0).astype(int)


@pytest.fixture(scope="module")
def planted():
    """Rows that are the logits of two taggers of two tags."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=(40, 2))
    return np.column_stack([y + rng.normal(size=(40, 2)), 3 * y + 4 * rng.normal(size=(40, 2))]), y


def both(**params):
    return LongShortEnsemble(Logits(first_two), Logits(last_two), **{"random_state": 0, **params})


# ---- weight, thresholds and predictions --------------------------------------------------------------


def test_two_taggers_of_different_features_are_better_together(rows):
    X, y = rows
    ensemble = LongShortEnsemble(on_column(0), on_column(1), random_state=0).fit(X[:60], y[:60])
    alone = [member.fit(X[:60], y[:60]).decision_function(X[60:]) for member in (on_column(0), on_column(1))]
    assert 0 < ensemble.weight_ < 1
    assert ensemble.score(X[60:], y[60:]) > max(macro_roc_auc(y[60:], logits) for logits in alone) + 0.15
    assert ensemble.validation_scores_["both"] > max(ensemble.validation_scores_[k] for k in ("short", "long")) + 0.05
    assert ensemble.n_tags_ == 2
    assert ensemble.tags_.tolist() == [0, 1]
    assert ensemble.classes_.tolist() == [[0, 1]] * 2
    assert ensemble.n_features_in_ == 4
    assert ensemble.predict(X).dtype == np.int64
    # the parameters are not fitted
    assert not hasattr(ensemble.short[-1], "estimators_")


def test_uninformative_taggers_have_small_weights(rows):
    X, y = rows
    X = X * [1, 1, 9, 9]
    assert both().fit(X, y).weight_ > 0.8
    constant = DummyClassifier(strategy="prior")
    ensemble = LongShortEnsemble(constant, constant, weight=0.5, random_state=0).fit(X, y)
    assert ensemble.validation_scores_ == {"short": 0.5, "long": 0.5, "both": 0.5}


def test_the_weighted_sum_by_hand():
    X = np.array([[1.0, -2, 3, 0], [0, 4, -1, 2], [2, 0, 1, -2]])
    y = np.array([[1, 0], [0, 1], [1, 0]])
    ensemble = both(weight=0.75).fit(X, y, X_val=X, y_val=y)
    expected = np.array([[1.5, -1.5], [-0.25, 3.5], [1.75, -0.5]])
    np.testing.assert_array_equal(ensemble.decision_function(X), expected)
    np.testing.assert_array_equal(ensemble.predict_proba(X), expit(expected))
    np.testing.assert_array_equal(ensemble.predict(X), y)
    assert ensemble.score(X, y) == 1
    assert ensemble.weight_ == 0.75
    np.testing.assert_array_equal(both(weight=1).fit(X, y, X_val=X, y_val=y).decision_function(X), X[:, :2])
    np.testing.assert_array_equal(both(weight=0).fit(X, y, X_val=X, y_val=y).decision_function(X), X[:, 2:])


def test_weight_and_thresholds_are_those_of_the_validation_songs(planted):
    X, y = planted
    ensemble = both(validation_fraction=0.5).fit(X, y)
    held = ensemble.validation_songs_
    assert len(held) == 20
    assert ensemble.weight_ == best_weight(y[held], X[held, :2], X[held, 2:])
    np.testing.assert_array_equal(ensemble.thresholds_, best_thresholds(y[held], ensemble.predict_proba(X[held])))
    logits = {"short": X[held, :2], "long": X[held, 2:], "both": ensemble.decision_function(X[held])}
    assert ensemble.validation_scores_ == {name: macro_roc_auc(y[held], values) for name, values in logits.items()}
    np.testing.assert_array_equal(ensemble.predict(X), ensemble.predict_proba(X) >= ensemble.thresholds_)
    weights = np.r_[np.ones(15), np.full(15, 2.0), np.zeros(10)]
    expected = roc_auc_score(y, ensemble.decision_function(X), sample_weight=weights)
    assert ensemble.score(X, y, sample_weight=weights) == pytest.approx(expected, abs=1e-12)
    turned = LongShortEnsemble(Logits(last_two), Logits(first_two), validation_fraction=0.5, random_state=0).fit(X, y)
    assert turned.weight_ == pytest.approx(1 - ensemble.weight_)


# ---- training and validation songs -------------------------------------------------------------------


def test_both_are_trained_on_the_other_songs(planted):
    X, y = planted
    ensemble = both(weight=0.5).fit(X, y)
    held = ensemble.validation_songs_
    for member in (ensemble.short_, ensemble.long_):
        expected = (np.delete(X, held, 0), np.delete(y, held, 0), X[held], y[held])
        for found, wanted in zip(member.fitted_to_, expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
    given = both(weight=0.5).fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    assert given.validation_songs_ is None
    np.testing.assert_array_equal(given.long_.fitted_to_[0], X[:30])
    np.testing.assert_array_equal(given.long_.fitted_to_[2], X[30:])


def test_validation_songs_are_drawn_as_in_the_tagger(rows):
    X, y = rows
    groups = np.repeat(np.arange(30), 3)
    tagger = EmotionTagger(**QUICK, random_state=5).fit(X, y, groups=groups)
    held = both(weight=0.5, random_state=5).fit(X, y, groups=groups).validation_songs_
    np.testing.assert_array_equal(held, tagger.validation_songs_)
    assert not set(groups[held]) & set(np.delete(groups, held))


def test_taggers_stop_early_on_the_validation_songs(rows):
    X, y = rows
    tagger = EmotionTagger(**{**QUICK, "max_epochs": 30}, patience=2)
    ensemble = LongShortEnsemble(make_pipeline(StandardScaler(), tagger), tagger, weight=0.5, random_state=0).fit(X, y)
    for name, member in (("short", ensemble.short_[-1]), ("long", ensemble.long_)):
        assert member.validation_songs_ is None
        best = max(row["valid_roc_auc"] for row in member.history_)
        assert ensemble.validation_scores_[name] == pytest.approx(best, abs=1e-6)
    # validation songs are standardised by training songs
    np.testing.assert_allclose(ensemble.short_[0].mean_, np.delete(X, ensemble.validation_songs_, 0).mean(0))


# ---- frozen taggers ----------------------------------------------------------------------------------


def test_frozen_taggers_are_used_as_they_are(rows):
    X, y = rows
    short, long = (on_column(k).fit(X[:40], y[:40]) for k in (0, 1))
    frozen = LongShortEnsemble(FrozenEstimator(short), FrozenEstimator(long)).fit(X[40:], y[40:])
    # nothing to train: all songs are validation songs
    np.testing.assert_array_equal(frozen.validation_songs_, np.arange(50))
    assert frozen.short_.estimator is short
    logits = [member.decision_function(X[40:]) for member in (short, long)]
    assert frozen.weight_ == best_weight(y[40:], *logits)
    given = clone(frozen).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert given.validation_songs_ is None
    assert given.weight_ == frozen.weight_
    assert pickle.loads(pickle.dumps(frozen)).score(X, y) == frozen.score(X, y)
    one = LongShortEnsemble(FrozenEstimator(short), on_column(1), weight=0.5, random_state=0).fit(X[40:], y[40:])
    held = one.validation_songs_
    assert len(held) == 10
    assert one.short_.estimator is short
    expected = on_column(1).fit(np.delete(X[40:], held, 0), np.delete(y[40:], held, 0))
    np.testing.assert_array_equal(one.long_.decision_function(X), expected.decision_function(X))


def test_stateless_steps_are_frozen_with_their_tagger(rows):
    X, y = rows
    tagger = FrozenEstimator(ovr().fit(X[:40], y[:40]))
    stateless = make_pipeline(FunctionTransformer(), "passthrough", tagger)
    ensemble = LongShortEnsemble(stateless, tagger, weight=0.5).fit(X[40:], y[40:])
    assert len(ensemble.validation_songs_) == 50
    assert ensemble.short_ is stateless
    ensemble = LongShortEnsemble(make_pipeline(StandardScaler(), tagger), stateless, weight=0.5, random_state=0).fit(
        X[40:], y[40:]
    )
    np.testing.assert_allclose(
        ensemble.short_[0].mean_, np.delete(X[40:], ensemble.validation_songs_, 0).mean(0), atol=1e-12
    )


def test_errors_of_frozen_taggers_come_before_training(rows):
    X, y = rows
    three = FrozenEstimator(ovr().fit(X, np.column_stack([y, y[:, 0]])))
    for name, members in (("long", (Untouchable(), three)), ("short", (three, Untouchable()))):
        with pytest.raises(ValueError, match=f"{name} predicts 3 tags, but y has 2: it must be fitted on the tags"):
            LongShortEnsemble(*members).fit(X, y)
    with pytest.raises(NotFittedError, match="long is frozen, but not fitted"):
        LongShortEnsemble(Untouchable(), FrozenEstimator(ovr())).fit(X, y)
    one = FrozenEstimator(ovr().fit(X, y[:, :1]))
    with pytest.raises(ValueError, match="short predicts 1 tag, but y has 2"):
        LongShortEnsemble(one, Untouchable()).fit(X, y)
    assert LongShortEnsemble(one, ovr(), weight=0.5, random_state=0).fit(X, y[:, :1]).predict(X).shape == (90, 1)


def test_tags_in_another_order(rows):
    X, y = rows
    named = pd.DataFrame(y, columns=["calm", "happy"])
    frozen = FrozenEstimator(EmotionTagger(**QUICK, random_state=0).fit(X, named))
    turned = named[["happy", "calm"]]
    with pytest.raises(ValueError, match="The tags of y are happy, calm, but those of long are calm, happy"):
        LongShortEnsemble(Untouchable(), make_pipeline(FunctionTransformer(), frozen)).fit(X, turned)
    with pytest.raises(ValueError, match="The tags of y are calm, happy, but those of y_val are happy, calm"):
        LongShortEnsemble(Untouchable(), frozen).fit(X, named, X_val=X, y_val=turned)
    # numbers are no names
    assert LongShortEnsemble(ovr(), frozen, weight=0.5, random_state=0).fit(X, y).tags_.tolist() == [0, 1]
    assert LongShortEnsemble(ovr(), frozen, weight=0.5, random_state=0).fit(X, named).tags_.tolist() == [
        "calm",
        "happy",
    ]


# ---- taggers, songs and tags of any kind ---------------------------------------------------------------


@pytest.mark.parametrize("n_tags", [1, 3])
@pytest.mark.parametrize(
    "tagger",
    [
        RandomForestClassifier(5),
        GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=2),
        LongShortEnsemble(on_column(0), on_column(1), weight=0.5),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseEstimator) else str(value),
)
@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
def test_taggers_of_any_kind(rows, tagger, n_tags):
    X, y = rows
    y = np.column_stack([y, y[:, 0] & y[:, 1]])[:, :n_tags]
    ensemble = LongShortEnsemble(tagger, ovr(), weight=0.5, random_state=0).fit(X[:60], y[:60])
    assert ensemble.predict_proba(X).shape == (90, n_tags)
    assert ensemble.score(X[60:], y[60:]) > 0.8
    assert ensemble.validation_scores_["short"] > 0.6


def test_log_odds_of_a_tagger_without_decisions(rows):
    X, y = rows
    ensemble = LongShortEnsemble(KNeighborsClassifier(4), Logits(first_two), weight=1.0, random_state=0).fit(X, y)
    expected = np.stack([p[:, 1] for p in ensemble.short_.predict_proba(X)], 1)
    np.testing.assert_allclose(ensemble.predict_proba(X), expected, atol=1e-9)


def load(paths):
    return np.stack([np.load(path) for path in paths])


def means(songs):
    return np.stack([np.asarray(song).reshape(-1, 4).mean(0) for song in songs])


def test_songs_of_any_kind(rows, tmp_path):
    X, y = rows[0][:30], rows[1][:30]
    paths = [tmp_path / f"{i}.npy" for i in range(len(X))]
    for path, row in zip(paths, X, strict=True):
        np.save(path, row)
    songs = [np.tile(row, (1 + i % 3, 1)) for i, row in enumerate(X)]
    kinds = [
        (paths, load),
        (pd.Series([str(path) for path in paths], index=range(100, 130)), load),
        (X.tolist(), np.asarray),
        (pd.DataFrame(X), None),
        (songs, means),
        (SongSequence(songs), means),
        (list(X), means),
        (csr_array(X), None),
        (coo_array(X), None),
    ]
    expected = None
    for given, function in kinds:
        members = [make_pipeline(FunctionTransformer(function), ovr()) for _ in range(2)]
        ensemble = LongShortEnsemble(*members, weight=0.5, random_state=0).fit(given, y)
        logits = ensemble.decision_function(given)
        expected = logits if expected is None else expected
        np.testing.assert_allclose(logits, expected, atol=1e-6)


def test_tables_keep_their_names(rows):
    X, y = rows
    X = pd.DataFrame(X, columns=list("abcd"), index=range(5, 95))
    y = pd.DataFrame(np.column_stack([y, np.zeros(90)]), columns=["calm", "happy", "epic"], index=X.index)
    ensemble = LongShortEnsemble(on_column("a"), EmotionTagger(**QUICK), weight=0.5, random_state=0)
    with pytest.warns(UserWarning, match="epic") as caught:
        ensemble.fit(X, y.astype(object))
    messages = {str(warning.message) for warning in caught}
    assert "Tags without training songs, which cannot be learnt: epic." in messages
    assert "Tags without validation songs, which predict assigns to no song: epic." in messages
    assert ensemble.tags_.tolist() == ["calm", "happy", "epic"]
    assert ensemble.feature_names_in_.tolist() == list("abcd")
    assert np.isinf(ensemble.thresholds_).tolist() == [False, False, True]
    assert not ensemble.predict(X)[:, 2].any()


def waveforms(rng, n):
    """Songs at 4096 Hz: of the first tag a tone, of the second a click."""
    y = np.stack([np.arange(n) % 2, np.arange(n) // 2 % 2], 1)
    songs = []
    for tone, click in y:
        length = int(rng.integers(4096, 8192))
        song = 0.05 * rng.normal(size=length) + 0.2 * tone * np.sin(2 * np.pi * 440 * np.arange(length) / 4096)
        song[rng.integers(length - 64) :][:64] += 0.9 * click
        songs.append(song.astype(np.float32))
    return songs, y


def test_pipelines_with_their_own_feature_extraction(rng):
    songs, y = waveforms(rng, 40)
    params = {"sr": 4096, "n_mels": 8, "average": 2, "n_fft": 256, "hop_length": 64, "hpcp_hop_length": 256}
    tagger = EmotionTagger(**{**QUICK, "max_epochs": 3})
    ensemble = LongShortEnsemble(
        make_pipeline(TaggingTransformer(duration=0.25, hpcp=False, **params), tagger),
        make_pipeline(TaggingTransformer(duration=1.0, hpcp=False, **params), tagger),
        weight=0.5,
        random_state=0,
        validation_fraction=0.3,
    )
    assert cross_val_score(ensemble, songs, y, cv=KFold(2), error_score="raise").min() > 0.7
    # validation songs pass through both pipelines
    ensemble.fit(songs[:28], y[:28], X_val=songs[28:], y_val=y[28:])
    assert ensemble.short_[-1].segment_shape_ != ensemble.long_[-1].segment_shape_
    assert ensemble.predict(songs).shape == (40, 2)


# ---- contracts --------------------------------------------------------------------------------------


def test_random_state_decides_and_global_states_stay(rows):
    X, y = rows
    forest = RandomForestClassifier(3, max_depth=2)
    before = np.random.get_state()[1].copy()  # noqa: NPY002

    def fitted(random_state):
        ensemble = LongShortEnsemble(forest, make_pipeline(StandardScaler(), EmotionTagger(**QUICK)), weight=0.5)
        return ensemble.set_params(random_state=random_state).fit(X, y, X_val=X, y_val=y)

    one, two, other = (fitted(seed).decision_function(X) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, other)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    # given seeds are kept, and the two taggers have different ones
    ensemble = LongShortEnsemble(forest, clone(forest).set_params(random_state=7), weight=0.5, random_state=0).fit(X, y)
    assert ensemble.long_.random_state == 7
    assert forest.random_state is None
    twins = LongShortEnsemble(forest, forest, weight=0.5, random_state=0).fit(X, y)
    assert None is not twins.short_.random_state != twins.long_.random_state


def test_clone_pickle_and_joblib(rows, tmp_path):
    X, y = rows
    ensemble = LongShortEnsemble(on_column(0), EmotionTagger(**QUICK), weight=0.5, random_state=0).fit(X, y)
    joblib.dump(ensemble, tmp_path / "ensemble.joblib")
    copy = clone(ensemble)
    assert not hasattr(copy, "weight_")
    loaded = pickle.loads(pickle.dumps(ensemble)), joblib.load(tmp_path / "ensemble.joblib")
    for again in (*loaded, copy.fit(X, y)):
        np.testing.assert_array_equal(again.decision_function(X), ensemble.decision_function(X))
        np.testing.assert_array_equal(again.predict(X), ensemble.predict(X))


def test_parameters_of_the_members(rows):
    X, y = rows
    ensemble = LongShortEnsemble(make_pipeline(StandardScaler(), EmotionTagger(**QUICK)), ovr(), random_state=0)
    ensemble.set_params(short__emotiontagger__lr=0.5, long__estimator__C=3, weight=0.3)
    assert ensemble.get_params()["short__emotiontagger__lr"] == 0.5
    assert ensemble.long.estimator.C == 3
    grid = {"short__max_depth": [1, 3], "weight": [0.3, "auto"]}
    search = GridSearchCV(LongShortEnsemble(DecisionTreeClassifier(), ovr(), random_state=0), grid, cv=2)
    search.fit(X, y)
    assert search.best_score_ > 0.9
    assert search.best_estimator_.short_.max_depth == search.best_params_["short__max_depth"]
    assert len(set(search.cv_results_["mean_test_score"])) > 2


def test_verbose(rows, capsys):
    X, y = rows
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LongShortEnsemble(ovr(), EmotionTagger(**QUICK), weight=0.5).fit(X, y)
    assert capsys.readouterr() == ("", "")
    LongShortEnsemble(ovr(), ovr(), weight=0.5, verbose=1).fit(X, y)
    assert "LongShortEnsemble" in capsys.readouterr().err


# ---- invalid input ------------------------------------------------------------------------------------

X20, Y20 = np.random.default_rng(0).normal(size=(20, 4)), np.stack([np.arange(20) % 2, np.arange(20) // 2 % 2], 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": None}, "LongShortEnsemble requires y to be passed"),
        ({"y": np.zeros((20, 2, 2))}, r"y must have shape \(n_songs, n_tags\).* got shape \(20, 2, 2\)"),
        ({"y": Y20[:19]}, "X has 20 songs but y has 19 rows"),
        ({"y": np.zeros((20, 2))}, "No tag has both positive and negative validation songs"),
        ({"X": []}, "X holds no song"),
        ({"X": "song.wav"}, "X must hold one item per song, .* got str"),
        ({"X": {f"{i}": row for i, row in enumerate(X20)}}, "X must hold one item per song, .* got dict"),
        ({"X": X20 * 1j}, "Complex data not supported"),
        ({"groups": np.zeros(20)}, "leaves no validation song, since there is only one group of songs"),
        ({"groups": np.zeros(19)}, r"groups has shape \(19,\) for 20 songs"),
        ({"X_val": X20}, "X_val and y_val must be given together"),
        ({"X_val": X20, "y_val": Y20[:, :1]}, "y_val has 1 tags, expected 2"),
        ({"X_val": X20[:9], "y_val": Y20}, "X_val has 9 songs but y_val has 20 rows"),
        ({"X_val": X20[:0], "y_val": Y20[:0]}, "X_val holds no song"),
        ({"X_val": X20, "y_val": np.ones((20, 2))}, "No tag has both positive and negative validation songs"),
    ],
)
def test_invalid_data(change, message):
    with pytest.raises(ValueError, match=message):
        LongShortEnsemble(Untouchable(), Untouchable()).fit(**{"X": X20, "y": Y20, **change})


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (Ridge(), "long must be a multi-label classifier with predict_proba or decision_function, got Ridge"),
        (LogisticRegression(), "long is a LogisticRegression, which takes one label per song .*OneVsRestClassifier"),
        (SSSLClassifier(backbone="mlp", max_epochs=1), "long is a SSSLClassifier, which takes one label per song"),
        (FrozenEstimator(LogisticRegression().fit(X20, Y20[:, 0])), "long predicts 1 tag, but y has 2"),
        (Logits(lambda X: np.full((len(X), 2), np.nan)), "long predicts NaN or infinity for song 0 and tag 0"),
        ("crnn", "The 'long' parameter of LongShortEnsemble must be an object implementing 'fit'"),
        (None, "The 'long' parameter of LongShortEnsemble must be an object implementing 'fit'"),
    ],
)
def test_invalid_members(member, message):
    with pytest.raises(ValueError, match=message):
        LongShortEnsemble(Logits(first_two), member).fit(X20, Y20)


@pytest.mark.parametrize("params", [{"weight": 1.5}, {"weight": "best"}, {"weight": None}, {"validation_fraction": 1}])
def test_invalid_parameters(params):
    with pytest.raises(ValueError, match=f"The '{next(iter(params))}' parameter of LongShortEnsemble"):
        LongShortEnsemble(Untouchable(), Untouchable(), **params).fit(X20, Y20)


def test_songs_with_nan_are_named_by_their_position_in_X():
    songs = SongSequence([np.full((2, 4), np.nan) if i == 13 else np.tile(row, (2, 1)) for i, row in enumerate(X20)])
    tagger = EmotionTagger(**QUICK)
    piped = make_pipeline(FunctionTransformer(), tagger)
    for seed in range(2):
        for member in (tagger, LongShortEnsemble(piped, piped)):
            with pytest.raises(ValueError, match="Song 13 of X has NaN or infinity") as caught:
                LongShortEnsemble(member, Untouchable(), random_state=seed).fit(songs, Y20)
            assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    with pytest.raises(ValueError, match="Song 1 of X_val has NaN or infinity"):
        LongShortEnsemble(tagger, tagger).fit(songs[:12], Y20[:12], X_val=songs[12:], y_val=Y20[12:])
    with pytest.raises(ValueError, match="contains NaN") as caught:
        LongShortEnsemble(ovr(), tagger).fit(np.where(X20 > 2, np.nan, X20), Y20, X_val=X20, y_val=Y20)
    assert caught.value.__notes__ == ["While fitting short of LongShortEnsemble."]


class Stubborn(EmotionTagger):
    def fit(self, X, y, groups=None, X_val=None, y_val=None):
        raise ValueError("the true error")


def test_errors_of_members_are_raised_as_they_are(rng):
    # waveforms of unequal lengths, and songs with NaN: no other error may hide the member's
    for X in ([rng.normal(size=(2, 50 + i)) for i in range(20)], SongSequence([np.full((2, 4), np.nan)] * 20)):
        with pytest.raises(ValueError, match="the true error") as caught:
            LongShortEnsemble(Stubborn(), Untouchable(), random_state=0).fit(X, Y20)
        assert str(caught.value) == "the true error"
        assert caught.value.__notes__ == ["While fitting short of LongShortEnsemble."]
    tagger = EmotionTagger(**QUICK)
    with pytest.raises(ValueError, match=r"X holds paths, .*: put TaggingTransformer before EmotionTagger"):
        LongShortEnsemble(tagger, tagger).fit([f"{i}.wav" for i in range(20)], Y20)


def test_before_and_after_a_fit_that_fails(rows):
    X, y = rows
    ensemble = LongShortEnsemble(ovr(), ovr(), weight=0.5)
    for method in (ensemble.predict, ensemble.predict_proba, ensemble.decision_function):
        with pytest.raises(NotFittedError):
            method(X)
    ensemble.fit(X, y)
    with pytest.raises(ValueError, match="y has 1 tags, expected 2"):
        ensemble.score(X, y[:, :1])
    with pytest.raises(ValueError, match="X holds no song"):
        ensemble.predict(X[:0])
    with pytest.raises(ValueError, match="3 features"):
        ensemble.predict(X[:, :3])
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        ensemble.fit(X, X[:, 0])
    assert not [name for name in vars(ensemble) if name.endswith("_")]
    with pytest.raises(NotFittedError):
        ensemble.predict(X)
