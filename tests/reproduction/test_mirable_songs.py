"""Songs of the second paper: tags, subsets, songs without tags, and splits that keep artists together."""

import os
from pathlib import Path

import numpy as np
import pytest

from skmer.reproduction.mirable.songs import TaggedSongs, draw_subset, grouped_splits, load_songs, published_split
from tests.reproduction.tiny import write_collection
from tests.reproduction.tiny_mirable import NUMBERS, TAGS, UNTAGGED, path_of, tags_of, write_jamendo, write_tables

# the tiny tables do not hold the published number of songs
pytestmark = pytest.mark.filterwarnings("ignore:.*are published")


def test_a_quarter_of_the_listeners_makes_a_tag(tmp_path):
    home, _ = write_collection("emotify", tmp_path)
    lines = (home / "labels.csv").read_text().splitlines()
    # calmness is the dominant emotion of song 0; amazement and power are the first and the sixth of the nine
    assert lines[1].split(",")[3:12] == ["0", "0", "0", "0", "1", "0", "0", "0", "0"]
    lines[1] = lines[1].replace(",0,0,0,0,1,0,", ",0.25,0,0,0,1,0.2499,")
    (home / "labels.csv").write_text("\n".join(lines) + "\n")
    songs = load_songs("emotify", home)
    assert [songs.tags[k] for k in np.flatnonzero(songs.target[0])] == ["amazement", "calmness"]
    assert songs.target[1:].sum(1).tolist() == [1] * 12  # all songs, not those of the four commonest emotions alone
    assert not songs.parts
    assert not len(songs.untagged)


def test_tracks_that_the_split_does_not_name_have_no_tags(tmp_path):
    write_jamendo(tmp_path)
    # of another quality, of no track, and beside the folders of tracks
    for name in ("36/3536.low.mp3", "36/cover.mp3", "other/9.mp3", "9.mp3"):
        (tmp_path / "audio" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "audio" / name).touch()
    songs = load_songs("mtg_jamendo", tmp_path)
    assert songs.tags == TAGS
    for path, row in zip(songs.paths, songs.target, strict=False):
        assert [songs.tags[k] for k in np.flatnonzero(row)] == sorted(tags_of(int(Path(path).stem)))
    assert songs.paths[len(songs.target) :] == [str(tmp_path / "audio" / path_of(number)) for number in UNTAGGED]
    part = published_split(songs)
    numbers = {which: [int(Path(songs.paths[i]).stem) for i in getattr(part, which)] for which in ("labelled", "test")}
    assert numbers == {"labelled": list(NUMBERS["train"]), "test": list(NUMBERS["test"])}
    assert [Path(songs.paths[i]).stem for i in part.unlabelled] == [str(number) for number in UNTAGGED]
    some = load_songs("mtg_jamendo", tmp_path, unlabelled=4)
    assert len(some.untagged) == 4
    assert set(some.paths) < set(songs.paths)
    assert some.notes == ("4 of 6 tracks that are not in the split.",)


def test_low_quality(tmp_path):
    write_jamendo(tmp_path, ending=".low.mp3")
    (tmp_path / "audio" / "40" / "3540.mp3").touch()
    songs = load_songs("mtg_jamendo", tmp_path)
    assert len(songs.untagged) == len(UNTAGGED)
    assert all(path.endswith(".low.mp3") for path in songs.paths)


def test_a_subset_of_the_tracks_whose_audio_is_there(tmp_path):
    paths = write_jamendo(tmp_path)
    gone = [path for path in paths if path.stem in ("3500", "3501", "3530")]
    for path in gone:
        path.unlink()
    with pytest.raises(FileNotFoundError, match="3 of the 36 tracks"):
        load_songs("mtg_jamendo", tmp_path)
    songs = load_songs("mtg_jamendo", tmp_path, subset=16)
    # 18/33, 8/33 and 7/33 of 16
    assert {name: len(own) for name, own in songs.parts.items()} == {"train": 9, "validation": 4, "test": 3}
    assert len(songs.target) == len(songs.groups) == 16
    assert not set(songs.paths) & set(map(str, gone))
    assert songs.notes == ("A subset: 16 tracks of 36, of which 33 have audio.",)
    for name, own in songs.parts.items():
        assert {int(Path(songs.paths[i]).stem) in NUMBERS[name] for i in own} == {True}
    # those of the split that were not drawn are not unlabelled ones
    assert len(songs.untagged) == len(UNTAGGED)
    assert load_songs("mtg_jamendo", tmp_path, subset=16).paths == songs.paths
    # a trial is one of the tracks without tags too
    for number in range(3600, 3620):
        (tmp_path / "audio" / path_of(number)).parent.mkdir(exist_ok=True)
        (tmp_path / "audio" / path_of(number)).touch()
    trial = load_songs("mtg_jamendo", tmp_path, subset=16)
    assert len(trial.untagged) == 16
    assert trial.notes[1] == "16 of 26 tracks that are not in the split, as many as the subset has."
    assert len(load_songs("mtg_jamendo", tmp_path, subset=16, unlabelled=20).untagged) == 20
    assert len(load_songs("mtg_jamendo", tmp_path, subset=16, unlabelled=3).untagged) == 3
    for path in paths:
        path.unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError, match="None of the tracks of split-0 has an audio file such as"):
        load_songs("mtg_jamendo", tmp_path, subset=16)


