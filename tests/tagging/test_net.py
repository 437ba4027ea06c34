import numpy as np
import pytest
import torch
from torch import nn

from skmer.backbones import CRNN, unpack_blocks
from skmer.features import BlockLayout
from skmer.songs import SongSequence
from skmer.tagging.net import BestEpoch, TagNet, draw_masks, hide_masked, weighted_bce
from skmer.training.data import SegmentBank, Standardizer

# ---- masks ------------------------------------------------------------------------------------------


def hidden(masks, n_features=316, n_blocks=6):
    """What is hidden of the one row of a batch, as (bands, steps) and (classes, steps)."""
    x = hide_masked(torch.ones(1, 1, n_features, n_blocks), torch.tensor(masks)[:, None])
    mel, hpcp = unpack_blocks(x)
    return mel[0, 0] == 0, None if hpcp is None else hpcp[0, 0] == 0


def test_a_time_mask_lies_on_the_time_axis():
    mel, hpcp = hidden([3, 4, 0, 0])
    assert mel.shape == (128, 12)
    expected = [False] * 3 + [True] * 4 + [False] * 5
    assert (mel == torch.tensor(expected)).all()  # mel steps 3 to 6, every band
    # they lie in blocks 1, 2 and 3, which hold profiles 5 to 19
    assert hpcp.shape == (12, 30)
    assert (hpcp == torch.tensor([False] * 5 + [True] * 15 + [False] * 10)).all()


def test_a_frequency_mask_lies_on_the_mel_axis_at_every_step_and_leaves_profiles():
    mel, hpcp = hidden([0, 0, 100, 20])
    expected = torch.zeros(128, 12, dtype=torch.bool)
    expected[100:120] = True
    assert torch.equal(mel, expected)
    assert not hpcp.any()


def test_both_masks_together_without_profiles():
    mel, hpcp = hidden([11, 1, 0, 2], n_features=256)
    expected = torch.zeros(128, 12, dtype=torch.bool)
    expected[:2] = True
    expected[:, 11] = True
    assert hpcp is None
    assert torch.equal(mel, expected)


def test_what_is_hidden_is_where_the_front_end_put_it():
    # steps and bands by the layout that fills the blocks, not by the network's unpacking
    layout = BlockLayout()
    x = hide_masked(torch.ones(1, 1, 316, 6), torch.tensor([[3], [4], [100], [20]]))
    mel, hpcp = layout.split(x[0, 0].T.numpy())
    assert (mel[:, 3:7] == 0).all()
    assert (mel[100:120] == 0).all()
    assert mel.sum() == (128 - 20) * (12 - 4)
    assert np.flatnonzero((hpcp == 0).any(0)).tolist() == list(range(5, 20))


def test_each_row_has_its_own_masks_and_the_input_stays():
    x = torch.ones(2, 1, 316, 6)
    out = hide_masked(x, torch.tensor([[0, 4], [2, 1], [0, 10], [0, 5]]))
    assert (x == 1).all()
    first, second = unpack_blocks(out)[0][:, 0]
    assert first.eq(0).all(0).nonzero().flatten().tolist() == [0, 1]
    assert second.eq(0).all(0).nonzero().flatten().tolist() == [4]
    assert first.eq(0).all(1).sum() == 0
    assert second.eq(0).all(1).nonzero().flatten().tolist() == list(range(10, 15))


def test_drawn_masks_lie_within_and_reach_everywhere():
    rng = np.random.default_rng(0)
    first, length, band, height = draw_masks(rng, 5_000, 40, (30, 30))
    assert length.min() == 0
    assert length.max() == 30
    assert (first >= 0).all()
    assert (first + length).max() == 80
    assert (band + height).max() == 128
    assert set(height) == set(range(31))
    assert height.mean() == pytest.approx(15, abs=0.5)
    np.testing.assert_array_equal(np.unique(first[length == 30]), np.arange(51))


def test_the_maximum_is_drawn_once_a_batch_from_its_range():
    rng = np.random.default_rng(0)
    greatest = [draw_masks(rng, 2000, 800, (20, 60))[[1, 3]].max(axis=1) for _ in range(300)]
    assert all(a == b for a, b in greatest)  # one maximum for both masks, which 2,000 rows reach
    assert {a for a, _ in greatest} == set(range(20, 61))
    # a short segment can be hidden to its end, not beyond
    assert draw_masks(rng, 2000, 4, (60, 60))[1].max() == 8


def test_invalid_shapes_of_blocks():
    with pytest.raises(ValueError, match=r"Blocks must have shape .*got \(1, 1, 128, 40\)"):
        hide_masked(torch.zeros(1, 1, 128, 40), torch.zeros(4, 1, dtype=torch.long))


# ---- loss -------------------------------------------------------------------------------------------


def test_the_loss_by_hand():
    logits = torch.tensor([[0.0, 2.0], [-1.0, 3.0]])
    targets = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    terms = np.array([[np.log(2), 2 + np.log1p(np.exp(-2))], [np.log1p(np.exp(-1)), np.log1p(np.exp(-3))]])
    assert weighted_bce(logits, targets, torch.ones(2, 2)).item() == pytest.approx(terms.mean())
    weights = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    # divided by the three entries that count, not by four
    assert weighted_bce(logits, targets, weights).item() == pytest.approx((terms.sum() - terms[0, 1]) / 3)
    assert weighted_bce(logits, targets, torch.zeros(2, 2)).item() == 0


