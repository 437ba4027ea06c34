"""Train a model on labelled songs, estimate its accuracy, and save it with a model card."""

from skmer.models.cards import card_markdown
from skmer.models.configs import read_config
from skmer.models.pipelines import SYSTEMS, make_pipeline_of
from skmer.models.reading import UnreadableSongs
from skmer.models.runs import TrainedModel, train_model
from skmer.models.saving import files_of, save_model

__all__ = [
    "SYSTEMS",
    "TrainedModel",
    "UnreadableSongs",
    "card_markdown",
    "files_of",
    "make_pipeline_of",
    "read_config",
    "save_model",
    "train_model",
]
