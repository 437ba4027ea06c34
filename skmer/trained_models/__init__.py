"""From labelled songs to a model in a file, with a card that says what it is, was made of and is worth."""

from skmer.trained_models.cards import card_markdown
from skmer.trained_models.configs import read_config
from skmer.trained_models.pipelines import SYSTEMS, make_pipeline_of
from skmer.trained_models.reading import UnreadableSongs
from skmer.trained_models.runs import TrainedModel, train_model
from skmer.trained_models.saving import files_of, save_model

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
