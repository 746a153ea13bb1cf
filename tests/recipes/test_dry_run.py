"""recipes.dry_run and recipes.cost: what a run would cost, without data."""

import pytest
import torch

from genviz._errors import UsageError
from genviz.recipes.cost import Cost, flops_of, parameters_of
from genviz.recipes.dry_run import dry_run, dry_run_text
from genviz.recipes.recipe import read_recipe
from tests.recipes.recipes_for_tests import toy_file, use_toy


def test_the_toy_costs_an_hour_a_seed(tmp_path, monkeypatch):
    use_toy(monkeypatch)
    toy = read_recipe(toy_file(tmp_path))
    found = dry_run(toy, "mini")
    assert [row["row"] for row in found["rows"]] == ["ours", "dear"] and found["seeds"] == 3
    assert found["rows"][0]["hours"] == pytest.approx(3.0, rel=1e-3) and found["rows"][0]["steps"] == 30
    assert found["total"]["hours"] == pytest.approx(6.0, rel=1e-3) and found["total"]["disk"] == 6000
    assert dry_run(toy, "paper")["device"] == "h100"
    assert dry_run(toy, "mini", seeds=[4], rows=["dear"], on="a100")["total"]["hours"] < 0.01
    assert dry_run(toy, "mini", rows=["dear"])["rows"][0]["row"] == "dear"
    text = dry_run_text(found)
    assert "6.00" in text and "Nothing was started" in text
    with pytest.raises(UsageError, match="h100; got 'abacus'"):
        dry_run(toy, "mini", on="abacus")


def test_operations_are_counted_without_computing():
    with torch.device("meta"):
        layer, x_BF = torch.nn.Linear(30, 50), torch.zeros(7, 30)
    assert flops_of(lambda: layer(x_BF)) == 2 * 7 * 30 * 50
    assert parameters_of(layer, layer) == 2 * 50 * 31


def test_costs_add_up():
    both = Cost(1, 2.0, 3, 4) + Cost(10, 20.0, 30, 40)
    assert both == Cost(11, 22.0, 33, 44)
    assert Cost(1, 2.0, 3, 4, 5.0).times(3) == Cost(3, 6.0, 3, 12, 15.0)


def test_steps_cost_more_than_their_arithmetic_and_baselines_their_seconds():
    assert Cost(steps=900_000).hours("cpu") == pytest.approx(1.0)
    assert 0.1 < Cost(steps=900_000).hours("h100") < 1.0
    assert Cost(seconds=3600.0).hours("h100") == pytest.approx(1.0)
