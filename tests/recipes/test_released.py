"""recipes.records and recipes.results: files of every released schema are read as they were written."""

from __future__ import annotations

import json
import math
from pathlib import Path

from genviz.metrics import Score
from genviz.recipes import records, results
from genviz.recipes.diff import difference, read_results
from genviz.recipes.records import read_record

FILES = Path(__file__).parent / "fixtures"


def test_a_released_record_is_read():
    record = read_record(FILES / "record_v1.json")
    assert (record.variant, record.seed, record.seconds, record.leakage) == ("ours", 0, 0.1, {})
    assert record.rows["ours"]["fd"] == Score(2.0, (1.0, 3.0), 7, 9.0)
    assert math.isnan(record.rows["ours"]["acc"].value) and record.rows["extra"]["fd"].value == 20.0


def test_released_results_are_read_and_compared():
    found = read_results(FILES / "results_v1.json")
    same = difference(found, found)
    assert same["setting"] == {} and not same["only_a"] and not same["only_b"]
    scores = {(one["row"], one["score"]): one for one in same["scores"]}
    assert scores["ours", "fd"]["a"] == 2.5 and scores["ours", "acc"]["difference"] is None


def test_there_is_a_file_of_every_schema():
    for module, name in ((records, "record"), (results, "results")):
        wanted = [f"genviz.{name}/{k + 1}" for k in range(int(module.SCHEMA.rpartition("/")[2]))]
        files = sorted(FILES.glob(f"{name}_v*.json"))
        assert [json.loads(file.read_text())["schema"] for file in files] == wanted
