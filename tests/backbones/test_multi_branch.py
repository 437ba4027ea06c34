"""The network with a branch each for mel bands, semitones and pitch classes."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from skmer import SegmentTransformer
from skmer.backbones import MultiBranchCNN, SmallCNN, build_backbone, has_shared_trunk
from skmer.backbones.multi_branch import N_CHROMA, N_SEMITONES
from skmer.features.chroma import CHROMA_NAMES
from skmer.features.semitones import SEMITONE_NAMES


def tiny(**params):
    torch.manual_seed(0)
    return MultiBranchCNN((224, 40), 3, width=4, **params).eval()


def test_size_and_cost():
    def cost(backbone, n_bands):
        with torch.device("meta"), FlopCounterMode(display=False) as counter:
            network = backbone((n_bands, 131), 4).eval()
            network(torch.empty(1, 1, n_bands, 131))
        return counter.get_total_flops(), sum(parameter.numel() for parameter in network.parameters())

    operations, n_parameters = cost(MultiBranchCNN, 224)
    assert round(n_parameters / 1e6, 2) == 0.49
    assert operations < 1.5 * cost(SmallCNN, 128)[0]


def test_the_bands_are_those_of_the_transformer():
    assert (len(SEMITONE_NAMES), len(CHROMA_NAMES)) == (N_SEMITONES, N_CHROMA)
    names = SegmentTransformer(harmony=True).get_feature_names_out().tolist()
    assert names[128:] == [*SEMITONE_NAMES, *CHROMA_NAMES]


@pytest.mark.parametrize(("bands", "branch"), [((0, 128), "mel"), ((128, 212), "semitones"), ((212, 224), "chroma")])
def test_each_branch_depends_on_its_bands_only(bands, branch):
    network, x = tiny(), torch.randn(2, 1, 224, 40)
    changed = x.clone()
    changed[:, :, bands[0] : bands[1]] += torch.randn(2, 1, bands[1] - bands[0], 40)
    outputs = {}
    for name in ("mel", "semitones", "chroma"):
        getattr(network, name).register_forward_hook(
            lambda _, __, out, name=name: outputs.setdefault(name, []).append(out)
        )
    network(x), network(changed)
    differ = {name for name, (one, other) in outputs.items() if not torch.equal(one, other)}
    assert differ == {branch}


def test_rotated_pitch_classes_change_nothing():
    network, x = tiny(), torch.randn(2, 1, 224, 40)
    expected = network(x)
    for n in (1, 5, 11):
        rotated = x.clone()
        rotated[:, :, 212:] = x[:, :, 212:].roll(n, dims=2)
        torch.testing.assert_close(network(rotated), expected, atol=1e-4, rtol=1e-4)
    shuffled = x.clone()
    shuffled[:, :, 212:] = x[:, :, 212:].flip(2)
    assert (network(shuffled) - expected).abs().max() > 1e-4


def test_transposed_semitones_are_not_the_same():
    network, x = tiny(), torch.randn(2, 1, 224, 40)
    higher = x.clone()
    higher[:, :, 128:212] = x[:, :, 128:212].roll(1, dims=2)
    assert (network(higher) - network(x)).abs().max() > 1e-4


def test_dropout_is_in_the_head_alone():
    network = tiny().train()
    assert has_shared_trunk(network)
    names = [name for name, module in network.named_modules() if isinstance(module, torch.nn.Dropout)]
    assert names == ["head.0"]


@pytest.mark.parametrize(("n_mels", "n_frames"), [(16, 16), (17, 33), (40, 43), (128, 131)])
def test_bands_and_frames_of_any_number(n_mels, n_frames):
    network = MultiBranchCNN((n_mels + 96, n_frames), 4, width=2, n_mels=n_mels).eval()
    assert network(torch.zeros(2, 1, n_mels + 96, n_frames)).shape == (2, 4)


@pytest.mark.parametrize(
    ("shape", "params", "message"),
    [
        (
            (128, 131),
            {},
            r"requires segments of 224 bands.*got shape \(128, 131\): use SegmentTransformer\(harmony=True\)",
        ),
        ((160, 131), {}, "with its n_mels in backbone_params"),
        ((64,), {}, r"got shape \(64,\)"),
        ((224, 15), {}, "at least 16 mel bands and 16 frames, got n_mels=128 and 15 frames"),
        ((104, 40), {"n_mels": 8}, "got n_mels=8"),
    ],
)
def test_refusals(shape, params, message):
    with pytest.raises(ValueError, match=message):
        build_backbone("multi_branch", shape, 4, **params)
