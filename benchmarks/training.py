"""Time of an epoch of SSSL, compared with cross-entropy and DivideMix, and of the loop, with plain torch and skorch."""

import os

# before NumPy and torch are imported: more threads do not speed up a network this small
os.environ.setdefault("OMP_NUM_THREADS", "1")

import copy
import time
import warnings
from functools import partial

import numpy as np
import torch
from _dividemix import DivideMix
from _performance import run
from _ratios import interleave, row
from skorch import NeuralNetClassifier
from torch import nn

from skmer import SSSLClassifier
from skmer.backbones import MLP, SmallCNN, VGG16BatchNorm
from skmer.songs import SongSequence
from skmer.sssl import GMMSplit
from skmer.sssl.losses import SSSLLoss
from skmer.sssl.net import SegmentNet
from skmer.sssl.recipes import SSSL_RECIPES
from skmer.training.build import build_net
from skmer.training.callbacks import AverageWeights
from skmer.training.data import SegmentBank, Standardizer
from skmer.training.net import RowNet
from skmer.training.runtime import FitRandomState

N_CLASSES, WIDTH, BATCH = 4, 16, 32
NOISE = 0.3
MLP_BATCH, MLP_ROWS, MLP_FEATURES = 64, 20_000, 20


def spectrograms(n_songs, seconds=30):
    """Return songs whose class is the loud frequency band, and labels of which a share is wrong."""
    rng = np.random.default_rng(0)
    truth = np.arange(n_songs) % N_CLASSES
    songs = []
    for k in truth:
        frames = rng.normal(-40, 10, size=(44 * seconds, 128)).astype(np.float32)
        frames[:, 32 * k : 32 * k + 32] += 6
        songs.append(frames)
    wrong = rng.random(n_songs) < NOISE
    labels = np.where(wrong, rng.integers(N_CLASSES, size=n_songs), truth)
    return SongSequence(songs, window=(131, 44)), labels


def make_net(network, bank, labels, batch_size, strategy=None, average=True, **of_loss):
    """Build a net as SSSLClassifier does, with a constant learning rate, to be trained one epoch at a time."""
    own = SSSLClassifier(batch_size=batch_size, schedule=None, max_epochs=1)
    callbacks = []
    if strategy is not None:
        strategy.warmup_epochs = 1
        strategy.prepare(np.arange(N_CLASSES), seed=0)
        callbacks = [("average", AverageWeights())] * average + [("strategy", strategy)]
    loss = SSSLLoss(**of_loss)
    net = build_net(
        SegmentNet, network, own, len(bank), "cpu", 0, FitRandomState(0), "auto", 1e-3, callbacks,
        classes=np.arange(N_CLASSES), loss_after_split=loss,
    )  # fmt: skip
    net.load_rows(bank, labels)
    net.notify("on_train_begin", X=None, y=None)
    return net


class Passes:
    """Count rows through a network, in forward passes: three for a row that is trained on."""

    def __init__(self, *networks):
        self.total = 0
        for network in networks:
            network.features.register_forward_hook(self._count)

    def _count(self, module, inputs, output):
        self.total += len(output) * (3 if torch.is_grad_enabled() else 1)

    def of(self, function):
        """Return the number of passes of a call."""
        before = self.total
        function()
        return self.total - before


def epochs(n_songs, rounds):
    """Time an epoch of each training method on the same segments, and count its passes."""
    songs, song_labels = spectrograms(n_songs)
    bank = SegmentBank(songs, Standardizer.fit(songs))
    labels = song_labels[bank.song]
    torch.manual_seed(0)
    network = SmallCNN((128, 131), N_CLASSES, WIDTH)
    plain = make_net(copy.deepcopy(network), bank, labels, BATCH)
    split = GMMSplit()
    sssl = make_net(copy.deepcopy(network), bank, labels, BATCH, split, ramp_epochs=0)
    printed = {name: value for name, value in SSSL_RECIPES["paper"].items() if name in ("kl_rows", "mixup_dominant")}
    split = GMMSplit(balance=None)
    paper = make_net(
        copy.deepcopy(network), bank, labels, BATCH, split, ramp_epochs=0, average=False, prior_weight=0.0, **printed
    )
    pair = [copy.deepcopy(network).to(memory_format=torch.channels_last) for _ in range(2)]

    def forward(module, x):
        with plain._autocast():
            return module(plain._channels_last(x))

    dividemix = DivideMix(pair, bank, torch.as_tensor(labels), N_CLASSES, BATCH, forward)
    trained = {"cross-entropy": plain, "sssl": sssl, "paper": paper}
    ways = {
        **{name: partial(net.fit_loop, epochs=1) for name, net in trained.items()},
        "dividemix": dividemix.epoch,
    }
    counters = {name: Passes(net.module_) for name, net in trained.items()}
    counters["dividemix"] = Passes(*pair)
    seconds = interleave(ways, rounds, time.process_time)
    passes = {name: counters[name].of(way) / len(bank) for name, way in ways.items()}
    if {net.history[-1]["phase"] for net in (sssl, paper)} != {"sssl"}:
        raise SystemExit("The split was not usable, so that no epoch of SSSL was measured.")
    return seconds, passes, dividemix.clean_share, len(bank)


