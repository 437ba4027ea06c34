import pickle

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from skmer.backbones import ConvBlock, GeM, StochasticConvBlock


@pytest.fixture(autouse=True)
def one_thread_and_a_seed():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


# ---- generalised mean --------------------------------------------------------------------------------


def test_the_generalised_mean_by_hand():
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    torch.testing.assert_close(GeM()(x), torch.tensor([[[[(1 + 8 + 27 + 64) / 4]]]]) ** (1 / 3))
    torch.testing.assert_close(GeM(exponent=2)(x), torch.tensor([[[[7.5]]]]).sqrt())


def test_one_is_the_mean_and_infinity_the_maximum():
    x = torch.rand(2, 3, 8, 10)
    torch.testing.assert_close(GeM(exponent=1)(x), F.avg_pool2d(x, 2))
    torch.testing.assert_close(GeM(exponent=1e6)(x), F.max_pool2d(x, 2))
    between = GeM(exponent=3)(x)
    assert (between > F.avg_pool2d(x, 2)).all()
    assert (between < F.max_pool2d(x, 2)).all()


def test_what_is_below_eps_counts_as_eps():
    x = torch.tensor([[[[-5.0, -1.0], [0.0, -2.0]]]], requires_grad=True)
    y = GeM(eps=1e-3)(x)
    torch.testing.assert_close(y, torch.full_like(y, 1e-3))
    y.sum().backward()
    assert (x.grad == 0).all()


def test_the_ends_are_means_of_what_there_is():
    x = torch.arange(1.0, 16).reshape(1, 1, 3, 5)
    y = GeM(exponent=1)(x)
    assert y.shape == (1, 1, 2, 3)
    # rows 1-2 and 3, steps 1-2, 3-4 and 5
    torch.testing.assert_close(y[0, 0], torch.tensor([[4.0, 6.0, 7.5], [11.5, 13.5, 15.0]]))
    assert GeM((1, 2))(x).shape == (1, 1, 3, 3)


def test_a_constant_stays_whatever_p_is():
    x = torch.full((1, 1, 4, 4), 0.7)
    for exponent in (0.1, 1, 3, 50, 1e5):
        torch.testing.assert_close(GeM(exponent=exponent)(x), x[:, :, :2, :2])


def test_the_gradient_reaches_x_and_p():
    pool = GeM(exponent=2.5).double()
    x = torch.rand(1, 2, 5, 4, dtype=torch.double) + 0.1

    def pooled(x, log_p):
        # float64 here, to compare with differences
        return torch.func.functional_call(_Double(pool), {"pool.log_p": log_p}, (x,))

    assert torch.autograd.gradcheck(pooled, (x.requires_grad_(), pool.log_p))
    # p grows where larger outputs are wanted: the mean grows with p
    pool = GeM()
    pool(torch.rand(1, 1, 4, 4)).sum().backward()
    assert pool.log_p.grad > 0


class _Double(nn.Module):
    def __init__(self, pool):
        super().__init__()
        self.pool = pool

    def forward(self, x):
        return self.pool._pool(x, self.pool.p)


def test_p_stays_positive_under_any_steps():
    pool = GeM()
    optimizer = torch.optim.SGD(pool.parameters(), lr=10.0)
    for _ in range(50):
        optimizer.zero_grad()
        pool(torch.rand(1, 1, 4, 4)).sum().backward()
        optimizer.step()
    assert 0 < pool.p < 1


@pytest.mark.parametrize("exponent", [0.05, 3.0, 30.0, 1000.0])
def test_neither_large_nor_small_numbers_overflow(exponent):
    x = torch.tensor([[[[1e-6, 1e30], [0.0, 1e-30]], [[1e-20, 0.0], [1e-9, 3e-7]]]], requires_grad=True)
    pool = GeM(exponent=exponent)
    y = pool(x)
    y.log().sum().backward()
    assert torch.isfinite(y).all()
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(pool.log_p.grad)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_powers_are_in_float32_under_autocast(dtype):
    x = (torch.rand(1, 2, 4, 4) * 300).to(dtype)
    with torch.autocast("cpu", dtype=dtype):
        y = GeM()(x)
    assert y.dtype == dtype
    # 300 ** 3 is no float16
    torch.testing.assert_close(y, GeM()(x.float()).to(dtype))


@pytest.mark.parametrize("exponent", [0, -1, float("inf"), float("nan")])
def test_exponents_that_are_none(exponent):
    with pytest.raises(ValueError, match="must be a finite number above 0"):
        GeM(exponent=exponent)


def test_it_says_its_p():
    assert str(GeM((1, 2))) == "GeM(kernel_size=(1, 2), p=3)"


# ---- residual blocks ---------------------------------------------------------------------------------


