"""Who watches a training is told everything, may end it, and changes nothing."""

from __future__ import annotations

import threading

import pytest
import torch

from genviz._settings import settings
from genviz.train.batches import KeyedBatches
from genviz.train.fitting import LAST, fit_network
from genviz.train.observing import StopAsked, observed, observed_by
from tests.train.cases import fitted, line, options, rows, weights
from tests.train.test_sharpening import N_EPOCHS, Toy, run


class Seen:
    """Notes what it is told; may fail, or ask for the end."""

    def __init__(self, *, stop_in: int | None = None, fails: bool = False, looks: bool = True):
        self.stop_in, self.fails, self.looks = stop_in, fails, looks
        self.begun, self.steps, self.metrics, self.shown = [], [], {}, {}

    def begin(self, stage, epoch, n_epochs):
        self.begun.append((stage, epoch, n_epochs))

    def step(self, done, n):
        self.steps.append((done, n))
        if self.stop_in == len(self.metrics):
            raise StopAsked

    def epoch(self, epoch, metrics):
        self.metrics[epoch] = dict(metrics)
        if self.fails:
            raise RuntimeError("no more paper")

    def wants_pictures(self, epoch):
        return self.looks

    def pictures(self, epoch, pictures):
        self.shown[epoch] = pictures


def watched(seen, n=3, **others):
    network = line()
    fit = options(max_epochs=n, **others)
    with observed_by(seen):
        done = fit_network(network, KeyedBatches(rows(), 16), fit, shows=lambda one: {"x": torch.rand(2)})
    return network, done


def test_everything_is_told():
    seen = Seen()
    _, done = watched(seen)
    assert done and not observed()
    assert [(epoch, n) for _, epoch, n in seen.begun] == [(0, 3)]
    assert list(seen.metrics) == [1, 2, 3] == list(seen.shown)
    assert seen.steps[0][0] == 1 and seen.steps[-1][0] == seen.steps[-1][1]
    assert seen.metrics[1]["train_loss"] > 0 and len(seen.metrics[1]) > 1


def test_nothing_changes_with_somebody_looking():
    network, _ = watched(Seen())
    assert weights(network) == weights(fitted(3))


@pytest.mark.parametrize("seen", [Seen(fails=True), Seen(looks=False)])
def test_an_observer_that_fails_or_does_not_look(seen):
    network, done = watched(seen)
    assert done and weights(network) == weights(fitted(3))


def test_pictures_that_fail_are_given_up(caplog):
    seen = Seen()

    def fail(_):
        raise ValueError("no picture")

    with observed_by(seen):
        assert fit_network(line(), KeyedBatches(rows(), 16), options(max_epochs=3), shows=fail)
    assert not seen.shown and caplog.text.count("goes on without") == 1


def test_a_stopped_training_is_resumed_to_the_same_bits(tmp_path):
    _, done = watched(Seen(stop_in=2), 6, folder=tmp_path)
    assert done is False and (tmp_path / LAST).is_file()
    seen = Seen()
    network, done = watched(seen, 6, folder=tmp_path, resume=True)
    assert done and seen.begun[0][1] == 2
    assert weights(network) == weights(fitted(6))


def test_a_stop_in_another_thread_ends_it_too(tmp_path):
    found = []
    thread = threading.Thread(target=lambda: found.append(watched(Seen(stop_in=1), 6, folder=tmp_path)[1]))
    thread.start()
    thread.join(60)
    assert found == [False]


def test_threads_do_not_watch_each_other():
    inside = []
    with observed_by(Seen()):
        thread = threading.Thread(target=lambda: inside.append(observed()))
        thread.start()
        thread.join()
    assert inside == [False]


def test_sharpening_is_watched_and_stopped(tmp_path):
    seen, whole = Seen(), Toy()
    run(whole)
    with observed_by(seen):
        assert run(toy := Toy())
    assert seen.begun == [("sharpen", 0, N_EPOCHS)] and list(seen.metrics) == [1, 2, 3, 4]
    assert torch.equal(toy.line.weight, whole.line.weight)
    with observed_by(Seen(stop_in=2)):
        assert run(Toy(), tmp_path) is False
    assert run(toy := Toy(), tmp_path, resume=True)
    assert torch.equal(toy.line.weight, whole.line.weight)


def test_bars_make_room_for_the_observer(monkeypatch, capfd):
    monkeypatch.setattr(settings, "progress", True)
    watched(Seen(), 1)
    assert "epoch" not in capfd.readouterr().err
