"""Scores as JSON and as a table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from genviz import metrics
from genviz._errors import FileFormatError
from genviz.metrics import Score, score

SCORES = {
    "pcc_200": Score(0.625, (0.6, 0.65), 200, 0.5, "a note"),
    "joint_nll": Score(534.44, None, 180),
    "pcc_10_published": Score(float("nan"), None, 0, float("nan")),
}


def test_json_round_trip() -> None:
    document = metrics.scores_to_json(SCORES)
    assert document["schema"] == "genviz.scores/1"
    assert document["metrics"]["pcc_200"] == {
        "value": 0.625,
        "ci": [0.6, 0.65],
        "n": 200,
        "baseline": 0.5,
        "note": "a note",
    }
    text = json.dumps(document, allow_nan=False)
    back = metrics.scores_from_json(json.loads(text) | {"source": "other fields stay out"})
    assert back["pcc_200"] == SCORES["pcc_200"]
    assert back["joint_nll"] == SCORES["joint_nll"]
    assert np.isnan(back["pcc_10_published"].value)
    assert back["pcc_10_published"].baseline is None


def test_a_file_of_the_released_schema_is_read():
    document = json.loads((Path(__file__).parent / "fixtures" / "scores_v1.json").read_text())
    assert document["schema"] == score.SCHEMA == "genviz.scores/1"
    back = metrics.scores_from_json(document)
    assert back.keys() == SCORES.keys() and back["pcc_200"] == SCORES["pcc_200"]
    assert back["joint_nll"] == SCORES["joint_nll"] and np.isnan(back["pcc_10_published"].value)


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        None,
        {"schema": "genviz.scores/2", "metrics": {}},
        {"schema": "genviz.scores/1"},
        {"schema": "genviz.scores/1", "metrics": {"mse": {"value": 1.0}}},
    ],
)
def test_other_documents_are_refused(document: object) -> None:
    with pytest.raises(FileFormatError):
        metrics.scores_from_json(document)


def test_table() -> None:
    table = metrics.scores_table({"genar": SCORES, "ridge": {"pcc_200": Score(0.5)}})
    assert table[0] == ["", "genar", "ridge"]
    assert table[1] == ["pcc_200", "0.625 [0.600, 0.650]", "0.500"]
    assert table[2] == ["joint_nll", "534.4", "\u2013"]
    assert table[3][1] == "\u2013"
    assert [row[0] for row in metrics.scores_table({"genar": SCORES}, ["joint_nll"])] == ["", "joint_nll"]


def test_a_score_is_frozen() -> None:
    with pytest.raises(AttributeError):
        SCORES["pcc_200"].value = 1.0
