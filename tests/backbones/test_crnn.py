import copy
import pickle

import pytest
import torch
from torch import nn

from skmer.backbones import (
    CRNN,
    ConvBlock,
    StochasticConvBlock,
    build_backbone,
    check_backbone,
    has_shared_trunk,
    unpack_blocks,
)
from skmer.features import BlockLayout


@pytest.fixture(autouse=True)
def one_thread_and_a_seed():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def tiny(n_features=316, n_blocks=40, n_classes=3, **params):
    return CRNN((n_features, n_blocks), n_classes, **{"width": 4, "n_hidden": 6, **params})


# ---- unpacking ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("step", "band"), [(0, 0), (1, 127), (7, 5), (38, 64), (79, 127)])
def test_an_impulse_at_a_mel_step_lands_at_its_time(step, band):
    x = torch.zeros(1, 1, 316, 40)
    x[0, 0, (step % 2) * 128 + band, step // 2] = 1
    mel, hpcp = unpack_blocks(x)
    assert mel.nonzero().tolist() == [[0, 0, band, step]]
    assert not hpcp.any()


@pytest.mark.parametrize(("step", "pitch_class"), [(0, 0), (4, 11), (5, 0), (123, 7), (199, 11)])
def test_an_impulse_at_a_profile_lands_at_its_time(step, pitch_class):
    x = torch.zeros(1, 1, 316, 40)
    x[0, 0, 256 + (step % 5) * 12 + pitch_class, step // 5] = 1
    mel, hpcp = unpack_blocks(x)
    assert hpcp.nonzero().tolist() == [[0, 0, pitch_class, step]]
    assert not mel.any()


def test_a_song_packed_by_rows_comes_back_whole():
    mel, hpcp = torch.randn(3, 128, 80), torch.randn(3, 12, 200)
    # a row is a block in time: its mel steps, then its profiles
    rows = [
        torch.cat([mel[:, :, 2 * b : 2 * b + 2].mT.flatten(1), hpcp[:, :, 5 * b : 5 * b + 5].mT.flatten(1)], 1)
        for b in range(40)
    ]
    x = torch.stack(rows, 2).unsqueeze(1)
    assert x.shape == (3, 1, 316, 40)
    for layout in (torch.contiguous_format, torch.channels_last):
        unpacked = unpack_blocks(x.contiguous(memory_format=layout))
        assert torch.equal(unpacked[0][:, 0], mel)
        assert torch.equal(unpacked[1][:, 0], hpcp)
    alone, none = unpack_blocks(x[:, :, :256])
    assert torch.equal(alone[:, 0], mel)
    assert none is None


def test_blocks_are_unpacked_as_they_are_packed():
    layout = BlockLayout()
    rows = torch.randn(40, layout.n_features)
    for unpacked, split in zip(unpack_blocks(rows.T[None, None]), layout.split(rows.numpy()), strict=True):
        assert (unpacked[0, 0].numpy() == split).all()


@pytest.mark.parametrize("shape", [(1, 1, 300, 40), (1, 316, 40), (1, 2, 316, 40)])
def test_invalid_blocks(shape):
    with pytest.raises(ValueError, match=r"Blocks must have shape \(n, 1, 256 or 316, n_blocks\), got"):
        unpack_blocks(torch.zeros(shape))


# ---- shapes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_features", [256, 316])
@pytest.mark.parametrize("n_blocks", [800, 40, 41, 7, 4])
def test_long_short_and_odd_segments(n_features, n_blocks):
    network = tiny(n_features, n_blocks, n_classes=5)
    x = torch.randn(2, 1, n_features, n_blocks)
    logits = network(x)
    assert logits.shape == (2, 5)
    assert torch.isfinite(logits).all()
    check_backbone(network, x, 5)
    # batches come in this layout from the nets
    torch.testing.assert_close(network(x.contiguous(memory_format=torch.channels_last)), network(x))


def test_the_maps_are_those_of_the_paper():
    network = tiny(316, 800)
    mel, hpcp = unpack_blocks(torch.zeros(1, 1, 316, 800))
    assert network.mel.maps(mel).shape == (1, 4, 16, 200)
    assert network.hpcp.maps(hpcp).shape == (1, 4, 3, 500)


def test_every_step_is_read_even_of_odd_lengths():
    network = tiny(n_blocks=7).eval()
    for parameter in network.parameters():
        # no ReLU is dead
        nn.init.uniform_(parameter, 0.01, 0.1)
    x = torch.rand(1, 1, 316, 7, requires_grad=True)
    network(x).sum().backward()
    assert (x.grad.abs().sum((0, 1, 2)) > 0).all()
    assert (x.grad.abs().sum((0, 1, 3)) > 0).all()


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((316, 3), "backbone='crnn' requires segments of at least 4 blocks of 0.232 s, got 3: use longer segments"),
        ((128, 80), r"with 256 features \(mel\) or 316 \(mel and HPCP\), got \(128, 80\)"),
        ((316,), r"got \(316,\)"),
    ],
)
def test_invalid_segments(shape, message):
    with pytest.raises(ValueError, match=message):
        build_backbone("crnn", shape, 3)


