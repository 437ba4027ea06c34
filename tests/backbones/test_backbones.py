import pickle

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from skmer.backbones import MLP, VGG16, SmallCNN, build_backbone, check_backbone, has_shared_trunk
from skmer.backbones._base import BACKBONES
from skmer.backbones.vgg16 import VGG16BatchNorm


def n_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("head", "millions"), [("original", 134.3), ("pooled", 14.7)])
def test_vgg16_has_the_published_size(head, millions):
    with torch.device("meta"):
        network = VGG16((128, 131), 4, head=head)
    assert round(n_parameters(network) / 1e6, 1) == millions


def test_the_small_cnn_is_small():
    def operations(backbone, **params):
        with torch.device("meta"), FlopCounterMode(display=False) as counter:
            backbone((128, 131), 4, **params).eval()(torch.empty(1, 1, 128, 131))
        return counter.get_total_flops()

    assert round(n_parameters(SmallCNN((128, 131), 4)) / 1e6, 2) == 0.33
    assert operations(SmallCNN) < operations(VGG16, head="pooled") / 100


def test_vgg16_has_torchvisions_key_names():
    with torch.device("meta"):
        keys = set(VGG16((128, 131), 4).state_dict())
        keys_bn = set(VGG16BatchNorm((128, 131), 4).state_dict())
    convolutions = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    expected = {f"features.{i}.{kind}" for i in convolutions for kind in ("weight", "bias")}
    expected |= {f"classifier.{i}.{kind}" for i in (0, 3, 6) for kind in ("weight", "bias")}
    assert keys == expected
    assert {"features.1.running_mean", "features.40.weight", "features.41.num_batches_tracked"} <= keys_bn


def test_vgg16_loads_colour_weights_of_other_classes(tmp_path):
    torch.manual_seed(0)
    source = VGG16((32, 32), 4, head="pooled").state_dict()
    colour = {key: value for key, value in source.items() if key.startswith("features")}
    colour["features.0.weight"] = source["features.0.weight"].repeat(1, 3, 1, 1) / 3
    colour["classifier.6.weight"] = torch.zeros(1000, 4096)  # as an original head would have
    path = tmp_path / "vgg16.pt"
    torch.save(colour, path)
    network = VGG16((32, 32), 2, head="pooled", state_dict=path)
    torch.testing.assert_close(network.features[0].weight, source["features.0.weight"])
    assert network.classifier[-1].out_features == 2


def test_vgg16_names_weights_that_do_not_fit(tmp_path):
    path = tmp_path / "other.pt"
    torch.save({"conv.weight": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match=r"other\.pt does not contain the weights"):
        VGG16((32, 32), 2, head="pooled", state_dict=str(path))


@pytest.mark.parametrize("name", ["vgg16", "vgg16_bn"])
def test_vgg16_trunk_and_head_make_the_whole(name):
    torch.manual_seed(0)
    network = build_backbone(name, (32, 40), 3, head="pooled").eval()
    x = torch.randn(2, 1, 32, 40)
    assert has_shared_trunk(network)
    torch.testing.assert_close(network(x), network.head(network.trunk(x)))
    assert network(x).shape == (2, 3)


@pytest.mark.parametrize("shape", [(128, 43), (128, 131), (64, 87), (40, 16), (17, 33)])
def test_small_cnn_takes_spectrograms_of_any_size(shape):
    assert SmallCNN(shape, 4, width=4).eval()(torch.zeros(2, 1, *shape)).shape == (2, 4)


@pytest.mark.parametrize(
    ("backbone", "shape"), [("vgg16", (128, 20)), ("small", (8, 100)), ("vgg16", (64,)), ("small", (64,))]
)
def test_too_small_segments(backbone, shape):
    with pytest.raises(ValueError, match=f"backbone='{backbone}' requires spectrograms of at least"):
        build_backbone(backbone, shape, 4)


SHAPES = {"mlp": (16,), "crnn": (256, 8), "vggish": (256, 8), "multi_branch": (224, 32)}  # the others take spectrograms


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_keeps_the_contract(name):
    torch.manual_seed(0)
    shape = SHAPES.get(name, (64, 64))
    network = build_backbone(name, shape, 3, **({"head": "pooled"} if name.startswith("vgg16") else {}))
    x = torch.randn(4, 1, *shape) if len(shape) > 1 else torch.randn(4, *shape)
    check_backbone(network, x, 3)
    assert 0 < network.peak_lr < 1
    again = pickle.loads(pickle.dumps(network)).eval()
    assert torch.equal(again(x), network.eval()(x))
    assert torch.isfinite(again(torch.zeros_like(x))).all()  # digital silence


def test_a_module_is_copied():
    module = nn.Linear(4, 2)
    network = build_backbone(module, (4,), 2)
    network.weight.data.zero_()
    assert module.weight.abs().sum() > 0


def test_a_class_and_a_function_are_called():
    assert isinstance(build_backbone(MLP, (4,), 2, hidden=(3,)), MLP)
    assert build_backbone(lambda shape, n: nn.Linear(*shape, n), (4,), 2).out_features == 2


@pytest.mark.parametrize(
    ("backbone", "error", "message"),
    [
        ("resnet", ValueError, "'resnet' is unknown"),
        (3, TypeError, "must be a name"),
        (lambda shape, n: None, TypeError, "must return a torch module"),
    ],
)
def test_invalid_backbones(backbone, error, message):
    with pytest.raises(error, match=message):
        build_backbone(backbone, (4,), 2)


class FunctionalDropout(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x, 0.5, self.training)


class Parts(nn.Module):
    def __init__(self, trunk):
        super().__init__()
        self.trunk, self.head = trunk, nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.trunk(x))


@pytest.mark.parametrize(
    ("trunk", "shared"),
    [
        (nn.Linear(4, 4), True),
        (nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.1)), False),
        (nn.LSTM(4, 4, num_layers=2, dropout=0.2), False),
        (nn.RReLU(), False),
        (FunctionalDropout(), False),
    ],
)
def test_a_random_trunk_is_not_shared(trunk, shared):
    assert has_shared_trunk(Parts(trunk)) is shared
