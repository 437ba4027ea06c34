import numpy as np
import pytest
import torch

from skmer.backbones import MLP
from skmer.sssl import GMMSplit, Split
from skmer.sssl.objectives import sharpen
from skmer.training.callbacks import AverageWeights
from tests.sssl.test_net import make_net


def halves(losses, labels, random_state):
    """Half of the losses of each class, the smaller ones, are clean."""
    clean = np.zeros(len(losses))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        clean[rows[losses[rows].argsort()[: len(rows) // 2]]] = 1
    figures = np.full((1, 2), np.nan)
    return Split(clean, figures, figures, figures, np.array([3.0]))


def begin_epoch(net, splitter):
    splitter.on_train_begin(net)
    net.history.new_epoch()
    net.history.record("epoch", 1)
    net.history.new_epoch()
    net.history.record("epoch", 2)
    splitter.on_epoch_begin(net)


def test_clean_rows_keep_their_label_and_the_others_get_a_sharpened_prediction():
    torch.manual_seed(0)
    net = make_net(MLP((16,), 3))
    splitter = GMMSplit(warmup_epochs=1, noise_model=halves, temperature=0.5)
    begin_epoch(net, splitter)
    logits = net.row_outputs(net.bank_)
    erased = net.unlabelled_
    assert erased.sum() == 6 + 6 + 5  # of 11, 11 and 10 rows
    torch.testing.assert_close(net.targets_[~erased], net.inherited_targets()[~erased])
    torch.testing.assert_close(net.targets_[erased], sharpen(torch.softmax(logits, 1), 0.5)[erased])
    losses = torch.nn.functional.cross_entropy(logits, net.labels_, reduction="none")
    for label in range(3):
        mine = net.labels_ == label
        assert losses[mine & ~erased].max() <= losses[mine & erased].min()
    assert net.history[-1]["clean_share"] == 15 / 32
    assert net.history[-1]["phase"] == "sssl"


def test_the_average_network_splits():
    torch.manual_seed(0)
    net = make_net(MLP((16,), 3))
    average = AverageWeights()
    average.on_train_begin(net)
    with torch.no_grad():
        for parameter in average.average_.module.parameters():
            parameter.mul_(-1)
    splitter = GMMSplit(warmup_epochs=1, noise_model=halves)
    splitter.average_ = average
    begin_epoch(net, splitter)
    logits = net.row_outputs(net.bank_, average.average_)
    losses = torch.nn.functional.cross_entropy(logits, net.labels_, reduction="none")
    np.testing.assert_allclose(splitter.losses_, losses.numpy(), rtol=1e-6)


def test_memory_of_losses_by_hand():
    net = make_net(MLP((16,), 3))
    splitter = GMMSplit(warmup_epochs=1, noise_model=halves, loss_memory=0.75)
    splitter.on_train_begin(net)
    splitter.split(net.row_outputs(net.bank_), net)
    before = splitter.losses_.copy()
    with torch.no_grad():
        for parameter in net.module_.parameters():
            parameter.mul_(2)
    now = torch.nn.functional.cross_entropy(net.row_outputs(net.bank_), net.labels_, reduction="none").numpy()
    splitter.split(net.row_outputs(net.bank_), net)
    np.testing.assert_allclose(splitter.losses_, 0.75 * before + 0.25 * now, rtol=1e-5)


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_no_split_in_warm_up(epoch):
    net = make_net(MLP((16,), 3))
    splitter = GMMSplit(warmup_epochs=3, noise_model=lambda *_, **__: pytest.fail("split"))
    splitter.on_train_begin(net)
    for _ in range(epoch):
        net.history.new_epoch()
    splitter.on_epoch_begin(net)
    assert net.history[-1]["phase"] == "warmup"
    assert net.targets_ is None