def loops(rounds):
    """Time an epoch on a tiny MLP: a bare loop, ours, and stock skorch."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(MLP_ROWS, MLP_FEATURES)).astype(np.float32)
    y = rng.integers(N_CLASSES, size=MLP_ROWS)
    torch.manual_seed(0)
    network = MLP((MLP_FEATURES,), N_CLASSES)
    songs = SongSequence(X[:, None])
    bank = SegmentBank(songs, Standardizer.fit(songs))
    ours = make_net(copy.deepcopy(network), bank, y, MLP_BATCH)
    stock = NeuralNetClassifier(
        copy.deepcopy(network), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.AdamW, lr=1e-3,
        batch_size=MLP_BATCH, train_split=None, verbose=0, iterator_train__shuffle=True,
    ).initialize()  # fmt: skip
    module = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)
    values, labels = torch.from_numpy(X), torch.from_numpy(y)

    def bare():
        module.train()
        for index in torch.randperm(MLP_ROWS).split(MLP_BATCH):
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(module(values[index]), labels[index]).backward()
            optimizer.step()

    ways = {
        "bare": bare,
        "ours": lambda: ours.fit_loop(epochs=1),
        "stock": lambda: stock.fit_loop(X, y, epochs=1),
    }
    return interleave(ways, rounds, time.process_time)


def optimiser_steps(network, rounds):
    """Time a step of the optimizer of a net, which updates all weights in one pass, and of torch's default AdamW."""
    n_steps = -(-5_000_000 // sum(parameter.numel() for parameter in network.parameters()))

    def steps(**params):
        net = RowNet(copy.deepcopy(network), optimizer=torch.optim.AdamW, **params).initialize()
        for parameter in net.module_.parameters():
            parameter.grad = 1e-2 * torch.randn_like(parameter)
        return lambda: [net.optimizer_.step() for _ in range(n_steps)]

    return interleave({"one pass": steps(), "default": steps(optimizer__fused=None)}, rounds, time.process_time)


def measure(arguments):
    """Measure the figures."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", UserWarning)
    n_songs, rounds = (8, 2) if arguments.quick else (48, arguments.rounds)
    seconds, passes, clean, n_rows = epochs(n_songs, rounds)
    loop = loops(rounds)
    shape = (128, 131)
    small = optimiser_steps(SmallCNN(shape, N_CLASSES, WIDTH), rounds)
    pooled = optimiser_steps(VGG16BatchNorm(shape, N_CLASSES, head="pooled"), rounds)
    sssl = seconds["sssl"]
    rows = [
        row("an epoch of SSSL / of cross-entropy", sssl / seconds["cross-entropy"], 1.45),
        row("an epoch of SSSL, the paper's recipe / of cross-entropy", seconds["paper"] / seconds["cross-entropy"]),
        row("passes of SSSL / of cross-entropy", passes["sssl"] / passes["cross-entropy"], 1.45),
        row("passes of SSSL / of DivideMix", passes["sssl"] / passes["dividemix"], 0.25),
        row("passes of SSSL, the paper's recipe / of DivideMix", passes["paper"] / passes["dividemix"], 0.25),
        row("an epoch of SSSL / of DivideMix", sssl / seconds["dividemix"], 0.25),
        row("segments a second in SSSL", n_rows / sssl, unit=""),
        row("our loop / a bare torch loop, tiny MLP", loop["ours"] / loop["bare"], 1.2),
        row("stock skorch / a bare torch loop, tiny MLP", loop["stock"] / loop["bare"]),
        row("a step of AdamW, fused / torch's default, small CNN", small["one pass"] / small["default"]),
        row("a step of AdamW, fused / torch's default, VGG16 pooled", pooled["one pass"] / pooled["default"]),
    ]
    setting = (
        f"{n_rows:,} segments of 128 bands × 131 frames, small CNN of width {WIDTH}, batches of {BATCH}; processor "
        f"time of one thread. Forward passes a segment: cross-entropy {passes['cross-entropy']:.2f}, SSSL "
        f"{passes['sssl']:.2f} (the paper's recipe {passes['paper']:.2f}), DivideMix {passes['dividemix']:.2f} with "
        f"{100 * clean:.0f} % of the rows clean. The MLP has {MLP_ROWS:,} rows of {MLP_FEATURES} features in batches "
        f"of {MLP_BATCH}. VGG16 has batch normalisation."
    )
    return {"setting": setting, "rows": rows}


if __name__ == "__main__":
    run("training", measure, __doc__, rounds=5)
