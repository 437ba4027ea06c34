"""Predictions wait for no fit, fits run side by side with the results they have alone, and a forked process answers."""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from skmer import SSSLClassifier
from skmer.training import runtime
from skmer.training.runtime import FitRandomState, torch_threads

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
WAIT = 60  # seconds after which a test fails instead of hanging


def fitted(seed=0, **params):
    return SSSLClassifier(
        **{"backbone": "mlp", "max_epochs": 4, "warmup_epochs": 2, "random_state": seed, **params}
    ).fit(X, Y)


class Hold(Callback):
    """Hold a fit in its first batch until the test lets it go."""

    def __init__(self):
        self.reached, self.go = threading.Event(), threading.Event()

    def on_batch_begin(self, net, **kwargs):
        self.reached.set()
        assert self.go.wait(WAIT)


def start(function, *args, **kwargs):
    """Run a function in a thread; return the thread and the list that gets its result."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function(*args, **kwargs)), daemon=True)
    thread.start()
    return thread, results


@pytest.fixture
def held():
    """A fit that stands in its first batch, in which it has torch's generators."""
    hold = Hold()
    thread, results = start(fitted, seed=1, callbacks=[hold])
    assert hold.reached.wait(WAIT)
    yield thread
    hold.go.set()
    thread.join(WAIT)
    assert len(results) == 1
    np.testing.assert_array_equal(results[0].predict_proba(X), fitted(seed=1).predict_proba(X))


def test_four_threads_predict_while_a_fifth_fits(request):
    classifier = fitted()
    expected = classifier.predict_proba(X)
    fitting = request.getfixturevalue("held")
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(classifier.predict_proba, X) for _ in range(40)]
        for answer in answers:
            np.testing.assert_array_equal(answer.result(WAIT), expected)
    assert fitting.is_alive()  # all answers came during the fit


class _Meet(torch.autograd.Function):
    """The identity, whose gradient waits until the other fit computes its gradient too."""

    @staticmethod
    def forward(ctx, x, barrier):
        ctx.barrier = barrier
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        if ctx.barrier is not None:
            ctx.barrier.wait(WAIT)
        return gradient, None


class MeetingNetwork(nn.Module):
    def __init__(self, shape, n_classes, barrier):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(*shape, 8), nn.Dropout(0.5), nn.Linear(8, n_classes))
        self.barrier = barrier

    def forward(self, x):
        return _Meet.apply(self.layers(x), self.barrier)


def test_fits_in_threads_run_side_by_side_and_give_what_they_give_alone():
    def probabilities(seed, barrier=None):
        def network(shape, n_classes):
            return MeetingNetwork(shape, n_classes, barrier)

        return fitted(seed, backbone=network, device="cpu", average_epochs=None).transform(X)

    alone = [probabilities(seed) for seed in (1, 2)]
    # neither fit passes a batch unless the other one reaches its own
    barrier = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(probabilities, (1, 2), (barrier, barrier)))
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_fit_within_a_fit_disturbs_neither():
    class FitAnother(Callback):
        def on_epoch_end(self, net, **kwargs):
            inner.append(fitted(seed=3).predict_proba(X))

    inner = []
    outer = fitted(seed=1, callbacks=[FitAnother()])
    np.testing.assert_array_equal(outer.predict_proba(X), fitted(seed=1).predict_proba(X))
    np.testing.assert_array_equal(inner, [fitted(seed=3).predict_proba(X)] * 4)


def _answer(queue):
    queue.put(fitted(seed=2).predict_proba(X))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of forks of programs with threads
def test_a_process_forked_during_a_fit_fits_and_predicts():
    began = threading.Event()

    class Began(Callback):
        def on_train_begin(self, net, **kwargs):
            began.set()

    thread, _ = start(fitted, seed=1, max_epochs=100, callbacks=[Began()])
    assert began.wait(WAIT)
    fork = multiprocessing.get_context("fork")
    queue = fork.SimpleQueue()
    process = fork.Process(target=_answer, args=(queue,), daemon=True)
    process.start()
    process.join(WAIT)
    assert process.exitcode == 0
    np.testing.assert_array_equal(queue.get(), fitted(seed=2).predict_proba(X))
    thread.join(WAIT)


def test_the_number_of_threads_is_that_of_the_calling_thread():
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        _, seen = start_and_join(torch.get_num_threads)
        assert seen == [before]
    assert torch.get_num_threads() == before


def start_and_join(function):
    thread, results = start(function)
    thread.join(WAIT)
    return thread, results


def test_a_forked_process_uses_one_thread_and_says_so(monkeypatch):
    monkeypatch.setattr(runtime, "_is_forked", True)
    with pytest.warns(UserWarning, match="n_threads=2 is not possible in a forked process"):
        forked = fitted(n_threads=2)
    with pytest.warns(UserWarning, match="n_threads=2"):
        found = forked.predict_proba(X)
    np.testing.assert_array_equal(found, fitted().predict_proba(X))


def test_random_states_draw_their_own_numbers_and_leave_those_of_the_process():
    torch.manual_seed(7)
    expected_outside = torch.rand(4)
    one, other = FitRandomState(1), FitRandomState(2)
    torch.manual_seed(7)
    drawn = []
    for state in (one, other, one):
        with state:
            drawn.append(torch.rand(2))
            with state.paused():
                drawn.append(torch.rand(1))
    torch.testing.assert_close(torch.cat(drawn[1::2]), expected_outside[:3])
    torch.manual_seed(1)
    torch.testing.assert_close(torch.cat([drawn[0], drawn[4]]), torch.rand(4))
    with one, other, other.paused():  # another fit of this thread has the generators
        inner = torch.rand(1)
    torch.manual_seed(7)
    assert inner not in torch.rand(10)
