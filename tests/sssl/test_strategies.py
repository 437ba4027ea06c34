"""Label strategies as functions of losses, probabilities and labels, and in the classifier."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from torch.nn import functional as F

from skmer import SSSLClassifier
from skmer.model_selection._fits import fit_key
from skmer.sssl import GMMSplit, LabelStrategy, SelfLearning, Split
from skmer.sssl.strategies import sharpen

BARE = {"mixup_alpha": 0.0, "lambda_kl": 0.0, "prior_weight": 0.0, "average_epochs": None}
QUICK = {"backbone": "mlp", "max_epochs": 2, "warmup_epochs": 1, "random_state": 0}
N, N_CLASSES = 32, 3
LABELS = torch.arange(N) % N_CLASSES


def inherited(labels, probabilities):
    return F.one_hot(labels, probabilities.shape[1]).float()


class Trust(LabelStrategy):
    """Keep every inherited label."""

    def targets(self, losses, probabilities, labels, epoch):
        return inherited(labels, probabilities), torch.zeros_like(labels, dtype=torch.bool)


class Given(LabelStrategy):
    """Return the result of a function."""

    def __init__(self, function=None):
        self.function = function

    def targets(self, losses, probabilities, labels, epoch):
        return self.function(probabilities)


class Sure(Trust):
    """Return given clean probabilities."""

    def __init__(self, answer=None):
        self.answer = answer

    def clean_probability(self, losses, probabilities, labels):
        return self.answer


class Bare(LabelStrategy):
    """Has one method and no parameters."""

    def targets(self, losses, probabilities, labels, epoch):
        assert self.classes_.tolist() == [0, 1, 2, 3]
        assert 0 <= self.random_state_.random_sample() < 1
        return probabilities, {"epoch_seen": epoch}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(n_class=4, return_X_y=True)
    return X[:300], y[:300]


@pytest.fixture
def outputs():
    """Losses, probabilities and labels of an untrained network."""
    logits = torch.randn(N, N_CLASSES, generator=torch.Generator().manual_seed(0))
    return F.cross_entropy(logits, LABELS, reduction="none"), torch.softmax(logits, 1), LABELS


def initialized(strategy):
    strategy.prepare(np.array(["calm", "happy", "tense"]), seed=0)
    return strategy


# ---- the mixture ------------------------------------------------------------------------------------


def halves(losses, labels, random_state):
    """The smaller half of the losses of each class is clean."""
    clean = np.zeros(len(losses))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        clean[rows[losses[rows].argsort()[: len(rows) // 2]]] = 1
    figures = np.full((1, 2), np.nan)
    return Split(clean, figures, figures, figures, np.array([3.0]))


def test_clean_segments_keep_their_label_and_the_others_get_a_sharpened_prediction(outputs):
    losses, probabilities, labels = outputs
    splitter = initialized(GMMSplit(noise_model=halves, temperature=0.5))
    targets, erased, figures = splitter.targets(*outputs, epoch=6)
    assert erased.sum() == 6 + 6 + 5  # of 11, 11 and 10 segments
    assert torch.equal(targets[~erased], inherited(labels, probabilities)[~erased])
    assert torch.equal(targets[erased], sharpen(probabilities, 0.5)[erased])
    for label in range(N_CLASSES):
        mine = labels == label
        assert losses[mine & ~erased].max() <= losses[mine & erased].min()
    assert (figures["clean_share"], figures["phase"], figures["separation"]) == (15 / 32, "sssl", 3.0)
    assert figures["clean_mean"] == pytest.approx(losses[~erased].mean().item())
    assert figures["noisy_mean"] == pytest.approx(losses[erased].mean().item())


def test_memory_of_losses_by_hand(outputs):
    losses, probabilities, labels = outputs
    splitter = initialized(GMMSplit(noise_model=halves, loss_memory=0.75))
    splitter.targets(*outputs, epoch=2)
    splitter.targets(2 * losses, probabilities, labels, epoch=3)
    np.testing.assert_allclose(splitter.losses_, (0.75 + 0.25 * 2) * losses.numpy(), rtol=1e-6)
    # the split that is kept has no memory
    splitter.clean_probability(3 * losses, probabilities, labels)
    np.testing.assert_allclose(splitter.losses_, 3 * losses.numpy(), rtol=1e-6)


@pytest.mark.parametrize("model", [None, lambda losses, labels, random_state: (labels != 0).astype(float)])
def test_an_unusable_split_keeps_all_labels_and_warns_once(outputs, model):
    splitter = initialized(GMMSplit() if model is None else GMMSplit(model))
    losses = torch.ones(N) if model is None else outputs[0]
    reason = "all losses are equal" if model is None else "class 'calm' kept 0 of 11 segments as clean"
    with pytest.warns(UserWarning, match=f"Epoch 7 is trained on the inherited labels because {reason}"):
        splitter.targets(losses, *outputs[1:], epoch=7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        targets, erased, figures = splitter.targets(losses, *outputs[1:], epoch=8)
    assert torch.equal(targets, inherited(LABELS, outputs[1]))
    assert not erased.any()
    assert figures["phase"] == "supervised"


def test_a_gmm_split_is_equal_to_its_name_and_uses_its_own_parameters(digits):
    params = {**QUICK, "max_epochs": 4}
    named = SSSLClassifier(noise_model="gmm", **params).fit(*digits)
    given = SSSLClassifier(noise_model=GMMSplit(), **params).fit(*digits)
    assert given.history_ == named.history_
    np.testing.assert_array_equal(given.clean_probability_, named.clean_probability_)
    own = {"balance": None, "clean_threshold": 0.2, "loss_memory": 0.3, "min_separation": 0.1, "temperature": 0.9}
    theirs = {"balance": "class", "clean_threshold": 0.8, "loss_memory": 0.0, "min_separation": 0.0, "temperature": 0.1}
    given = SSSLClassifier(noise_model=GMMSplit(**own), **theirs, **params).fit(*digits)
    assert given.history_ == SSSLClassifier(noise_model="gmm", **own, **params).fit(*digits).history_
    assert given.history_ != named.history_


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


@pytest.mark.parametrize("answer", [np.ones(3), np.full(N, np.nan), np.full(N, 2.0)], ids=["length", "nan", "range"])
@pytest.mark.parametrize("as_split", [False, True])
def test_the_result_of_a_noise_model_is_checked(outputs, answer, as_split):
    figures = np.full((1, 2), np.nan)
    made = Split(answer, figures, figures, figures, np.ones(1)) if as_split else answer
    splitter = initialized(GMMSplit(lambda losses, labels, random_state: made))
    with pytest.raises(ValueError, match="noise_model must return a clean probability"):
        splitter.targets(*outputs, epoch=2)


# ---- self-learning ----------------------------------------------------------------------------------


def test_the_prediction_becomes_the_label(outputs):
    _, probabilities, labels = outputs
    targets, figures = initialized(SelfLearning()).targets(*outputs, epoch=2)
    torch.testing.assert_close(targets, probabilities)
    assert figures == {"label_change": pytest.approx((probabilities.argmax(1) != labels).float().mean().item())}


def test_inertia_by_hand(outputs):
    _, probabilities, labels = outputs
    strategy = initialized(SelfLearning(inertia=0.75))
    strategy.targets(*outputs, epoch=2)
    targets, _ = strategy.targets(*outputs, epoch=3)
    first = 0.75 * inherited(labels, probabilities) + 0.25 * probabilities
    torch.testing.assert_close(targets, 0.75 * first + 0.25 * probabilities)


def test_self_learning_corrects_wrong_labels(digits):
    X, y = digits
    rng = np.random.default_rng(0)
    noisy = y.copy()
    wrong = rng.choice(len(y), len(y) // 4, replace=False)
    noisy[wrong] = (noisy[wrong] + 1) % 4
    params = {"backbone": "mlp", "max_epochs": 15, "random_state": 0}
    plain = SSSLClassifier.from_recipe("plain", **params).fit(X, noisy)
    classifier = SSSLClassifier.from_recipe("self-learning", warmup_epochs=2, **params).fit(X, noisy)
    # cross-entropy memorises the wrong labels
    assert (plain.predict(X) == y).mean() < 0.8
    assert (classifier.predict(X) == y).mean() > 0.9
    assert [row["phase"] for row in classifier.history_] == ["warmup"] * 2 + ["SelfLearning"] * 13
    assert 0.2 < classifier.history_[-1]["label_change"] < 0.35
    clean = classifier.clean_probability_
    assert roc_auc_score(np.isin(np.arange(len(y)), wrong), -clean) > 0.9
    # the probability of the inherited label
    np.testing.assert_allclose(clean, classifier.predict_proba(X)[np.arange(len(X)), noisy], atol=1e-6)
    assert not hasattr(classifier, "split_")


def test_inertia_of_one_would_never_learn(digits):
    with pytest.raises(ValueError, match=r"'inertia' parameter of SelfLearning .* range \[0\.0, 1\.0\)"):
        SSSLClassifier(noise_model=SelfLearning(inertia=1.0), **QUICK).fit(*digits)


# ---- a custom strategy ------------------------------------------------------------------------------


def test_a_strategy_that_trusts_all_labels_is_cross_entropy(digits):
    params = {"backbone": "mlp", "max_epochs": 6, "warmup_epochs": 2, "random_state": 0, **BARE}
    plain = SSSLClassifier(noise_model=None, **params).fit(*digits)
    trust = SSSLClassifier(noise_model=Trust(), **params).fit(*digits)
    np.testing.assert_allclose(trust.predict_proba(digits[0]), plain.predict_proba(digits[0]), atol=1e-4)
    assert [row["phase"] for row in trust.history_] == ["warmup"] * 2 + ["Trust"] * 4


def test_one_method_is_enough_and_the_given_strategy_is_not_changed(digits):
    strategy = Bare()
    classifier = SSSLClassifier(noise_model=strategy, **QUICK).fit(*digits)
    assert [row["phase"] for row in classifier.history_] == ["warmup", "Bare"]
    assert classifier.history_[-1]["epoch_seen"] == 2
    assert vars(strategy) == {}
    again = pickle.loads(pickle.dumps(clone(classifier).fit(*digits)))
    np.testing.assert_array_equal(again.predict_proba(digits[0]), classifier.predict_proba(digits[0]))


def test_its_parameters_are_searched(digits):
    classifier = SSSLClassifier(noise_model=SelfLearning(), **QUICK)
    search = GridSearchCV(classifier, {"noise_model__inertia": [0.0, 0.9]}, cv=2).fit(*digits)
    assert {row["noise_model__inertia"] for row in search.cv_results_["params"]} == {0.0, 0.9}
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.predict(digits[0]), search.predict(digits[0]))
    assert clone(classifier).noise_model.inertia == 0.0


def test_kept_fits_depend_on_its_parameters():
    one, other = (fit_key(SSSLClassifier(noise_model=SelfLearning(inertia=inertia))) for inertia in (0.0, 0.9))
    assert one != other


def test_a_strategy_without_targets(digits):
    with pytest.raises(NotImplementedError, match="LabelStrategy must define a method targets"):
        SSSLClassifier(noise_model=LabelStrategy(), **QUICK).fit(*digits)


@pytest.mark.parametrize("kind", [SelfLearning, Bare])
def test_a_class_in_place_of_a_strategy(digits, kind):
    with pytest.raises(ValueError, match=f"noise_model is the class {kind.__name__}: pass an instance of it"):
        SSSLClassifier("mlp", noise_model=kind).fit(*digits)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda p: None, "targets as a tensor of shape .300, 4., got NoneType"),
        (lambda p: p[1:], "targets as a tensor of shape .300, 4., got shape .299, 4."),
        (lambda p: p + 1, "a distribution for each segment"),
        (lambda p: p * float("nan"), "a distribution for each segment"),
        (lambda p: p * 0 + torch.tensor([1.5, -0.5, 0.0, 0.0]), "a distribution for each segment: .* below 0"),
        (lambda p: p + 0j, "real numbers as targets, got torch.complex64"),
        (lambda p: (p, p, p), "targets, or a tuple of .* got a tuple of 3"),
        (lambda p: (), "targets as a tensor of shape .300, 4., got tuple"),
        (lambda p: (p, torch.ones(3)), "a mask of erased segments as a tensor of shape .300,., got shape .3,."),
        (lambda p: (p, torch.ones(300)), "a mask of erased segments of dtype bool, got torch.float32"),
    ],
)
def test_targets_are_checked(digits, function, message):
    with pytest.raises(ValueError, match=r"Given\.targets must return " + message):
        SSSLClassifier(noise_model=Given(function), **QUICK).fit(*digits)


@pytest.mark.parametrize(
    "function",
    [lambda p: p.clone().requires_grad_(), lambda p: p.bfloat16(), lambda p: p.half()],
    ids=["graph", "bfloat16", "float16"],
)
def test_targets_may_have_a_graph_or_half_precision(digits, function):
    params = {**QUICK, "max_epochs": 3, "batch_size": 64}
    history = SSSLClassifier(noise_model=Given(function), **params).fit(*digits).history_
    assert [row["phase"] for row in history] == ["warmup", "Given", "Given"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.ones(3), r"for each of the 300 segments, got shape \(3,\) and values from 1 to 1"),
        (np.ones((300, 1)), r"got shape \(300, 1\)"),
        (np.ones(0), r"got shape \(0,\)\."),
        (np.full(300, 1.5), "from 1.5 to 1.5"),
        (np.full(300, np.nan), "from nan to nan"),
        (np.full(300, 1j), "got complex128 values"),
        (["yes"] * 300, "got <U3 values"),
        (None, "got object values"),
    ],
)
def test_clean_probabilities_are_checked(digits, answer, message):
    classifier = SSSLClassifier(noise_model=Sure(answer), **QUICK)
    with pytest.raises(ValueError, match=r"Sure\.clean_probability must return a clean probability.*" + message):
        classifier.fit(*digits)
    assert not hasattr(classifier, "net_")


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_clean_probabilities_may_be_a_tensor(digits, dtype):
    classifier = SSSLClassifier(noise_model=Sure(torch.full((300,), 0.25, dtype=dtype)), **QUICK)
    assert classifier.fit(*digits).clean_probability_.tolist() == [0.25] * 300
