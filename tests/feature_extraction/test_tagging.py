import os
import pickle

import numpy as np
import pytest
import soundfile
from sklearn.base import clone
from sklearn.utils import get_tags

import skmer.feature_extraction._base
from skmer import TaggingTransformer
from skmer.audio import AudioError, read_audio
from skmer.feature_extraction import FileRows
from skmer.features import BlockLayout, block_array, hpcp, log_mel
from skmer.songs import SongSequence

SR = 44100
BLOCK = 10240
# blocks of 256 samples, two mel steps and one profile each, for speed
TINY = {"sr": 4096, "n_mels": 8, "average": 2, "n_fft": 256, "hop_length": 64}
TINY |= {"hpcp_n_fft": 512, "hpcp_hop_length": 256}
TINY_BLOCK = 256


def noise(n_samples, seed=0):
    return np.random.default_rng(seed).normal(scale=0.1, size=n_samples).astype(np.float32)


def tiny(duration=0.25, **params):
    """0.25 s are four blocks."""
    return TaggingTransformer(duration, **{**TINY, **params})


@pytest.fixture
def files(tmp_path):
    """Songs of 19, 9 and 2.5 blocks of the tiny layout."""
    folder = tmp_path / "songs"
    folder.mkdir()
    paths = []
    for i, n_blocks in enumerate((19, 9, 2.5)):
        paths.append(folder / f"song{i}.flac")
        soundfile.write(paths[-1], noise(int(n_blocks * TINY_BLOCK), seed=i), 4096)
    return paths


@pytest.fixture
def reads(monkeypatch):
    """Collect the names and limits of the files that are decoded."""
    calls = []

    def counting(path, sr, max_duration):
        calls.append((os.path.basename(path), max_duration))
        return read_audio(path, sr=sr, max_duration=max_duration)

    monkeypatch.setattr(skmer.feature_extraction._base, "read_audio", counting)
    return calls


def assert_same(a, b, atol=0.0):
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, atol=atol, rtol=0)


# blocks of one waveform


def test_the_layout_of_the_paper():
    layout = BlockLayout()
    assert (layout.n_samples, layout.mel_steps, layout.hpcp_steps, layout.n_features) == (10240, 2, 5, 316)
    assert BlockLayout(hpcp=False).n_features == 256
    # 1,600 and 4,000 steps are about 185 s, 80 and 200 about 9.25 s
    assert 800 * layout.mel_steps == 1600
    assert 800 * layout.hpcp_steps == 4000
    assert round(800 * BLOCK / SR, 2) == 185.76
    assert round(40 * BLOCK / SR, 3) == 9.288
    assert BlockLayout(average=1, hop_length=512, hpcp_hop_length=768).n_samples == 1536


@pytest.mark.parametrize(
    ("sample", "steps"),
    # a step is 5,120 samples, and its frames reach 768 beyond it on either side
    [
        (3 * BLOCK + 2000, [6]),
        (3 * BLOCK + 100, [5, 6]),
        (3 * BLOCK + 5120 + 1000, [7]),
        (3 * BLOCK + 5120 - 200, [6, 7]),
        (8 * BLOCK - 100, [15]),
        (0, [0]),
    ],
)
def test_an_impulse_falls_into_its_block_and_step(sample, steps):
    y = np.zeros(8 * BLOCK, dtype=np.float32)
    y[sample] = 1
    blocks = block_array(y).astype(np.float32)
    heard = blocks[:, :256].reshape(16, 128).mean(axis=1)
    assert heard.argmax() == sample // 5120
    assert np.flatnonzero(heard > -100).tolist() == steps
    assert not blocks[:, 256:].any()  # a click has no pitch
    np.testing.assert_array_equal(BlockLayout().split(blocks)[0].mean(axis=0), heard)


