"""The web service of the guide answers real requests."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import soundfile

from skmer import save_model
from skmer.models import train_model
from tests.models.tiny import MLP, SR, tiny_songs

PAGE = Path(__file__).parents[1] / "docs" / "guide" / "app.md"

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def service(tmp_path, monkeypatch):
    """The app on the page with a small model, and its client."""
    for package in ("fastapi", "httpx", "python_multipart"):
        pytest.importorskip(package, reason=f"needs {package}")
    from fastapi.testclient import TestClient

    monkeypatch.chdir(tmp_path)
    model = train_model(tiny_songs(), "sssl", MLP, n_splits=2, device="cpu").pipeline
    save_model(model, "model.skmer")
    [code] = re.findall(
        r"^```python\n(from pathlib.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    program = {"__name__": "app"}
    exec(compile(code, "app.py", "exec", dont_inherit=True), program)
    return TestClient(program["app"]), program["model"]


def test_an_upload_gets_the_answer_of_the_model(service):
    client, model = service
    expected = {}
    for i, song in enumerate(tiny_songs().data[:4]):
        soundfile.write(f"{i}.wav", song, SR)
        expected[f"{i}.wav"] = model.predict_file(f"{i}.wav")

    def post(name):
        return name, client.post("/emotion", files={"file": (name, Path(name).read_bytes())})

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(post, list(expected) * 4))
    assert len(found) == 16
    for name, response in found:
        assert response.status_code == 200
        answer, song = response.json(), expected[name]
        assert answer["emotion"] == song.label == max(answer["probabilities"], key=answer["probabilities"].get)
        assert answer["probabilities"] == dict(zip(song.classes, song.song_probabilities, strict=True))
        assert [(row["start"], row["end"]) for row in answer["segments"]] == [(0, 1), (1, 2), (2, 3), (3, 4)]
        assert [row["emotion"] for row in answer["segments"]] == song.leading.tolist()


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "notes.mp3: the file is empty"),
        (b"These are my notes.", "notes.mp3: this is text, not audio"),
        (bytes(5000), "notes.mp3: "),  # the sentence depends on whether ffmpeg is there
    ],
)
def test_an_unreadable_upload_is_an_error_of_the_client(service, content, detail):
    response = service[0].post("/emotion", files={"file": ("notes.mp3", content)})
    assert response.status_code == 422
    found = response.json()["detail"]
    assert found.startswith(detail)
    # nothing is told of the server
    assert "/" not in found


def test_a_short_upload_and_none(service):
    client, _ = service
    soundfile.write("short.wav", tiny_songs().data[0][:2000], SR)
    response = client.post("/emotion", files={"file": ("short.wav", Path("short.wav").read_bytes())})
    assert response.status_code == 422
    assert response.json()["detail"].startswith("short.wav: it lasts 0.18 s, shorter than one segment")
    assert client.post("/emotion").status_code == 422
