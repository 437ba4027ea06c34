"""Which songs of the tables of Mirable teach, stop and judge: no song and no artist on two sides."""

import numpy as np
import pytest

from skmer.reproduction.mirable import TaggedSongs, grouped_parts, published_part


def make_songs(rng, n_songs=90, n_artists=40, n_untagged=0, parts=()):
    target = (rng.random((n_songs, 5)) < [0.5, 0.3, 0.2, 0.1, 0.05]).astype(int)
    groups = np.array([f"artist {k}" for k in rng.integers(n_artists, size=n_songs)])
    paths = [f"{k}.mp3" for k in range(n_songs + n_untagged)]
    return TaggedSongs("X", "song", paths, target, list("abcde"), groups, dict(parts))


def test_folds_by_artist(rng):
    songs = make_songs(rng)
    parts = grouped_parts(songs, 5, 0.5)
    assert np.array_equal(np.sort(np.concatenate([part.test for part in parts])), np.arange(90))
    assert [part.fold for part in parts] == list(range(5))
    for part in parts:
        assert np.array_equal(part.songs, np.arange(90))
        sides = [set(songs.groups[own]) for own in (part.labelled, part.unlabelled, part.validation, part.test)]
        assert sum(map(len, sides)) == len(set.union(*sides))
        assert 15 <= len(part.test) <= 21
        n_train = 90 - len(part.test)
        assert abs(len(part.validation) - 0.2 * n_train) <= 5
        assert abs(len(part.labelled) - len(part.unlabelled)) <= 8
        # what can be judged at all is judged
        assert songs.target[part.validation].any(0)[:4].all()
    for a, b in zip(parts, grouped_parts(songs, 5, 0.5), strict=True):
        assert all(
            np.array_equal(getattr(a, w), getattr(b, w)) for w in ("labelled", "unlabelled", "validation", "test")
        )


def test_nothing_is_hidden_unless_asked(rng):
    songs = make_songs(rng)
    for hidden, plain in zip(grouped_parts(songs, 3, 0.5), grouped_parts(songs, 3, 0.0), strict=True):
        assert not len(plain.unlabelled)
        assert np.array_equal(plain.labelled, np.sort(np.concatenate([hidden.labelled, hidden.unlabelled])))
        assert np.array_equal(plain.validation, hidden.validation)


def test_a_published_split(rng):
    split = {"train": np.arange(50), "validation": np.arange(50, 60), "test": np.arange(60, 90)}
    songs = make_songs(rng, n_untagged=7, parts=split)
    part = published_part(songs)
    assert [part.labelled.size, part.validation.size, part.test.size] == [50, 10, 30]
    assert part.unlabelled.tolist() == list(range(90, 97))
    half = published_part(songs, 0.5)
    hidden = half.unlabelled[:-7]
    assert half.unlabelled[-7:].tolist() == list(range(90, 97))
    assert np.array_equal(np.sort(np.concatenate([half.labelled, hidden])), np.arange(50))
    assert not set(songs.groups[half.labelled]) & set(songs.groups[hidden])
    assert 20 <= len(hidden) <= 30


def test_too_few_artists(rng):
    songs = make_songs(rng, n_artists=2)
    with pytest.raises(ValueError, match="n_splits=5 is more than the 2 artists"):
        grouped_parts(songs, 5)
    with pytest.raises(ValueError, match="training songs are of one artist: there are none to be validation ones"):
        grouped_parts(songs, 2)
