"""sample_weight of songs and class_weight."""

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from skmer import SongAggregator, SongSequence, SSSLClassifier
from skmer.sssl.losses import SSSLLoss, cross_entropy, prior_penalty
from skmer.two_stage import BiLSTMClassifier

pytestmark = pytest.mark.filterwarnings("ignore:Epoch .* is trained on the inherited labels:UserWarning")

QUICK = {"backbone": "mlp", "max_epochs": 6, "warmup_epochs": 2, "random_state": 0}


BOTH = pytest.mark.parametrize(
    "build", [lambda: SSSLClassifier(**QUICK), lambda: BiLSTMClassifier(4, max_epochs=4, random_state=0)]
)


@pytest.fixture
def songs(rng):
    """Twelve songs of two classes, of unequal length, whose classes overlap."""
    y = np.repeat(["calm", "tense"], 6)
    return SongSequence(
        [rng.normal(size=(n, 5)) + (label == "tense") for n, label in zip([5, 1, 8] * 4, y, strict=True)]
    ), y


def imbalanced(n_rare, n_common, seed):
    """Songs of six segments, which differ by song and, less, by class."""
    rng = np.random.default_rng(seed)
    y = np.repeat([1, 0], [n_rare, n_common])
    return SongSequence([rng.normal(size=(6, 4)) + 0.7 * rng.normal(size=4) + 1.25 * label for label in y]), y


@pytest.mark.parametrize("noise_model", ["gmm", None])
def test_balanced_weights_close_the_gap_on_a_rare_class(noise_model):
    X, y = imbalanced(20, 380, seed=0)
    X_test, y_test = imbalanced(300, 300, seed=50)
    linear = LogisticRegression(class_weight="balanced").fit([song.mean(0) for song in X], y)
    reachable = balanced_accuracy_score(y_test, linear.predict([song.mean(0) for song in X_test]))
    without, balanced = (
        balanced_accuracy_score(y_test, classifier.set_params(class_weight=weight).fit(X, y).predict(X_test))
        for classifier in [SSSLClassifier("mlp", max_epochs=8, noise_model=noise_model, random_state=0)]
        for weight in (None, "balanced")
    )
    assert reachable > 0.9
    assert without < 0.75
    assert balanced > reachable - 0.05


def trust_all(losses, labels, random_state):
    return np.ones(len(losses))


@pytest.mark.parametrize(
    "params", [{"noise_model": None}, {}, {"mixup_dominant": False}, {"mixup_alpha": 0.0}, {"prior_weight": 0.0}]
)
@pytest.mark.parametrize("weights", ["class_weight", "sample_weight"])
def test_the_prediction_follows_the_weights(params, weights):
    # one song with two labels, of which one has three times the weight
    X, y = np.ones((200, 3)), np.arange(200) % 2
    classifier = SSSLClassifier(**{**QUICK, "max_epochs": 40, "noise_model": trust_all, **params})
    if weights == "class_weight":
        classifier.set_params(class_weight={0: 3}).fit(X, y)
    else:
        classifier.fit(X, y, sample_weight=np.where(y == 0, 3, 1))
    assert abs(classifier.predict_proba(X[:1])[0, 0] - 0.75) < 0.02


def assert_same_fit(one, other, X):
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    assert [row["train_loss"] for row in one.history_] == [row["train_loss"] for row in other.history_]


@BOTH
def test_equal_weights_change_nothing(songs, build):
    X, y = songs
    without = build().fit(X, y)
    for equal in (np.full(12, 0.3), 0.3):
        assert_same_fit(without, build().fit(X, y, sample_weight=equal), X)
    assert_same_fit(without, build().set_params(class_weight={"calm": 2.0, "tense": 2.0}).fit(X, y), X)


@BOTH
def test_sample_weight_and_class_weight_multiply_and_their_unit_does_not_matter(songs, build):
    X, y = songs
    weights = np.arange(1, 13)
    both = build().set_params(class_weight={"calm": 2.0, "tense": 1.0}).fit(X, y, sample_weight=weights)
    product = weights * np.where(y == "calm", 2.0, 1.0)
    assert_same_fit(both, build().fit(X, y, sample_weight=product), X)
    assert_same_fit(both, build().fit(X, y, sample_weight=8 * product), X)  # a power of two: the same bits
    assert not np.array_equal(both.predict_proba(X), build().fit(X, y).predict_proba(X))


