"""Floating-point operations by formula, against counting them, and timings that add up."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from genviz.models.genar.flops import measure, transformer_flops
from genviz.models.genar.presets import preset
from tests.models.genar.cases import N_FEATURES, SCALES, inputs, network


def test_the_papers_floor():
    """353 positions, once each: 36.6 GFLOP a spot."""
    config = preset("paper")
    flops = transformer_flops(config, config.scales, 1024 + 48)
    assert flops["floor"] == pytest.approx(36.6e9, rel=0.02)
    assert flops["total"] == pytest.approx(sum(v for k, v in flops.items() if k not in ("floor", "total")))


def test_linear_layers_are_what_torch_counts():
    """One teacher-forced pass over all positions."""
    net = network("tokens", "transformer")
    x, xy = inputs(1)
    counts = torch.ones(1, 12)
    with FlopCounterMode(display=False) as counter:
        net.log_prob(x, xy, counts)
    by_formula = transformer_flops(net.config, SCALES, N_FEATURES)
    assert counter.get_total_flops() == pytest.approx(by_formula["total"], rel=0.35)


@pytest.mark.parametrize("kind", ["tree", "tokens"])
def test_a_timing_adds_up(kind):
    timing = measure(network(kind, "transformer"), N_FEATURES, 3, repeats=1)
    assert timing.spots_per_second == pytest.approx(1 / timing.seconds_per_spot)
    assert timing.batch == 3 and timing.peak_gb > 0.01
    assert timing.to_dict()["dtype"] == "float32"
