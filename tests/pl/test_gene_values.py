"""The interval of a prediction, as its record has it."""

from __future__ import annotations

import pytest

from genviz.pl.gene_values import interval_level, interval_name
from tests.pl.cases import prediction


@pytest.mark.parametrize(("record", "level"), [
    ('{"level": 0.8}', 0.8), ({"level": 0.5}, 0.5), ('{"model": "genar"}', None), ("not JSON", None),
])  # fmt: skip
def test_the_level_is_what_the_prediction_recorded(record, level):
    adata = prediction()
    adata.uns["genviz"]["genar"] = record
    assert interval_level(adata, "genar") == level
    assert interval_level(adata, "other") is None


def test_an_interval_is_called_by_its_share():
    assert [interval_name(level) for level in (0.9, 0.975, 2 / 3, None)] == [
        "90 % interval", "97.5 % interval", "66.67 % interval", "interval",
    ]  # fmt: skip
