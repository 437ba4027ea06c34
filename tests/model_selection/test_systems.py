import hashlib
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

import skmer.feature_extraction._base
from skmer import SongAggregator, make_sssl_pipeline
from skmer.aggregation import LongestRun, MajorityVote
from skmer.model_selection import EstimatorSystem, NetworkSystem, Protocol, Readout
from skmer.model_selection._fits import fit_key
from skmer.model_selection.systems import fit_with_groups
from tests.estimators.instances import SPECTROGRAM, SR
from tests.model_selection.tiny import Margins, tiny_network, tiny_segments, tiny_songs

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

X, Y, GROUPS = tiny_songs()
PROTOCOL = Protocol(n_splits=3)
FOLDS = PROTOCOL.split(Y)
SEED = 5


def pipeline(final, **network):
    network = tiny_network(random_state=SEED, **network)
    return make_pipeline(tiny_segments(), network, SongAggregator(), StandardScaler(), final)


@pytest.fixture(scope="module")
def both():
    """The network of each fold once, read out in all ways."""
    readouts = {
        "labels": Readout(),
        "in-sample": Readout(final_estimator=Margins()),
        "cross-fitted": Readout(cross_fitted=True, final_estimator=Margins()),
        "mean": Readout("mean"),
        "majority": Readout("majority"),
        "longest run": Readout("longest run"),
    }
    system = NetworkSystem(tiny_segments(), tiny_network(cv=2), readouts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return system, [system.run(X, Y, train, test, seed=SEED) for train, test in FOLDS]


def over_songs(runs, readout):
    predicted = [None] * len(X)
    for (_, test), run in zip(FOLDS, runs, strict=True):
        for song, value in zip(test, run["predictions"][readout], strict=True):
            predicted[song] = value
    return predicted


def test_the_papers_readout_is_the_pipeline_to_the_last_digit(both):
    _, runs = both
    margins = cross_val_predict(pipeline(SVC()), X, Y, cv=FOLDS, method="decision_function")
    assert over_songs(runs, "in-sample") == margins.tolist()
    assert over_songs(runs, "labels") == cross_val_predict(pipeline(SVC()), X, Y, cv=FOLDS).tolist()


def test_the_cross_fitted_readout_is_the_pipeline_with_cv(both):
    _, runs = both
    margins = cross_val_predict(pipeline(SVC(), cv=2), X, Y, cv=FOLDS, method="decision_function")
    assert over_songs(runs, "cross-fitted") == margins.tolist()
    assert over_songs(runs, "cross-fitted") != over_songs(runs, "in-sample")


def test_the_mean_readout_is_the_networks_own_prediction(both):
    _, runs = both
    segments = tiny_segments().transform(X)
    for (train, test), run in zip(FOLDS, runs, strict=True):
        network = tiny_network(random_state=SEED).fit(segments[train], Y[train])
        assert run["predictions"]["mean"] == network.predict(segments[test]).tolist()


@pytest.mark.parametrize(("readout", "vote"), [("majority", MajorityVote()), ("longest run", LongestRun())])
def test_the_readouts_that_vote_are_the_pipelines_with_votes(both, readout, vote):
    _, runs = both
    whole = make_pipeline(tiny_segments(), tiny_network(random_state=SEED), vote)
    assert over_songs(runs, readout) == cross_val_predict(whole, X, Y, cv=FOLDS).tolist()


def test_without_cross_fitted_readouts_nothing_else_changes(both):
    _, runs = both
    system = NetworkSystem(tiny_segments(), tiny_network(), {"in-sample": Readout(final_estimator=Margins())})
    run = system.run(X, Y, *FOLDS[1], seed=SEED)
    assert run["predictions"]["in-sample"] == runs[1]["predictions"]["in-sample"]
    assert run["history"] == runs[1]["history"]


def test_three_classes_and_the_whole_recipe():
    x, y, _ = tiny_songs(15, 3)
    [(train, test), *_] = PROTOCOL.split(y)
    whole = make_sssl_pipeline(0.5, max_duration=1.0, **network_of("paper"), final_estimator=Margins())
    whole.set_params(**{f"segments__{key}": value for key, value in SPECTROGRAM.items()})
    expected = whole.fit([x[i] for i in train], y[train]).predict([x[i] for i in test])
    system = NetworkSystem(
        tiny_segments(max_duration=1.0),
        type(tiny_network()).from_recipe("paper", **network_of(None)),
        {"": Readout(final_estimator=Margins())},
    )
    assert expected.shape == (len(test), 3)
    assert system.run(x, y, train, test, seed=SEED)["predictions"][""] == expected.tolist()


def network_of(recipe):
    params = {"backbone": "small", "backbone_params": {"width": 4}, "max_epochs": 3, "warmup_epochs": 1}
    return params if recipe is None else {**params, "recipe": recipe, "random_state": SEED}


def test_labels_of_test_songs_are_not_looked_at(both):
    system, runs = both
    train, test = FOLDS[0]
    permuted = Y.copy()
    permuted[test] = Y[test][::-1]
    assert (permuted != Y).any()
    assert system.run(X, permuted, train, test, seed=SEED) == runs[0]
    permuted[test] = "never heard of"
    assert system.run(X, permuted, train, test, seed=SEED) == runs[0]
    rows = np.random.default_rng(0).normal(size=(12, 2))
    plain = EstimatorSystem(SVC())
    assert plain.run(rows, permuted, train, test) == plain.run(rows, Y, train, test)


def test_sounds_of_test_songs_do_not_change_the_training(both):
    system, runs = both
    train, test = FOLDS[0]
    other = [np.sign(x) * 0.9 if i in test else x for i, x in enumerate(X)]
    assert system.run(other, Y, train, test, seed=SEED)["history"] == runs[0]["history"]


def test_the_seed_decides_the_network(both):
    system, runs = both
    assert system.run(X, Y, *FOLDS[0], seed=SEED + 1)["history"] != runs[0]["history"]
    # a random_state of the network gives way to the seed of the run
    other = NetworkSystem(tiny_segments(), tiny_network(cv=2, random_state=99), system.readouts)
    assert other.run(X, Y, *FOLDS[0], seed=SEED) == runs[0]


def test_groups_stay_together_in_cross_fitting(monkeypatch):
    asked = []
    kind = type(tiny_network())
    fit_transform = kind.fit_transform

    def listening(self, X, y, groups=None):
        asked.append(groups)
        return fit_transform(self, X, y, groups)

    monkeypatch.setattr(kind, "fit_transform", listening)
    system = NetworkSystem(tiny_segments(), tiny_network(cv=2), {"": Readout(cross_fitted=True)})
    train, test = FOLDS[0]
    system.run(X, Y, train, test, groups=GROUPS.tolist(), seed=SEED)
    assert [g.tolist() for g in asked] == [GROUPS[train].tolist()]


def test_groups_reach_the_steps_that_request_them_where_routing_is_enabled():
    class Spy(SVC):
        __metadata_request__fit = {"groups": True}  # noqa: RUF012

        def fit(self, X, y, groups=None):
            self.groups = groups
            return super().fit(X, y)

    rows, groups = np.arange(12.0)[:, None], GROUPS.tolist()
    train, _ = FOLDS[0]
    inside = GROUPS[train].tolist()
    with config_context(enable_metadata_routing=True):
        assert (
            fit_with_groups(make_pipeline(StandardScaler(), Spy()), rows[train], Y[train], inside)[1].groups == inside
        )
        assert fit_with_groups(make_pipeline(StandardScaler(), SVC()), rows[train], Y[train], inside)[1].n_features_in_
    assert fit_with_groups(make_pipeline(StandardScaler(), Spy()), rows[train], Y[train], inside)[1].groups is None
    assert EstimatorSystem(SVC()).run(rows, Y, *FOLDS[0], groups=groups)["predictions"]


def test_history_of_the_training(both):
    _, runs = both
    history = runs[0]["history"]
    assert len(history["loss"]) == 3
    # a split each epoch after the warm-up
    assert len(history["clean_share"]) == 2
    assert all(0 <= share <= 1 for share in history["clean_share"])


def test_all_songs_are_read_once_beforehand(tmp_path, monkeypatch):
    paths = [str(tmp_path / f"{i}.wav") for i in range(len(X))]
    for path, y in zip(paths, X, strict=True):
        soundfile.write(path, y, SR)
    reads = []
    read_blocks = skmer.feature_extraction._base.read_blocks

    def counting(path, *args, **kwargs):
        reads.append(path)
        return read_blocks(path, *args, **kwargs)

    monkeypatch.setattr(skmer.feature_extraction._base, "read_blocks", counting)
    system = NetworkSystem(tiny_segments(memory=str(tmp_path / "cache")), tiny_network())
    system.prepare(paths, n_jobs=2)
    assert sorted(reads) == sorted(paths)
    system.run(paths, Y, *FOLDS[0])
    assert len(reads) == len(paths)
    NetworkSystem(tiny_segments(), tiny_network()).prepare(["nowhere.wav"])  # without a cache there is nothing to do


def test_a_whole_estimator_is_cloned_and_seeded():
    rows = np.random.default_rng(0).normal(size=(12, 3))
    forest = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=77))
    system = EstimatorSystem(forest)
    train, test = FOLDS[0]
    expected = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=SEED))
    expected = expected.fit(rows[train], Y[train]).predict(rows[test])
    assert system.run(rows, Y, train, test, seed=SEED) == {"predictions": {"": expected.tolist()}}
    assert forest.get_params()["randomforestclassifier__random_state"] == 77
    assert not hasattr(forest[-1], "estimators_")


