"""recipes.diff: what was different about two runs, and what came out differently."""

import json

import pytest

from genviz._errors import FileFormatError, UsageError
from genviz.recipes.diff import difference, read_results
from genviz.recipes.recipe import read_recipe
from genviz.recipes.runner import run_recipe
from tests.recipes.recipes_for_tests import toy_file, use_toy


@pytest.fixture
def runs(tmp_path, monkeypatch):
    use_toy(monkeypatch)
    toy = read_recipe(toy_file(tmp_path))
    run_recipe(toy, "nano", tmp_path / "a")
    other = read_recipe(toy_file(tmp_path, ("base = 1.0", "base = 3.0")))
    run_recipe(other, "nano", tmp_path / "b", rows=["ours", "dear"])
    return read_results(tmp_path / "a"), read_results(tmp_path / "b" / "results.json")


def test_equal_runs_differ_in_nothing(runs):
    found = difference(runs[0], runs[0])
    assert found["setting"] == {} and not found["only_a"] and not found["only_b"]
    assert all(not one["difference"] for one in found["scores"])


def test_options_and_scores_that_moved(runs):
    found = difference(*runs)
    assert found["setting"]["options.base"] == [1.0, 3.0] and "recipe_sha256" in found["setting"]
    (fd,) = (one for one in found["scores"] if (one["row"], one["score"]) == ("ours", "fd"))
    assert fd["difference"] == 2.0 and fd["beyond"] is True
    (acc,) = (one for one in found["scores"] if (one["row"], one["score"]) == ("ours", "acc"))
    assert acc["difference"] is None and acc["beyond"] is None
    assert found["only_b"] == ["dear|fd", "dear|acc", "dear|floor"]


def test_what_is_no_run(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        read_results(tmp_path)
    (tmp_path / "results.json").write_text(json.dumps({"schema": "genviz.scores/1"}))
    with pytest.raises(FileFormatError, match=r"genviz\.scores/1"):
        read_results(tmp_path)
