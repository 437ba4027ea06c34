from .archive import ModelFileError, is_model_file
from .loading import load_model
from .saving import save_model

__all__ = ["ModelFileError", "is_model_file", "load_model", "save_model"]
