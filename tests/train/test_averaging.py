"""Moving averages of weights: their law, who sees them, and going on with them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from genviz.train import callbacks
from genviz.train.averaging import WeightAverage, fit_averaged
from genviz.train.batches import KeyedBatches
from genviz.train.callbacks import EpochMeasures
from genviz.train.fitting import FitOptions


class Line(nn.Module):
    """One weight that is pulled towards the data."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1))
        self.fixed = nn.Parameter(torch.ones(1), requires_grad=False)

    def loss(self, x_B):
        loss = (self.w - x_B).square().mean()
        return loss, {"loss": loss.detach()}

    def log_prob(self, x_B):
        return -(self.w - x_B).square()

    def parameter_groups(self, lr, weight_decay):
        return [{"params": [self.w], "lr": lr}]


def batches():
    return KeyedBatches([torch.arange(8.0)], 4)


def options(folder=None, resume=False, epochs=3):
    return FitOptions(epochs, 0.1, 0.0, 0.5, 1.0, folder=folder, resume=resume)


class Module:
    def __init__(self, network):
        self.network = network


def test_steps_follow_the_warming_decay():
    line, average = Line(), WeightAverage(0.5)
    average.on_train_start(None, Module(line))
    expected = 0.0
    for n, value in enumerate((1.0, 3.0, -2.0, 5.0, 0.5, 8.0, 1.0, 2.0, 4.0), start=1):
        line.w.data.fill_(value)
        average.on_train_batch_end(None, Module(line))
        decay = min(0.5, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * value
    assert average.weights["w"].item() == pytest.approx(expected, rel=1e-6)
    assert "fixed" not in average.weights


def test_measures_see_the_average_and_training_goes_on_with_the_weights():
    seen = []
    line, plain = Line(), Line()

    def note(network):
        seen.append(network.w.item())
        return {"w": network.w.item()}

    assert fit_averaged(line, batches(), options(), 0.9, measures=[EpochMeasures(note)])
    assert fit_averaged(plain, batches(), options(), 0.0)
    assert seen[-1] == line.w.item() != plain.w.item()
    assert 0 < line.w.item() < plain.w.item()


def test_the_best_epoch_s_average_is_kept():
    line, best = Line(), {}
    validation = KeyedBatches(
        [torch.zeros(4)], 4, shuffle=False
    )  # the start is the best: the first epoch wins
    assert fit_averaged(line, batches(), options(), 0.9, validation=validation, best=best)
    one = Line()
    assert fit_averaged(one, batches(), FitOptions(3, 0.1, 0.0, 0.5, 1.0), 0.9)
    assert best["epoch"] == 0
    assert best["nll"] == pytest.approx(line.w.item() ** 2, rel=1e-5)
    assert line.w.item() < one.w.item()


def test_resumed_equals_uninterrupted(tmp_path, monkeypatch):
    whole = Line()
    assert fit_averaged(whole, batches(), options(), 0.9)
    start = callbacks.KeyedRandomness.on_train_epoch_start

    def stop(self, trainer, module):
        if trainer.current_epoch == 2:
            raise KeyboardInterrupt
        start(self, trainer, module)

    with monkeypatch.context() as patch:
        patch.setattr(callbacks.KeyedRandomness, "on_train_epoch_start", stop)
        assert not fit_averaged(Line(), batches(), options(tmp_path), 0.9)
    for _ in range(2):  # the second time there is nothing left to do
        resumed = Line()
        assert fit_averaged(resumed, batches(), options(tmp_path, resume=True), 0.9)
        assert torch.equal(resumed.w, whole.w)
