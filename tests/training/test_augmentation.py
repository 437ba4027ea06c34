import numpy as np
import pytest
import torch

from skmer.training.augmentation import BatchAugmentation

NAMES = [*(f"mel{i}" for i in range(16)), "semitone_C1", "semitone_C#1", *(f"chroma_{i}" for i in range(12))]
LEVELS, N = 18, 400


@pytest.fixture
def x():
    return torch.randn(N, 1, 30, 25, generator=torch.Generator().manual_seed(0))


def augmented(x, rng=0, **params):
    scale = np.linspace(1, 20, 30)
    changes = {"time_mask": 0, "band_mask": 0, "max_gain": 0.0, **params}
    return BatchAugmentation(**changes, scale=scale, names=NAMES)(x, np.random.default_rng(rng)), scale


def assert_spans(hidden, longest):
    """Each row of `hidden` has one span of true positions; all lengths up to the longest, and all positions, occur."""
    steps = np.diff(np.pad(hidden, [(0, 0), (1, 1)]).astype(int), axis=1)
    assert ((steps == 1).sum(1) <= 1).all()
    assert set(hidden.sum(1)) == set(range(longest + 1))
    assert hidden.any(0).all()


def test_a_gain_shifts_all_levels_of_a_segment_by_the_same_number_of_decibels(x):
    out, scale = augmented(x, max_gain=6.0)
    shift = ((out - x)[:, 0].numpy() * scale[:, None])[:, :LEVELS].reshape(N, -1)
    np.testing.assert_allclose(shift, shift[:, :1] * np.ones_like(shift), atol=1e-4)
    assert 5.5 < shift.max() < 6.001
    assert -5.5 > shift.min() > -6.001
    assert torch.equal(out[:, :, LEVELS:], x[:, :, LEVELS:])  # pitch classes are no levels


def test_a_time_mask_hides_a_stretch_of_all_bands(x):
    out, _ = augmented(x, time_mask=7)
    hidden = out[:, 0] == 0
    assert (hidden == hidden[:, :1]).all()
    assert_spans(hidden[:, 0].numpy(), 7)
    assert torch.equal(out, x * ~hidden[:, None])


def test_a_band_mask_hides_adjacent_levels_at_all_times(x):
    out, _ = augmented(x, band_mask=5)
    hidden = out[:, 0] == 0
    assert (hidden == hidden[:, :, :1]).all()
    assert_spans(hidden[:, :LEVELS, 0].numpy(), 5)
    assert not hidden[:, LEVELS:].any()
    assert torch.equal(out, x * ~hidden[:, None])


def test_masks_hide_what_a_gain_has_changed(x):
    out, _ = augmented(x, time_mask=7, band_mask=5, max_gain=6.0)
    hidden = out[:, 0] == 0
    assert 0.1 < hidden.float().mean() < 0.5
    assert not torch.isclose(out, x)[:, 0, :LEVELS][~hidden[:, :LEVELS]].any()


def test_the_generator_determines_what_is_changed(x):
    params = {"time_mask": 7, "band_mask": 5, "max_gain": 6.0}
    first, second, other = (augmented(x, rng, **params)[0] for rng in (0, 0, 1))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    rng = np.random.default_rng(0)
    assert augmented(x, rng)[0] is x
    assert rng.random() == np.random.default_rng(0).random()  # nothing was drawn


def test_without_names_all_rows_are_levels(x):
    change = BatchAugmentation(0, 30, 6.0, np.ones(30))
    out = change(x, np.random.default_rng(0))
    assert_spans((out == 0).all(3)[:, 0].numpy(), 30)
