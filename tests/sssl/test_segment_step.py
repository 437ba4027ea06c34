"""Epochs of every n-th segment: which rows are trained on, evaluated and given targets."""

import numpy as np
import pytest
import torch

from skmer import SegmentTransformer, SongSequence, SSSLClassifier
from skmer.backbones import MLP
from skmer.sssl import LabelStrategy, SelfLearning
from skmer.sssl.losses import SSSLLoss
from skmer.sssl.net import SegmentNet
from skmer.training.data import SegmentBank, Standardizer

QUICK = {"max_epochs": 4, "warmup_epochs": 2, "batch_size": 8, "random_state": 0}


def make_net(n_segments, step, batch_size=8):
    rng = np.random.default_rng(0)
    songs = SongSequence([rng.normal(size=(n, 4)) for n in n_segments])
    net = SegmentNet(
        MLP((4,), 2), classes=np.arange(2), loss_after_split=SSSLLoss(), segment_step=step, batch_size=batch_size
    )
    net.initialize()
    bank = SegmentBank(songs, Standardizer.fit(songs))
    net.load_rows(bank, np.arange(len(n_segments))[bank.song] % 2)
    return net


def test_rows_of_an_epoch_are_every_third_of_a_song_from_a_random_one_on():
    n_segments = [7, 1, 2, 12]
    net = make_net(n_segments, 3)
    starts = [set() for _ in n_segments]
    for _ in range(60):
        rows = net.draw_rows().numpy()
        for song, n in enumerate(n_segments):
            own = rows[net.songs_[rows].numpy() == song] - sum(n_segments[:song])
            starts[song].add(int(own[0]))
            assert own.tolist() == list(range(own[0], n, 3))
    assert starts == [{0, 1, 2}, {0}, {0, 1}, {0, 1, 2}]


@pytest.mark.parametrize("n_segments", [[3, 3], [1, 1, 1], [2, 9, 4], [30, 28, 31]])
def test_batches_of_any_epoch_fit_the_schedule(n_segments):
    net = make_net(n_segments, 3)
    least, most = net.rows_per_epoch()
    sizes = set()
    for _ in range(40):
        net.rows_ = net.draw_rows()
        batches = net.draw_batches()
        assert len(batches) == net.n_batches_ == max(1, min(-(-most // 8), least // 2))
        assert min(map(len, batches)) > 1
        assert sorted(torch.cat(batches).tolist()) == net.rows_.tolist()
        sizes.add(len(net.rows_))
    assert least <= min(sizes)
    assert max(sizes) <= most


def test_an_epoch_and_its_split_cost_a_third():
    counted = {"trained": [], "evaluated": []}

    class Counting(MLP):
        def forward(self, x):
            counted["trained" if self.training else "evaluated"].append(len(x))
            return super().forward(x)

    rng = np.random.default_rng(0)
    songs, labels = [rng.normal(size=(12, 4)) for _ in range(10)], np.arange(10) % 2
    for step in (1, 3):
        for rows in counted.values():
            rows.clear()
        settings = {**QUICK, "lambda_kl": 0.0, "segment_step": step}
        SSSLClassifier(Counting, **settings).fit(songs, labels)
        check, final = 2, 120
        assert sum(counted["trained"]) == 4 * 120 / step
        assert sum(counted["evaluated"]) == check + 2 * 120 / step + final


class Seen(LabelStrategy):
    """Note what is passed; keep every label."""

    calls: list = []  # noqa: RUF012

    def targets(self, losses, probabilities, labels, epoch):
        self.calls.append((self.rows_, self.songs_, labels))
        targets = torch.nn.functional.one_hot(labels, probabilities.shape[1]).float()
        return targets, torch.zeros_like(labels, dtype=torch.bool)


def test_a_strategy_is_told_the_rows_and_songs_of_an_epoch():
    Seen.calls.clear()
    rng = np.random.default_rng(0)
    labels = np.array([0, 1, -1, 1, 0])
    SSSLClassifier("mlp", noise_model=Seen(), segment_step=3, **QUICK).fit(
        [rng.normal(size=(7, 4)) for _ in labels], labels
    )
    assert len(Seen.calls) == 2
    for rows, songs, seen in Seen.calls:
        assert 2 not in songs
        np.testing.assert_array_equal(rows // 7, songs)
        np.testing.assert_array_equal(labels[songs], seen.numpy())
        assert {int(n) for n in np.bincount(songs, minlength=5)[[0, 1, 3, 4]]} <= {2, 3}


def test_self_learning_remembers_the_soft_label_of_each_segment():
    strategy = SelfLearning(inertia=0.5)
    strategy.prepare(np.arange(2), 0)
    labels = torch.zeros(2, dtype=torch.long)
    for rows, predicted, expected in [
        ([0, 2], 0.0, 0.5),  # the label, 1, and the prediction, 0
        ([1, 3], 0.0, 0.5),
        ([0, 3], 0.0, 0.25),
        ([1, 2], 1.0, 0.75),
    ]:
        strategy.rows_ = np.array(rows)
        soft, _ = strategy.targets(None, torch.tensor([[predicted, 1 - predicted]] * 2), labels, 1)
        assert soft[:, 0].tolist() == [expected] * 2


def test_losses_are_averaged_with_those_of_the_same_segment():
    from skmer.sssl import GMMSplit

    split = GMMSplit(loss_memory=0.5, balance=None)
    split.prepare(np.arange(1), 0)
    probabilities, labels = torch.full((4, 2), 0.5), torch.zeros(4, dtype=torch.long)
    for rows, losses, expected in [
        ([0, 1, 2, 3], [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]),
        ([4, 1, 0, 5], [8.0, 4.0, 3.0, 6.0], [8.0, 3.0, 2.0, 6.0]),
    ]:
        split.rows_ = split.songs_ = np.array(rows)
        split.targets(torch.tensor(losses), probabilities, labels, 1)
        assert split.losses_.tolist() == expected


def test_every_segment_is_predicted_and_judged():
    rng = np.random.default_rng(0)
    waveforms = [rng.normal(size=4 * 11264) * 0.1 for _ in range(6)]
    segments = SegmentTransformer(duration=1, sr=11264, n_mels=32, hop=0.5).transform(waveforms)
    network = SSSLClassifier(
        "small",
        backbone_params={"width": 4},
        max_epochs=3,
        warmup_epochs=1,
        batch_size=4,
        segment_step=3,
        random_state=0,
    ).fit(segments, np.arange(6) % 2)
    assert [len(rows) for rows in network.transform(segments)] == segments.n_segments.tolist()
    assert [len(values) for values in network.clean_probability_] == segments.n_segments.tolist()
    assert len(network.split_.loss) == segments.n_segments.sum()
