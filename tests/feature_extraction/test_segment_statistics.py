"""Statistics of segments: values against loops and by hand, keys, transposition, windows, models of them."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from skmer import SegmentStatistics, SegmentTransformer, SongAggregator, SongSequence, SSSLClassifier, load_model
from skmer.cli import main
from skmer.features.chroma import CHROMA_NAMES
from skmer.features.semitones import SEMITONE_NAMES
from skmer.features.tonality import key_correlations
from skmer.inspection import predict_files
from skmer.models import save_model

SR = 22528
NAMES = ("mel0", *SEMITONE_NAMES[:3], *CHROMA_NAMES)


def songs_of(window, seed=0, names=NAMES):
    rng = np.random.default_rng(seed)
    frames = [rng.normal(-40, 10, size=(n, len(names))).astype(np.float32) for n in (60, 25)]
    return SongSequence(frames, window=window, names=names)


def by_loop(segment):
    """The statistics of one segment, as described."""
    segment = segment.astype(np.float64)
    bands, chroma = segment[:4], segment[4:]
    profile = chroma.mean(axis=1)
    major, minor = (found[0] for found in key_correlations(profile[None]))
    tonic = int(np.argmax(np.maximum(major, minor)))
    return np.concatenate(
        [
            bands.mean(axis=1),
            bands.std(axis=1),
            np.abs(np.diff(bands)).mean(axis=1) if bands.shape[1] > 1 else np.zeros(4),
            profile,
            chroma.std(axis=1),
            [major.max(), minor.max(), major.max() - minor.max()],
            np.roll(profile, -tonic),
        ]
    )


@pytest.mark.parametrize("window", [(20, 5), (20, 20), (7, 11), (1, 1)])
def test_equals_a_loop_over_segments(window):
    songs = songs_of(window)
    rows = SegmentStatistics().transform(songs)
    assert rows.segment_shape == (4 * 3 + 39,)
    assert rows.items[0].dtype == np.float32
    for song, found in zip(songs, rows, strict=True):
        np.testing.assert_allclose(found, [by_loop(segment) for segment in song], rtol=1e-5, atol=1e-5)


def test_segments_that_are_not_windows():
    songs = songs_of((20, 5))
    copies = SongSequence([np.array(song) for song in songs], names=NAMES)
    for one, other in zip(SegmentStatistics().transform(songs), SegmentStatistics().transform(copies), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_by_hand():
    # one segment, two bands without names, three frames
    [rows] = SegmentStatistics().transform([np.array([[[0.0, 2.0, 4.0], [5.0, 5.0, 5.0]]])])
    np.testing.assert_allclose(rows, [[2, 5, 1.6329932, 0, 2, 0]])


def test_a_constant_band_does_not_deviate():
    rng = np.random.default_rng(0)
    frames = np.where(np.arange(3000)[:, None] < 1500, rng.normal(0, 20, size=(3000, 2)), -100.1)
    [rows] = SegmentStatistics().transform(SongSequence([frames], window=(100, 50)))
    assert (rows[-10:, 2:4] == 0).all()
    assert (rows[:10, 2:4] > 10).all()


def triad(*semitones_above_c4):
    t = np.arange(3 * SR) / SR
    pitches = 261.63 * 2 ** (np.array(semitones_above_c4) / 12)
    return sum(0.2 * np.sin(2 * np.pi * f * t) for f in pitches)


def test_the_mode_of_a_triad_and_its_transposition():
    songs = SegmentTransformer(duration=1, harmony=True).transform(
        [triad(0, 4, 7), triad(0, 3, 7), triad(5, 9, 12), triad(11, 14, 18)]
    )
    statistics = SegmentStatistics().fit(songs)
    names = statistics.get_feature_names_out().tolist()
    rows = np.stack([song[1] for song in statistics.transform(songs)])
    mode = rows[:, names.index("key_mode")]
    assert mode[0] > 0.03
    assert mode[1] < -0.03
    assert (rows[:, names.index("key_major")] - rows[:, names.index("key_minor")]).tolist() == pytest.approx(mode)
    # F major is C major from its own tonic, and B minor C minor
    from_tonic = slice(names.index("key_chroma0"), names.index("key_chroma11") + 1)
    for one, other in ((0, 2), (1, 3)):
        np.testing.assert_allclose(rows[one, from_tonic], rows[other, from_tonic], atol=0.1)
        assert set(np.argsort(rows[one, from_tonic])[-3:]) == {0, 7, 4 if one == 0 else 3}
    absolute = slice(names.index("mean_chroma_C"), names.index("mean_chroma_B") + 1)
    assert set(np.argsort(rows[3, absolute])[-3:]) == {11, 2, 6}


def test_correlations_with_keys():
    c_major = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
    rng = np.random.default_rng(0)
    rows = np.stack([c_major, np.roll(c_major, 2) * 3 + 1, rng.random(12), np.full(12, 0.3)])
    major, minor = key_correlations(rows)
    assert major[[0, 1], [0, 2]].tolist() == pytest.approx([1, 1])
    assert major[2, 5] == pytest.approx(np.corrcoef(rows[2], np.roll(c_major, 5))[0, 1])
    assert not major[3].any()
    assert not minor[3].any()


@pytest.mark.filterwarnings("ignore:Digital silence")
def test_silence():
    songs = SegmentTransformer(duration=1, harmony=True).transform([np.zeros(2 * SR, dtype=np.float32)])
    statistics = SegmentStatistics().fit(songs)
    [rows] = statistics.transform(songs)
    np.testing.assert_allclose(rows[:, :212], -100, atol=1e-4)
    assert not rows[:, 212:].any()


def test_names_follow_the_values():
    # a band has the value of its place
    songs = SongSequence([np.tile(np.arange(float(len(NAMES))), (30, 1))], window=(10, 10), names=NAMES)
    statistics = SegmentStatistics().fit(songs)
    names = statistics.get_feature_names_out().tolist()
    rows = statistics.transform(songs)
    assert rows.names == tuple(names)
    assert len(set(names)) == len(names) == rows.segment_shape[0]
    for place, band in enumerate(NAMES):
        assert rows[0][:, names.index(f"mean_{band}")] == pytest.approx([place] * 3)
    # eleven pitch classes are bands like others
    other = SongSequence([np.ones((30, 11))], window=(10, 10), names=CHROMA_NAMES[:11])
    assert SegmentStatistics().transform(other).segment_shape == (33,)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([np.ones((3, 4))], "SegmentStatistics requires songs of shape"),
        (["song.mp3"], "put SegmentTransformer before SegmentStatistics"),
        ([], "holds no song"),
        ([np.full((1, 2, 3), np.nan)], "Song 0 of X has NaN"),
    ],
)
def test_refusals(X, message):
    with pytest.raises(ValueError, match=message):
        SegmentStatistics().transform(X)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_model_of_it_is_stored_and_predicts_files(tmp_path, capsys):
    import soundfile

    files = [str(tmp_path / f"{i}.wav") for i in range(6)]
    for i, file in enumerate(files):
        soundfile.write(file, triad(i, i + (4 if i % 2 else 3), i + 7), SR)
    y = ["minor", "major"] * 3
    network = SSSLClassifier("mlp", backbone_params={"hidden": [8]}, max_epochs=5, warmup_epochs=2, random_state=0)
    pipe = make_pipeline(SegmentTransformer(1, harmony=True), SegmentStatistics(), network, SongAggregator(), SVC())
    pipe.fit(files, y)
    save_model(pipe, tmp_path / "model.skmer")
    again = load_model(tmp_path / "model.skmer")
    for one, other in zip(again[:3].transform(files), pipe[:3].transform(files), strict=True):
        np.testing.assert_array_equal(one, other)
    found = [one.answer for one in predict_files(again, files)]
    assert [one.label for one in found] == pipe.predict(files).tolist()
    assert len(found[0].starts) == 3
    assert main(["predict", str(tmp_path / "model.skmer"), files[0], "-q"]) == 0
    assert found[0].label in capsys.readouterr().out