@BOTH
@pytest.mark.parametrize("weight", [1.0, None])
def test_songs_of_weight_zero_are_left_out_of_everything(songs, rng, build, weight):
    X, y = songs
    # their values would move the standardisation, and their labels the class shares
    more = SongSequence([*X, *(1e3 * rng.normal(size=(3, 5)) for _ in range(4))])
    weights = np.ones(12) if weight else np.arange(1, 13)
    alone = build().fit(X, y, sample_weight=weights)
    among = build().fit(more, [*y, *["calm"] * 4], sample_weight=[*weights, 0, 0, 0, 0])
    assert_same_fit(alone, among, X)
    if isinstance(among, SSSLClassifier):
        assert [len(song) for song in among.clean_probability_] == more.n_segments.tolist()
        assert all(np.isnan(song).all() for song in among.clean_probability_[12:])
        np.testing.assert_array_equal(
            np.concatenate(among.clean_probability_[:12]), np.concatenate(alone.clean_probability_)
        )
        assert len(among.split_.loss) == X.n_segments.sum()


def test_balanced_weights_count_segments(rng):
    # as many songs of each class, but those of one are three times as long
    y = np.repeat(["calm", "tense"], 6)
    X = SongSequence([rng.normal(size=(9 if label == "calm" else 3, 5)) for label in y])
    balanced = SSSLClassifier(class_weight="balanced", **QUICK).fit(X, y)
    assert_same_fit(balanced, SSSLClassifier(class_weight={"calm": 2.0, "tense": 6.0}, **QUICK).fit(X, y), X)


def test_prior_is_the_weighted_share_of_the_classes(songs, monkeypatch):
    from skmer.sssl.net import SegmentNet

    seen = []
    train = SegmentNet.train_rows
    monkeypatch.setattr(SegmentNet, "train_rows", lambda net: (seen.append(net.prior_.tolist()), train(net)))
    X, y = songs
    n_calm, n = X.n_segments[:6].sum(), X.n_segments.sum()
    for weight in (None, {"calm": 3, "tense": 1}, "balanced"):
        SSSLClassifier(class_weight=weight, **QUICK).fit(X, y)
    assert seen[0][0] == pytest.approx(n_calm / n)
    assert seen[1][0] == pytest.approx(3 * n_calm / (2 * n_calm + n))
    assert seen[2] == pytest.approx([0.5, 0.5])


def test_weighted_terms_by_hand():
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    weights = torch.tensor([1.0, 0.5, 1.5])
    log_p = torch.log_softmax(logits, 1)
    hard, soft = torch.tensor([0, 0, 1]), torch.tensor([[1.0, 0.0], [0.25, 0.75], [0.5, 0.5]])
    expected = -(log_p[0, 0] + 0.5 * log_p[1, 0] + 1.5 * log_p[2, 1]) / 3
    torch.testing.assert_close(cross_entropy(logits, hard, weights), expected)
    expected = -(weights[:, None] * soft * log_p).sum() / 3
    torch.testing.assert_close(cross_entropy(logits, soft, weights), expected)
    prior, p = torch.tensor([0.3, 0.7]), log_p.exp()
    mean = (p[0] + 0.5 * p[1] + 1.5 * p[2]) / 3
    torch.testing.assert_close(prior_penalty(logits, prior, weights), (prior * (prior / mean).log()).sum())


def test_mixup_draws_partners_by_their_weight():
    n = 4000
    x, weights = torch.arange(n, dtype=torch.float32)[:, None], torch.ones(n)
    weights[:1000] = 9.0  # three quarters of the weight
    targets = (torch.arange(n) < 1000).float()[:, None]
    rng = np.random.default_rng(0)
    _, mixed, _, _ = SSSLLoss(mixup_alpha=1.0).mix(x, targets, torch.zeros(n, dtype=torch.bool), rng, weights)
    # a light row has its partner's label with a weight of at most a half: in a quarter of the rows it has none
    light = mixed[1000:, 0]
    assert abs((light > 0).float().mean() - 0.75) < 0.03
    assert (light <= 0.5).all()


