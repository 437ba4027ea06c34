"""What a batch costs, in counts: waits for the device, and operations that are sent to it."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from skmer.backbones import MLP
from skmer.songs import SongSequence
from skmer.sssl.losses import SSSLLoss
from skmer.sssl.net import SegmentNet
from skmer.training.data import SegmentBank, Standardizer

N_CLASSES, N = 3, 64


class Operations(TorchDispatchMode):
    """Counts the operations that torch carries out, and those that give Python a number."""

    def __init__(self):
        super().__init__()
        self.total, self.waits = 0, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.total += 1
        self.waits += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


def of_a_batch(batch_size, erased=None, **params):
    """Count the operations of a batch's loss and gradient."""
    rng = np.random.default_rng(0)
    songs = SongSequence(rng.normal(size=(N, 1, 16)))
    torch.manual_seed(0)
    loss = SSSLLoss(**params)
    network = MLP((16,), N_CLASSES)
    net = SegmentNet(network, classes=np.arange(N_CLASSES), loss_after_split=loss, max_epochs=1, batch_size=batch_size)
    net.initialize()
    net.load_rows(SegmentBank(songs, Standardizer.fit(songs)), np.arange(N) % N_CLASSES)
    if erased is not None:
        net.set_targets(torch.eye(N_CLASSES)[net.labels_], erased)
    index = net.draw_batches()[0]
    with Operations() as operations:
        net.batch_loss(index).backward()
    return operations


HALF = torch.arange(N) % 2 == 0
WAYS = [{}, {"erased": HALF}, {"erased": HALF, "lambda_kl": 0.0}, {"erased": HALF, "kl_rows": "all"}]


@pytest.mark.parametrize("way", WAYS)
def test_no_batch_waits_for_a_number(way):
    assert of_a_batch(16, **way).waits == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_larger_batch_is_no_more_operations(way):
    assert of_a_batch(8, **way).total == of_a_batch(32, **way).total


def test_sssl_sends_not_three_times_the_operations_of_cross_entropy():
    plain, sssl = of_a_batch(16).total, of_a_batch(16, erased=HALF).total
    assert plain < sssl < 3 * plain + 60


def test_an_epoch_waits_once_for_its_mean_loss(monkeypatch):
    rng = np.random.default_rng(0)
    songs = SongSequence(rng.normal(size=(N, 1, 16)))
    for batch_size in (4, 32):
        net = SegmentNet(
            MLP((16,), N_CLASSES),
            classes=np.arange(N_CLASSES),
            max_epochs=1,
            batch_size=batch_size,
            optimizer=torch.optim.SGD,
        )
        net.initialize()
        net.load_rows(SegmentBank(songs, Standardizer.fit(songs)), np.arange(N) % N_CLASSES)
        net.history.new_epoch()
        with Operations() as operations:
            net.run_epoch()
        assert operations.waits == 1
