import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping

from skmer.backbones import MLP, SmallCNN
from skmer.songs import SongSequence
from skmer.training.build import build_net
from skmer.training.data import SegmentBank, Standardizer
from skmer.training.net import RowNet
from skmer.training.runtime import FitRandomState, reset_fitted_attributes
from skmer.two_stage import BiLSTMClassifier


class Rebuilding(RowNet):
    """Notes which rows it was given."""

    def batch_loss(self, index):
        self.seen = [*getattr(self, "seen", []), index]
        rows = self.bank_.gather(index)
        return (self.module_(rows) - rows).square().mean()


class MeanLogits(RowNet):
    """Learns to give large logits."""

    def batch_loss(self, index):
        return self.module_(self._channels_last(self.bank_.gather(index))).sigmoid().square().mean()


def make_net(n=32, **params):
    rng = np.random.default_rng(0)
    songs = SongSequence(rng.normal(size=(n, 1, 4)))
    torch.manual_seed(0)
    net = Rebuilding(torch.nn.Linear(4, 4), **{"max_epochs": 3, "batch_size": 8, "lr": 0.1, **params}).initialize()
    net.load_bank(SegmentBank(songs, Standardizer.fit(songs)))
    return net


def test_an_epoch_holds_each_row_once_in_an_order_that_the_seed_decides():
    nets = [make_net(n=31, seed=seed) for seed in (0, 0, 1)]
    for net in nets:
        net.train_rows()
        epochs = torch.cat(net.seen).reshape(3, 31)
        assert (epochs.sort(1).values == torch.arange(31)).all()
        assert not torch.equal(epochs[0], epochs[1])
        assert min(map(len, net.seen)) > 1
    assert torch.equal(torch.cat(nets[0].seen), torch.cat(nets[1].seen))
    assert not torch.equal(torch.cat(nets[0].seen), torch.cat(nets[2].seen))


def test_the_history_holds_the_mean_loss_over_rows():
    net = make_net(n=20, lr=0.0, batch_size=8)
    net.train_rows()
    rows = net.bank_.gather(torch.arange(20))
    expected = (net.module_(rows) - rows).square().mean().item()
    assert [row["train_loss"] for row in net.history_rows()] == pytest.approx([expected] * 3)
    assert set(net.history_rows()[0]) == {"epoch", "train_loss", "lr"}  # no phase, nothing of batches


def test_outputs_of_rows_come_in_order_and_in_evaluation_mode():
    net = make_net(batch_size=5)
    rows = net.bank_.gather(torch.arange(32))
    torch.testing.assert_close(net.row_outputs(net.bank_), net.module_(rows).detach())
    net.module_.train()
    torch.testing.assert_close(net.row_outputs(net.bank_, lambda x: net.module_(x) * 2), 2 * net.module_(rows).detach())
    assert not net.module_.training
    torch.testing.assert_close(net.row_outputs(net.bank_, torch.nn.Identity()), rows)


def test_dropped_rows_are_gone():
    net = make_net()
    net.train_rows()
    net.drop_rows()
    assert not hasattr(net, "bank_")
    assert not hasattr(net, "rng_")
    assert not net.optimizer_.state


def test_callbacks_are_called_and_may_stop():
    heard = []

    class Listener(Callback):
        def on_train_begin(self, net, **kwargs):
            heard.append("begin")

        def on_grad_computed(self, net, **kwargs):
            heard.append("gradient")

        def on_train_end(self, net, **kwargs):
            heard.append("end")

    stop = EarlyStopping("train_loss", patience=2, threshold=10, sink=lambda message: None)
    net = make_net(max_epochs=50, callbacks=[Listener(), stop])
    net.train_rows()
    assert len(net.history_rows()) < 10
    assert heard[0] == "begin"
    assert heard[-1] == "end"
    assert heard.count("gradient") == 4 * len(net.history_rows())


def test_a_net_without_a_loss():
    net = RowNet(torch.nn.Linear(4, 4)).initialize()
    with pytest.raises(NotImplementedError, match=r"RowNet must define a method batch_loss\(index\)"):
        net.batch_loss(torch.arange(2))


def test_a_loss_that_is_not_finite():
    net = make_net(lr=1e30)
    with pytest.raises(ValueError, match="lower lr"):
        net.train_rows()