def test_subsets_hold_each_tag_as_far_as_it_goes(rng):
    target = np.zeros((300, 12), int)
    target[np.arange(300), np.r_[np.zeros(278, int), np.tile(np.arange(1, 12), 2)]] = 1
    parts = [np.arange(0, 300, 2), np.arange(1, 300, 2)]
    drawn = draw_subset(target, parts, 40)
    assert [len(own) for own in drawn] == [20, 20]
    for part, own in zip(parts, drawn, strict=True):
        assert set(own) <= set(part)
        assert np.array_equal(own, np.unique(own))
        assert np.array_equal(target[own].any(0), target[part].any(0))
    assert np.array_equal(np.concatenate(draw_subset(target, parts, 300)), np.concatenate(parts))
    # fewer songs than tags: each song brings a new one
    [few] = draw_subset(target, [np.arange(300)], 5)
    assert target[few].sum(0).max() == 1


@pytest.mark.parametrize("n", [3, 301])
def test_subsets_that_cannot_be(n):
    with pytest.raises(ValueError, match=f"subset={n} must be from 4 .* to 300 .*; the parts have 100, 200"):
        draw_subset(np.ones((300, 1)), [np.arange(100), np.arange(100, 300)], n)


@pytest.mark.data
def test_the_published_split():
    root = Path(os.environ.get("SKMER_DATA", ""))
    homes = [root / "mtg_jamendo", root / "metadata" / "mtg_jamendo"]
    found = [home for home in homes if any((home / split).is_dir() for split in ("data/splits", "splits"))]
    if not os.environ.get("SKMER_DATA") or not found:
        pytest.skip("the tables of MTG-Jamendo are neither in $SKMER_DATA nor in $SKMER_DATA/metadata")
    with pytest.MonkeyPatch.context() as patch:
        loader = load_songs.__globals__["load_mtg_jamendo"]
        patch.setitem(load_songs.__globals__, "load_mtg_jamendo", lambda *args, **_: loader(*args, check_audio=False))
        songs = load_songs("mtg_jamendo", found[0])
    part = published_split(songs)
    assert (len(part.labelled), len(part.validation), len(part.test)) == (9949, 3802, 4231)
    assert len(songs.tags) == songs.target.shape[1] == 56
    drawn = draw_subset(songs.target, [part.labelled, part.validation, part.test], 900)
    assert [len(own) for own in drawn] == [498, 190, 212]
    assert all(songs.target[own].any(0).all() for own in drawn)


def test_the_tables_without_any_audio(tmp_path):
    write_tables(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"36 of the 36 tracks .* have no audio file"):
        load_songs("mtg_jamendo", tmp_path)


def make_songs(rng, n_songs=90, n_artists=40, n_untagged=0, parts=()):
    target = (rng.random((n_songs, 5)) < [0.5, 0.3, 0.2, 0.1, 0.05]).astype(int)
    groups = np.array([f"artist {k}" for k in rng.integers(n_artists, size=n_songs)])
    paths = [f"{k}.mp3" for k in range(n_songs + n_untagged)]
    return TaggedSongs("X", "song", paths, target, list("abcde"), groups, dict(parts))


def test_folds_by_artist(rng):
    songs = make_songs(rng)
    splits = grouped_splits(songs, 5, 0.5)
    assert np.array_equal(np.sort(np.concatenate([part.test for part in splits])), np.arange(90))
    assert [part.fold for part in splits] == list(range(5))
    for part in splits:
        everything = np.concatenate([part.labelled, part.unlabelled, part.validation, part.test])
        assert np.array_equal(np.sort(everything), np.arange(90))
        sides = [set(songs.groups[own]) for own in (part.labelled, part.unlabelled, part.validation, part.test)]
        assert sum(map(len, sides)) == len(set.union(*sides))
        assert 15 <= len(part.test) <= 21
        n_train = 90 - len(part.test)
        assert abs(len(part.validation) - 0.2 * n_train) <= 5
        assert abs(len(part.labelled) - len(part.unlabelled)) <= 8
        # what can be judged at all is judged
        assert songs.target[part.validation].any(0)[:4].all()
    for a, b in zip(splits, grouped_splits(songs, 5, 0.5), strict=True):
        assert all(
            np.array_equal(getattr(a, w), getattr(b, w)) for w in ("labelled", "unlabelled", "validation", "test")
        )


def test_nothing_is_hidden_unless_asked(rng):
    songs = make_songs(rng)
    for hidden, plain in zip(grouped_splits(songs, 3, 0.5), grouped_splits(songs, 3, 0.0), strict=True):
        assert not len(plain.unlabelled)
        assert np.array_equal(plain.labelled, np.sort(np.concatenate([hidden.labelled, hidden.unlabelled])))
        assert np.array_equal(plain.validation, hidden.validation)


def test_a_published_split(rng):
    split = {"train": np.arange(50), "validation": np.arange(50, 60), "test": np.arange(60, 90)}
    songs = make_songs(rng, n_untagged=7, parts=split)
    part = published_split(songs)
    assert [part.labelled.size, part.validation.size, part.test.size] == [50, 10, 30]
    assert part.unlabelled.tolist() == list(range(90, 97))
    half = published_split(songs, 0.5)
    hidden = half.unlabelled[:-7]
    assert half.unlabelled[-7:].tolist() == list(range(90, 97))
    assert np.array_equal(np.sort(np.concatenate([half.labelled, hidden])), np.arange(50))
    assert not set(songs.groups[half.labelled]) & set(songs.groups[hidden])
    assert 20 <= len(hidden) <= 30


def test_too_few_artists(rng):
    songs = make_songs(rng, n_artists=2)
    with pytest.raises(ValueError, match="n_splits=5 is more than the 2 artists"):
        grouped_splits(songs, 5)
    with pytest.raises(
        ValueError, match="training songs are all by one artist, but validation songs must be by another"
    ):
        grouped_splits(songs, 2)
