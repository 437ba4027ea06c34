from copy import deepcopy

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from skmer.backbones import MLP, SmallCNN, build_backbone
from skmer.songs import SongSequence
from skmer.sssl import SelfLearning
from skmer.sssl.losses import SSSLLoss, symmetric_kl
from skmer.sssl.net import SegmentNet
from skmer.sssl.self_learning_net import two_passes
from skmer.training.callbacks import AverageWeights
from skmer.training.data import SegmentBank, Standardizer


class CountingMLP(MLP):
    """Counts the rows that pass through the trunk and the head."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.rows = {"trunk": 0, "head": 0}
        self.trunk.register_forward_hook(lambda m, x, y: self._count("trunk", y))
        self.head.register_forward_hook(lambda m, x, y: self._count("head", y))

    def _count(self, part, y):
        self.rows[part] += len(y)


class WithoutParts(nn.Sequential):
    """A user's network that has no trunk and head."""

    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(16, 8), nn.Dropout(0.5), nn.Linear(8, 3))


def make_net(network, n=32, lr=0.01, **of_loss):
    rng = np.random.default_rng(0)
    songs = SongSequence(rng.normal(size=(n, 1, 16)))
    loss = SSSLLoss(**of_loss)
    adam = torch.optim.AdamW
    net = SegmentNet(
        network, classes=np.arange(3), loss_after_split=loss, max_epochs=1, batch_size=8, lr=lr, optimizer=adam
    )
    net.initialize()
    net.load_rows(SegmentBank(songs, Standardizer.fit(songs)), np.arange(n) % 3)
    return net


@pytest.mark.parametrize("batch_norm_free", [True, False])
def test_shared_trunk_has_the_gradient_of_two_full_passes(batch_norm_free):
    torch.manual_seed(0)
    shape = (16,) if batch_norm_free else (16, 20)
    network = MLP(shape, 3) if batch_norm_free else SmallCNN(shape, 3, width=2)
    network = network.double().train()
    x = torch.randn(8, *([1] if len(shape) == 2 else []), *shape, dtype=torch.double)

    def gradient(passes):
        network.zero_grad()
        torch.manual_seed(1)  # the same two dropout masks
        p, q = passes()
        (p.logsumexp(1).mean() + q.square().mean() + symmetric_kl(p, q, torch.ones(8))).backward()
        return torch.cat([parameter.grad.flatten() for parameter in network.parameters()])

    shared = gradient(lambda: two_passes(network, x, shared_trunk=True))
    full = gradient(lambda: (network(x), network(x)))
    # objectives work in float32 inside, so the divergence's part is exact to that only
    torch.testing.assert_close(shared, full, rtol=1e-6, atol=1e-8)


def test_two_passes_of_one_trunk_differ():
    torch.manual_seed(0)
    p, q = two_passes(MLP((16,), 3).train(), torch.ones(4, 16), shared_trunk=True)
    assert not torch.equal(p, q)


def test_a_network_without_parts_gets_a_doubled_batch():
    torch.manual_seed(0)
    p, q = two_passes(WithoutParts().train(), torch.ones(4, 16), shared_trunk=False)
    assert p.shape == q.shape == (4, 3)
    assert not torch.equal(p, q)


@pytest.mark.parametrize(
    ("params", "trunk", "head"),
    [
        ({"lambda_kl": 1.0, "kl_rows": "mixed"}, 8, 16),
        ({"lambda_kl": 1.0, "kl_rows": "all"}, 8, 16),
        ({"lambda_kl": 0.0}, 8, 8),
        ({"lambda_kl": 1.0, "kl_rows": "raw"}, 8 + 4, 8 + 8),
    ],
)
def test_forward_passes_of_a_batch(params, trunk, head):
    network = CountingMLP((16,), 3)
    net = make_net(network, ramp_epochs=0, **params)
    net.set_targets(torch.eye(3)[net.labels_], torch.arange(32) % 2 == 0)
    net.batch_loss(torch.arange(8))
    assert network.rows == {"trunk": trunk, "head": head}