def test_the_built_net_follows_one_cycle():
    estimator = BiLSTMClassifier(max_epochs=4, batch_size=8, lr=0.1, weight_decay=0.5)
    for schedule in ("one-cycle", None):
        estimator.set_params(schedule=schedule)
        net = build_net(Rebuilding, torch.nn.Linear(4, 4), estimator, 32, "cpu", 3, FitRandomState(3))
        assert (net.seed, net.precision, net.optimizer_.param_groups[0]["weight_decay"]) == (3, "float32", 0.5)
        net.load_bank(make_net().bank_)
        net.train_rows()
        rates = [row["lr"] for row in net.history_rows()]
        assert rates == [0.1] * 4 if schedule is None else (max(rates) > 0.05 and rates[-1] < 0.01)


def test_adamw_updates_all_weights_in_one_pass_to_the_same_weights():
    weights = []
    for fused in ({}, {"optimizer__fused": False}):
        torch.manual_seed(0)
        estimator = BiLSTMClassifier(max_epochs=5, batch_size=8, lr=1e-2, weight_decay=0.1)
        network = SmallCNN((16, 30), 4, width=4)
        net = build_net(MeanLogits, network, estimator, 32, "cpu", 0, FitRandomState(0), **fused)
        songs = SongSequence(np.random.default_rng(0).normal(size=(32, 1, 16, 30)))
        net.load_bank(SegmentBank(songs, Standardizer.fit(songs)))
        net.train_rows()
        assert net.optimizer_.param_groups[0]["fused"] == (not fused)
        weights.append(net.module_.state_dict())
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], rtol=1e-3, atol=1e-5)


def test_weights_that_adamw_cannot_update_in_one_pass():
    net = make_net(optimizer=torch.optim.AdamW)
    arguments = lambda: net.get_params_for_optimizer("optimizer", net.module_.named_parameters())[1]  # noqa: E731
    assert arguments()["fused"]
    net.module_.count = torch.nn.Parameter(torch.zeros(1, dtype=torch.int64), requires_grad=False)
    assert not arguments()["fused"]
    net.device = "xla"
    assert "fused" not in arguments()


def test_outputs_of_songs_are_those_of_their_rows():
    net = make_net()
    songs = SongSequence([np.random.default_rng(i).normal(size=(n, 4)) for i, n in enumerate([5, 1, 9, 2, 3])])
    standardizer = Standardizer.fit(songs)
    bank = SegmentBank(songs, standardizer)
    out = list(net.song_outputs(songs, standardizer))
    assert [len(song) for song in out] == [5, 1, 9, 2, 3]
    np.testing.assert_allclose(np.concatenate(out), net.row_outputs(bank), rtol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("network", "shape"), [(MLP((40,), 3), (40,)), (SmallCNN((16, 30), 4, width=4), (16, 30))], ids=["mlp", "small"]
)
def test_outputs_of_a_song_do_not_depend_on_the_others(network, shape, precision, monkeypatch):
    net = RowNet(network, batch_size=8).initialize()
    rng = np.random.default_rng(0)
    songs = SongSequence([rng.normal(size=(n, *shape)) for n in [5, 1, 9, 2, 3, 30]])
    standardizer = Standardizer.fit(songs)
    together = list(net.song_outputs(songs, standardizer, precision=precision))
    for order in ([3, 0, 5, 1, 4, 2], [2], [1, 4]):
        outputs = net.song_outputs(songs[order], standardizer, precision=precision)
        for song, i in zip(outputs, order, strict=True):
            np.testing.assert_array_equal(song, together[i])
    monkeypatch.setattr("skmer.training.net._SEGMENTS_AT_ONCE", 6)
    outputs = net.song_outputs(songs, standardizer, precision=precision)
    for song, expected in zip(outputs, together, strict=True):
        np.testing.assert_array_equal(song, expected)


def test_reset_fitted_attributes_keeps_parameters():
    classifier = BiLSTMClassifier(max_epochs=1).fit([[0.0], [1.0]], ["calm", "happy"])
    reset_fitted_attributes(classifier)
    assert vars(classifier) == vars(BiLSTMClassifier(max_epochs=1))
