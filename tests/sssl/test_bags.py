"""Bags: batches that keep segments of a song together, mixup between songs, and the loss of a song's label."""

import math

import numpy as np
import pytest
import torch

from skmer import SongSequence, SSSLClassifier
from skmer.sssl.bags import bag_cross_entropy, draw_bags, mixup_of_bags
from skmer.sssl.losses import SSSLLoss

# probabilities of three segments, of which the first two are of one song
ROWS = torch.tensor([[0.8, 0.2], [0.4, 0.6], [0.1, 0.9]])
BAGS = torch.tensor([0, 0, 1])
LABELS = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])


def test_the_loss_of_a_song_is_that_of_its_mean_probability():
    loss = bag_cross_entropy(torch.log(ROWS), LABELS, BAGS)
    # means .6 and .9
    assert loss.item() == pytest.approx(-(math.log(0.6) + math.log(0.9)) / 2)


def test_a_song_counts_by_its_weight_and_one_without_label_not_at_all():
    weights = torch.tensor([2.0, 2.0, 0.5])
    weighted = bag_cross_entropy(torch.log(ROWS), LABELS, BAGS, weights)
    assert weighted.item() == pytest.approx(-(2 * math.log(0.6) + 0.5 * math.log(0.9)) / 2)
    labels = LABELS * torch.tensor([[1.0], [1.0], [0.0]])
    assert bag_cross_entropy(torch.log(ROWS), labels, BAGS).item() == pytest.approx(-math.log(0.6) / 2)


def test_the_weight_is_the_share_of_the_song_in_the_classification_loss():
    logits, inherited = torch.log(ROWS), LABELS.argmax(1)
    of_segments = -(math.log(0.8) + math.log(0.4) + math.log(0.9)) / 3
    of_songs = -(math.log(0.6) + math.log(0.9)) / 2
    for share in (0.0, 0.25, 1.0):
        loss = SSSLLoss(bag_weight=share).supervised(logits, inherited, bags=BAGS, of_songs=LABELS)
        assert loss.item() == pytest.approx((1 - share) * of_segments + share * of_songs, rel=1e-5)


def test_a_segment_unlike_its_song_gets_less_gradient_from_the_song():
    logits = torch.log(ROWS).requires_grad_()
    bag_cross_entropy(logits, LABELS, BAGS).backward()
    # the gradient of the log of a mean of two probabilities: p_i / (p_1 + p_2) of the segment's own gradient, 1 - p_i
    for i, own in enumerate((0.8 * 0.2, 0.4 * 0.6)):
        assert -logits.grad[i, 0].item() == pytest.approx(own / 1.2 / 2, rel=1e-5)


@pytest.mark.parametrize(
    ("n_segments", "batch_size"), [([1, 1, 1], 2), ([9, 1, 1], 4), ([3] * 40, 16), ([10, 7, 1], 2)]
)
def test_batches_hold_each_row_once_and_keep_bags_together(n_segments, batch_size):
    rng = np.random.default_rng(0)
    songs = np.repeat(np.arange(len(n_segments)), n_segments)
    n_batches = max(1, min(-(-len(songs) // batch_size), len(songs) // 2))
    batches = draw_bags(songs, n_batches, rng)
    assert sorted(np.concatenate(batches)) == list(range(len(songs)))
    assert len(batches) <= n_batches
    assert min(len(batch) for batch in batches) > 1


def test_a_song_is_in_as_many_batches_as_it_has_bags_of_four():
    songs = np.repeat(np.arange(50), 10)
    batches = draw_bags(songs, 25, np.random.default_rng(0))
    parts = [np.bincount(songs[batch], minlength=50) for batch in batches]
    assert 18 <= max(len(batch) for batch in batches) <= 24
    # 10 segments are bags of 4, 3 and 3, of which several may be in one batch
    assert {int(n) for part in parts for n in part} <= {0, 3, 4, 6, 7, 10}


def test_a_bag_is_mixed_with_one_other_bag_in_one_proportion():
    bags = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
    drawn = np.array([0.6, 0.7, 0.8])
    delta, partner = mixup_of_bags(bags, drawn, np.random.default_rng(1))
    assert delta.tolist() == drawn[bags].tolist()
    for bag in range(3):
        assert len(set(bags[partner[bags == bag]])) == 1
    assert sorted({int(bags[partner[bags == bag]][0]) for bag in range(3)}) == [0, 1, 2]


def test_partner_bags_are_drawn_by_weight():
    bags, weights = np.arange(3), np.array([1.0, 0.0, 3.0])
    rng = np.random.default_rng(0)
    partners = np.concatenate([mixup_of_bags(bags, np.ones(3), rng, weights)[1] for _ in range(500)])
    assert np.bincount(partners, minlength=3)[1] == 0
    assert abs((partners == 2).mean() - 0.75) < 0.05


def test_mixed_songs_have_the_mixed_label_of_their_songs():
    x, erased = torch.arange(6.0)[:, None], torch.zeros(6, dtype=torch.bool)
    of_songs = torch.eye(2)[[0, 0, 0, 1, 1, 1]]
    loss = SSSLLoss(mixup_alpha=1.0)
    bags = torch.tensor([0, 0, 0, 1, 1, 1])
    _, targets, _, mixed = loss.mix(x, of_songs, erased, np.random.default_rng(2), None, bags, of_songs)
    torch.testing.assert_close(targets, mixed)
    assert len(torch.unique(mixed[:3], dim=0)) == len(torch.unique(mixed[3:], dim=0)) == 1


def planted(n_songs=40, n_segments=6, seed=0):
    """Songs in half of whose segments another class sounds: the label is that of the others."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=n_songs)
    played = np.where(rng.random((n_songs, n_segments)) < 0.4, rng.integers(3, size=(n_songs, 1)), labels[:, None])
    return [rng.normal(size=(n_segments, 8)) * 0.7 + np.eye(3, 8)[row] * 2 for row in played], labels


@pytest.mark.parametrize("params", [{"noise_model": None}, {}])
def test_a_classifier_learns_with_the_loss_of_songs(params):
    songs, labels = planted()
    settings = {"backbone": "mlp", "max_epochs": 12, "warmup_epochs": 4, "batch_size": 16, "random_state": 0}
    network = SSSLClassifier(bag_weight=1.0, **settings, **params).fit(songs, labels)
    others, truth = planted(seed=1)
    assert network.score(others, truth) > 0.6
    again = SSSLClassifier(bag_weight=1.0, **settings, **params).fit(songs, labels)
    np.testing.assert_array_equal(network.predict_proba(others), again.predict_proba(others))


def test_songs_without_labels_and_weights_work_with_bags():
    songs, labels = planted()
    labels[::4] = -1
    weights = np.linspace(0, 2, len(labels))
    network = SSSLClassifier("mlp", bag_weight=0.5, max_epochs=6, warmup_epochs=2, batch_size=16, random_state=0)
    network.fit(SongSequence(songs), labels, sample_weight=weights)
    assert np.isfinite(network.predict_proba(songs)).all()
