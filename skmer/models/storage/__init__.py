"""Model files that cannot run code: a tree of plain values in JSON, and arrays in safetensors, in one zip file."""

from skmer.models.storage.archive import ModelFileError, is_model_file
from skmer.models.storage.loading import load_model
from skmer.models.storage.saving import save_model

__all__ = ["ModelFileError", "is_model_file", "load_model", "save_model"]
