"""The benchmark on the smallest preset."""

from __future__ import annotations

import json

import pytest
import torch

from genviz._errors import UsageError
from genviz.models.pathar.presets import preset
from genviz.recipes.pathar.bench import bench_pathar, networks


def test_samplers_are_timed_against_the_last(tmp_path):
    file = tmp_path / "b.json"
    text = bench_pathar(file, "nano", ["1", "2"], ["paired", "interleaved"], device="cpu", repeats=1)
    document = json.loads(file.read_text())
    found = document["metrics"]
    for size in (1, 2):
        paired, base = (found[f"{s}_b{size}_seconds_per_pair"]["value"] for s in ("paired", "interleaved"))
        assert found[f"paired_b{size}_ratio"]["value"] == pytest.approx(base / paired)
        assert found[f"paired_b{size}_seconds_per_pair"]["baseline"] == base
        assert found[f"interleaved_b{size}_ratio"]["value"] == 1
        assert found[f"decode_b{size}_seconds_per_pair"]["value"] > 0
    assert document["preset"] == "nano" and "paired_b1_ratio" in text


@pytest.mark.parametrize(
    ("batches", "samplers", "said"),
    [
        ([], ["paired"], "whole numbers"), (["0"], ["paired"], "whole numbers"), (["a"], ["paired"], "got a"),
        (["1"], [], "samplers out of"), (["1"], ["fast"], "got fast"),
    ],
)  # fmt: skip
def test_what_cannot_be_timed_is_refused(tmp_path, batches, samplers, said):
    with pytest.raises(UsageError, match=said):
        bench_pathar(tmp_path / "b.json", "nano", batches, samplers)
    assert not (tmp_path / "b.json").exists()


def test_heads_are_not_zero():
    _, prior = networks(preset("nano"), torch.device("cpu"))
    assert prior.structure_out.weight.abs().sum() > 0 and not prior.training