def test_lambda_grows_over_the_ramp():
    net = make_net(MLP((16,), 3), lambda_kl=2.0, ramp_epochs=4)
    seen = []
    for _ in range(6):
        net.set_targets(torch.eye(3)[net.labels_], torch.zeros(32, dtype=torch.bool))
        seen.append(net.loss_after_split.kl_weight(net.epochs_after_warmup_))
    assert seen == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]


@pytest.mark.parametrize("n", [2, 8, 9, 17, 31])
def test_batches_hold_every_row_once_and_none_is_alone(n):
    net = make_net(MLP((16,), 3), n=n)
    batches = net.draw_batches()
    assert sorted(torch.cat(batches).tolist()) == list(range(n))
    assert min(map(len, batches)) > 1
    assert max(map(len, batches)) <= 8


def test_warm_up_is_plain_cross_entropy():
    network = MLP((16,), 3, dropout=0.0)
    net = make_net(network)
    index = torch.arange(8)
    expected = nn.functional.cross_entropy(network(net.bank_.gather(index)), net.labels_[index])
    torch.testing.assert_close(net.batch_loss(index), expected)


def test_no_erased_row_still_gives_a_finite_loss():
    for kl_rows in ("mixed", "raw", "all"):
        net = make_net(MLP((16,), 3), ramp_epochs=0, kl_rows=kl_rows)
        net.set_targets(torch.eye(3)[net.labels_], torch.zeros(32, dtype=torch.bool))
        assert torch.isfinite(net.batch_loss(torch.arange(8)))


def test_channels_last_gives_the_same():
    torch.manual_seed(0)
    network = build_backbone("small", (16, 20), 3).eval()
    x = torch.randn(4, 1, 16, 20)
    plain = network(x)
    torch.testing.assert_close(network.to(memory_format=torch.channels_last)(x), plain, rtol=1e-4, atol=1e-5)


class Drawn:
    """Stands for the generator: the same mixup each time."""

    def __init__(self, delta, partner):
        self.delta, self.partner = np.array(delta), np.array(partner)

    def beta(self, a, b, n):
        return self.delta

    def permutation(self, n):
        return self.partner


def sssl_net(**params):
    """A net whose rows 0 and 1 have labels, 2 and 3 soft targets; without dropout unless asked."""
    torch.manual_seed(0)
    net = make_net(MLP((16,), 3, dropout=params.pop("dropout", 0.0)), n=4, ramp_epochs=0, **params)
    targets = torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    net.set_targets(targets, torch.tensor([False, False, True, True]))
    # row 0 with 2 (itself the heavier), 1 with 3 (3 the heavier), 2 with 0, 3 with 1
    net.rng_ = Drawn([0.7, 0.4, 0.9, 0.6], [2, 3, 0, 1])
    return net, targets


def mixed_by_hand(net, targets, delta):
    x = net.bank_.gather(torch.arange(4))
    delta, partner = torch.tensor(delta)[:, None], torch.tensor([2, 3, 0, 1])
    return delta * x + (1 - delta) * x[partner], delta * targets + (1 - delta) * targets[partner]


@pytest.mark.parametrize(("dominant", "delta"), [(False, [0.7, 0.4, 0.9, 0.6]), (True, [0.7, 0.6, 0.9, 0.6])])
def test_the_loss_on_mixed_rows_by_hand(dominant, delta):
    net, targets = sssl_net(mixup_dominant=dominant, lambda_kl=1.0, prior_weight=0.0)
    x, y = mixed_by_hand(net, targets, delta)
    expected = -(y * torch.log_softmax(net.module_(x), 1)).sum(1).mean()
    torch.testing.assert_close(net.batch_loss(torch.arange(4)), expected)  # without dropout R-Drop is nought