def test_the_input_is_added():
    block = ConvBlock(4, 4)
    nn.init.zeros_(block.conv.weight)
    x = torch.randn(2, 4, 5, 6)
    torch.testing.assert_close(block(x), x)
    block = ConvBlock(4, 4)
    torch.testing.assert_close(block(x), x + F.relu(block.norm(F.conv2d(x, block.conv.weight, padding=1))))


def test_another_number_of_channels_is_brought_there_linearly():
    block = ConvBlock(1, 3)
    nn.init.zeros_(block.conv.weight)
    x = torch.randn(2, 1, 5, 6)
    torch.testing.assert_close(block(x), x * block.shortcut.weight.reshape(1, 3, 1, 1))


def test_pitch_classes_go_round_and_time_does_not():
    block = ConvBlock(2, 3, circular=True).eval()
    x = torch.randn(1, 2, 12, 7)
    for shift in (1, 5):
        torch.testing.assert_close(block(x.roll(shift, 2)), block(x).roll(shift, 2))
    assert not torch.allclose(block(x.roll(1, 3)), block(x).roll(1, 3), atol=1e-3)
    plain = ConvBlock(2, 3).eval()
    assert not torch.allclose(plain(x.roll(1, 2)), plain(x).roll(1, 2), atol=1e-3)


def test_the_last_class_borders_on_the_first():
    block = ConvBlock(1, 1, circular=True).eval()
    nn.init.ones_(block.conv.weight)
    x = torch.zeros(1, 1, 12, 3)
    x[0, 0, 11, 1] = 1
    assert block.convolve(x)[0, 0, :, 1].nonzero().flatten().tolist() == [0, 10, 11]


# ---- stochastic blocks -------------------------------------------------------------------------------


def test_bypassed_batches_are_counted():
    block = StochasticConvBlock(2, 2, bypass=0.1, dropout=0.0)
    convolved = []
    block.conv.register_forward_hook(lambda *_: convolved.append(True))
    x = torch.randn(2, 2, 3, 3)
    n_identity = sum(torch.equal(block(x), x) for _ in range(2000))
    assert n_identity + len(convolved) == 2000
    # four standard deviations of a binomial
    assert 200 - 54 < n_identity < 200 + 54


def test_a_bypassed_batch_leaves_the_convolution_as_it_is():
    block = StochasticConvBlock(1, 3, bypass=1 - 1e-9)
    x = torch.randn(4, 1, 5, 6)
    y = block(x)
    torch.testing.assert_close(y, block.shortcut(x))
    y.sum().backward()
    assert block.conv.weight.grad is None
    assert block.norm.weight.grad is None
    assert block.norm.num_batches_tracked == 0
    assert block.shortcut.weight.grad is not None
    same = StochasticConvBlock(3, 3, bypass=1 - 1e-9)
    assert torch.equal(same(y), y)


def test_in_evaluation_it_is_always_on_and_not_scaled():
    block = StochasticConvBlock(3, 3, bypass=0.999, dropout=0.9).eval()
    plain = ConvBlock(3, 3).eval()
    plain.load_state_dict(block.state_dict())
    x = torch.randn(2, 3, 5, 6)
    for _ in range(20):
        assert torch.equal(block(x), plain(x))


def test_dropout_is_after_the_relu_and_not_on_the_input():
    block = StochasticConvBlock(2, 2, bypass=0.0, dropout=0.5)
    x = torch.randn(2, 2, 30, 30)
    state = {key: value.clone() for key, value in block.state_dict().items()}
    added = block(x) - x
    block.load_state_dict(state)
    full = block.convolve(x)
    dropped = (added.abs() < 1e-6) & (full > 1e-3)
    assert 0.4 < dropped.sum() / (full > 1e-3).sum() < 0.6
    torch.testing.assert_close(added[~dropped], 2 * full[~dropped] * (added[~dropped].abs() > 1e-6), atol=3e-3, rtol=0)


def test_one_draw_serves_the_whole_batch():
    block = StochasticConvBlock(1, 2, bypass=0.5, dropout=0.0)
    x = torch.randn(8, 1, 4, 4)
    for _ in range(10):
        same = (block(x) - block.shortcut(x)).abs().flatten(1).amax(1) == 0
        assert same.all() or not same.any()


def test_the_seed_decides():
    block = StochasticConvBlock(2, 2, bypass=0.5)
    x = torch.randn(2, 2, 4, 4)

    def passes():
        torch.manual_seed(4)
        return [block(x) for _ in range(6)]

    for one, other in zip(passes(), passes(), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("bypass", [-0.1, 1.0, float("nan")])
def test_probabilities_that_are_none(bypass):
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        StochasticConvBlock(2, 2, bypass=bypass)


def test_blocks_travel():
    block = nn.Sequential(StochasticConvBlock(1, 2, circular=True), GeM((1, 2), 2.0)).eval()
    x = torch.randn(2, 1, 12, 9)
    torch.testing.assert_close(pickle.loads(pickle.dumps(block))(x), block(x))
