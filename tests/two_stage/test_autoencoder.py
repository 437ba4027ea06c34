import pickle

import numpy as np
import pytest
import sklearn
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline, make_pipeline

from skmer import SegmentTransformer, SongSequence
from skmer.two_stage import BiLSTMClassifier, MaskedMelAutoencoder, MelAutoencoder
from skmer.two_stage.masks import draw_masks, masked_error

SR = 4096
SPECTROGRAM = {"duration": 0.5, "hop": 0.25, "sr": SR, "n_fft": 512, "hop_length": 64, "n_mels": 32}
TINY = {"n_components": 8, "width": 4, "band_width": 4, "frame_width": 6, "batch_size": 16, "random_state": 0}


def tones(n, seed):
    """Waveforms of a stationary tone and its octave, at any pitch and level."""
    rng = np.random.default_rng(seed)
    t = np.arange(SR) / SR
    waves = []
    for _ in range(n):
        pitch, level = 200 * 2 ** rng.uniform(0, 2), 10 ** rng.uniform(-2, -0.5)
        y = level * (np.sin(2 * np.pi * pitch * t) + np.sin(4 * np.pi * pitch * t))
        waves.append((y + 1e-4 * rng.normal(size=SR)).astype(np.float32))
    return waves


def spectrograms(n, seed):
    return SegmentTransformer(**SPECTROGRAM).transform(tones(n, seed))


@pytest.fixture
def songs(rng):
    return SongSequence([rng.normal(size=(n, 16, 20)) for n in (3, 1, 5, 2)])


@pytest.fixture(scope="module")
def heard():
    return spectrograms(80, 0)


@pytest.fixture(scope="module")
def listener(heard):
    """An autoencoder that was fitted on tones."""
    return MaskedMelAutoencoder(**{**TINY, "n_components": 32, "width": 8, "max_epochs": 20}).fit(heard)


# ---- learning --------------------------------------------------------------------------------------


def test_a_hidden_band_of_new_tones_is_reconstructed_better_than_by_the_mean(listener, heard):
    new = spectrograms(10, 1)
    mean = np.concatenate(list(heard)).mean(axis=(0, 2))
    rebuilt_error, mean_error = [], []
    for band in range(32):
        truth = np.concatenate(list(new))[:, band]
        rebuilt = np.concatenate(list(listener.reconstruct(new, hidden_bands=[band])))[:, band]
        rebuilt_error.append(np.square(rebuilt - truth).mean())
        mean_error.append(np.square(mean[band] - truth).mean())
    assert np.mean(rebuilt_error) < 0.5 * np.mean(mean_error)
    assert listener.score(new) > 0.5


def test_a_hidden_band_is_not_seen(listener):
    song = np.array(spectrograms(1, 2)[0])
    other = song.copy()
    other[:, 7] += 40
    other[:, :, 3] -= 10
    one, two = (listener.reconstruct([s], hidden_bands=[7], hidden_frames=[3])[0] for s in (song, other))
    np.testing.assert_array_equal(one, two)
    assert np.abs(listener.reconstruct([song])[0] - listener.reconstruct([other])[0]).max() > 1


def test_score_is_one_minus_the_error_in_units_of_the_mean(listener):
    # a network whose output is always zero, the standardised mean
    blind = pickle.loads(pickle.dumps(listener))
    with torch.no_grad():
        blind.net_.module_.up[-1].weight.zero_()
        blind.net_.module_.up[-1].bias.zero_()
    new = spectrograms(5, 1)
    assert blind.score(new) == 0
    assert listener.score(new) == listener.score(new)
    rebuilt = blind.reconstruct(new)[0]
    np.testing.assert_allclose(rebuilt, np.broadcast_to(listener.standardizer_.mean[:, None], rebuilt.shape), rtol=1e-6)


def test_training_loss_falls_below_that_of_the_mean(listener):
    history = listener.history_
    assert [row["epoch"] for row in history] == list(range(1, 21))
    assert set(history[0]) == {"epoch", "train_loss", "lr"}
    # units of variance: the mean costs about one
    assert history[-1]["train_loss"] < 0.6 < history[0]["train_loss"]


def test_unlabelled_songs_join_the_training(songs, rng):
    more = SongSequence([20 + rng.normal(size=(6, 16, 20))])
    alone = MaskedMelAutoencoder(max_epochs=2, **TINY).fit(songs)
    together = MaskedMelAutoencoder(max_epochs=2, **TINY).fit(songs, unlabelled=more)
    assert not np.allclose(alone.transform(songs)[0], together.transform(songs)[0], atol=1e-2)
    # exactly as if they were in X
    joined = MaskedMelAutoencoder(max_epochs=2, **TINY).fit([*songs, *more])
    for one, two in zip(together.transform(songs), joined.transform(songs), strict=True):
        np.testing.assert_array_equal(one, two)


