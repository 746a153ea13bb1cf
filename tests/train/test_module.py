"""The optimiser and its one cosine."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from genviz.train.module import NetworkModule
from tests.train.cases import line


def rates(n_steps: int, taken: int) -> list[float]:
    module = NetworkModule(line(), lr=0.2, weight_decay=0.3, final_lr_fraction=0.1, n_steps=n_steps)
    made = module.configure_optimizers()
    optimiser, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    assert isinstance(optimiser, torch.optim.AdamW) and optimiser.param_groups[0]["weight_decay"] == 0.3
    assert made["lr_scheduler"]["interval"] == "step"
    found = []
    for _ in range(taken):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return found


def test_the_rate_falls_along_half_a_cosine_and_stays_at_its_end():
    found = rates(10, 14)
    assert found[0] == pytest.approx(0.2)
    assert found[5] == pytest.approx((0.2 + 0.02) / 2)
    assert found[10:] == pytest.approx([0.02] * 4)
    assert all(a > b for a, b in pairwise(found[:11]))


def test_no_steps_do_not_divide_by_zero():
    assert rates(0, 2) == pytest.approx([0.2, 0.02])
