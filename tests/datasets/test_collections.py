"""COLLECTIONS: each is found and described, its tasks give classes, and its groups are what they are called."""

import numpy as np
import pytest

from skmer.datasets import COLLECTIONS
from skmer.model_selection import Protocol
from tests.reproduction.tiny import LAYOUTS, N_SONGS, write_collection


def test_what_a_collection_cannot_be_asked():
    for name, collection in COLLECTIONS.items():
        assert collection.name == name
        assert collection.title
        with pytest.raises(ValueError, match=rf"has the tasks {', '.join(collection.tasks)}; got 'key'"):
            collection.load("nowhere", "key")
        if collection.threshold is None:
            with pytest.raises(ValueError, match="has classes, not ratings: there is nothing to divide by a threshold"):
                collection.load("nowhere", threshold="median")


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_task_has_classes_on_which_folds_can_be_made(tmp_path, name):
    home, _ = write_collection(name, tmp_path)
    collection = COLLECTIONS[name]
    for task in collection.tasks:
        songs = collection.load(home, task)
        protocol = Protocol(collection.folds, 2, songs.get("threshold"))
        folds = protocol.split(songs.target, songs.groups, songs.get("splits"))
        assert sorted(i for _, test in folds for i in test) == list(range(N_SONGS))
        labels, threshold = protocol.labels(songs.target, folds[0][0])
        assert len(set(labels)) == (4 if task in ("quadrant", "emotion") else 2)
        assert (threshold is None) == (collection.threshold is None)
        for train, test in folds if collection.folds == "grouped" else ():
            assert not set(songs.groups[train]) & set(songs.groups[test])
    n_groups = len(np.unique(songs.groups))
    if name in ("deam", "folder"):  # without artists
        assert (n_groups, collection.group) == (N_SONGS, {"deam": "song", "folder": "group"}[name])
    else:
        assert n_groups == N_SONGS / 2
        assert collection.group == {"emopia": "song", "csv": "group"}.get(name, "artist")


def test_the_first_task_is_the_default(tmp_path):
    home, _ = write_collection("4q", tmp_path)
    assert set(COLLECTIONS["4q"].load(home).target) == {"low", "high"}


def test_emotify_gives_its_four_commonest_emotions_and_says_so(tmp_path):
    home, paths = write_collection("emotify", tmp_path)
    songs = COLLECTIONS["emotify"].load(home)
    assert set(songs.target) == {"calmness", "joyful_activation", "nostalgia", "tension"}
    assert len(songs.data) == N_SONGS == len(paths) - 1
    assert "four commonest emotions" in COLLECTIONS["emotify"].title


def test_thresholds(tmp_path):
    home, _ = write_collection("pmemo", tmp_path)
    load = COLLECTIONS["pmemo"].load
    assert load(home).target.dtype.kind == "f"
    assert load(home).threshold == "median"
    assert load(home, "arousal", 0.5).target.tolist().count("high") == N_SONGS / 2
    with pytest.raises(ValueError, match="threshold must be above 0 and at most 1"):
        load(home, "arousal", 5.0)


@pytest.mark.parametrize("name", ["folder", "csv"])
def test_ones_own_songs_have_no_usual_place(name, monkeypatch):
    monkeypatch.setenv("SKMER_DATA", "somewhere")
    with pytest.raises(ValueError, match=r"can be anywhere: pass data_home \(--data-home on the command line\)"):
        COLLECTIONS[name].load()


def test_covers_beside_ones_own_songs_are_passed_over_and_counted(tmp_path):
    home, paths = write_collection("folder", tmp_path)
    (home / "notes.txt").touch()
    (paths[0].parent / "cover.jpg").touch()
    with pytest.warns(
        UserWarning, match=r"^2 files are left out, not audio by extension: notes\.txt, .*/cover\.jpg\.$"
    ):
        songs = COLLECTIONS["folder"].load(home)
    assert sorted(songs.data) == sorted(map(str, paths))
    (paths[0].parent / "gone.mp3").symlink_to(home / "nothing.mp3")
    with pytest.raises(FileNotFoundError, match=r"gone\.mp3 is a link to a file that does not exist"):
        COLLECTIONS["folder"].load(home)


def test_annotations_alone(tmp_path):
    home, paths = write_collection("pmemo", tmp_path)
    paths[0].unlink()
    with pytest.raises(FileNotFoundError, match=r"1\.mp3"):
        COLLECTIONS["pmemo"].load(home)
    assert len(COLLECTIONS["pmemo"].load(home, check_audio=False).data) == N_SONGS
