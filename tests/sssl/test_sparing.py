"""Splits that judge seconds: when they begin, what a song can lose, relative losses and soft targets."""

import warnings

import numpy as np
import pytest
import torch

from skmer import SSSLClassifier
from skmer.sssl import GMMSplit
from skmer.sssl.strategies import relative_losses, sharpen


class FixedModel:
    """A noise model that returns given probabilities."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def __call__(self, losses, labels, random_state):
        return self.values


def split_of(values, songs, labels=None, **params):
    """Return what a split with given clean probabilities makes of equal predictions."""
    split = GMMSplit(FixedModel(values), **params)
    split.prepare(np.arange(1), 0)
    split.rows_, split.songs_ = np.arange(len(values)), np.asarray(songs)
    labels = torch.zeros(len(values), dtype=torch.long) if labels is None else labels
    probabilities = torch.tensor([[0.2, 0.8]]).repeat(len(values), 1)
    return split.targets(torch.ones(len(values)), probabilities, labels, 5)


VALUES = [0.1, 0.9, 0.2, 0.3, 0.4, 0.05, 0.6, 0.7]
SONGS = [0, 0, 0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("max_erased", "expected"),
    [
        (1.0, [0, 2, 3, 4, 5]),
        (0.5, [0, 2, 3, 5]),  # three of five, rounded up, those with the smallest probability
        (0.4, [0, 2, 5]),
        (0.2, [0, 5]),
    ],
)
def test_no_song_loses_more_than_its_share(max_erased, expected):
    _, erased, figures = split_of(VALUES, SONGS, max_erased=max_erased)
    assert erased.nonzero()[:, 0].tolist() == expected
    assert figures["songs_erased"] == 0
    assert figures["targets_moved"] == len(expected) / 8
    # what the mixture says is told as it is
    assert figures["clean_share"] == 3 / 8


def test_the_rows_of_a_song_need_not_be_adjacent():
    order = np.random.default_rng(0).permutation(8)
    _, erased, _ = split_of(np.array(VALUES)[order], np.array(SONGS)[order], max_erased=0.4)
    assert sorted(order[erased.numpy()]) == [0, 2, 5]


def test_songs_erased_whole_are_counted():
    figures = split_of([0.1, 0.2, 0.9, 0.9, 0.3, 0.8], [0, 0, 1, 1, 2, 2], max_erased=1.0)[2]
    assert figures["songs_erased"] == pytest.approx(1 / 3)


def test_no_song_of_a_fit_loses_more_than_its_share(monkeypatch):
    seen = []
    targets = GMMSplit.targets

    def spy(self, *args):
        made = targets(self, *args)
        seen.append((self.songs_, made[1].numpy()))
        return made

    monkeypatch.setattr(GMMSplit, "targets", spy)
    rng = np.random.default_rng(0)
    labels = np.arange(20) % 2
    # half of the songs are like those of the other class
    songs = [rng.normal(size=(9, 4)) + (label ^ (i % 4 < 2)) for i, label in enumerate(labels)]
    settings = {"max_epochs": 6, "warmup_epochs": 2, "batch_size": 16, "random_state": 0}
    SSSLClassifier("mlp", max_erased=1 / 3, **settings).fit(songs, labels)
    assert len(seen) == 4
    for of_rows, erased in seen:
        assert 0 < np.bincount(of_rows, erased).max() <= 3


def test_relative_losses_are_differences_to_the_mean_of_the_song():
    losses = relative_losses(np.array([1.0, 3.0, 10.0, 11.0, 12.0]), np.array([0, 0, 1, 1, 1]))
    assert losses.tolist() == [-1.0, 1.0, -1.0, 0.0, 1.0]


def test_a_relative_split_finds_the_seconds_of_each_song_and_not_the_hard_songs():
    rng = np.random.default_rng(0)
    songs = np.repeat(np.arange(20), 10)
    wrong = np.tile(np.arange(10) < 3, 20)
    losses = torch.tensor(np.where(songs < 10, 0.0, 5.0) + wrong + 0.05 * rng.random(200))
    labels, probabilities = torch.zeros(200, dtype=torch.long), torch.full((200, 2), 0.5)
    for relative, expected in ((False, songs >= 10), (True, wrong)):
        split = GMMSplit(relative=relative, balance=None, max_erased=1.0)
        split.prepare(np.arange(1), 0)
        split.rows_, split.songs_ = np.arange(200), songs
        assert (split.targets(losses, probabilities, labels, 5)[1].numpy() == expected).all()


def test_a_soft_target_mixes_label_and_prediction_by_the_clean_probability():
    targets, erased, _ = split_of([0.9, 0.25, 0.1], [0, 0, 1], soft=True)
    predicted = sharpen(torch.tensor([[0.2, 0.8]]), 0.5)[0]
    for target, share in zip(targets, (0.9, 0.25, 0.1), strict=True):
        torch.testing.assert_close(target, share * torch.tensor([1.0, 0.0]) + (1 - share) * predicted)
    assert erased.tolist() == [False, True, True]


def learnable(n_songs=24, n_segments=5, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n_songs) % 2
    return [rng.normal(size=(n_segments, 4)) + 3 * label for label in labels], labels


def test_a_split_begins_when_the_songs_are_learnt():
    songs, labels = learnable()
    settings = {"max_epochs": 8, "warmup_epochs": 1, "batch_size": 16, "random_state": 0}
    network = SSSLClassifier("mlp", min_learnt=0.95, lr=1e-4, **settings).fit(songs, labels)
    begun = [row["phase"] != "warmup" for row in network.history_]
    first = begun.index(True)
    assert first > 1
    assert all(begun[first:])
    # from the first check on, the share is told
    shares = [row.get("songs_learnt") for row in network.history_]
    assert shares[0] is None
    assert max(shares[1:first]) < 0.95 <= shares[first]


def test_songs_that_are_never_learnt_are_trained_with_cross_entropy_only():
    rng = np.random.default_rng(0)
    songs, labels = [rng.normal(size=(3, 2)) for _ in range(30)], rng.integers(2, size=30)
    settings = {"max_epochs": 4, "warmup_epochs": 1, "batch_size": 16, "random_state": 0}
    with pytest.warns(UserWarning, match=r"min_learnt=1 was not reached"):
        network = SSSLClassifier("mlp", min_learnt=1.0, **settings).fit(songs, labels)
    assert {row["phase"] for row in network.history_} == {"warmup"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = SSSLClassifier("mlp", noise_model=None, **settings).fit(songs, labels)
    np.testing.assert_array_equal(network.predict_proba(songs), plain.predict_proba(songs))


def test_lambda_grows_from_the_first_split_on():
    from skmer.sssl.losses import SSSLLoss

    loss = SSSLLoss(lambda_kl=2.0, ramp_epochs=16)
    # of eight epochs after warm-up, the ramp takes the first half
    assert [loss.kl_weight(n, 8) for n in (1, 2, 4, 8)] == [0.5, 1.0, 2.0, 2.0]
