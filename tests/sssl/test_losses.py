import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skmer.sssl.losses import SSSLLoss, mixup, prior_penalty, symmetric_kl
from skmer.sssl.strategies import sharpen

logit_arrays = arrays(np.float32, (3, 4), elements=st.floats(-20, 20, width=32))


def test_sharpen_by_hand():
    # .2 and .8 squared: .04 and .64, over .68
    torch.testing.assert_close(sharpen(torch.tensor([[0.2, 0.8]]), 0.5), torch.tensor([[0.04, 0.64]]) / 0.68)


@settings(deadline=None)
@given(logit_arrays, st.floats(0.05, 1))
def test_sharpening_keeps_the_ranking_and_sums_to_one(logits, temperature):
    p = torch.softmax(torch.from_numpy(logits), 1)
    q = sharpen(p, temperature)
    torch.testing.assert_close(q.sum(1), torch.ones(3))
    assert (q.gather(1, p.argmax(1, keepdim=True))[:, 0] >= q.amax(1) - 1e-6).all()
    assert (q.amax(1) >= p.amax(1) - 1e-5).all()


def test_sharpening_does_not_underflow():
    q = sharpen(torch.tensor([[1e-20, 1e-21]]), 0.01)
    assert torch.isfinite(q).all()


def test_mixup_by_hand():
    x = torch.tensor([[1.0, 2.0], [5.0, 6.0]])
    y = torch.eye(2)
    mixed, targets = mixup(x, y, torch.tensor([0.75, 0.5]), torch.tensor([1, 0]))
    torch.testing.assert_close(mixed, torch.tensor([[2.0, 3.0], [3.0, 4.0]]))
    torch.testing.assert_close(targets, torch.tensor([[0.75, 0.25], [0.5, 0.5]]))


def test_cross_entropy_on_mixed_targets_is_eq_7():
    logits, delta = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)), 0.3
    p, q = torch.tensor([0, 1, 2, 0, 1]), torch.tensor([1, 1, 0, 2, 2])
    one_hot = torch.eye(3)
    loss = SSSLLoss(prior_weight=0.0)
    mixed = loss((logits,), delta * one_hot[p] + (1 - delta) * one_hot[q], torch.ones(3) / 3)
    log_f = torch.log_softmax(logits, 1)
    rows = torch.arange(5)
    eq_7 = -(delta * log_f[rows, p] + (1 - delta) * log_f[rows, q]).mean()
    torch.testing.assert_close(mixed, eq_7)


def test_r_drop_by_hand():
    p, q = torch.tensor([[0.25, 0.75]]), torch.tensor([[0.5, 0.5]])
    kl_pq = 0.25 * np.log(0.25 / 0.5) + 0.75 * np.log(0.75 / 0.5)
    kl_qp = 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75)
    value = symmetric_kl(p.log(), q.log(), torch.ones(1))
    np.testing.assert_allclose(value, 0.5 * (kl_pq + kl_qp), rtol=1e-5)


def test_r_drop_is_a_mean_over_the_rows_that_count():
    p, q = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0))
    counted = torch.tensor([1, 0, 1, 0, 0, 0])
    alone = [symmetric_kl(p[i : i + 1], q[i : i + 1], torch.ones(1)) for i in (0, 2)]
    torch.testing.assert_close(symmetric_kl(p, q, counted), sum(alone) / 2)
    assert symmetric_kl(p, q, torch.zeros(6)) == 0


@settings(deadline=None)
@given(logit_arrays, logit_arrays)
def test_r_drop_is_symmetric_and_not_negative(p, q):
    p, q, weight = torch.from_numpy(p), torch.from_numpy(q), torch.ones(3)
    assert symmetric_kl(p, q, weight) >= -1e-6
    torch.testing.assert_close(symmetric_kl(p, q, weight), symmetric_kl(q, p, weight))
    assert symmetric_kl(p, p, weight) == 0


def test_prior_penalty_is_the_divergence_of_the_mean_prediction():
    prior = torch.tensor([0.75, 0.25])
    logits = torch.tensor([[0.5, 0.5], [0.5, 0.5]]).log()
    expected = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)
    np.testing.assert_allclose(prior_penalty(logits, prior), expected, rtol=1e-5)
    certain_but_balanced = torch.tensor([[30.0, 0.0]] * 3 + [[0.0, 30.0]])
    assert prior_penalty(certain_but_balanced, prior).abs() < 1e-6