@pytest.mark.parametrize("first", [0, 7, 20, 34])
def test_a_tone_falls_into_its_blocks_and_steps(first):
    # five HPCP steps of A, then of C, elsewhere silence
    y = np.zeros(10 * BLOCK, dtype=np.float32)
    t = np.arange(5 * 2048) / SR
    y[first * 2048 : (first + 5) * 2048] = 0.3 * np.sin(2 * np.pi * 440 * t)
    y[(first + 5) * 2048 : (first + 10) * 2048] = 0.3 * np.sin(2 * np.pi * 523.25 * t)
    blocks = block_array(y)
    for step in range(50):
        block, within = divmod(step, 5)
        row = blocks[block, 256 + 12 * within : 256 + 12 * (within + 1)]
        # frames of 4,096 reach half a step into both neighbours
        if first + 1 <= step <= first + 3:
            assert row.argmax() == 9
        elif first + 6 <= step <= first + 8:
            assert row.argmax() == 0
        elif step < first - 1 or step > first + 10:
            assert not row.any()


def test_rows_are_averaged_mel_steps_and_profiles():
    y = noise(6 * BLOCK + 3000)
    blocks = block_array(y)
    assert blocks.shape == (6, 316)
    assert blocks.dtype == np.float16
    padded = np.concatenate([np.zeros(1024, dtype=np.float32), y])
    mel = log_mel(padded[1024 - 768 :], sr=SR, n_fft=2048)
    profile = hpcp(padded)
    for block, step in [(0, 0), (0, 1), (3, 1), (5, 0)]:
        first = block * 20 + step * 10
        expected = mel[:, first : first + 10].mean(axis=1)
        np.testing.assert_allclose(blocks[block, step * 128 : (step + 1) * 128], expected, atol=0.04)
    for block, step in [(0, 0), (2, 4), (5, 3)]:
        row = blocks[block, 256 + step * 12 : 256 + (step + 1) * 12]
        np.testing.assert_allclose(row, profile[:, block * 5 + step], atol=1e-3)


def test_the_series_come_back_apart():
    y = noise(3 * BLOCK)
    layout = BlockLayout()
    blocks = block_array(y, layout)
    mel, profile = layout.split(blocks)
    assert mel.shape == (128, 6)
    assert profile.shape == (12, 15)
    np.testing.assert_array_equal(mel[:, 3], blocks[1, 128:256])
    np.testing.assert_array_equal(profile[:, 11], blocks[2, 256 + 12 : 256 + 24])
    alone, none = BlockLayout(hpcp=False).split(block_array(y, BlockLayout(hpcp=False)))
    np.testing.assert_array_equal(alone, mel)
    assert none is None


def test_no_band_is_empty():
    # as one would be with frames of 1,024 samples
    assert (block_array(noise(2 * BLOCK))[:, :256] > -60).all()


def test_the_first_blocks_are_those_of_the_whole():
    y = noise(9 * BLOCK + 5000)
    np.testing.assert_array_equal(block_array(y, max_blocks=4), block_array(y)[:4])
    np.testing.assert_array_equal(block_array(y, max_blocks=99), block_array(y))
    enough = y[: 4 * BLOCK + BlockLayout().reach]
    np.testing.assert_array_equal(block_array(enough), block_array(y)[:4])


def test_silence_is_the_layouts_own_row():
    np.testing.assert_array_equal(block_array(np.zeros(2 * BLOCK)), np.stack([BlockLayout().silence] * 2))


def test_a_waveform_without_a_block():
    with pytest.raises(ValueError, match=r"lasts 0\.23 s, shorter than one block of 0\.23 s"):
        block_array(np.zeros(BLOCK - 1))


# chunks of songs


def test_long_and_short_chunks_of_the_paper():
    y = noise(95 * BLOCK + 100)
    whole = block_array(y)
    short = TaggingTransformer("short").transform([y])
    assert short.segment_shape == (316, 40)
    assert short.n_segments.tolist() == [2]  # 15 blocks are left over
    np.testing.assert_array_equal(short[0], np.stack([whole[:40].T, whole[40:80].T]))
    long = TaggingTransformer("long").transform([y])
    assert long.segment_shape == (316, 800)
    np.testing.assert_array_equal(long[0][0], np.tile(whole, (9, 1))[:800].T)


