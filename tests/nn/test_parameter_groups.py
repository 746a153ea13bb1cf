"""Groups of a network's parameters: every one in one group, matrices decayed, Muon where it is asked for."""

from __future__ import annotations

import pytest
from torch import nn

from genviz.nn.parameter_groups import parameter_groups


@pytest.mark.parametrize("matrix_lr", [0.0, 0.02])
def test_every_parameter_is_in_one_group(matrix_lr):
    network = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    groups = parameter_groups(
        network, [network[0].weight], [network[2].weight], lr=1e-3, weight_decay=0.1, matrix_lr=matrix_lr
    )
    held = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(held) == sorted(map(id, network.parameters()))
    hidden, heads, rest = groups
    assert heads["weight_decay"] == 0.1 and rest["weight_decay"] == 0.0
    assert hidden.get("muon", False) == bool(matrix_lr)
    # What a step takes off a weight is the rate times the decay.
    assert hidden["lr"] * hidden["weight_decay"] == pytest.approx(1e-3 * 0.1)