def reading(path):
    """A system that reads a file beside the songs."""
    steps = make_pipeline(FunctionTransformer(kw_args=None), Reads(str(path)), SVC())
    return EstimatorSystem(steps, files=[path])


class Reads(TransformerMixin, BaseEstimator):
    def __init__(self, file, other="file"):
        self.file = file
        self.other = other


def test_the_folder_of_a_file_decides_nothing_and_its_contents_do(tmp_path, monkeypatch):
    paths = [tmp_path / name for name in ("a/net.pt", "b/net.pt", "c/net.pt", "a/other.pt")]
    for path, contents in zip(paths, [b"one", b"one", b"two", b"one"], strict=True):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(contents)
    systems = [reading(path) for path in paths]
    keys = [fit_key(system.parts) for system in systems]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    name = f"net.pt {hashlib.sha256(b'one').hexdigest()[:16]}"
    assert systems[0].parts["files"] == [name]
    assert (systems[0].parts["estimator"][1].file, systems[0].parts["estimator"][1].other) == (name, "file")
    # the system itself reads its file
    assert systems[0].estimator[1].file == str(paths[0])
    monkeypatch.chdir(tmp_path / "b")
    assert fit_key(reading(Path("net.pt")).parts) == fit_key(reading("net.pt").parts) == keys[0]
    with pytest.raises(FileNotFoundError):
        assert reading("none.pt").parts


