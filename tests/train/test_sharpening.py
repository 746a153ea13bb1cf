"""Two optimisers that take turns: their rates, and going on from an interruption to the same bits."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from genviz._errors import CheckpointError
from genviz.train.batches import KeyedBatches
from genviz.train.fitting import LAST
from genviz.train.run_options import RunOptions
from genviz.train.sharpening import Sharpening, sharpen_epochs

N_EPOCHS = 4


class Toy(Sharpening):
    """A line that is fitted with noise, by two optimisers."""

    def __init__(self, stop_at=None):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.line = nn.Linear(2, 1)
            super().__init__(self.line, list(self.line.parameters()), nn.Linear(1, 1), 0.1)
        self.rates, self.n_steps, self.stop_at = [], 0, stop_at

    def slow_down(self, along):
        super().slow_down(along)
        self.rates.append(self.optimiser.param_groups[0]["lr"])

    def step(self, x_BD):
        if self.n_steps == self.stop_at:
            raise KeyboardInterrupt
        self.n_steps += 1
        loss = (self.judge(self.line(x_BD)) - torch.rand(len(x_BD), 1)).square().mean()
        for optimiser in (self.optimiser, self.judge_optimiser):
            optimiser.zero_grad()
        loss.backward()
        for optimiser in (self.optimiser, self.judge_optimiser):
            optimiser.step()

    def parts(self):
        return {"line": self.line} | super().parts()


def run(toy, folder=None, *, resume=False):
    batches = KeyedBatches([torch.arange(12.0).view(6, 2)], 2)
    options = RunOptions(folder=folder, resume=resume)
    with torch.random.fork_rng():
        return sharpen_epochs(toy, batches, options, n_epochs=N_EPOCHS, n_before=3)


def test_rates_fall_on_a_cosine_and_the_judges_is_twice_as_high():
    toy = Toy()
    assert run(toy)
    assert toy.rates == pytest.approx([0.1, 0.0853553, 0.05, 0.0146447], rel=1e-5)
    assert toy.judge_optimiser.param_groups[0]["lr"] == pytest.approx(2 * toy.rates[-1])


@pytest.mark.parametrize("stop_at", [0, 4, 11])
def test_going_on_from_an_interruption_gives_the_same_bits(tmp_path, stop_at):
    whole = Toy()
    run(whole)
    assert not run(Toy(stop_at), tmp_path)
    resumed = Toy()
    assert run(resumed, tmp_path, resume=True)
    assert torch.equal(resumed.line.weight, whole.line.weight)
    assert resumed.n_steps == 12 - stop_at // 3 * 3


def test_without_resume_it_begins_anew(tmp_path):
    assert run(Toy(), tmp_path)
    again = Toy()
    assert run(again, tmp_path)
    assert again.n_steps == 12


def test_a_damaged_state_says_the_way_out(tmp_path):
    run(Toy(), tmp_path)
    (tmp_path / "part_sharpen" / LAST).write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match="Train without resume into a new folder"):
        run(Toy(), tmp_path, resume=True)
