"""recipes.accuracy_page: tables of records between the markers of a page."""

from __future__ import annotations

import json

import pytest

from genviz._errors import DataError, FileFormatError
from genviz.metrics import Score, scores_to_json
from genviz.recipes.genar.accuracy_page import read_rows, write_page


def record(folder, model, seed, **scores):
    found = {name: score if isinstance(score, Score) else Score(score) for name, score in scores.items()}
    text = json.dumps(scores_to_json(found) | {"model": model, "seed": seed})
    (folder / f"{model}-{seed}.json").write_text(text)


@pytest.fixture
def records(tmp_path):
    folder = tmp_path / "records"
    folder.mkdir()
    for seed, pcc in enumerate((0.50, 0.60, 0.70)):
        sections = {"pcc_200@A": pcc, "pcc_200@B": pcc + 0.1, "mse@A": 1.0, "mse@B": 0.8}
        value = Score(pcc, ci=(pcc - 0.1, pcc + 0.1))
        record(folder, "tree_mlp", seed, pcc_200=value, joint_nll=530.0 + seed, mse=0.9, **sections)
    sections = {"pcc_200@A": 0.5, "pcc_200@B": 0.5, "mse@A": 1.0, "mse@B": 1.0}
    record(folder, "ridge_section", 0, pcc_200=0.5, mse=1.0, **sections)
    record(folder, "mean", 0, pcc_200=float("nan"), mse=1.4)
    return folder


def page_of(tmp_path, records, *names):
    page = tmp_path / "page.md"
    page.write_text(
        "before\n" + "".join(f"<!-- table {name} -->\nold\n<!-- end -->\n" for name in names) + "after\n"
    )
    write_page(records, page)
    return page.read_text()


def cells(text, model):
    (line,) = [line for line in text.splitlines() if line.startswith(f"| `{model}`")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_mean_and_spread_over_seeds(tmp_path, records):
    text = page_of(tmp_path, records, "main")
    row = cells(text, "tree_mlp")
    assert row[1] == "3" and row[4] == "0.600 ± 0.100" and row[5] == "[0.400, 0.600]"
    assert row[6] == "0.900"  # seeds that agree have no spread to print
    assert cells(text, "mean")[4] == "-"
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text


def test_only_models_with_a_distribution_stand_in_that_table(tmp_path, records):
    text = page_of(tmp_path, records, "distribution")
    assert cells(text, "tree_mlp")[1] == "531.0 ± 1.0"
    assert "ridge_section" not in text


def test_differences_are_paired_by_section(tmp_path, records):
    text = page_of(tmp_path, records, "sections")
    assert cells(text, "tree_mlp")[-2:] == ["+0.150 ± 0.071", "-0.100 ± 0.141"]
    assert cells(text, "ridge_section")[-2:] == ["", ""]


def test_a_page_can_be_filled_again(tmp_path, records):
    page = tmp_path / "page.md"
    first = page_of(tmp_path, records, "main", "views", "variants")
    write_page(records, page)
    assert page.read_text() == first
    assert list(read_rows(records)) == ["tree_mlp", "mean", "ridge_section"]


def test_wrong_pages_and_folders_are_refused(tmp_path, records):
    with pytest.raises(FileFormatError, match="a marker 'mian'"):
        page_of(tmp_path, records, "mian")
    with pytest.raises(DataError, match="found none"):
        read_rows(tmp_path / "nothing")
