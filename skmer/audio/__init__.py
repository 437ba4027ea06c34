"""Reading audio files."""

from skmer.audio.files import find_audio_files
from skmer.audio.reading import AudioError, check_waveform, read_audio

__all__ = ["AudioError", "check_waveform", "find_audio_files", "read_audio"]
