"""Backbones: networks that compute class logits from a segment, chosen by name."""

from skmer.backbones._base import build_backbone, check_backbone, has_shared_trunk
from skmer.backbones.conv_blocks import ConvBlock, GeM, StochasticConvBlock
from skmer.backbones.crnn import CRNN
from skmer.backbones.mlp import MLP
from skmer.backbones.multi_branch import MultiBranchCNN
from skmer.backbones.small_cnn import SmallCNN
from skmer.backbones.unpacking import unpack_blocks
from skmer.backbones.vgg16 import VGG16, VGG16BatchNorm
from skmer.backbones.vggish import VGGish

__all__ = [
    "CRNN",
    "MLP",
    "VGG16",
    "ConvBlock",
    "GeM",
    "MultiBranchCNN",
    "SmallCNN",
    "StochasticConvBlock",
    "VGG16BatchNorm",
    "VGGish",
    "build_backbone",
    "check_backbone",
    "has_shared_trunk",
    "unpack_blocks",
]