@pytest.mark.parametrize("params", [{"stochastic": 1.0}, {"stochastic": -0.1}, {"pool_exponent": 0.0}])
def test_wrong_parameters(params):
    with pytest.raises(ValueError, match=r"stochastic=.* must be a probability|exponent=0.0"):
        tiny(**params)


def test_segments_of_the_other_kind():
    with pytest.raises(ValueError, match="A CRNN built with HPCP got segments of 256 features"):
        tiny(316)(torch.zeros(1, 1, 256, 40))
    with pytest.raises(ValueError, match="A CRNN built without HPCP got segments of 316 features"):
        tiny(256)(torch.zeros(1, 1, 316, 40))


@pytest.mark.parametrize(("n_features", "millions"), [(256, 2.26), (316, 3.22)])
def test_it_has_the_size_that_it_says(n_features, millions):
    with torch.device("meta"):
        network = CRNN((n_features, 40), 56)
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 2) == millions
    assert f"{millions} million" in CRNN.__doc__


# ---- trunk, head and random numbers ----------------------------------------------------------------


def test_the_head_is_two_linear_layers_on_one_branch_or_two():
    for n_features, n_fused in ((256, 256), (316, 512)):
        with torch.device("meta"):
            linear = [layer for layer in CRNN((n_features, 40), 56).head if isinstance(layer, nn.Linear)]
        assert [(layer.in_features, layer.out_features) for layer in linear] == [(n_fused, 256), (256, 56)]


def test_a_trunk_is_shared_unless_it_is_stochastic():
    assert has_shared_trunk(tiny(dropout=0.5))
    assert not has_shared_trunk(tiny(stochastic=0.1))
    # also in a network of one's own
    own = nn.Module()
    own.trunk, own.head = nn.Sequential(StochasticConvBlock(1, 2, dropout=0.0)), nn.Flatten()
    assert not has_shared_trunk(own)
    own.trunk = nn.Sequential(ConvBlock(1, 2))
    assert has_shared_trunk(own)


def test_blocks_are_stochastic_where_they_are_asked_for():
    def kinds(network):
        return [type(module) for module in network.modules() if isinstance(module, ConvBlock)]

    assert kinds(tiny()) == [ConvBlock] * 6
    assert kinds(tiny(stochastic=0.1)) == [StochasticConvBlock] * 6
    assert kinds(tiny(256, stochastic=0.1)) == [StochasticConvBlock] * 3
    blocks = [module for module in tiny(stochastic=0.2).modules() if isinstance(module, StochasticConvBlock)]
    assert {(block.bypass, block.drop.p) for block in blocks} == {(0.2, 0.1)}


