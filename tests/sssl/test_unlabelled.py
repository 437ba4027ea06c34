"""Songs without a label: y is -1."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC
from skorch.callbacks import EpochScoring

from skmer import MajorityVote, SongAggregator, SongSequence, SSSLClassifier
from skmer._validation import multiply_class_weight
from skmer.sssl import GMMSplit, LabelStrategy, SelfLearning
from skmer.sssl.net import SegmentNet
from skmer.sssl.strategies import sharpen
from skmer.two_stage import BiLSTMClassifier

pytestmark = pytest.mark.filterwarnings("ignore:Epoch .* is trained on the inherited labels:UserWarning")

QUICK = {"backbone": "mlp", "max_epochs": 6, "warmup_epochs": 2, "random_state": 0}
TEXT = np.array(["calm", "tense", -1], dtype=object)


@pytest.fixture
def songs(rng):
    """Eighteen songs of two classes, of unequal length; every third has no label."""
    y = np.tile([0, 1, -1], 6)
    lengths = [5, 1, 4, 8, 3, 2] * 3
    return SongSequence([rng.normal(size=(n, 5)) + (i % 2) for i, n in enumerate(lengths)]), y


def test_unlabelled_songs_help_where_few_songs_have_labels():
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order] / 16, y[order]
    known = np.concatenate([np.flatnonzero(y[:1000] == digit)[:3] for digit in range(10)])
    partly = np.full(1000, -1)
    partly[known] = y[known]
    params = {"backbone": "mlp", "max_epochs": 15, "random_state": 0}

    def score(classifier, X_train, y_train):
        return classifier.fit(X_train, y_train).score(X[1000:], y[1000:])

    with_unlabelled = score(SSSLClassifier(**params), X[:1000], partly)
    for labelled_only in (
        SSSLClassifier(**params),
        SSSLClassifier.from_recipe("plain", **{**params, "max_epochs": 60}),
    ):
        assert with_unlabelled > score(labelled_only, X[known], y[known]) + 0.06


def test_the_types_of_labels_that_may_have_unlabelled_songs(songs):
    X, y = songs
    reference = SSSLClassifier(**QUICK).fit(X, y)
    assert reference.classes_.tolist() == [0, 1]
    named = TEXT[y]
    for labels, classes in [
        (y.astype(float), [0, 1]),
        (y.tolist(), [0, 1]),
        (y.astype(object), [0, 1]),
        (pd.Series(y, dtype="Int64"), [0, 1]),
        (named, ["calm", "tense"]),
        (named.tolist(), ["calm", "tense"]),
        (pd.Series(named), ["calm", "tense"]),
    ]:
        classifier = SSSLClassifier(**QUICK).fit(X, labels)
        assert classifier.classes_.tolist() == classes
        np.testing.assert_array_equal(classifier.predict_proba(X), reference.predict_proba(X))
        assert set(classifier.predict(X)) <= set(classes)


class Recorder(LabelStrategy):
    """Keeps what it is given, and trusts the labels."""

    calls: list

    def targets(self, losses, probabilities, labels, epoch):
        self.calls.append((losses, probabilities, labels))
        inherited = torch.nn.functional.one_hot(labels, len(self.classes_)).float()
        return inherited, torch.zeros(len(labels), dtype=torch.bool)

    def __sklearn_clone__(self):
        return self


def test_a_strategy_gets_labelled_segments_only(songs):
    X, y = songs
    strategy = Recorder()
    strategy.calls = []
    classifier = SSSLClassifier(noise_model=strategy, **QUICK).fit(X, y)
    expected = np.repeat(y, X.n_segments)
    expected = expected[expected >= 0]
    assert len(strategy.calls) == 4
    for losses, probabilities, labels in strategy.calls:
        np.testing.assert_array_equal(labels, expected)
        torch.testing.assert_close(losses, -probabilities.log().gather(1, labels[:, None])[:, 0])
    for label, song in zip(y, classifier.clean_probability_, strict=True):
        assert np.isnan(song).all() == (label < 0)


def trust(losses, labels, random_state):
    return np.ones(len(losses))


def distrust_some(losses, labels, random_state):
    return np.arange(len(losses)) % 2


@pytest.mark.parametrize(
    ("strategy", "phase", "temperature"),
    [
        (GMMSplit(distrust_some, temperature=0.25), "sssl", 0.25),
        (GMMSplit(trust, temperature=0.25), "supervised", 0.25),
        (SelfLearning(), "SelfLearning", 1.0),
    ],
)
def test_unlabelled_segments_have_the_prediction_as_target_in_every_epoch(
    songs, monkeypatch, strategy, phase, temperature
):
    X, y = songs
    seen = []
    set_targets = SegmentNet.set_targets

    def spy(net, targets, erased, *args):
        expected = torch.softmax(net.losses_and_outputs()[1], 1)
        seen.append((targets, erased, sharpen(expected, temperature)))
        return set_targets(net, targets, erased, *args)

    monkeypatch.setattr(SegmentNet, "set_targets", spy)
    phases = [row["phase"] for row in SSSLClassifier(noise_model=strategy, **QUICK).fit(X, y).history_]
    assert phases == ["warmup"] * 2 + [phase] * 4
    rows = torch.from_numpy(np.repeat(y, X.n_segments) < 0)
    for targets, erased, expected in seen:
        assert erased[rows].all()
        torch.testing.assert_close(targets[rows], expected[rows], atol=1e-4, rtol=1e-4)


def test_warm_up_draws_labelled_segments_in_turn(songs, monkeypatch):
    X, y = songs
    epochs = []
    draw = SegmentNet.draw_batches

    def spy(net):
        batches = list(draw(net))
        epochs.append(np.bincount(torch.cat(batches), minlength=len(net.bank_)))
        return batches

    monkeypatch.setattr(SegmentNet, "draw_batches", spy)
    SSSLClassifier(batch_size=8, **QUICK).fit(X, y)
    labelled = np.repeat(y, X.n_segments) >= 0
    for counts in epochs[:2]:
        assert counts.sum() == len(labelled)
        assert (counts[~labelled] == 0).all()
        assert np.ptp(counts[labelled]) == 1
    assert all((counts == 1).all() for counts in epochs[2:])


def test_class_shares_and_the_mixture_are_those_of_labelled_songs(songs, monkeypatch):
    seen = []
    train = SegmentNet.train_rows
    monkeypatch.setattr(SegmentNet, "train_rows", lambda net: (seen.append(net.prior_.tolist()), train(net)))
    X, y = songs
    classifier = SSSLClassifier(**QUICK).fit(X, y)
    counts = np.bincount(np.repeat(y, X.n_segments)[np.repeat(y, X.n_segments) >= 0])
    np.testing.assert_allclose(seen[0], counts / counts.sum(), rtol=1e-6)
    assert len(classifier.split_.loss) == counts.sum()
    np.testing.assert_allclose(classifier.split_.shares, seen[0][: len(classifier.split_.shares)])


@pytest.mark.parametrize(
    ("y", "params", "message"),
    [
        ([-1, 1] * 9, {}, "one class only, '1', beside -1, which means unlabelled"),
        ([-1] * 18, {}, "y is -1, which means unlabelled, for all songs"),
        ([0, 1, -1] * 6, {"noise_model": None}, "y has 6 unlabelled songs .* set a noise_model"),
        ([0, 1, -1] * 6, {"max_epochs": 2}, "max_epochs above warmup_epochs"),
        (np.array(["calm", "tense", -1] * 6), {}, "the text '-1'.* pass the number -1"),
    ],
)
@pytest.mark.parametrize("cv", ["insample", 2])
def test_unlabelled_songs_that_cannot_be_used(songs, y, params, message, cv):
    with pytest.raises(ValueError, match=message):
        SSSLClassifier(cv=cv, **{**QUICK, **params}).fit_transform(songs[0], y)


def test_the_text_minus_one_is_a_class_among_numbers(songs):
    y = np.tile(["-1", "0", "1"], 6)
    assert SSSLClassifier(**QUICK).fit(songs[0], y).classes_.tolist() == ["-1", "0", "1"]


def test_a_classifier_that_cannot_use_them_says_so(songs):
    with pytest.raises(ValueError, match="y has -1 for song 2, which means unlabelled, and BiLSTMClassifier cannot"):
        BiLSTMClassifier().fit(*songs)
    # of two labels, -1 can only be a class
    two = np.tile([-1, 1], 9)
    assert BiLSTMClassifier(4, max_epochs=1).fit(songs[0], two).classes_.tolist() == [-1, 1]


@pytest.mark.parametrize("names", [None, TEXT])
@pytest.mark.parametrize("groups", [None, np.arange(18) // 2])
def test_cross_fitting_predicts_every_song_by_a_network_that_was_not_trained_on_it(songs, monkeypatch, names, groups):
    X, y = songs
    y = y if names is None else names[y]
    trained = []
    fit = SSSLClassifier.fit

    def spy(self, X, y, *args, **kwargs):
        trained.append(({id(item) for item in X.items}, [str(label) for label in y]))
        return fit(self, X, y, *args, **kwargs)

    monkeypatch.setattr(SSSLClassifier, "fit", spy)
    out = SSSLClassifier(cv=3, **QUICK).fit_transform(X, y, groups=groups)
    assert out.n_segments.tolist() == X.n_segments.tolist()
    np.testing.assert_allclose(np.concatenate(list(out)).sum(1), 1)
    assert len(trained) == 4
    left_out = [{i for i, item in enumerate(X.items) if id(item) not in items} for items, _ in trained[1:]]
    assert sorted(i for fold in left_out for i in fold) == list(range(18))
    assert all(labels.count("-1") > 0 for _, labels in trained)


def test_a_fold_whose_labelled_songs_have_one_class_is_refused(songs, monkeypatch):
    X, y = songs
    monkeypatch.setattr(SSSLClassifier, "fit", lambda *args, **kwargs: pytest.fail("trained"))
    zeros = np.flatnonzero(y != 1)
    folds = [(zeros, np.flatnonzero(y == 1)), (np.flatnonzero(y == 1), zeros)]
    with pytest.raises(ValueError, match="fold 0 of 0 to 1: its training songs are all of the class 'calm'"):
        SSSLClassifier(cv=folds, **QUICK).fit_transform(X, TEXT[y])


def test_a_pipeline_whose_final_classifier_is_trained_on_labelled_songs(songs):
    X, y = songs
    for labels in (y, TEXT[y]):
        final = SelfTrainingClassifier(SVC(), max_iter=0)
        pipe = make_pipeline(SSSLClassifier(**QUICK), SongAggregator(), StandardScaler(), final).fit(X, labels)
        features = pipe[:-1].transform(X)
        by_hand = SVC().fit(features[y >= 0], np.asarray(labels[y >= 0].tolist()))
        np.testing.assert_array_equal(pipe.predict(X), by_hand.predict(features))
    vote = make_pipeline(SSSLClassifier(**QUICK), MajorityVote()).fit(X, TEXT[y])
    assert set(vote.predict(X)) <= {"calm", "tense"}


def test_validation_songs_have_labels_and_their_groups_are_left_out(songs):
    X, y = songs
    groups = np.arange(18) // 3  # two labelled songs and one without a label
    classifier = SSSLClassifier(validation_fraction=0.3, **QUICK).fit(X, y, groups=groups)
    assert (y[classifier.validation_songs_] >= 0).all()
    assert len(classifier.validation_songs_) == 4
    clean = {i for i, song in enumerate(classifier.clean_probability_) if not np.isnan(song).any()}
    assert clean == set(np.flatnonzero(y >= 0)) - set(classifier.validation_songs_)


def test_training_scores_are_those_of_labelled_segments(songs):
    X, y = songs
    scores = []

    def accuracy(net, X, y):
        scores.append((len(X), set(np.unique(y)), len(net.predict(X))))
        return 0.0

    scoring = EpochScoring(accuracy, name="training_score", on_train=True, use_caching=False)
    SSSLClassifier(callbacks=[scoring], **QUICK).fit(X, y)
    n = X.n_segments[y >= 0].sum()
    assert scores == [(n, {0, 1}, n)] * 6


def test_weights_of_unlabelled_songs(songs):
    labels = np.array([0, 0, 0, 1, -1])
    weights = multiply_class_weight(np.array([1.0, 1, 1, 1, 2]), "balanced", labels, np.array(["a", "b"]))
    np.testing.assert_allclose(weights, [2 / 3, 2 / 3, 2 / 3, 2, 2])
    X, y = songs
    without = y >= 0
    alone = SSSLClassifier(class_weight="balanced", **QUICK).fit(X[without], y[without])
    left_out = SSSLClassifier(class_weight="balanced", **QUICK).fit(X, y, sample_weight=without.astype(float))
    np.testing.assert_array_equal(alone.predict_proba(X), left_out.predict_proba(X))
    both = SSSLClassifier(class_weight="balanced", **QUICK).fit(X, y, sample_weight=np.arange(1, 19))
    assert np.isfinite(both.predict_proba(X)).all()
