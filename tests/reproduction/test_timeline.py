"""Figure 2: a song that the network has not heard, over its time."""

from pathlib import Path

import numpy as np
import pytest

from skmer import SegmentTransformer, SSSLClassifier
from skmer.reproduction import Settings, run_timeline
from skmer.reproduction.published import FIGURE_2_SONG
from skmer.reproduction.timeline import _find_song
from tests.reproduction.tiny import write_collection

SETTINGS = Settings(
    backbone="small", epochs=2, warmup_epochs=1, duration=0.5, max_duration=2.0, device="cpu",
    params={"backbone_params": {"width": 4}},
)  # fmt: skip

pytestmark = pytest.mark.filterwarnings("ignore:Epoch 2")  # two epochs are too few for a good split


@pytest.fixture
def heard(monkeypatch):
    """The segments and labels that the network was trained on."""
    seen = []
    fit = SSSLClassifier.fit

    def spy(self, X, y, groups=None, sample_weight=None):
        seen.extend(zip(list(X), y, strict=True))
        return fit(self, X, y, groups, sample_weight)

    monkeypatch.setattr(SSSLClassifier, "fit", spy)
    return seen


def timeline(tmp_path, dataset, **options):
    home, paths = write_collection(dataset, tmp_path)
    return run_timeline(dataset, SETTINGS, data_home=home, n_splits=2, **options), paths


@pytest.mark.parametrize("song", ["MT0000000003", "MT0000000003.mp3", None])
def test_the_song_was_not_heard_in_training(tmp_path, heard, song):
    found, paths = timeline(tmp_path, "4q", song=song)
    assert len(heard) == 6
    [path] = [path for path in paths if path.name == found.song]
    [own] = SegmentTransformer(duration=0.5, max_duration=2.0).transform([str(path)])
    assert not any(np.array_equal(own, np.asarray(segments)) for segments, _ in heard)
    assert found.target == path.parent.name
    assert found.task == "quadrant"
    if song:
        assert Path(found.song).stem == "MT0000000003"


def test_times_and_probabilities(tmp_path):
    found, _ = timeline(tmp_path, "pmemo", task="arousal")
    emotion = found.emotion
    assert emotion.starts.tolist() == [0.0, 1.0]
    assert emotion.ends.tolist() == [0.5, 1.5]
    assert emotion.probabilities.shape == (2, 2)
    np.testing.assert_allclose(emotion.probabilities.sum(axis=1), 1, atol=1e-6)
    assert emotion.classes.tolist() == ["high", "low"]
    assert emotion.label == emotion.classes[emotion.probabilities.mean(axis=0).argmax()]
    assert found.target in ("high", "low")
    assert "ratings are split at the median of the training songs" in found.description


def test_the_description_tells_how_the_song_was_found(tmp_path):
    found, _ = timeline(tmp_path, "emopia")
    assert found.description.endswith(
        "fold 0 of 2, counted from 0, trained on 6 songs, seed 0; "
        "of its test songs the one whose leading class changes most"
    )
    found, _ = timeline(tmp_path, "emopia", song=Path(found.song).stem, seed=3)
    assert found.description.endswith("trained on 6 songs, seed 3")


def test_the_papers_song_is_taken_where_it_is_there(tmp_path):
    home, paths = write_collection("4q", tmp_path)
    for file in home.glob("*.csv"):
        file.write_text(file.read_text().replace("MT0000000006", FIGURE_2_SONG["4q"]))
    paths[6].rename(paths[6].with_name(f"{FIGURE_2_SONG['4q']}.mp3"))
    found = run_timeline("4q", SETTINGS, data_home=home, n_splits=2)
    assert (found.song, found.target) == ("MT0010465830.mp3", "Q3")


def test_default_tasks(tmp_path):
    for dataset, task in [("deam", "quadrant"), ("emotify", "emotion"), ("folder", "label")]:
        assert timeline(tmp_path, dataset)[0].task == task


def test_a_published_split_has_one_test_part(tmp_path):
    found, paths = timeline(tmp_path, "emopia", folds_kind="split_cls_repo")
    assert Path(found.song) in [Path(path.name) for path in paths[7:11]]
    with pytest.raises(ValueError, match=rf"{paths[0].name} is not among the test songs of the published split"):
        timeline(tmp_path, "emopia", folds_kind="split_cls_repo", song=paths[0].stem)


def test_a_song_must_be_one():
    paths = ["/x/calm/a.mp3", "/x/tense/a.mp3", "/x/tense/b.mp3"]
    assert _find_song(paths, None) is None
    assert _find_song(paths, "b") == _find_song(paths, "b.mp3") == _find_song(paths, "/x/tense/b.mp3") == 2
    assert _find_song(paths, "/x/tense/a.mp3") == 1
    for name, n in [("a.mp3", 2), ("c", 0)]:
        with pytest.raises(ValueError, match=rf"song must name one song of the collection; '{name}' names {n} of 3"):
            _find_song(paths, name)