def test_long_takes_the_beginning_of_a_longer_song():
    y = noise(810 * TINY_BLOCK)
    long = tiny("long").transform([y])
    assert long.n_segments.tolist() == [1]
    short = tiny(800 * TINY_BLOCK / 4096).transform([y])
    assert_same(long, short)
    assert long.frames(0).shape == (800, 8 * 2 + 12)


@pytest.mark.parametrize(
    ("n_blocks", "n_chunks"), [(1, 1), (3, 1), (4, 1), (7.9, 1), (8, 2), (11, 2), (12, 3)], ids=str
)
def test_number_of_chunks(n_blocks, n_chunks):
    songs = tiny().transform([noise(int(n_blocks * TINY_BLOCK))])
    assert songs.n_segments.tolist() == [n_chunks]
    assert songs.segment_shape == (28, 4)


def test_seconds_are_rounded_to_blocks():
    y = noise(100 * TINY_BLOCK)
    for seconds, length in [(0.0625, 1), (0.09, 1), (0.1, 2), (1, 16), (1.0, 16)]:
        assert tiny(seconds).transform([y]).segment_shape == (28, length)


def test_a_short_song_is_repeated_or_completed_by_silence():
    y = noise(3 * TINY_BLOCK + 10)
    whole = block_array(y, tiny()._layout(), 4096)
    repeated = tiny(0.5).transform([y])
    np.testing.assert_array_equal(repeated[0][0], whole[[0, 1, 2, 0, 1, 2, 0, 1]].T)
    completed = tiny(0.5, padding="zero").transform([y])
    expected = np.zeros((8, 28))
    expected[:, :16] = -100
    expected[:3] = whole
    np.testing.assert_array_equal(completed[0][0], expected.T)


def test_without_profiles():
    y = noise(8 * TINY_BLOCK)
    both, alone = tiny().transform([y]), tiny(hpcp=False).transform([y])
    assert alone.segment_shape == (16, 4)
    np.testing.assert_array_equal(alone[0], both[0][:, :16])


def test_max_duration(files):
    songs = tiny(max_duration=0.55).transform([files[0], read_audio(files[0], sr=4096)])  # 8.8 blocks
    assert songs.n_segments.tolist() == [2, 2]
    assert_same(songs[:1], songs[1:])
    assert_same(tiny().transform(files[:1])[0][:1], songs[0][:1])


def test_tuning_of_a_song():
    t = np.arange(2 * SR) / SR
    y = sum(0.2 * np.sin(2 * np.pi * f * 2 ** (0.3 / 12) * t) for f in (440, 554.37, 659.26))
    layout = BlockLayout()
    plain, followed, given = (
        layout.split(TaggingTransformer(1.5, tuning=tuning).transform([y]).frames(0))[1]
        for tuning in (440, "auto", 440 * 2 ** (0.3 / 12))
    )
    np.testing.assert_allclose(followed, given, atol=0.05)
    assert np.abs(plain.astype(float) - given).max() > 0.05


def test_files_and_waveforms_agree(files):
    waveforms = [read_audio(path, sr=4096) for path in files]
    for duration in (0.25, "long"):
        expected = tiny(duration).transform(waveforms)
        for X in (files, [str(path) for path in files], np.array(files, dtype=object)):
            assert_same(tiny(duration, n_jobs=2).transform(X), expected, atol=0.07)


def test_one_decoding_a_song_serves_both_series_and_long_reads_no_further(files, reads):
    tiny().transform(files)
    assert reads == [(path.name, None) for path in files]
    reads.clear()
    tiny("long").transform(files)
    assert [name for name, _ in reads] == [path.name for path in files]
    # 800 blocks, and half of the 256 by which a profile's frame is longer than its step
    assert {limit for _, limit in reads} == {(800 * TINY_BLOCK + 128) / 4096}


# the store


