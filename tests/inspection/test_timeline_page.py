"""The timeline page contains the predictions of files, and names those that failed."""

import json
import re

import numpy as np
import pytest
import soundfile

from skmer.inspection import FilePrediction, SongEmotion, SongRatings, predict_files, write_timeline_page
from tests.tiny_model import SR, tiny_pipeline, tiny_songs


def content(page):
    source = page.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="content">(.*?)</script>', source, flags=re.DOTALL)[1])


def test_page_of_a_model(tmp_path):
    files = []
    for i, y in enumerate(tiny_songs().data[:3]):
        files.append(str(tmp_path / f"{i}.wav"))
        soundfile.write(files[-1], y, SR, subtype="FLOAT")
    predictions = list(predict_files(tiny_pipeline(), [*files, str(tmp_path / "none.wav")]))
    page = write_timeline_page(predictions, tmp_path / "page", names=["a", "b", "c", "d"], groups=["x", "x", "y", "y"])
    assert page == tmp_path / "page" / "index.html"
    found = content(page)
    assert (found["kind"], found["names"]) == ("emotions", ["Q1", "Q2", "Q3", "Q4"])
    certainties = [song["certainty"] for song in found["songs"]]
    assert certainties == sorted(certainties)
    for song in found["songs"]:
        i = "abc".index(song["name"])
        answer = predictions[i].answer
        assert found["names"][song["label"]] == answer.label
        assert song["certainty"] == pytest.approx(answer.mean_probabilities[song["label"]], abs=1e-3)
        np.testing.assert_allclose(np.transpose(song["curves"]) / 100, answer.second_probabilities, atol=0.006)
        stretches = [(start, end, found["names"][k]) for start, end, k in song["stretches"]]
        assert stretches == [(round(a, 3), round(b, 3), name) for a, b, name in answer.stretches()]
        assert song["url"] == f"../{i}.wav"
        assert song["group"] == "xxy"[i]
    source = page.read_text(encoding="utf-8")
    assert "1 song could not be used" in source
    assert "<li>d: " in source


def ratings(values, name="a.wav"):
    values = np.asarray(values, dtype=float)
    starts = np.arange(len(values), dtype=float)
    means = dict(zip(["valence", "arousal"], values.mean(axis=0).tolist(), strict=True))
    return FilePrediction(name, SongRatings(means, ["valence", "arousal"], starts, starts + 1, values))


def test_page_of_ratings(tmp_path):
    songs = [ratings([[0, 1], [0.5, 1]]), ratings([[1, 1], [0, 1]], "b.wav")]
    found = content(write_timeline_page(songs, tmp_path / "page"))
    assert (found["kind"], found["names"]) == ("ratings", ["valence", "arousal"])
    assert found["ranges"] == [[0, 1], [1, 2]]  # a rating that never changes has a range, too
    assert found["limits"] == [0, 2]
    assert [song["curves"] for song in found["songs"]] == [[[0, 0.5], [1, 1]], [[1, 0], [1, 1]]]
    assert [song["means"] for song in found["songs"]] == [[0.25, 1], [0.5, 1]]
    found = content(write_timeline_page(songs, tmp_path / "page", limits=[[-1, 1], [-2, 2]], force=True))
    assert (found["ranges"], found["limits"]) == ([[-1, 1], [-2, 2]], [-2, 2])


def test_seconds_without_a_segment_have_no_value(tmp_path):
    emotion = SongEmotion("x", np.array(["x", "y"]), np.array([0.0, 3.0]), np.array([1.0, 4.0]), np.eye(2))
    [song] = content(write_timeline_page([FilePrediction("a.wav", emotion)], tmp_path / "page"))["songs"]
    assert song["curves"] == [[100, None, None, 0], [0, None, None, 100]]


def test_the_certainty_is_the_probability_of_the_song_where_the_model_has_it(tmp_path):
    classes, rows = np.array(["x", "y"]), np.array([[0.9, 0.1], [0.7, 0.3]])
    identities = set()
    for own, certainty in ((None, 0.2), (np.array([0.4, 0.6]), 0.6)):
        emotion = SongEmotion("y", classes, np.arange(2.0), np.arange(2.0) + 1, rows, song_probabilities=own)
        page = write_timeline_page([FilePrediction("a.wav", emotion)], tmp_path / "page", force=True)
        [song] = content(page)["songs"]
        assert (song["label"], song["certainty"]) == (1, certainty)
        identities.add(content(page)["id"])
    # another song of this name has decisions of its own
    assert len(identities) == 2


def test_wrong_input_is_an_error_and_leaves_no_folder(tmp_path):
    whole = FilePrediction("a.wav", SongEmotion("x", np.array(["x"]), np.empty(0), np.empty(0), np.empty((0, 1))))
    with pytest.raises(ValueError, match=r"a\.wav: expected predictions with segments"):
        write_timeline_page([whole], tmp_path / "page")
    with pytest.raises(ValueError, match="1 predictions but 2 names"):
        write_timeline_page([whole], tmp_path / "page", names=["a", "b"])
    with pytest.raises(ValueError, match="names must differ"):
        write_timeline_page([whole, whole], tmp_path / "page")
    assert list(tmp_path.iterdir()) == []
    write_timeline_page([ratings([[0, 1]])], tmp_path / "page")
    with pytest.raises(FileExistsError, match="a page exists already"):
        write_timeline_page([ratings([[0, 1]])], tmp_path / "page")
    (tmp_path / "page" / "thesis.docx").touch()
    with pytest.raises(FileExistsError, match=r"do not belong to such a page \(thesis.docx\)"):
        write_timeline_page([ratings([[0, 1]])], tmp_path / "page", force=True)


def test_all_files_may_fail(tmp_path):
    page = write_timeline_page([FilePrediction("a.wav", None, error="it is damaged.")], tmp_path / "page")
    assert content(page)["songs"] == []
    assert "No song could be predicted" in page.read_text(encoding="utf-8")