def test_the_prior_penalty_is_added():
    net, _ = sssl_net(prior_weight=0.0, lambda_kl=0.0, mixup_dominant=False)
    other, targets = sssl_net(prior_weight=2.0, lambda_kl=0.0, mixup_dominant=False)
    x, _ = mixed_by_hand(other, targets, [0.7, 0.4, 0.9, 0.6])
    mean = torch.softmax(other.module_(x), 1).mean(0)
    penalty = (other.prior_ * (other.prior_ / mean).log()).sum()
    difference = other.batch_loss(torch.arange(4)) - net.batch_loss(torch.arange(4))
    torch.testing.assert_close(difference, 2 * penalty)


@pytest.mark.parametrize(
    ("kl_rows", "counted"),
    # mixed: the heavier partners are 0, 3, 2, 3, of which 2 and 3 lost their label
    [("mixed", [1, 2, 3]), ("all", [0, 1, 2, 3]), ("raw", [2, 3])],
)
def test_the_rows_that_r_drop_counts(monkeypatch, kl_rows, counted):
    net, _ = sssl_net(kl_rows=kl_rows, lambda_kl=3.0, mixup_dominant=False, dropout=0.5, prior_weight=0.0)
    seen = {}

    def spy(p, q, weight):
        seen["n"], seen["weight"] = len(p), weight
        return torch.tensor(10.0)

    monkeypatch.setattr("skmer.sssl.losses.symmetric_kl", spy)
    batch = net.bank_.gather(torch.arange(4))
    passed = []
    net.module_.trunk.register_forward_hook(lambda module, x, z: passed.append(x[0].clone()))
    loss = net.batch_loss(torch.arange(4))
    assert loss > 30  # three times the ten
    if kl_rows == "raw":
        torch.testing.assert_close(passed[-1], batch[[2, 3]])
        assert seen["weight"].tolist() == [1, 1]
    else:
        assert seen["weight"].float().nonzero()[:, 0].tolist() == counted


def test_an_epoch_trains_in_training_mode_after_a_split():
    net, _ = sssl_net()
    net.rng_ = np.random.default_rng(0)
    net.row_outputs(net.bank_)  # as a split does: leaves the network in evaluation mode
    modes = []
    net.module_.register_forward_hook(lambda module, x, y: modes.append(module.training))
    net.module_.trunk.register_forward_hook(lambda module, x, y: modes.append(module.training))
    net.history.new_epoch()
    net.run_epoch()
    assert modes
    assert all(modes)


@pytest.mark.parametrize("averaged", [False, True])
def test_the_targets_of_an_epoch_come_from_the_average_if_there_is_one(averaged):
    torch.manual_seed(0)
    net = make_net(MLP((16,), 3))
    strategy = SelfLearning(warmup_epochs=2)
    strategy.prepare(np.arange(3), seed=0)
    seen: list = []

    class Spy(Callback):
        def on_batch_end(self, net, **kwargs):
            seen.append(deepcopy(net.module_))

    average = AverageWeights(epochs=0.5)
    net.callbacks_ = [("average", average)] * averaged + [("spy", Spy()), ("strategy", strategy)]
    net.notify("on_train_begin")
    net.fit_loop(epochs=2)
    assert net.targets_ is None
    last = seen[-1]
    expected = deepcopy(net.module_)  # between two epochs, what would predict now
    assert torch.equal(last.state_dict()["trunk.1.weight"], expected.state_dict()["trunk.1.weight"]) != averaged
    net.notify("on_epoch_begin")
    torch.testing.assert_close(net.targets_, torch.softmax(net.row_outputs(net.bank_, expected), 1))
    net.notify("on_batch_begin", training=True)
    assert torch.equal(last.state_dict()["trunk.1.weight"], net.module_.state_dict()["trunk.1.weight"])
    assert net.erased_.all()
    assert net.history[:, "phase"] == ["warmup", "warmup", "SelfLearning"]
    assert "label_change" in net.history[-1]
