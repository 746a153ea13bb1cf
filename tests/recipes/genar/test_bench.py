"""The benchmark's parts, on the smallest network."""

from __future__ import annotations

import pytest
import torch

from genviz.models.genar.flops import Timing
from genviz.models.genar.presets import preset
from genviz.recipes.genar import bench
from genviz.recipes.genar.untrained import untrained_network


def test_a_case_is_timed_against_this_machine(monkeypatch):
    monkeypatch.setattr(bench, "_GEMM", 128)
    timing, rate = bench._case("nano", 2, "float32", 0)
    assert timing.batch == 2 and timing.seconds_per_spot > 0 and timing.peak_gb > 0
    assert rate > 1e6


def test_weights_are_of_the_seed(monkeypatch):
    sums = []

    def noted(network, *_, **__):
        sums.append(sum(float(value.detach().sum()) for value in network.parameters()))

    monkeypatch.setattr(bench, "_GEMM", 8)
    monkeypatch.setattr(bench, "measure", noted)
    with torch.random.fork_rng():
        for seed in (1, 1, 2):
            bench._case("nano", 1, "float32", seed)
    assert sums[0] == sums[1] != sums[2]


def test_networks_have_the_presets_parts_and_do_not_train():
    network = untrained_network(preset("nano"), 7)
    assert not network.training
    assert network.config.width == preset("nano").width


def test_figures_carry_their_unit_and_their_baseline():
    timing = Timing(
        4, "float32", seconds_per_spot=0.5, cpu_seconds_per_spot=0.7, spots_per_second=2.0, peak_gb=1.5
    )
    found = bench._scores("paper_b4_float32", timing, 3.0)
    assert found["paper_b4_float32_spots_per_second"].value == pytest.approx(2.0)
    assert found["paper_b4_float32_cpu_seconds_per_spot"].baseline == bench.PUBLISHED_CPU_SECONDS
    assert found["paper_b4_float32_ratio"].value == 3.0 and found["paper_b4_float32_peak_gb"].n == 4
