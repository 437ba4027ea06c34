from .card import card_markdown
from .config import CANDIDATES, RATING_CANDIDATES, RATING_SYSTEMS, SYSTEMS, make_pipeline_of, read_config
from .files import files_of, save_trained_model
from .onnx import export_onnx
from .storage import ModelFileError, load_model, save_model
from .train import TrainedModel, train_model
from .training_songs import UnreadableSongs

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
