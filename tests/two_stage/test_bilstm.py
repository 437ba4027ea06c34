import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from skorch.callbacks import EarlyStopping
from torch.nn.utils.rnn import pack_sequence

from skmer import SongAggregator, SongSequence
from skmer.training.data import Standardizer
from skmer.two_stage import BiLSTM, BiLSTMClassifier
from skmer.two_stage.bilstm import _SongBank

QUICK = {"hidden_size": 8, "max_epochs": 4, "batch_size": 8, "random_state": 0}


@pytest.fixture
def songs(rng):
    y = np.repeat(["calm", "happy", "tense"], 4)
    items = [i // 4 + rng.normal(size=(n, 5)) for i, n in enumerate([5, 1, 8, 3] * 3)]
    return SongSequence(items), y


def ordered_songs(rng, n):
    """Songs of unequal length whose values rise or fall: as sets, both are alike."""
    y = np.arange(n) % 2
    values = [np.sort(rng.normal(size=(rng.integers(6, 15), 1)), axis=0) for _ in range(n)]
    return [v if label else v[::-1] for v, label in zip(values, y, strict=True)], y


# ---- learning --------------------------------------------------------------------------------------


def test_learns_an_order_that_statistics_do_not_show(rng):
    X, y = ordered_songs(rng, 100)
    X_test, y_test = ordered_songs(rng, 60)
    lstm = BiLSTMClassifier(8, max_epochs=15, batch_size=16, random_state=0).fit(X, y)
    assert lstm.score(X_test, y_test) > 0.9
    blind = make_pipeline(SongAggregator(), StandardScaler(), SVC()).fit(X, y)
    assert 0.35 < blind.score(X_test, y_test) < 0.65


def test_both_directions_are_used():
    torch.manual_seed(0)
    network = BiLSTM(2, 3, hidden_size=4).eval()
    song = torch.randn(6, 2)
    states = network.lstm(song)[0]
    changed = song.clone()
    changed[-1] += 1
    difference = (network.lstm(changed)[0] - states).abs().sum(1) > 0
    assert difference.all()  # the backward states of all segments depend on the last one


def test_plain_rows_are_songs_of_one_segment():
    X, y = load_digits(n_class=4, return_X_y=True)
    rows = BiLSTMClassifier(16, max_epochs=6, random_state=0).fit(X[:300], y[:300])
    as_songs = BiLSTMClassifier(16, max_epochs=6, random_state=0).fit(X[:300, None], y[:300])
    assert rows.score(X[300:400], y[300:400]) > 0.9
    np.testing.assert_array_equal(rows.predict_proba(X[300:400]), as_songs.predict_proba(X[300:400, None]))


def test_more_layers(songs):
    X, y = songs
    deep = BiLSTMClassifier(n_layers=2, max_epochs=30, random_state=0).fit(X, y)
    assert deep.net_.module_.lstm.num_layers == 2
    assert deep.score(X, y) > 0.9


# ---- padding --------------------------------------------------------------------------------------


def test_the_network_by_hand():
    torch.manual_seed(0)
    network = BiLSTM(3, 2, hidden_size=4).eval()
    items = [torch.randn(n, 3) for n in (2, 7, 1, 4)]
    logits = network(pack_sequence(items, enforce_sorted=False))
    for item, row in zip(items, logits, strict=True):
        torch.testing.assert_close(network.head(network.lstm(item)[0].mean(0)), row)


def test_the_bank_packs_whole_songs_in_any_order(rng):
    songs = SongSequence([rng.normal(size=(n, 3)) for n in (2, 7, 1, 4)])
    standardizer = Standardizer.fit(songs)
    bank = _SongBank(songs, standardizer, "cpu")
    assert len(bank) == 4
    packed = bank.gather(torch.tensor([3, 0, 1]))
    assert len(packed.data) == 4 + 2 + 7  # no padding
    padded, lengths = torch.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    assert lengths.tolist() == [4, 2, 7]
    for k, i in enumerate([3, 0, 1]):
        np.testing.assert_array_equal(padded[k, : lengths[k]], standardizer.apply(songs[i], axis=1))


def test_a_prediction_depends_on_its_own_song_only(songs, rng):
    X, y = songs
    classifier = BiLSTMClassifier(**QUICK).fit(X, y)
    expected = classifier.predict_proba(X)
    long = 100 * rng.normal(size=(500, 5))
    among_others = classifier.predict_proba([X[1], long, X[0]])
    np.testing.assert_allclose(among_others[[0, 2]], expected[[1, 0]], atol=1e-6)
    np.testing.assert_allclose(classifier.predict_proba(X[[2]])[0], expected[2], atol=1e-6)
    np.testing.assert_allclose(expected.sum(1), 1)


# ---- contracts --------------------------------------------------------------------------------------


def test_random_state_determines_the_result_and_global_state_is_kept(songs):
    X, y = songs
    torch_before, threads = torch.get_rng_state(), torch.get_num_threads()
    one, two = (BiLSTMClassifier(**QUICK).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, BiLSTMClassifier(**{**QUICK, "random_state": 1}).fit(X, y).predict_proba(X))
    assert torch.equal(torch_before, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_a_pickle_is_small_and_gives_the_same(rng):
    X, y = SongSequence([rng.normal(size=(2000, 5)) for _ in range(4)]), [0, 1, 0, 1]
    classifier = BiLSTMClassifier(**{**QUICK, "max_epochs": 1}).fit(X, y)
    stored = pickle.dumps(classifier)
    assert len(stored) < 40_000  # the songs alone are 160,000 bytes in float32
    np.testing.assert_array_equal(pickle.loads(stored).predict_proba(X), classifier.predict_proba(X))


def test_history_and_callbacks(songs):
    X, y = songs
    history = BiLSTMClassifier(**QUICK).fit(X, y).history_
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert set(history[0]) == {"epoch", "train_loss", "lr"}
    stopping = EarlyStopping("train_loss", patience=2, threshold=10, sink=lambda message: None)
    stopped = BiLSTMClassifier(**{**QUICK, "max_epochs": 50}, callbacks=[stopping]).fit(X, y)
    assert len(stopped.history_) < 10


def test_labels_of_any_kind_in_cross_validation(songs):
    X, y = songs
    classifier = BiLSTMClassifier(**{**QUICK, "max_epochs": 20})
    assert list(classifier.fit(X, y).classes_) == ["calm", "happy", "tense"]
    assert set(classifier.predict(X)) <= {"calm", "happy", "tense"}
    assert cross_val_score(classifier, X, y, cv=2, error_score="raise").mean() > 0.5


def test_quiet_unless_asked(songs, capsys):
    X, y = songs
    BiLSTMClassifier(**QUICK).fit(X, y)
    assert capsys.readouterr() == ("", "")
    BiLSTMClassifier(verbose=1, **QUICK).fit(X, y)
    assert "BiLSTMClassifier" in capsys.readouterr().err


# ---- edges ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.zeros((2, 3, 16, 20)), [0, 1], r"segments have shape \(16, 20\): put a step such as MaskedMelAutoencoder"),
        ([np.zeros((2, 5))] * 2, [0, 0], "one class only"),
        ([np.zeros((2, 5))] * 2, [0, 1, 1], "X has 2 songs but y has 3 labels"),
        ([np.zeros((2, 5)), np.full((2, 5), np.nan)], [0, 1], "Song 1 of X has NaN"),
        ([], [], "X holds no song: at least one is needed"),
        (np.empty((0, 5)), [], "X holds no song"),
        ([np.zeros((2, 5))] * 2, None, "requires y"),
    ],
)
def test_invalid_data(X, y, message):
    with pytest.raises(ValueError, match=message):
        BiLSTMClassifier(**QUICK).fit(X, y)


def test_invalid_prediction_data(songs):
    X, y = songs
    classifier = BiLSTMClassifier(**QUICK)
    with pytest.raises(NotFittedError):
        classifier.predict(X)
    classifier.fit(X, y)
    with pytest.raises(
        ValueError, match=r"of shape \(6,\).*fitted on \(5,\): use the same steps with the same settings"
    ):
        classifier.predict([np.zeros((2, 6))])
    with pytest.raises(ValueError, match="was fitted on songs"):
        classifier.predict(np.zeros((2, 5)))
    with pytest.raises(ValueError, match="dropout"):
        BiLSTMClassifier(dropout=1.0).fit(X, y)


def test_a_failed_fit_leaves_nothing(songs):
    X, y = songs
    classifier = BiLSTMClassifier(**QUICK).fit(X, y)
    with pytest.raises(ValueError):
        classifier.fit(X, np.zeros(12))
    with pytest.raises(NotFittedError):
        classifier.predict(X)


def test_two_songs_of_one_segment_suffice():
    assert BiLSTMClassifier(**QUICK).fit([np.zeros((1, 2)), np.ones((1, 2))], [0, 1]).predict_proba(
        [np.zeros((3, 2))]
    ).shape == (1, 2)
