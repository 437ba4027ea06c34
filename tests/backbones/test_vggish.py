import pickle

import pytest
import torch
from torch import nn

from skmer.backbones import VGGish, build_backbone, check_backbone, has_shared_trunk


@pytest.fixture(autouse=True)
def one_thread_and_a_seed():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def test_it_has_the_published_layers():
    network = VGGish((256, 40), 56)
    convolutions = [layer for layer in network.features if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [64, 128, 128, 128, 64]
    pooling = [layer.kernel_size for layer in network.features if isinstance(layer, nn.MaxPool2d)]
    assert pooling == [(2, 4), (2, 4), (2, 4), (3, 5), (4, 4)]
    # by hand: convolutions with biases, normalisations, and the linear layer
    weights = 9 * (1 * 64 + 64 * 128 + 128 * 128 + 128 * 128 + 128 * 64) + 512
    expected = weights + 2 * (1 + 512) + 64 * 56 + 56
    assert sum(parameter.numel() for parameter in network.parameters()) == expected == 448_122


def test_what_five_poolings_leave_of_the_published_size():
    features = VGGish((256, 40), 3).features
    assert features(torch.zeros(2, 1, 96, 1280)).shape == (2, 64, 1, 1)


@pytest.mark.parametrize("n_blocks", [800, 40, 41, 3, 1])
def test_segments_of_any_length(n_blocks):
    network = build_backbone("vggish", (256, n_blocks), 5)
    check_backbone(network, torch.randn(1, 1, 256, n_blocks), 5)


@pytest.mark.parametrize("n_blocks", [40, 47])
def test_every_band_and_step_is_read(n_blocks):
    features = VGGish((256, n_blocks), 3).eval()

    def trunk(row, column):
        x = torch.zeros(1, 1, 256, n_blocks)
        x[0, 0, row, column] = 1e4
        return features.trunk(x)

    silence = features.trunk(torch.zeros(1, 1, 256, n_blocks))
    for row, column in ((0, 0), (127, 0), (255, n_blocks - 1), (240, n_blocks // 2), (128, n_blocks - 1)):
        assert not torch.allclose(trunk(row, column), silence)


def test_invalid_segments():
    with pytest.raises(ValueError, match=r"backbone='vggish' requires 256 features \(mel only\), got 316"):
        build_backbone("vggish", (316, 40), 3)
    with pytest.raises(ValueError, match="backbone='vggish' requires segments of"):
        build_backbone("vggish", (128, 80), 3)


def test_dropout_is_in_the_head_and_off_in_evaluation():
    network = VGGish((256, 40), 3)
    assert has_shared_trunk(network)
    x = torch.randn(4, 1, 256, 40)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))
    # logits, not probabilities
    assert (network(x) < 0).any()
    torch.testing.assert_close(pickle.loads(pickle.dumps(network))(x), network(x))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_finite(dtype):
    with torch.autocast("cpu", dtype=dtype):
        logits = VGGish((256, 40), 3)(20 * torch.randn(2, 1, 256, 40))
    assert torch.isfinite(logits).all()
