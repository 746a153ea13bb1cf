"""Every recipe in the box: its cost is told without data, and it runs whole on made-up data."""

import json
import time

import pytest

from genviz.recipes.catalogue import recipes
from genviz.recipes.dry_run import dry_run
from genviz.recipes.recipe import SIZES
from genviz.recipes.runner import run_recipe


@pytest.fixture(autouse=True)
def _no_data(monkeypatch, tmp_path):
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GENVIZ_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", recipes())
def test_a_dry_run_needs_no_data_and_little_time(name):
    begun = time.perf_counter()
    for size in SIZES:
        found = dry_run(recipes()[name], size)
        assert found["rows"] and found["total"]["disk"] > 0
        assert all(number >= 0 for row in found["rows"] for number in (row["steps"], row["flops"]))
    assert time.perf_counter() - begun < 180  # three sizes of 60 s


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", recipes())
def test_a_recipe_runs_whole_at_nano(name, tmp_path):
    recipe = recipes()[name]
    document = json.loads(run_recipe(recipe, "nano", tmp_path / "run").read_text())
    rows = {row["row"]: row for row in document["rows"]}
    for row in recipe.measured(recipe.size("nano")):
        own = rows[row.name]["scores"] if row.name in rows else {}
        jobs = [job for job in document["provenance"]["jobs"] if job["variant"] == row.name]
        assert jobs, row.name
        filled = own or any(rows[other]["scores"] for other in rows)
        assert filled, row.name
    shown = {score for row in rows.values() for score in row["scores"]}
    missing = [column.score for column in recipe.columns if column.score not in shown]
    assert not missing, f"columns without a number: {missing}"
