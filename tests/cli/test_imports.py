"""A prediction imports what its model needs: torch alone would take most of the time of a first call."""

import subprocess
import sys

import pytest
import soundfile

from skmer import save_model
from skmer.models import make_pipeline_of
from tests.models.tiny import SEGMENTS, SR, tiny_songs

# what takes long to import
SLOW = {"torch", "skorch", "librosa", "numba", "matplotlib", "lightning", "onnx"}


@pytest.mark.parametrize(
    ("system", "config", "expected"),
    [
        ("descriptors", {"descriptors": {"sr": SR}}, {"librosa", "numba"}),
        ("log-mel", {"segments": SEGMENTS}, set()),
        ("sssl", {"segments": {**SEGMENTS, "harmony": False}, "sssl": {"max_epochs": 2, "warmup_epochs": 1}},
         {"torch", "skorch"}),
    ],
)  # fmt: skip
def test_a_prediction_imports_what_its_model_needs(tmp_path, system, config, expected):
    songs = tiny_songs()
    path = save_model(make_pipeline_of(system, config, "cpu").fit(songs.data, songs.target), tmp_path / "model.skmer")
    soundfile.write(tmp_path / "song.wav", songs.data[0], SR)
    code = (
        "import sys; from skmer.cli import main; "
        f"status = main(['predict', {str(path)!r}, {str(tmp_path / 'song.wav')!r}, '--out', {str(tmp_path / 'o')!r}]); "
        f"print(status, *sorted({SLOW!r} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split() == ["0", *sorted(expected)]
    assert (tmp_path / "o").read_text().splitlines()[1].startswith(str(tmp_path / "song.wav"))


def test_pages_of_songs_need_no_matplotlib(tmp_path):
    songs = tiny_songs()
    config = {"segments": {**SEGMENTS, "harmony": False}, "sssl": {"max_epochs": 2, "warmup_epochs": 1}}
    path = save_model(make_pipeline_of("sssl", config, "cpu").fit(songs.data, songs.target), tmp_path / "model.skmer")
    for y, label in zip(songs.data, songs.target, strict=True):
        (tmp_path / "songs" / str(label)).mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / "songs" / str(label) / "song.wav", y, SR)
    own = [str(path), str(tmp_path / "songs"), "-q", "--out"]
    commands = [["label-noise", *own, str(tmp_path / "a")], ["timeline", *own, str(tmp_path / "b"), "--format", "page"]]
    code = (
        "import sys; from skmer.cli import main; "
        f"print(*(main(command) for command in {commands!r}), 'matplotlib' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split()[-3:] == ["0", "0", "False"]
    assert all((tmp_path / name / "index.html").is_file() for name in "ab")


@pytest.mark.parametrize(
    "statement",
    ["import skmer.inspection", "import skmer.models", "from skmer.models.storage import is_model_file",
     "from skmer import load_model, DescriptorTransformer, EmbeddingTransformer, SegmentTransformer",
     "from skmer.inspection import SongPredictor, predict_files, label_trust, timeline_table"],
)  # fmt: skip
def test_these_imports_need_no_torch(statement):
    code = f"import sys; {statement}; print(sorted({SLOW!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split() == ["[]"]


def test_functions_are_not_replaced_by_the_modules_of_their_names():
    code = (
        "import skmer.inspection.label_trust, skmer.inspection.timeline_table, skmer.inspection as i; "
        "print(callable(i.label_trust), callable(i.timeline_table))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split() == ["True", "True"]
