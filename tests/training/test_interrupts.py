"""Ctrl-C in a training takes effect between two steps, wherever it arrives."""

import os
import signal
import threading

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from skmer import SSSLClassifier
from skmer._interrupts import interrupts_held, raise_held_interrupt
from skmer.training.runtime import FitRandomState

X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


@pytest.fixture(autouse=True)
def handler():
    """Python's own handler; a shell has its background jobs ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def press():
    signal.raise_signal(signal.SIGINT)


def fitted(**params):
    settings = {"backbone": "mlp", "max_epochs": 4, "warmup_epochs": 2, "batch_size": 8, "random_state": 0}
    return SSSLClassifier(**{**settings, **params}).fit(X, Y)


def in_a_thread(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(function()), daemon=True)
    thread.start()
    thread.join(60)
    return results


@pytest.mark.parametrize("place", ["_get", "_set"])
@pytest.mark.parametrize("call", [1, 9, 200])
def test_random_numbers_are_given_back_and_other_threads_can_fit(monkeypatch, place, call):
    expected = fitted().predict_proba(X)
    original, calls = getattr(FitRandomState, place), []

    def pressed(self, *args):
        calls.append(place)
        if len(calls) == call:
            press()
        return original(self, *args)

    state = torch.get_rng_state()
    with monkeypatch.context() as patch:
        patch.setattr(FitRandomState, place, pressed)
        with pytest.raises(KeyboardInterrupt) if call < 200 else pytest.warns(UserWarning, match="was interrupted in"):
            fitted()
    assert len(calls) >= call
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()
    np.testing.assert_array_equal(in_a_thread(lambda: fitted().predict_proba(X)), [expected])


def test_a_second_one_does_not_wait():
    class PressTwice(Callback):
        def on_epoch_end(self, net, **kwargs):
            press()
            reached.append(len(net.history))
            press()
            reached.append("not reached")

    reached = []
    with pytest.warns(UserWarning, match="interrupted in epoch 1 of 4"):
        fitted(callbacks=[PressTwice()])
    assert reached == [1]


def test_an_evaluation_of_all_segments_is_interrupted_between_two_batches():
    class Press(torch.nn.Linear):
        def forward(self, x):
            if not self.training:
                batches.append(len(x))
                if len(batches) == 3:
                    press()
            return super().forward(x)

    batches = []
    with pytest.warns(UserWarning, match="interrupted in epoch 3 of 4"):
        history = fitted(
            backbone=lambda shape, n_classes: Press(shape[0], n_classes), noise_model="self-learning"
        ).history_
    assert len(history) == 2
    assert len(batches) == 3 + 8  # none after the third, and those of the trained network


def test_the_users_own_handler_is_called():
    for then in ("goes on", "raises"):
        heard = []

        def handle(number, frame, then=then, heard=heard):
            heard.append(number)
            if then == "raises":
                raise KeyboardInterrupt

        signal.signal(signal.SIGINT, handle)
        with interrupts_held():
            press()
            assert not heard
            if then == "raises":
                with pytest.raises(KeyboardInterrupt):
                    raise_held_interrupt()
            else:
                raise_held_interrupt()
            raise_held_interrupt()
            assert heard == [signal.SIGINT]
        assert signal.getsignal(signal.SIGINT) is handle
        assert heard == [signal.SIGINT]
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_signals_that_end_the_process_or_are_ignored_do_not_wait():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with interrupts_held():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
            os.kill(os.getpid(), signal.SIGTERM)
            raise_held_interrupt()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_thread_takes_no_interrupt_of_the_main_thread():
    def check():
        with interrupts_held():
            raise_held_interrupt()
        return "no interrupt"

    with interrupts_held():
        press()
        assert in_a_thread(check) == ["no interrupt"]
        with pytest.raises(KeyboardInterrupt):
            raise_held_interrupt()
