"""The report's tables: numbers, the best ones, and names that stay names."""

from __future__ import annotations

import re

from genviz.metrics import Score
from genviz.pl.report_tables import provenance_table, score_tables


def cells(page: str) -> dict[str, list[str]]:
    """Model -> its cells."""
    rows = re.findall(r"<tr><th>(.*?)</th>(.*?)</tr>", page.partition("<tbody>")[2])
    return {name: re.findall(r"<td[^>]*>(.*?)</td>", row) for name, row in rows}


def test_values_intervals_and_the_best_of_each_column():
    page = score_tables(
        {
            "genar": {"pcc_200": Score(0.6, ci=(0.55, 0.65)), "mse": Score(0.9), "joint_nll": Score(534.36)},
            "ridge": {"pcc_200": Score(0.5), "mse": Score(0.8)},
        }
    )
    assert cells(page)["genar"] == ["<b>0.600</b><small>0.550 – 0.650</small>", "0.900", "534.4"]
    assert cells(page)["ridge"] == [
        "0.500",
        "<b>0.800</b>",
        "–",
    ]  # smaller errors are better; nothing is best by itself
    assert re.findall(r'<th title="[^"]+">(.*?)</th>', page) == ["PCC-200", "MSE", "joint NLL"]


def test_coverage_is_no_contest_and_nan_no_winner():
    page = score_tables(
        {
            "a": {"coverage_gene": Score(0.99), "pcc_10": Score(float("nan"))},
            "b": {"coverage_gene": Score(0.90), "pcc_10": Score(0.1)},
            "c": {"pcc_10": Score(0.2)},
        }
    )
    assert cells(page) == {"a": ["–", "0.990"], "b": ["0.100", "0.900"], "c": ["<b>0.200</b>", "–"]}


def test_coverage_stands_beside_the_level_it_is_held_against():
    page = score_tables(
        {"a": {"coverage_gene": Score(0.96, note="level 0.8"), "mse": Score(1.0, note="other words")}}
    )
    assert cells(page) == {"a": ["1.000", "0.960<small>level 0.8</small>"]}
    assert "90 %" not in page


def test_all_undefined_gives_a_table_all_the_same():
    assert cells(score_tables({"a": {"mse": Score(float("nan"))}})) == {"a": ["–"]}


def test_names_are_escaped():
    evil = "<script>alert(1)</script>"
    assert "<script" not in score_tables({evil: {"mse": Score(1.0)}})
    page = provenance_table({evil: {"warnings": [evil]}, "note": "a < b & c"})
    assert "<script" not in page and "a &lt; b &amp; c" in page


def test_without_provenance_there_is_no_table():
    assert provenance_table({}) == ""
    assert "[1, 2]" in provenance_table({"scales": [1, 2]})
