"""make_songs: planted labels, audible cues, determinism; segment_labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skmer.datasets import make_songs, segment_labels
from skmer.datasets._composition import CUES, compose, draw_composer, draw_cues, draw_song
from skmer.datasets._synthesis import render
from skmer.datasets.synthetic import plan_songs

SR = 11264


@pytest.fixture(scope="module")
def songs():
    return make_songs(40, duration=8, sr=SR, random_state=0)


def test_quadrants_are_balanced_and_arrays_have_one_entry_a_song(songs):
    assert np.unique(songs.target, return_counts=True)[1].tolist() == [10] * 4
    assert songs.target_names == ["Q1", "Q2", "Q3", "Q4"]
    assert len(songs.data) == len(songs.segment_target) == len(songs.groups) == 40
    assert all(wave.shape == (8 * SR,) and wave.dtype == np.float32 for wave in songs.data)
    assert all(len(seconds) == 8 and set(seconds) <= set(songs.target_names) for seconds in songs.segment_target)
    assert len(set(songs.groups)) == 10
    assert np.unique(plan_songs(6, duration=1, random_state=0).target, return_counts=True)[1].max() == 2


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 20), st.floats(0, 0.49), st.integers(0, 1000))
def test_each_song_carries_the_planted_share_within_a_second(n_songs, duration, noise, seed):
    from skmer.datasets.synthetic import _plan

    rng = np.random.default_rng(seed)
    for label in ("Q1", "Q2", "Q3", "Q4")[:n_songs]:
        seconds = _plan(rng, label, duration, noise)
        assert len(seconds) == duration
        foreign = seconds != label
        assert abs(foreign.sum() - noise * duration) < 1
        assert foreign.sum() < duration / 2
        # stretches of other quadrants never touch, and last five seconds at most
        edges = np.flatnonzero(np.diff(np.r_[False, foreign, False].astype(int)))
        assert ((edges[1::2] - edges[::2]) <= 5).all()
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            assert len(set(seconds[start:stop])) == 1


def test_share_is_right_on_average():
    songs = plan_songs(60, duration=5, noise=0.25, sr=4000, random_state=1)
    share = np.mean([(s != y).mean() for s, y in zip(songs.segment_target, songs.target, strict=True)])
    assert share == pytest.approx(0.25, abs=0.03)
    clean = plan_songs(4, duration=5, noise=0, sr=4000, random_state=1)
    assert all((s == y).all() for s, y in zip(clean.segment_target, clean.target, strict=True))


def test_same_seed_same_songs_and_the_global_generator_rests():
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, second, other = (make_songs(2, duration=2, sr=SR, random_state=seed) for seed in (5, 5, 6))
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    assert all((a == b).all() for a, b in zip(first.data, second.data, strict=True))
    assert (first.target == second.target).all()
    assert (first.groups == second.groups).all()
    assert not any((a == b).all() for a, b in zip(first.data, other.data, strict=True))
    rng = np.random.RandomState(5)
    assert (make_songs(2, duration=2, sr=SR, random_state=rng).data[0] == first.data[0]).all()


def test_songs_played_one_by_one_are_those_of_make_songs():
    settings = {"duration": 4, "noise": 0.4, "n_composers": 2, "sr": SR, "random_state": 5}
    songs, planned = make_songs(6, **settings), plan_songs(6, **settings)
    assert isinstance(songs.data, list)
    for _ in range(2):  # a second time they sound the same
        assert all((a == b).all() for a, b in zip(songs.data, planned.data, strict=True))
    next(iter(planned.data))
    assert (next(iter(planned.data)) == songs.data[0]).all()
    assert all((a == b).all() for a, b in zip(songs.segment_target, planned.segment_target, strict=True))
    assert songs.keys() == planned.keys()
    for name in ("target", "groups"):
        assert songs[name].tolist() == planned[name].tolist()
    assert len(planned.data) == 6


def test_planned_songs_are_played_when_their_turn_comes(monkeypatch):
    played = []
    monkeypatch.setattr("skmer.datasets.synthetic._perform", lambda *_: played.append(1))
    songs = plan_songs(3, duration=2)
    assert played == []
    for n, _ in enumerate(songs.data, 1):
        assert len(played) == n


def test_level_is_not_normalised_and_follows_arousal(songs):
    def levels(quadrants):
        out = []
        for wave, seconds in zip(songs.data, songs.segment_target, strict=True):
            power = (wave.reshape(8, SR) ** 2).mean(axis=1)
            out += list(10 * np.log10(power[np.isin(seconds, quadrants)]))
        return np.array(out)

    assert levels(["Q1", "Q2"]).mean() > levels(["Q3", "Q4"]).mean() + 3
    peaks = np.array([np.abs(wave).max() for wave in songs.data])
    assert peaks.max() <= 1
    assert peaks.std() > 0.03


@pytest.mark.parametrize(
    ("cue", "louder", "softer"), [("tempo", "Q1", "Q3"), ("register", "Q4", "Q3"), ("mode", "Q1", "Q2")]
)
def test_cues_differ_and_overlap(cue, louder, softer):
    rng = np.random.default_rng(0)
    draws = {
        quadrant: np.array([draw_cues(rng, draw_song(rng, draw_composer(rng)), quadrant)[cue] for _ in range(400)])
        for quadrant in (louder, softer)
    }
    assert draws[louder].mean() > draws[softer].mean()
    assert draws[louder].min() < draws[softer].max()


@pytest.mark.parametrize(("mode", "third"), [(1.0, 4), (-1.0, 3)])
def test_planted_mode_is_in_the_sound(mode, third):
    rng = np.random.default_rng(2)
    song = draw_song(rng, draw_composer(rng))
    cues = {cue: middle for cue, (middle, *_) in CUES.items()} | {"mode": mode, "dissonance": -9.0}
    notes, hits = compose(rng, song, cues, 0, 12)
    wave = render(rng, song, notes, hits[:0], 12 * SR, SR)
    frequency = np.fft.rfftfreq(len(wave), 1 / SR)
    audible = (frequency > 110) & (frequency < 900)
    pitch = 69 + 12 * np.log2(frequency[audible] / 440)
    chroma = np.bincount(
        np.round(pitch).astype(int) % 12, weights=np.abs(np.fft.rfft(wave))[audible] ** 2, minlength=12
    )
    other = 7 - third
    assert chroma[(song.tonic + third) % 12] > 3 * chroma[(song.tonic + other) % 12]


def test_sections_keep_to_their_seconds():
    rng = np.random.default_rng(0)
    for seed in range(20):
        song = draw_song(rng, draw_composer(rng))
        notes, hits = compose(np.random.default_rng(seed), song, draw_cues(rng, song, "Q2"), 3, 5)
        assert len(notes) > 0
        assert notes["onset"].min() >= 3
        assert (notes["onset"] + notes["length"]).max() <= 5 + 1e-9
        assert ((hits["onset"] >= 3) & (hits["onset"] < 5)).all()


def test_composers_are_groups():
    assert sorted(set(plan_songs(8, duration=3, n_composers=2, random_state=0).groups)) == ["composer 0", "composer 1"]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("n_songs", 0), ("n_songs", 2.5), ("duration", 2.5), ("duration", 0), ("duration", float("inf")),
        ("noise", 0.5), ("noise", -0.1), ("noise", float("nan")), ("n_composers", 0), ("sr", 100),
    ],
)  # fmt: skip
def test_bad_parameters_are_named(parameter, value):
    arguments = {"n_songs": 4, "duration": 2.0} | {parameter: value}
    with pytest.raises(ValueError, match=parameter):
        plan_songs(**arguments)


def test_segment_labels_by_hand():
    labels, share = segment_labels(["Q1", "Q1", "Q2", "Q2", "Q3"], duration=2, label="Q1")
    assert labels.tolist() == ["Q1", "Q1", "Q2", "Q2"]  # a tie goes to the earlier label
    assert share.tolist() == [1.0, 0.5, 0.0, 0.0]
    labels, share = segment_labels(["Q3", "Q3", "Q1"], duration=1.5, hop=0.75)
    assert labels.tolist() == ["Q3", "Q3", "Q1"]
    assert share == pytest.approx([1.0, 1.25 / 1.5, 1 / 1.5])
    assert segment_labels(["Q2"] * 3, duration=3, label="none")[1].tolist() == [0.0]


def test_segment_labels_has_as_many_segments_as_the_song():
    for duration in (1, 2, 3, 4, 5):
        assert len(segment_labels(["Q1"] * 15, duration)[0]) == 15 - duration + 1
    assert len(segment_labels(["Q1"] * 10, 1, hop=0.1)[0]) == 91


@pytest.mark.parametrize(("duration", "hop", "word"), [(0, 1, "positive"), (1, 0, "positive"), (4, 1, "duration=4")])
def test_segment_labels_refuses(duration, hop, word):
    with pytest.raises(ValueError, match=word):
        segment_labels(["Q1"] * 3, duration, hop)


def test_log_mel_statistics_tell_the_emotions_apart_but_not_all(songs):
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    from skmer.features import log_mel

    spectra = [log_mel(wave, sr=SR, n_mels=32) for wave in songs.data]
    X = np.array([np.r_[s.mean(axis=-1), s.std(axis=-1)] for s in spectra])
    svm = make_pipeline(StandardScaler(), SVC())
    arousal, valence = np.isin(songs.target, ["Q1", "Q2"]), np.isin(songs.target, ["Q1", "Q4"])
    accuracy = [(cross_val_predict(svm, X, y, cv=5) == y).mean() for y in (songs.target, arousal, valence)]
    assert 0.5 < accuracy[0] < 0.9
    assert accuracy[1] > accuracy[2] > 0.55
