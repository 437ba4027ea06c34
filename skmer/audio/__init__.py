"""Audio files: which there are, what they declare of themselves, and reading them."""

from skmer.audio.files import find_audio_files
from skmer.audio.reading import AudioError, check_waveform, read_audio

__all__ = ["AudioError", "check_waveform", "find_audio_files", "read_audio"]