class Erase:
    """A split that keeps the labels of the songs' first segments."""

    def __call__(self, losses, labels, random_state):
        return (np.arange(len(losses)) % 2).astype(float)


@pytest.mark.parametrize("kl_rows", ["mixed", "raw", "all"])
def test_weights_with_r_drop(songs, kl_rows):
    X, y = songs
    params = {**QUICK, "noise_model": Erase(), "kl_rows": kl_rows, "ramp_epochs": 0}
    history = SSSLClassifier(**params).fit(X, y, sample_weight=np.arange(1, 13)).history_
    assert [row["phase"] for row in history][2:] == ["sssl"] * 4
    assert all(np.isfinite(row["train_loss"]) for row in history)


@pytest.mark.parametrize("build", [SSSLClassifier, BiLSTMClassifier])
@pytest.mark.parametrize(
    ("params", "sample_weight", "message"),
    [
        ({}, np.ones(3), r"sample_weight has shape \(3,\) for 12 songs: pass one weight per song"),
        ({}, -np.ones(12), "Negative values .*sample_weight"),
        ({}, np.r_[np.nan, np.ones(11)], "sample_weight contains NaN"),
        ({}, np.repeat([1, 0], 6), "sample_weight is zero for all songs of the class 'tense'"),
        ({"class_weight": {"calm": 0.0}}, None, "class_weight of 'calm' must be a positive number, got 0"),
        ({"class_weight": {"clam": 2.0}}, None, r"'calm'.*not in class_weight"),
        ({"class_weight": "equal"}, None, "'class_weight' parameter"),
    ],
)
def test_invalid_weights(songs, build, params, sample_weight, message):
    X, y = songs
    own = QUICK if build is SSSLClassifier else {}
    with pytest.raises(ValueError, match=message):
        build(**own, **params).fit(X, y, sample_weight=sample_weight)


def test_weights_reach_the_networks_of_a_cross_fitted_pipeline(songs, monkeypatch):
    X, y = songs
    seen = []
    fit = SSSLClassifier.fit

    def spy(self, X, y, groups=None, sample_weight=None):
        seen.append((len(X), None if sample_weight is None else sample_weight.tolist()))
        return fit(self, X, y, groups, sample_weight)

    monkeypatch.setattr(SSSLClassifier, "fit", spy)
    weights = np.arange(12.0)
    with config_context(enable_metadata_routing=True):
        network = SSSLClassifier(
            cv=[(np.arange(0, 12, 2), np.arange(1, 12, 2)), (np.arange(1, 12, 2), np.arange(0, 12, 2))], **QUICK
        )
        pipe = make_pipeline(
            FunctionTransformer(),
            network.set_fit_request(sample_weight=True),
            SongAggregator(),
            SVC().set_fit_request(sample_weight=True),
        )
        pipe.fit(X, y, sample_weight=weights)
        assert seen[0] == (12, weights.tolist())
        assert seen[1] == (5, [2, 4, 6, 8, 10])  # without the song of weight 0
        assert seen[2] == (6, [1, 3, 5, 7, 9, 11])
        seen.clear()
        pipe.set_params(ssslclassifier__cv="insample")
        cross_validate(pipe, X, y, params={"sample_weight": weights + 1}, cv=[(np.arange(2, 12), np.arange(2))])
        assert seen == [(10, list(range(3, 13)))]
        with pytest.raises(ValueError, match=r"\[sample_weight\] are passed but are not explicitly set"):
            make_pipeline(SSSLClassifier(**QUICK), pipe[2], pipe[3]).fit(X, y, sample_weight=weights)


def test_validation_songs_are_positions_among_all_songs(songs):
    X, y = songs
    weights = np.tile([0, 1], 6)
    classifier = SSSLClassifier(validation_fraction=0.3, **QUICK).fit(X, y, groups=np.arange(12), sample_weight=weights)
    assert (classifier.validation_songs_ % 2 == 1).all()
    left_out = {i for i, song in enumerate(classifier.clean_probability_) if np.isnan(song).all()}
    assert left_out == {0, 2, 4, 6, 8, 10, *classifier.validation_songs_.tolist()}
