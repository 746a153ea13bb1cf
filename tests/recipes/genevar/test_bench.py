"""The benchmark on the smallest preset, its counts of arithmetic, and the reference's tokens."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
import torch

from genviz._errors import UsageError
from genviz.models.genevar.prior.config import PriorConfig
from genviz.models.genevar.prior.network import ScalePrior
from genviz.models.genevar.prior.rule import SampleRule, sample_rule
from genviz.models.genevar.prior.sampler import sample
from genviz.nn.keyed_noise import noise_keys
from genviz.recipes.genevar.bench import bench_genevar, transformer_flops
from genviz.recipes.genevar.networks import networks
from genviz.recipes.timing import Seconds, flops_of, least

CPU = torch.device("cpu")
PAPER_SCALES = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16)


def reference():
    file = Path(__file__).parents[3] / "benchmarks" / "reference_genevar.py"
    spec = importlib.util.spec_from_file_location("reference_genevar", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_parts_are_timed_and_add_up(tmp_path):
    file = tmp_path / "b.json"
    text = bench_genevar(file, "nano", ["1", "2"], device="cpu", repeats=1, train=True)
    document = json.loads(file.read_text())
    found = {name: one["value"] for name, one in document["metrics"].items()}
    for size in (1, 2):
        parts = ("condition", "transformer", "masks", "decode")
        for unit in ("seconds_per_tile", "cpu_seconds_per_tile"):
            each = [found[f"{part}_b{size}_{unit}"] for part in parts]
            assert min(each) > 0 and found[f"total_b{size}_{unit}"] == pytest.approx(sum(each))
        for part in ("transformer", "masks", "decode", "total"):
            expected = found[f"{part}_b{size}_gflop_per_tile"] / found["matmul_gflops"]
            assert found[f"{part}_b{size}_share"] == pytest.approx(
                expected / found[f"{part}_b{size}_cpu_seconds_per_tile"]
            )
    for stage in ("tokenizer", "sharpen", "meanflow", "meanflow_jvp_all", "prior", "prior_encoding"):
        assert found[f"train_{stage}_tiles_per_second"] > 0
    baseline = document["metrics"]["train_meanflow_tiles_per_second"]["baseline"]
    assert baseline == found["train_meanflow_jvp_all_tiles_per_second"]
    assert document["preset"] == "nano" and "parameters_flow" in text


@pytest.mark.parametrize(("batches", "said"), [([], "got none"), (["0"], "got 0"), (["1", "a"], "got 1,a")])
def test_what_cannot_be_timed_is_refused(tmp_path, batches, said):
    with pytest.raises(UsageError, match=said):
        bench_genevar(tmp_path / "b.json", "nano", batches)
    assert not (tmp_path / "b.json").exists()


def test_flops_of_the_published_size():
    """Section 5 of the specification: 0.2985 TFLOP a tile, of which attention 0.019, twice with guidance."""
    with torch.device("meta"):
        prior = ScalePrior(PriorConfig(depth=16, width=1024, n_heads=16), 200, 32, 4096, PAPER_SCALES)
    assert transformer_flops(prior, 1) == pytest.approx(0.2985e12, rel=2e-3)
    assert transformer_flops(prior, 2) == pytest.approx(2 * transformer_flops(prior, 1), rel=1e-3)


def test_the_formula_is_what_the_sampler_computes():
    made = networks("nano", CPU)
    z_NZ = torch.zeros(1, made.prior.cond_dim)
    counted = flops_of(
        lambda: sample(made.prior, made.tokenizer.quantiser, z_NZ, SampleRule(cfg=1.5), [1], batch_size=1)
    )
    quantiser = made.tokenizer.quantiser
    convolutions = 3 * quantiser.grid**2 * 2 * 9 * quantiser.codes_VD.shape[1] ** 2
    assert transformer_flops(made.prior, 2) == counted - convolutions


def test_every_weight_takes_part():
    made = networks("nano", CPU)
    for network in made.by_name().values():
        assert all(parameter.any() for parameter in network.parameters()) and not network.training


@pytest.mark.parametrize("rule", [sample_rule("paper"), SampleRule(cfg=3.0, top_k=9, top_p=0.7)])
def test_the_reference_draws_the_same_tokens(rule):
    made = networks("nano", CPU)
    z_NZ = torch.randn(5, made.prior.cond_dim, generator=torch.Generator().manual_seed(0))
    keys = [7 * row + 1 for row in range(5)]
    ours = sample(made.prior, made.tokenizer.quantiser, z_NZ, rule, keys, batch_size=5, keep_partial=True)
    s_NL, sums = reference().Reference(made.prior, made.tokenizer).sample(z_NZ, rule, noise_keys(keys))
    assert torch.equal(ours.s_NL, s_NL) and len(s_NL.unique(dim=0)) == 5
    assert torch.allclose(torch.stack(sums, dim=1), ours.partial_NKEGG, atol=1e-5)


def test_the_least_of_each_time():
    assert least([Seconds(2.0, 1.0), Seconds(1.5, 3.0)]) == Seconds(1.5, 1.0)
    assert Seconds(2.0, 1.0).on(CPU) == 1.0 and Seconds(2.0, 1.0).on(torch.device("cuda")) == 2.0