def test_unlabelled_windows_and_segments_may_meet(rng):
    frames = rng.normal(size=(60, 16))
    windows = SongSequence([frames], window=(20, 10))
    segments = SongSequence([np.array(windows[0])])
    pairs = [(windows, windows), (windows, segments), (segments, windows)]
    fits = [MaskedMelAutoencoder(max_epochs=1, **TINY).fit(X, unlabelled=more) for X, more in pairs]
    for fitted in fits[1:]:
        # a frame counts once for each window that holds it, in either form
        np.testing.assert_allclose(fitted.transform(windows)[0], fits[0].transform(windows)[0], atol=1e-3)


def test_labels_are_not_used(songs):
    outputs = [MaskedMelAutoencoder(max_epochs=1, **TINY).fit(songs, y).transform(songs) for y in (None, [0, 1, 0, 1])]
    np.testing.assert_array_equal(outputs[0][0], outputs[1][0])


# ---- masks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "width", "length", "hidden"),
    [(0.25, 8, 128, 32), (0.5, 4, 16, 8), (0.01, 5, 20, 5), (0.99, 5, 20, 15), (0.0, 5, 20, 0)],
)
def test_masks_are_runs(share, width, length, hidden):
    params = {"band_share": share, "band_width": width, "frame_share": 0, "frame_width": 1}
    masks = draw_masks(np.random.default_rng(0), 50, length, 7, **params)[:, 0]
    assert masks.shape == (50, length, 7)
    assert (masks == masks[:, :, :1]).all()  # a band is hidden for the whole segment
    assert (masks[:, :, 0].sum(1) == hidden).all()
    # hidden bands stand together: as many edges, around the end, as runs at most
    edges = (np.diff(masks[:, :, 0], axis=1, append=masks[:, :1, 0]) != 0).sum(1)
    assert (edges <= 2 * -(-hidden // width)).all()
    if hidden:
        assert masks[:, :, 0].any(0).all()  # each band is hidden now and then


def test_bands_and_frames_are_hidden_together():
    params = {"band_share": 0.5, "band_width": 2, "frame_share": 0.25, "frame_width": 3}
    masks = draw_masks(np.random.default_rng(0), 20, 8, 12, **params)[:, 0]
    assert (masks.mean((1, 2)) == 1 - 0.5 * 0.75).all()
    assert len({mask.tobytes() for mask in masks}) > 10


def test_masked_error_by_hand():
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    hidden = torch.tensor([[[[1.0, 0.0], [0.0, 1.0]]]])
    assert masked_error(torch.zeros_like(x), x, hidden).tolist() == [17.0]


# ---- the network ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(128, 43), (5, 3), (1, 1), (16, 29)])
def test_the_network_gives_back_any_shape(shape):
    x = torch.zeros(2, 1, *shape)
    network = MelAutoencoder(shape, n_components=3, width=2)
    assert network.encode(x).shape == (2, 3)
    assert network(x).shape == x.shape


# ---- contracts --------------------------------------------------------------------------------------


def test_an_embedding_depends_on_its_segment_alone(songs):
    fitted = MaskedMelAutoencoder(max_epochs=2, **TINY).fit(songs)
    together = fitted.transform(songs)
    assert together.n_segments.tolist() == [3, 1, 5, 2]
    assert together.segment_shape == (8,)
    assert together.names[:2] == ("embedding0", "embedding1")
    alone = fitted.transform([songs[2][3:4]])[0][0]
    np.testing.assert_allclose(alone, together[2][3], rtol=1e-4, atol=1e-5)


def test_random_state_determines_the_result_and_global_state_is_kept(songs):
    torch_before, threads = torch.get_rng_state(), torch.get_num_threads()
    one, two = (MaskedMelAutoencoder(max_epochs=2, **TINY).fit_transform(songs) for _ in range(2))
    other = MaskedMelAutoencoder(max_epochs=2, **{**TINY, "random_state": 1}).fit_transform(songs)
    np.testing.assert_array_equal(one[2], two[2])
    assert not np.allclose(one[2], other[2])
    assert torch.equal(torch_before, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_a_pickle_is_small_and_gives_the_same(rng):
    songs = SongSequence([rng.normal(size=(200, 16, 20))])  # 64,000 values
    fitted = MaskedMelAutoencoder(max_epochs=1, **TINY).fit(songs)
    n_parameters = sum(p.numel() for p in fitted.net_.module_.parameters())
    stored = pickle.dumps(fitted)
    assert len(stored) < 4 * n_parameters + 40_000
    np.testing.assert_array_equal(pickle.loads(stored).transform(songs)[0], fitted.transform(songs)[0])


def test_a_fit_that_fails_leaves_nothing(songs):
    autoencoder = MaskedMelAutoencoder(max_epochs=1, **TINY).fit(songs)
    with pytest.raises(ValueError):
        autoencoder.fit([np.full((2, 16, 20), np.nan)])
    with pytest.raises(NotFittedError):
        autoencoder.transform(songs)


def test_the_two_stages_learn_together_and_unlabelled_recordings_pass_the_first_step():
    rng = np.random.default_rng(0)
    t = np.arange(SR) / SR
    # glides up and down: the set of segments is the same, their order is not
    y = np.array(["down", "up"] * 12)
    waves = []
    for name in y:
        pitch = 200 * 2 ** (1.5 * (t if name == "up" else 1 - t) + rng.uniform(0, 0.2))
        waves.append((0.3 * np.sin(2 * np.pi * np.cumsum(pitch) / SR)).astype(np.float32))
    steps = [
        ("segments", SegmentTransformer(**{**SPECTROGRAM, "duration": 0.25, "hop": 0.125})),
        ("embedding", MaskedMelAutoencoder(max_epochs=6, **{**TINY, "frame_width": 3})),
        ("classifier", BiLSTMClassifier(8, max_epochs=20, batch_size=8, random_state=0)),
    ]
    pipe = make_pipeline(*(step for _, step in steps)).fit(waves[:16], y[:16])
    assert pipe.score(waves[16:], y[16:]) > 0.9
    with sklearn.config_context(enable_metadata_routing=True):
        routed = Pipeline([(name, clone(step)) for name, step in steps], transform_input=["unlabelled"])
        routed.fit(waves[:16], y[:16], unlabelled=tones(3, 5))
    assert routed[1].history_ != pipe[1].history_


# ---- edges ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((4, 16)), "MaskedMelAutoencoder requires songs of shape .* but X holds plain rows"),
        ([np.zeros((4, 16))], r"but X holds segments of shape \(16,\)"),
        (["a.wav"], "holds paths, such as 'a.wav': put SegmentTransformer"),
        ([], "X holds no song"),
        ([np.zeros((1, 16, 20))], "requires at least two segments, got one"),
        ([np.full((2, 16, 20), np.nan)], "Song 0 of X has NaN"),
        ([np.zeros((2, 4, 20))], "band_width=4 would mask all 4 mel bands .* set band_width to 3 or less, .*n_mels"),
        ([np.zeros((2, 16, 6))], "frame_width=6 would mask all 6 frames .* set frame_width to 5 or less, .*duration"),
        ([np.zeros((2, 16, 1))], "mask all 1 frames of a segment: raise duration .* frame_share=0"),
    ],
)
def test_invalid_data(X, message):
    with pytest.raises(ValueError, match=message):
        MaskedMelAutoencoder(max_epochs=1, **TINY).fit(X)


def test_segments_too_short_for_the_masks_in_a_pipeline():
    short = SegmentTransformer(**{**SPECTROGRAM, "duration": 0.15, "hop": 0.1})
    pipe = make_pipeline(short, MaskedMelAutoencoder(max_epochs=1), BiLSTMClassifier(max_epochs=1))
    with pytest.raises(ValueError, match=r"frame_width=8 .* all 2 frames .* to 1 or less, raise duration"):
        pipe.fit(tones(2, 0), ["a", "b"])


@pytest.mark.parametrize(
    ("unlabelled", "message"),
    [
        ([np.zeros((2, 16, 21))], r"unlabelled has segments of shape \(16, 21\), but those of X have shape \(16, 20\)"),
        ([np.zeros((2, 16, 20)), np.full((2, 16, 20), np.inf)], "Song 1 of unlabelled has NaN or infinity"),
        ([], "unlabelled holds no song"),
        (["b.wav"], "unlabelled holds paths, such as 'b.wav': put SegmentTransformer before MaskedMelAutoencoder"),
    ],
)
def test_invalid_unlabelled_songs(songs, unlabelled, message):
    with pytest.raises(ValueError, match=message):
        MaskedMelAutoencoder(max_epochs=1, **TINY).fit(songs, unlabelled=unlabelled)


def test_invalid_parameters(songs):
    for wrong in ({"band_share": 1.0}, {"n_components": 0}, {"precision": "half"}, {"frame_width": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            MaskedMelAutoencoder(**{**TINY, **wrong}).fit(songs)
    with pytest.raises(ValueError, match="band_share and frame_share are both 0"):
        MaskedMelAutoencoder(band_share=0, frame_share=0).fit(songs)


def test_one_kind_of_mask_suffices(songs):
    MaskedMelAutoencoder(max_epochs=1, **{**TINY, "frame_share": 0, "frame_width": 99}).fit(songs)


def test_invalid_prediction_data(songs):
    fitted = MaskedMelAutoencoder(max_epochs=1, **TINY).fit(songs)
    with pytest.raises(ValueError, match=r"X has segments of shape \(16, 21\)"):
        fitted.transform([np.zeros((2, 16, 21))])
    with pytest.raises(IndexError, match="hidden_bands must be positions from 0 to 15"):
        fitted.reconstruct(songs, hidden_bands=[16])
    by_mask, by_index = (
        fitted.reconstruct(songs, hidden_frames=chosen)[0] for chosen in (np.arange(20) > 17, [18, 19])
    )
    np.testing.assert_array_equal(by_mask, by_index)
