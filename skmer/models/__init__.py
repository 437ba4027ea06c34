"""Train a model on labelled songs, estimate its accuracy, and save it with a model card."""

from skmer.models.card import card_markdown
from skmer.models.config import CANDIDATES, RATING_CANDIDATES, RATING_SYSTEMS, SYSTEMS, make_pipeline_of, read_config
from skmer.models.files import files_of, save_trained_model
from skmer.models.onnx import export_onnx
from skmer.models.storage import ModelFileError, load_model, save_model
from skmer.models.train import TrainedModel, train_model
from skmer.models.training_songs import UnreadableSongs

__all__ = [
    "CANDIDATES",
    "RATING_CANDIDATES",
    "RATING_SYSTEMS",
    "SYSTEMS",
    "ModelFileError",
    "TrainedModel",
    "UnreadableSongs",
    "card_markdown",
    "export_onnx",
    "files_of",
    "load_model",
    "make_pipeline_of",
    "read_config",
    "save_model",
    "save_trained_model",
    "train_model",
]