def make_net(module=None, n_features=6, n_tags=3, **params):
    rng = np.random.default_rng(0)
    songs = SongSequence([rng.normal(size=(n, n_features)) for n in (3, 1, 2, 2)])
    torch.manual_seed(0)
    module = nn.Linear(n_features, n_tags) if module is None else module
    net = TagNet(module, **{"max_epochs": 3, "batch_size": 4, "lr": 0.1, **params}).initialize()
    return net, SegmentBank(songs, Standardizer.fit(songs))


def test_masked_entries_have_exactly_no_gradient():
    net, bank = make_net()
    targets = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]])
    weights = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [1, 1, 0]])
    net.load_rows(bank, targets, weights)
    logits = []
    net.module_.register_forward_hook(lambda module, given, out: (out.retain_grad(), logits.append(out))[1])
    net.batch_loss(torch.arange(8)).backward()
    gradient = logits[0].grad.numpy()
    of_songs = weights[bank.song]
    assert (gradient[of_songs == 0] == 0).all()
    assert (gradient[of_songs == 1] != 0).all()
    # nothing of the third tag counts: its part of the layer stays as it is
    assert (net.module_.weight.grad[2] == 0).all()
    assert (net.module_.weight.grad[:2] != 0).all()


def test_masked_targets_do_not_change_what_is_learnt():
    weights = np.array([[1, 0, 1], [1, 1, 0], [0, 1, 1], [1, 1, 1]])
    learnt = []
    for wrong in (0, 1):
        net, bank = make_net()
        net.load_rows(bank, np.where(weights == 0, wrong, [[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]]), weights)
        net.train_rows()
        learnt.append(net.module_.weight.detach().clone())
    assert torch.equal(*learnt)


def test_segments_have_the_tags_of_their_song():
    net, bank = make_net()
    targets = np.eye(4)[:, :3]
    net.load_rows(bank, targets)
    x = bank.gather(torch.arange(8))
    expected = nn.functional.binary_cross_entropy_with_logits(
        net.module_(x), torch.from_numpy(targets[[0, 0, 0, 1, 2, 2, 3, 3]]).float()
    )
    torch.testing.assert_close(net.batch_loss(torch.arange(8)), expected)


# ---- songs ------------------------------------------------------------------------------------------


def test_logits_of_songs_are_means_of_logits():
    net, bank = make_net()
    net.load_rows(bank, np.zeros((4, 3)))
    rows = net.module_(bank.gather(torch.arange(8))).detach().double().numpy()
    expected = [rows[:3].mean(0), rows[3], rows[4:6].mean(0), rows[6:].mean(0)]
    np.testing.assert_allclose(net.song_means(net.row_outputs(bank), bank.song), expected, rtol=1e-6)


def test_noise_and_masks_in_training_alone():
    x = torch.zeros(4, 1, 316, 8)
    torch.manual_seed(0)
    net, bank = make_net(noise=0.5, mask_range=(6, 6))
    net.load_rows(bank, np.zeros((4, 3)))
    out = net.augment(x)
    # hidden cells hold no noise
    share = (out == 0).float().mean()
    assert 0.01 < share < 0.6
    assert out[out != 0].std().item() == pytest.approx(0.5, abs=0.01)
    plain, bank = make_net()
    plain.load_rows(bank, np.zeros((4, 3)))
    assert plain.augment(x) is x


def test_the_seed_decides_the_masks():
    outs = []
    for seed in (0, 0, 1):
        net, bank = make_net(mask_range=(4, 8), seed=seed)
        net.load_rows(bank, np.zeros((4, 3)))
        outs.append(net.augment(torch.ones(5, 1, 316, 8)))
    assert torch.equal(outs[0], outs[1])
    assert not torch.equal(outs[0], outs[2])


def test_the_best_of_planted_scores_is_kept(monkeypatch):
    planted = iter([0.6, 0.8, 0.8, 0.7])
    monkeypatch.setattr("skmer.tagging.net.macro_roc_auc", lambda y, scores: next(planted))
    net, bank = make_net(max_epochs=4)
    net.load_rows(bank, np.eye(4)[:, :3])
    net.load_validation(bank, np.eye(4)[bank.song, :3])
    judge, seen = BestEpoch(np.eye(4)[:, :3]), []
    net.callbacks_.append(("best", judge.initialize()))
    original = net.run_epoch
    monkeypatch.setattr(net, "run_epoch", lambda: (original(), seen.append(net.module_.weight.detach().clone())))
    net.train_rows()
    assert [row["best"] for row in net.history_rows()] == [True, True, False, False]
    assert [row["valid_roc_auc"] for row in net.history_rows()] == [0.6, 0.8, 0.8, 0.7]
    assert torch.equal(net.module_.weight, seen[1])
    assert not torch.equal(net.module_.weight, seen[3])
    # whatever becomes of the network afterwards
    net.module_.weight.data.zero_()
    judge.restore(net)
    assert torch.equal(net.module_.weight, seen[1])


def test_what_training_needs_is_dropped():
    net, bank = make_net(CRNN((256, 4), 3, width=2, n_hidden=2))
    net.load_rows(bank, np.zeros((4, 3)))
    net.drop_rows()
    assert not {"bank_", "song_", "targets_", "weights_", "rng_"} & set(vars(net))
