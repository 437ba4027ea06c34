"""Training VGG16 on the device: segments per second, as a share of the device's rate of matrix products.

Without CUDA, and with --quick, the run is small and only tests the script: its figures are not compared with aims,
and the page keeps the last figures of a GPU.
"""

import copy
import json
import sys
import time

import numpy as np
import torch
from _performance import RESULTS, run
from _ratios import interleave, row

from skmer import SSSLClassifier
from skmer.backbones import VGG16
from skmer.songs import SongSequence
from skmer.sssl import GMMSplit
from skmer.sssl.losses import SSSLLoss
from skmer.sssl.net import SegmentNet
from skmer.training.build import build_net
from skmer.training.callbacks import AverageWeights
from skmer.training.data import SegmentBank, Standardizer
from skmer.training.runtime import FitRandomState

N_CLASSES, SHAPE = 4, (128, 131)
FOLD_SEGMENTS, FOLDS, EPOCHS = 19_270, 10, 30


def flops_of_forward(network):
    """Return the number of multiplications and additions of a segment's forward pass."""
    counted = []

    def count(module, inputs, output):
        per_value = module.weight.numel() // module.weight.shape[0]
        counted.append(2 * output[0].numel() * per_value)

    handles = [
        module.register_forward_hook(count)
        for module in network.modules()
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear)
    ]
    with torch.no_grad():
        network(torch.zeros(1, 1, *SHAPE, device=next(network.parameters()).device))
    for handle in handles:
        handle.remove()
    return sum(counted)