def test_long_and_short_share_the_stored_files(files, reads, tmp_path):
    store = tmp_path / "store"
    short = tiny(store=store).transform(files)
    assert len(reads) == 3
    before = {path.name: path.stat().st_mtime_ns for path in store.iterdir()}
    assert len(before) == 3
    assert sorted(name.partition("-")[0] for name in before) == ["song0", "song1", "song2"]
    long, zero = (tiny("long", store=str(store), padding=p).transform(files) for p in ("circular", "zero"))
    again = tiny(store=store, n_jobs=2, verbose=0).transform(files)
    assert len(reads) == 3
    assert {path.name: path.stat().st_mtime_ns for path in store.iterdir()} == before
    assert_same(again, short)
    assert_same(short, tiny().transform(files))
    assert_same(long, tiny("long").transform(files), atol=0.07)
    assert_same(zero, tiny("long", padding="zero").transform(files), atol=0.07)
    # whole songs: 19, 9 and 2 blocks
    assert sorted(len(np.load(path)) for path in store.iterdir()) == [2, 9, 19]


@pytest.mark.parametrize("padding", ["circular", "zero"])
def test_a_song_stored_with_hpcp_serves_without(files, reads, tmp_path, padding):
    both = tiny(store=tmp_path / "store", padding=padding).transform(files)
    n_reads = len(reads)
    mel = tiny(store=tmp_path / "store", hpcp=False, padding=padding).transform(files)
    assert len(reads) == n_reads
    assert mel.segment_shape[0] < both.segment_shape[0]
    assert_same(mel, tiny(hpcp=False, padding=padding).transform(files))


def test_a_song_stored_without_hpcp_is_read_again_with(files, reads, tmp_path):
    tiny(store=tmp_path / "store", hpcp=False).transform(files)
    n_reads = len(reads)
    assert_same(tiny(store=tmp_path / "store").transform(files), tiny().transform(files))
    assert len(reads) > n_reads