def test_a_pipeline_of_songs_is_the_network_system(both):
    _, runs = both
    system = EstimatorSystem(pipeline(Margins()).set_params(ssslclassifier__random_state=None))
    assert system.run(X, Y, *FOLDS[2], seed=SEED)["predictions"][""] == runs[2]["predictions"]["in-sample"]


def test_readouts_on_hand_made_probabilities():
    classes = np.array(["high", "low"])
    inside = [np.array([[p, 1 - p]] * 2) for p in (0.9, 0.8, 0.3, 0.2)]
    outside = [np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([[0.1, 0.9], [0.6, 0.4]])]
    y = ["high", "high", "low", "low"]
    assert Readout("mean").predict(classes, inside, y, outside).tolist() == ["high", "low"]
    # four high segments, of which two together, and four low ones apart and surer
    voted = [np.array([[p, 1 - p] for p in (0.1, 0.6, 0.7, 0.1, 0.6, 0.1, 0.6, 0.1)])]
    assert Readout("majority").predict(classes, inside, y, voted).tolist() == ["low"]
    assert Readout("longest run").predict(classes, inside, y, voted).tolist() == ["high"]
    for theta in (0.5, 0.35):
        steps = make_pipeline(SongAggregator(threshold=theta), StandardScaler(), GaussianNB())
        expected = steps.fit(inside, y).predict(outside)
        readout = Readout(share_threshold=theta, final_estimator=GaussianNB())
        assert readout.predict(classes, inside, y, outside).tolist() == expected.tolist()


def test_costs():
    def cost(network, *readouts):
        return NetworkSystem(tiny_segments(), network, dict(enumerate(readouts or [Readout()]))).cost

    assert cost(tiny_network(max_epochs=10)) == 14.0
    assert cost(tiny_network(max_epochs=10, noise_model=None)) == 10.0
    assert cost(tiny_network(max_epochs=10, cv=3)) == 14.0  # no readout asks for it
    assert cost(tiny_network(max_epochs=10, cv=3), Readout(), Readout(cross_fitted=True)) == pytest.approx(42.0)
    assert NetworkSystem(tiny_segments(), tiny_network(), cost=3.0).cost == 3.0


def test_refusals():
    with pytest.raises(
        ValueError, match="kind must be one of 'statistics', 'mean', 'majority', 'longest run', got 'median'"
    ):
        Readout("median")
    with pytest.raises(ValueError, match="the network's cv is 'insample': set cv to a number"):
        NetworkSystem(tiny_segments(), tiny_network(), {"": Readout(cross_fitted=True)})