def matrix_rate(device, dtype, size, rounds):
    """Return the device's rate in a product of square matrices, in operations per second."""
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    seconds = []
    for i in range(rounds + 2):
        wait(device)
        began = time.perf_counter()
        for _ in range(10):
            a @ b
        wait(device)
        seconds += [time.perf_counter() - began] if i >= 2 else []
    return 10 * 2 * size**3 / np.median(seconds)


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def songs_of(n_segments):
    """Return songs of 28 segments of noise: the contents do not affect the time."""
    rng = np.random.default_rng(0)
    n_songs = -(-n_segments // 28)
    return SongSequence(
        [rng.normal(-40, 10, size=(1320, 128)).astype(np.float32) for _ in range(n_songs)], window=(131, 44)
    )


def make_net(network, bank, labels, batch_size, device, precision, compiled, sssl):
    """Build a net as SSSLClassifier does; the split by the mixture is replaced by a fixed one, half clean."""
    own = SSSLClassifier(batch_size=batch_size, schedule=None, max_epochs=1)
    clean = np.random.default_rng(1).random(len(labels))
    strategy = GMMSplit(lambda losses, labels, random_state: clean, balance=None, warmup_epochs=1)
    strategy.prepare(np.arange(N_CLASSES), seed=0)
    net = build_net(
        SegmentNet, copy.deepcopy(network), own, len(bank), device, 0, FitRandomState(0, device), precision, 1e-4,
        [("average", AverageWeights()), ("strategy", strategy)] if sssl else [],
        classes=np.arange(N_CLASSES), loss_after_split=SSSLLoss(ramp_epochs=0), compiled=compiled,
    )  # fmt: skip
    net.load_rows(bank, labels)
    net.notify("on_train_begin", X=None, y=None)
    return net


def measure(arguments):
    """Measure the figures; a small run only shows that the script runs, and has no aims."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    whole = device == "cuda" and not arguments.quick
    n_segments, batches, size = (8_000, (64, 128, 256), 8_192) if whole else (28, (8,), 512)
    rounds = arguments.rounds if whole else 1
    torch.manual_seed(0)
    network = VGG16(SHAPE, N_CLASSES)
    flops = flops_of_forward(network)
    songs = songs_of(n_segments)
    bank = SegmentBank(songs, Standardizer.fit(songs), device)
    labels = np.random.default_rng(0).integers(N_CLASSES, size=len(bank))
    rate = matrix_rate(device, torch.bfloat16, size, rounds)
    rows = [row("matrix rate in bfloat16, in the same run", rate / 1e12, unit="TFLOP/s")]
    best = {}
    variants = [(b, p, c) for b in batches for p, c in (("bfloat16", False), ("bfloat16", True), ("float32", False))]
    for batch, precision, compiled in variants if whole else [(8, "auto", False)]:
        nets = {
            name: make_net(network, bank, labels, batch, device, precision, compiled, name == "SSSL")
            for name in ("cross-entropy", "SSSL")
        }

        def epoch(name, nets=nets):
            nets[name].fit_loop(epochs=1)
            wait(device)

        # an epoch of warm-up and one of SSSL, so that everything is compiled before the rounds
        for net in nets.values():
            net.fit_loop(epochs=2)
        seconds = interleave({name: lambda name=name: epoch(name) for name in nets}, rounds)
        how = f"batch {batch}, {precision}{', compiled' if compiled else ''}"
        # a segment is trained on (three forward passes) and, in SSSL, evaluated once
        for name, passes in (("cross-entropy", 3), ("SSSL", 4)):
            share = passes * flops * len(bank) / seconds[name] / rate
            rows.append(row(f"{name}, {how}: segments a second", len(bank) / seconds[name], unit=""))
            aim = 40 if whole and precision == "bfloat16" else None
            rows.append(
                row(f"{name}, {how}: share of the bfloat16 matrix rate", 100 * share, aim, at_least=True, unit="%")
            )
            best[name] = max(best.get(name, 0), float(np.median(share)))
        aim = 1.45 if whole else None
        rows.append(row(f"an epoch of SSSL / of cross-entropy, {how}", seconds["SSSL"] / seconds["cross-entropy"], aim))
        del nets
        torch.cuda.empty_cache()
    setting = (
        f"VGG16 with its original head, {flops / 1e9:.2f} GFLOP a segment forward, {len(bank):,} segments of 3 s; "
        "a trained segment counts three forward passes, and SSSL's evaluation one."
    )
    if not whole:
        where = "on a GPU" if device == "cuda" else "without a GPU"
        return {"setting": f"{setting} A small run {where}, which only shows that it runs.", "rows": rows}
    minutes = FOLDS * EPOCHS * FOLD_SEGMENTS * 4 * flops / (best["SSSL"] * rate) / 60
    rows.append(
        row(f"{FOLDS} folds of {EPOCHS} epochs on {FOLD_SEGMENTS:,} segments, computed", minutes, 15, unit="min")
    )
    kernels = profile(network, bank, labels, batches[0])
    return {"setting": setting, "rows": rows, "gpu": torch.cuda.get_device_name(), "profile": kernels}


def profile(network, bank, labels, batch):
    """Return the ten kernels that take most of an epoch of SSSL, as shares of the device's time."""
    net = make_net(network, bank, labels, batch, "cuda", "bfloat16", False, True)
    net.fit_loop(epochs=2)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as seen:
        net.fit_loop(epochs=1)
        torch.cuda.synchronize()
    events = sorted(seen.key_averages(), key=lambda event: -event.self_device_time_total)
    total = sum(event.self_device_time_total for event in events)
    return {event.key[:80]: round(event.self_device_time_total / total, 4) for event in events[:10]}


def main():
    """Measure on a GPU; without one, only show that the script runs, and keep the last figures."""
    kept = RESULTS / "gpu.json"
    if not torch.cuda.is_available() and "--quick" not in sys.argv:
        sys.argv.append("--quick")
        if kept.exists():
            date = json.loads(kept.read_text(encoding="utf-8"))["date"]
            print(f"No CUDA device: this run is small and not kept. The page keeps the figures of {date}.")
        else:
            print("No CUDA device: this run is small and not kept, and no figures of a GPU are there yet.")
    run("gpu", measure, __doc__, rounds=3)


if __name__ == "__main__":
    main()
