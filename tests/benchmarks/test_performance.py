"""What the speed benchmarks count and write; never how long anything takes."""

import importlib
import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def scripts():
    """Import benchmark scripts by name, as Python does that runs one of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module


def test_functions_take_turns(scripts):
    called, ticks = [], iter(range(100))
    ways = {name: lambda name=name: called.append(name) for name in "ab"}
    seconds = scripts("_ratios").interleave(ways, 3, clock=lambda: next(ticks))
    assert "".join(called) == "ab" + "ab" + "ba" + "ab"
    assert {name: found.tolist() for name, found in seconds.items()} == {"a": [1, 1, 1], "b": [1, 1, 1]}


@pytest.mark.parametrize(
    ("values", "aim", "at_least", "reached"),
    [
        ([1, 2, 3], 2, False, True),
        ([1, 2, 3], 1.9, False, False),
        ([1, 2, 3], 2.1, True, False),
        (5, None, False, None),
    ],
)
def test_aims_are_held_against_the_median(scripts, values, aim, at_least, reached):
    row = scripts("_ratios").row("x", values, aim, at_least)
    assert row["reached"] is reached
    assert (row["median"], row["n"]) == (np.median(values), np.size(values))


def test_the_section_says_what_is_missed(scripts):
    row = scripts("_ratios").row
    found = {
        "setting": "Two songs.", "date": "2026-01-01 00:00", "cores": 2, "processor": "p", "versions": {"skmer": "0"},
        "rows": [row("a / b", [1.5, 1.6, 1.7], 1.45), row("c", 3000, 2.5, at_least=True, unit="MiB")],
    }  # fmt: skip
    text = scripts("_performance").section(found)
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line]
    assert lines[2] == ["a / b", "1.60×", "1.55–1.65", "at most 1.45×", "missed by 0.15×"]
    assert lines[3] == ["c", "3,000 MiB", "", "at least 2.50 MiB", "reached"]


def test_the_page_is_that_of_the_kept_results(scripts):
    performance = scripts("_performance")
    if not performance.RESULTS.is_dir():
        pytest.skip("no results are kept")
    assert performance.page() == performance.PAGE.read_text(encoding="utf-8"), "run make bench"
    for path in performance.RESULTS.glob("*.json"):
        assert path.stem in performance.AREAS
        assert json.loads(path.read_text(encoding="utf-8"))["area"] == path.stem


@pytest.fixture(scope="module")
def bank(scripts):
    training = scripts("training")
    songs, _ = training.spectrograms(4, seconds=12)
    bank = training.SegmentBank(songs, training.Standardizer.fit(songs))
    return bank, bank.song


def passes_of_an_epoch(training, bank, strategy=None, **objective):
    torch.manual_seed(0)
    network = training.SmallCNN((128, 131), training.N_CLASSES, 2)
    net = training.make_net(network, *bank, 8, strategy, ramp_epochs=0, **objective)
    net.fit_loop(epochs=2)
    counter = training.Passes(net.module_)
    passes = counter.of(lambda: net.fit_loop(epochs=1)) / len(bank[0])
    return passes, net.history[-1]["phase"]


@pytest.fixture
def halves(scripts, bank):
    """A split that calls every other row clean."""
    clean = np.arange(len(bank[0])) % 2.0
    return scripts("training").GMMSplit(balance=None, noise_model=lambda losses, labels, random_state: clean)


def test_cross_entropy_takes_three_passes_a_segment(scripts, bank):
    assert passes_of_an_epoch(scripts("training"), bank) == (3, "cross-entropy")


@pytest.mark.parametrize(("objective", "expected"), [({}, 4), ({"lambda_kl": 0.0}, 4), ({"kl_rows": "raw"}, 5.5)])
def test_an_epoch_of_sssl_takes_four_passes_a_segment(scripts, bank, halves, objective, expected):
    passes, phase = passes_of_an_epoch(scripts("training"), bank, halves, **objective)
    assert phase == "sssl"
    # of the raw rows of a batch, a lone one has no pair of passes in batch norm
    assert passes == pytest.approx(expected, abs=0 if expected == 4 else 0.2)


def test_dividemix_takes_36_passes_a_clean_segment_and_two_for_all(scripts, bank, monkeypatch):
    dividemix, training = scripts("_dividemix"), scripts("training")
    n = len(bank[0])
    clean = (np.arange(n) < n // 2).astype(float)
    monkeypatch.setattr(dividemix.DivideMix, "split", lambda self, network: clean)
    torch.manual_seed(0)
    pair = [training.SmallCNN((128, 131), training.N_CLASSES, 2) for _ in range(2)]
    mix = dividemix.DivideMix(pair, bank[0], torch.as_tensor(bank[1]), training.N_CLASSES, 4, lambda m, x: m(x))
    before = [parameter.clone() for parameter in pair[0].parameters()]
    passes = training.Passes(*pair).of(mix.epoch)
    assert mix.clean_share == pytest.approx((n // 2) / n)
    assert passes == 36 * (n // 2)
    assert any((a != b).any() for a, b in zip(before, pair[0].parameters(), strict=True))


def test_without_a_gpu_nothing_is_held_against_an_aim(scripts, monkeypatch):
    gpu, small = scripts("gpu"), scripts("training").SmallCNN
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(gpu, "VGG16", lambda shape, n_classes: small(shape, n_classes, 2))
    monkeypatch.setattr(gpu, "matrix_rate", lambda *_: 1e12)
    found = gpu.measure(Namespace(quick=True, rounds=3))
    assert [row["what"] for row in found["rows"] if row["aim"] is not None or row["unit"] == "min"] == []
    assert len(found["rows"]) == 6
    assert "without a GPU" in found["setting"]
    assert "gpu" not in found


def test_vgg16_has_the_published_number_of_operations(scripts):
    gpu = scripts("gpu")
    with torch.device("meta"):
        network = gpu.VGG16(gpu.SHAPE, gpu.N_CLASSES)
    assert gpu.flops_of_forward(network) == pytest.approx(10.28e9, rel=1e-3)