def test_stored_songs_are_items_on_disk(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    songs = tiny(store="store").transform(files)
    assert all(isinstance(item, FileRows) for item in songs.items)
    assert isinstance(songs.items[0].open(), np.memmap)
    assert songs.frames(0).shape == (16, 28)  # three blocks left over
    assert songs.frames(2).shape == (4, 28)  # two blocks, repeated
    assert len(pickle.dumps(songs)) < 2000
    expected = [np.array(song) for song in songs]
    monkeypatch.chdir("/")
    assert_same(songs, expected)
    assert_same(pickle.loads(pickle.dumps(songs)), expected)


@pytest.mark.parametrize(
    "params",
    [{"n_mels": 9}, {"average": 4}, {"tuning": "auto"}, {"max_duration": 1.0}, {"n_fft": 300}],
    ids=lambda params: next(iter(params)),
)
def test_what_decides_the_numbers_has_a_file_of_its_own(files, reads, tmp_path, params):
    store = tmp_path / "store"
    tiny(store=store).transform(files)
    assert_same(tiny(store=store, **params).transform(files), tiny(**params).transform(files), atol=0.001)
    assert len(list(store.iterdir())) == 6


def test_without_profiles_their_parameters_do_not_matter(files, reads, tmp_path):
    for params in ({}, {"tuning": "auto"}, {"hpcp_n_fft": 1024}):
        tiny(store=tmp_path / "store", hpcp=False, **params).transform(files)
    assert len(reads) == 3


def test_a_changed_file_is_read_again(files, reads, tmp_path):
    store = tmp_path / "store"
    tiny(store=store).transform(files)
    soundfile.write(files[0], noise(9 * TINY_BLOCK, seed=7), 4096)
    songs = tiny(store=store).transform(files)
    assert [name for name, _ in reads].count("song0.flac") == 2
    assert_same(songs, tiny().transform(files))


def test_a_damaged_stored_file_is_made_again(files, tmp_path):
    store = tmp_path / "store"
    tiny(store=store).transform(files[:1])
    (path,) = store.iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    assert_same(tiny(store=store).transform(files[:1]), tiny().transform(files[:1]))


def test_waveforms_are_stored_by_their_contents(tmp_path):
    store = tmp_path / "store"
    waveforms = [noise(5 * TINY_BLOCK, seed=i) for i in (0, 1, 0)]
    songs = tiny(store=store).transform(waveforms)
    assert_same(songs, tiny().transform(waveforms))
    assert sorted(path.name.partition("-")[0] for path in store.iterdir()) == ["waveform"] * 2


def test_a_store_that_cannot_be_written_is_named(files, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ValueError, match=r"store=.*file.*cannot be written there \(.*name another folder"):
        tiny(store=tmp_path / "file").transform(files)


def test_fit_writes_nothing(tmp_path):
    tiny(store=tmp_path / "store").fit()
    assert not (tmp_path / "store").exists()


# errors, warnings, progress


@pytest.mark.parametrize("store", [False, True])
def test_songs_that_cannot_be_used_are_named(files, tmp_path, store):
    soundfile.write(tmp_path / "short.wav", noise(255), 4096)
    transformer = tiny(store=tmp_path / "store" if store else None)
    with pytest.raises(AudioError, match=r"short\.wav: it lasts 0\.06 s, shorter than one block of 0\.06 s"):
        transformer.transform([*files, tmp_path / "short.wav"])
    with pytest.raises(AudioError, match=r"position 1 of X: it lasts 0\.02 s"):
        transformer.transform([files[0], noise(100)])
    with pytest.raises(AudioError, match=r"nix\.wav: there is no such file"):
        transformer.transform([tmp_path / "nix.wav"])
    with pytest.raises(AudioError, match=r"position 0 of X holds .* NaN"):
        transformer.transform([np.full(1000, np.nan)])


@pytest.mark.parametrize("store", [False, True])
def test_silence_is_kept_with_a_warning(files, tmp_path, store):
    transformer = tiny(store=tmp_path / "store" if store else None)
    soundfile.write(tmp_path / "silence.wav", np.zeros(2000), 4096)
    late = np.concatenate([np.zeros(300 * TINY_BLOCK), noise(1000)])
    for _ in range(2):
        with pytest.warns(
            UserWarning, match=r"Digital silence in 1 of the songs, which are kept: .*silence\.wav"
        ) as caught:
            songs = transformer.transform([files[0], tmp_path / "silence.wav", late])
        assert len(songs) == 3
        assert [warning.filename for warning in caught] == [__file__]


def test_progress_only_when_asked_for(files, capsys):
    tiny(verbose=1).transform(files)
    assert "Blocks" in capsys.readouterr().err
    tiny().transform(files)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"duration": "medium"}, "duration"),
        ({"duration": 0}, "duration"),
        ({"duration": 0.01}, r"duration=0\.01 s is less than one block of 0\.06 s"),
        ({"padding": None}, "padding"),
        ({"hpcp": "yes"}, "hpcp"),
        ({"average": 0}, "average"),
        ({"tuning": -1}, "tuning"),
        ({"tuning": "high"}, "tuning"),
        ({"n_fft": 63}, "n_fft=63 is less than hop_length=64"),
        ({"hpcp_n_fft": 255}, "hpcp_n_fft=255 is less than hpcp_hop_length=256"),
        ({"max_duration": 0.01}, r"max_duration=0\.01 s is less than one block"),
        ({"store": 3}, "store"),
    ],
)
def test_wrong_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        tiny(**params).fit()


def test_wrong_songs():
    for X in ("song.wav", [], SongSequence([np.zeros((1, 2))])):
        with pytest.raises(ValueError):
            tiny().transform(X)


def test_scikit_learn_knows_what_it_is(files):
    transformer = clone(TaggingTransformer())
    tags = get_tags(transformer)
    assert not tags.requires_fit
    assert tags.input_tags.string
    assert transformer.set_output(transform="pandas") is transformer
    assert_same(tiny().fit_transform(files), tiny().transform(files))
