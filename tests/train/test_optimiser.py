"""Muon and AdamW behind one face."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from genviz.train.optimiser import MuonAndAdamW, optimiser_of


def _net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))


def _groups(net: nn.Sequential) -> list[dict]:
    matrices = [p for p in net.parameters() if p.ndim == 2]
    others = [p for p in net.parameters() if p.ndim == 1]
    return [
        {"params": others, "lr": 0.01, "weight_decay": 0.0},
        {"params": matrices, "lr": 0.02, "weight_decay": 0.1, "muon": True},
    ]


def _step(net: nn.Sequential, optimiser: torch.optim.Optimizer, seed: int) -> float:
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.randn(32, 6, generator=generator), torch.randn(32, 3, generator=generator)

    def closure():
        optimiser.zero_grad()
        loss = ((net(x) - y) ** 2).mean()
        loss.backward()
        return loss

    return float(optimiser.step(closure).detach())


def test_groups_without_the_word_are_left_to_adamw():
    net = _net()
    assert type(optimiser_of([{"params": list(net.parameters()), "lr": 0.1}])) is torch.optim.AdamW


def test_it_steps_as_both_would_by_themselves():
    net, twin = _net(), _net()
    joint, (adam, muon) = optimiser_of(_groups(net)), _groups(twin)
    parts = [torch.optim.Muon(muon["params"], lr=0.02, weight_decay=0.1)]
    parts += [torch.optim.AdamW(adam["params"], lr=0.01, weight_decay=0.0)]
    for seed in range(3):
        _step(net, joint, seed)
        generator = torch.Generator().manual_seed(seed)
        x, y = torch.randn(32, 6, generator=generator), torch.randn(32, 3, generator=generator)
        twin.zero_grad()
        ((twin(x) - y) ** 2).mean().backward()
        for part in parts:
            part.step()
    for ours, theirs in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_a_schedule_reaches_both_parts():
    joint = MuonAndAdamW(_groups(_net()))
    LambdaLR(joint, lambda step: 0.5)
    rates = [group["lr"] for part in joint.parts for group in part.param_groups]
    assert rates == pytest.approx([0.01, 0.005])


def test_it_goes_on_from_its_state_as_if_never_stopped():
    net = _net()
    joint = MuonAndAdamW(_groups(net))
    _step(net, joint, 0)
    state = {name: value.clone() for name, value in net.state_dict().items()}
    kept = torch.utils._pytree.tree_map(
        lambda v: v.clone() if isinstance(v, torch.Tensor) else v, joint.state_dict()
    )
    _step(net, joint, 1)
    again = _net()
    again.load_state_dict(state)
    resumed = MuonAndAdamW(_groups(again))
    schedule = LambdaLR(resumed, lambda step: 1.0)
    resumed.load_state_dict(kept)
    _step(again, resumed, 1)
    schedule.step()
    for ours, theirs in zip(net.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