def test_blocks_are_bypassed_each_on_its_own():
    network = tiny(n_blocks=4, stochastic=0.5)
    blocks = [module for module in network.modules() if isinstance(module, StochasticConvBlock)]
    convolved = []
    for k, block in enumerate(blocks):
        block.conv.register_forward_hook(lambda *_, k=k: convolved[-1].add(k))
    with torch.no_grad():
        for _ in range(200):
            convolved.append(set())
            network(torch.randn(2, 1, 316, 4))
    counts = torch.tensor([[float(k in batch) for k in range(6)] for batch in convolved])
    assert ((counts.mean(0) > 0.35) & (counts.mean(0) < 0.65)).all()
    assert torch.corrcoef(counts.T).fill_diagonal_(0).abs().max() < 0.3


@pytest.mark.parametrize("params", [{}, {"stochastic": 0.4, "dropout": 0.5}])
def test_evaluation_is_deterministic(params):
    network = tiny(**params)
    x = torch.randn(3, 1, 316, 40)
    network(x)
    network.eval()
    state = torch.get_rng_state()
    first = network(x)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(network(x), first)
    # and a row does not depend on its batch
    torch.testing.assert_close(network(x[1:2]), first[1:2])


def test_the_gradient_reaches_every_parameter_and_p():
    network = tiny()
    network(torch.randn(4, 1, 316, 40)).square().sum().backward()
    gradients = {name: parameter.grad.abs().sum() for name, parameter in network.named_parameters()}
    exponents = [name for name in gradients if name.endswith("log_p")]
    assert len(exponents) == 6
    assert all(gradient > 0 for gradient in gradients.values())


def test_networks_travel():
    network = tiny(stochastic=0.1).eval()
    x = torch.randn(2, 1, 316, 40)
    for other in (pickle.loads(pickle.dumps(network)), copy.deepcopy(network), build_backbone(network, (316, 40), 3)):
        torch.testing.assert_close(other(x), network(x))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("stochastic", [0.0, 0.1])
def test_half_precision_is_finite(dtype, stochastic):
    network = tiny(stochastic=stochastic)
    with torch.autocast("cpu", dtype=dtype):
        logits = network(20 * torch.randn(4, 1, 316, 40)).float()
    logits.sum().backward()
    assert torch.isfinite(logits).all()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in network.parameters())


# ---- what it can learn -------------------------------------------------------------------------------


def test_four_semitones_turn_the_rows_round():
    network = tiny().eval()
    hpcp = torch.rand(2, 1, 12, 200)
    rows = network.hpcp.maps(hpcp)
    torch.testing.assert_close(network.hpcp.maps(hpcp.roll(4, 2)), rows.roll(1, 2))
    torch.testing.assert_close(network.hpcp.maps(hpcp.roll(-4, 2)), rows.roll(-1, 2))
    # which the network can tell from each other
    assert not torch.allclose(network.hpcp(hpcp.roll(4, 2)), network.hpcp(hpcp), atol=1e-4)


def chords(n, generator):
    """Segments of noise; in the profiles of half of them sounds C major, in the others C minor."""
    x = 0.3 * torch.randn(n, 1, 316, 4, generator=generator)
    minor = torch.arange(n) % 2
    profiles = x[:, 0, 256:].unflatten(1, (5, 12))
    for pitch_class, sounds in ((0, minor >= 0), (3, minor == 1), (4, minor == 0), (7, minor >= 0)):
        profiles[sounds, :, pitch_class] += 1
    return x, minor


def accuracy_after_training(n_features, seed=1):
    generator = torch.Generator().manual_seed(seed)
    x, y = chords(200, generator)
    x = x[:, :, :n_features]
    network = tiny(n_features, 4, n_classes=2, width=8, n_hidden=12)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(6):
        for index in torch.randperm(120, generator=generator).split(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x[index]), y[index]).backward()
            optimizer.step()
    with torch.no_grad():
        return (network.eval()(x[120:]).argmax(1) == y[120:]).float().mean().item()


def test_chords_in_the_profiles_alone_are_learnt_with_their_branch_and_not_without():
    assert accuracy_after_training(316) > 0.9
    assert accuracy_after_training(256) < 0.7
