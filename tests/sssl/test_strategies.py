"""Strategies against label noise that are not the paper's: self-learning, and a user's own."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV

from skmer import SSSLClassifier
from skmer.backbones import MLP
from skmer.model_selection.fold_store import describe
from skmer.sssl import GMMSplit, LabelStrategy, SelfLearning, Split
from tests.sssl.test_net import make_net

BARE = {"mixup_alpha": 0.0, "lambda_kl": 0.0, "prior_weight": 0.0, "average_epochs": None}


class Trust(LabelStrategy):
    """Keep every inherited label."""

    def targets(self, logits, net):
        return net.inherited_targets(), torch.zeros_like(net.labels_, dtype=torch.bool)


class Given(LabelStrategy):
    """Return whatever it was made with."""

    def __init__(self, answer=None, warmup_epochs=5):
        super().__init__(warmup_epochs)
        self.answer = answer

    def targets(self, logits, net):
        return self.answer(logits, net)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(n_class=4, return_X_y=True)
    return X[:300], y[:300]


def begin(net, strategy, epochs):
    strategy.on_train_begin(net)
    for _ in range(epochs):
        net.history.new_epoch()
        strategy.on_epoch_begin(net)


def test_the_output_becomes_the_label():
    net = make_net(MLP((16,), 3))
    begin(net, SelfLearning(warmup_epochs=1), 2)
    expected = torch.softmax(net.row_outputs(net.bank_), 1)
    torch.testing.assert_close(net.targets_, expected)
    assert net.unlabelled_.all()
    changed = (expected.argmax(1) != net.labels_).float().mean().item()
    assert net.history[-1]["label_change"] == pytest.approx(changed)
    assert net.history[-1]["phase"] == "SelfLearning"
    assert net.history[0]["phase"] == "warmup"


def test_inertia_by_hand():
    net = make_net(MLP((16,), 3))
    begin(net, SelfLearning(inertia=0.75, warmup_epochs=1), 3)
    said = torch.softmax(net.row_outputs(net.bank_), 1)
    first = 0.75 * net.inherited_targets() + 0.25 * said
    torch.testing.assert_close(net.targets_, 0.75 * first + 0.25 * said)


def test_self_learning_mends_labels_that_are_wrong(digits):
    X, y = digits
    rng = np.random.default_rng(0)
    noisy = y.copy()
    wrong = rng.choice(len(y), len(y) // 4, replace=False)
    noisy[wrong] = (noisy[wrong] + 1) % 4
    params = {"backbone": "mlp", "max_epochs": 15, "random_state": 0}
    plain = SSSLClassifier.from_recipe("plain", **params).fit(X, noisy)
    classifier = SSSLClassifier.from_recipe("self-learning", warmup_epochs=2, **params).fit(X, noisy)
    # cross-entropy learns the wrong labels by heart
    assert (plain.predict(X) == y).mean() < 0.8
    assert (classifier.predict(X) == y).mean() > 0.9
    assert 0.2 < classifier.history_[-1]["label_change"] < 0.35
    clean = classifier.clean_probability_
    assert roc_auc_score(np.isin(np.arange(len(y)), wrong), -clean) > 0.9
    # what the finished network gives to the inherited labels
    np.testing.assert_allclose(clean, classifier.predict_proba(X)[np.arange(len(X)), noisy], atol=1e-6)
    assert not hasattr(classifier, "split_")


def test_a_strategy_that_trusts_all_labels_is_cross_entropy(digits):
    params = {"backbone": "mlp", "max_epochs": 6, "warmup_epochs": 2, "random_state": 0, **BARE}
    plain = SSSLClassifier(noise_model=None, **params).fit(*digits)
    trust = SSSLClassifier(noise_model=Trust(), **params).fit(*digits)
    np.testing.assert_allclose(trust.predict_proba(digits[0]), plain.predict_proba(digits[0]), atol=1e-4)
    assert [row["phase"] for row in trust.history_] == ["warmup"] * 2 + ["Trust"] * 4


def test_the_classifiers_warm_up_holds_and_the_strategy_given_is_left_alone(digits):
    strategy = SelfLearning(inertia=0.5, warmup_epochs=1)
    classifier = SSSLClassifier("mlp", noise_model=strategy, max_epochs=4, warmup_epochs=3, random_state=0).fit(*digits)
    assert [row["phase"] for row in classifier.history_] == ["warmup"] * 3 + ["SelfLearning"]
    assert strategy.get_params() == {"inertia": 0.5, "warmup_epochs": 1}
    assert vars(strategy) == {"inertia": 0.5, "warmup_epochs": 1}


def test_its_parameters_are_searched(digits):
    classifier = SSSLClassifier("mlp", noise_model=SelfLearning(), max_epochs=3, warmup_epochs=1, random_state=0)
    search = GridSearchCV(classifier, {"noise_model__inertia": [0.0, 0.9]}, cv=2).fit(*digits)
    assert {row["noise_model__inertia"] for row in search.cv_results_["params"]} == {0.0, 0.9}
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.predict(digits[0]), search.predict(digits[0]))
    assert clone(classifier).noise_model.inertia == 0.0


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda logits, net: None, "targets as a tensor of shape .300, 4., not NoneType"),
        (lambda logits, net: logits[1:], "targets as a tensor of shape .300, 4., not shape .299, 4."),
        (lambda logits, net: logits, "a distribution a segment"),
        (lambda logits, net: torch.softmax(logits, 1) * float("nan"), "a distribution a segment"),
        (lambda logits, net: torch.full_like(logits, float("inf")), "a distribution a segment"),
        (lambda logits, net: logits * 0 + torch.tensor([1.5, -0.5, 0.0, 0.0]), "a distribution a segment: .* below 0"),
        (lambda logits, net: torch.softmax(logits, 1) + 0j, "targets that are real numbers, not torch.complex64"),
        (lambda logits, net: (logits, logits, logits), "targets, or a pair of .*, not a tuple of 3"),
        (lambda logits, net: (), "targets, or a pair of .*, not a tuple of 0"),
        (
            lambda logits, net: (torch.softmax(logits, 1), torch.ones(3)),
            "a mask of erased rows",
        ),
        (
            lambda logits, net: (torch.softmax(logits, 1), torch.ones(300)),
            "a mask of erased rows of dtype bool, not torch.float32",
        ),
    ],
)
def test_wrong_targets_are_told(digits, answer, message):
    classifier = SSSLClassifier("mlp", noise_model=Given(answer), max_epochs=2, warmup_epochs=1, random_state=0)
    with pytest.raises(ValueError, match=r"Given\.targets must return " + message):
        classifier.fit(*digits)


def test_a_strategy_without_targets(digits):
    classifier = SSSLClassifier("mlp", noise_model=LabelStrategy(), max_epochs=2, warmup_epochs=1, random_state=0)
    with pytest.raises(NotImplementedError, match="LabelStrategy must have a method targets"):
        classifier.fit(*digits)


def test_inertia_of_one_would_never_learn(digits):
    with pytest.raises(ValueError, match=r"'inertia' parameter of SelfLearning .* range \[0\.0, 1\.0\)"):
        SSSLClassifier("mlp", noise_model=SelfLearning(inertia=1.0), max_epochs=2, warmup_epochs=1).fit(*digits)


def test_kept_folds_know_its_parameters():
    one, other = (describe(SSSLClassifier(noise_model=SelfLearning(inertia=inertia))) for inertia in (0.0, 0.9))
    assert one != other


class Bare(LabelStrategy):
    """Has one method and nothing else, and no parameters."""

    def __init__(self):
        pass

    def targets(self, logits, net):
        assert isinstance(self.seed, int)
        return net.inherited_targets()


def test_one_method_is_enough(digits):
    strategy = Bare()
    classifier = SSSLClassifier("mlp", noise_model=strategy, max_epochs=3, warmup_epochs=2, random_state=0)
    assert [row["phase"] for row in classifier.fit(*digits).history_] == ["warmup", "warmup", "Bare"]
    assert vars(strategy) == {}
    again = pickle.loads(pickle.dumps(clone(classifier).fit(*digits)))
    np.testing.assert_array_equal(again.predict_proba(digits[0]), classifier.predict_proba(digits[0]))


@pytest.mark.parametrize("kind", [SelfLearning, GMMSplit, Bare])
def test_a_class_in_place_of_a_strategy_is_told(digits, kind):
    with pytest.raises(ValueError, match=f"noise_model is the class {kind.__name__}: give an instance of it"):
        SSSLClassifier("mlp", noise_model=kind).fit(*digits)


def test_targets_that_carry_a_graph_are_taken_without_it(digits):
    def of_the_network(logits, net):
        with torch.enable_grad():
            return torch.softmax(net.module_(net.bank_.gather(torch.arange(len(net.bank_)))), 1)

    params = {"max_epochs": 3, "warmup_epochs": 1, "batch_size": 64, "random_state": 0}
    history = SSSLClassifier("mlp", noise_model=Given(of_the_network), **params).fit(*digits).history_
    assert [row["phase"] for row in history] == ["warmup", "Given", "Given"]


# ---- what is said of the labels at the end -----------------------------------------------------------


class Sure(Trust):
    """Says of the labels whatever it was made with."""

    def __init__(self, answer=None):
        self.answer = answer

    def clean_probability(self, net):
        return self.answer


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.ones(3), r"for each of the 300 segments, got shape \(3,\), range 1 to 1"),
        (np.ones((300, 1)), r"got shape \(300, 1\)"),
        (np.ones(0), r"got shape \(0,\)\."),
        (np.full(300, 1.5), "range 1.5 to 1.5"),
        (np.full(300, -0.1), "range -0.1 to -0.1"),
        (np.full(300, np.nan), "range nan to nan"),
        (np.full(300, 1j), "not complex128 values"),
        (["yes"] * 300, "not <U3 values"),
        (None, "not object values"),
    ],
)
def test_clean_probabilities_that_are_none_are_told(digits, answer, message):
    classifier = SSSLClassifier("mlp", noise_model=Sure(answer), max_epochs=2, warmup_epochs=1, random_state=0)
    with pytest.raises(ValueError, match=r"Sure\.clean_probability must return one clean probability.*" + message):
        classifier.fit(*digits)
    assert not hasattr(classifier, "net_")


def test_clean_probabilities_may_be_a_tensor(digits):
    classifier = SSSLClassifier("mlp", noise_model=Sure(torch.full((300,), 0.25)), max_epochs=2, warmup_epochs=1)
    assert classifier.fit(*digits).clean_probability_.tolist() == [0.25] * 300


# ---- a GMMSplit in place of its name -----------------------------------------------------------------

QUICK = {"backbone": "mlp", "max_epochs": 4, "warmup_epochs": 1, "random_state": 3}


def test_a_gmm_split_of_the_defaults_is_its_name(digits):
    named = SSSLClassifier(noise_model="gmm", **QUICK).fit(*digits)
    # its own warm-up and seed do not count
    given = SSSLClassifier(noise_model=GMMSplit(warmup_epochs=3, seed=99), **QUICK).fit(*digits)
    assert given.history_ == named.history_
    np.testing.assert_array_equal(given.clean_probability_, named.clean_probability_)


def test_of_what_both_have_the_gmm_splits_hold(digits):
    own = {"balance": None, "clean_threshold": 0.2, "loss_memory": 0.3, "min_separation": 0.1, "temperature": 0.9}
    theirs = {"balance": "class", "clean_threshold": 0.8, "loss_memory": 0.0, "min_separation": 0.0, "temperature": 0.1}
    given = SSSLClassifier(noise_model=GMMSplit(**own), **theirs, **QUICK).fit(*digits)
    assert given.history_ == SSSLClassifier(noise_model="gmm", **own, **QUICK).fit(*digits).history_
    assert given.history_ != SSSLClassifier(noise_model="gmm", **theirs, **QUICK).fit(*digits).history_


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"clean_threshold": 1.5}, "'clean_threshold' parameter of GMMSplit"),
        ({"balance": "song"}, "'balance' parameter of GMMSplit"),
        ({"temperature": 0}, "'temperature' parameter of GMMSplit"),
        ({"loss_memory": 1.0}, "'loss_memory' parameter of GMMSplit"),
        ({"min_separation": -1}, "'min_separation' parameter of GMMSplit"),
        ({"noise_model": "gmm"}, "'noise_model' parameter of GMMSplit"),
        ({"noise_model": Split}, "noise_model is the class Split"),
    ],
)
def test_the_parameters_of_a_gmm_split_are_checked(digits, wrong, message):
    with pytest.raises(ValueError, match=message):
        SSSLClassifier(noise_model=GMMSplit(**wrong), **QUICK).fit(*digits)


def test_a_split_of_a_users_own_is_checked_too(digits):
    def wrong(losses, labels, random_state):
        figures = np.full((1, 2), np.nan)
        return Split(np.full(len(losses), 2.0), figures, figures, figures, np.full(1, 3.0))

    with pytest.raises(ValueError, match="noise_model must return one clean probability in"):
        SSSLClassifier(noise_model=wrong, **QUICK).fit(*digits)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_targets_and_probabilities_may_be_of_half_precision(digits, dtype):
    class Half(LabelStrategy):
        def targets(self, logits, net):
            return torch.softmax(logits, 1).to(dtype)

        def clean_probability(self, net):
            return torch.full((len(net.labels_),), 0.5, dtype=dtype)

    classifier = SSSLClassifier("mlp", noise_model=Half(), max_epochs=3, warmup_epochs=1, random_state=0).fit(*digits)
    assert np.concatenate([np.atleast_1d(p) for p in classifier.clean_probability_]).mean() == 0.5
