"""Networks that turn a segment into class logits; one a file, chosen by name."""

from skmer.backbones._base import build_backbone, check_backbone, has_shared_trunk
from skmer.backbones.mlp import MLP
from skmer.backbones.small_cnn import SmallCNN
from skmer.backbones.vgg16 import VGG16

__all__ = ["MLP", "VGG16", "SmallCNN", "build_backbone", "check_backbone", "has_shared_trunk"]
