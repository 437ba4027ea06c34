"""Reading audio files."""

from skmer._errors import AudioError
from skmer.audio.finding import find_audio_files
from skmer.audio.reading import read_audio
from skmer.audio.waveforms import check_waveform

__all__ = ["AudioError", "check_waveform", "find_audio_files", "read_audio"]
