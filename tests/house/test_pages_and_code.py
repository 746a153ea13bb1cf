"""Numbers and keys that the pages name, held against the code."""

from __future__ import annotations

import re

from genviz import datasets
from genviz._errors import GenvizError
from tests.house.sources import ROOT

COUNTED = {"five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_the_decisions_count_the_classes_of_errors():
    (told,) = re.findall(r"raises one of (\w+) classes", page("decisions.md"))
    ours = [kind for kind in GenvizError.__subclasses__() if kind.__module__ == GenvizError.__module__]
    assert COUNTED[told] == len(ours)


def test_a_bulk_phantom_has_the_keys_that_are_not_of_gdc_only():
    section = page("contract.md").partition("## Bulk profiles")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `") and "GDC only" not in line]
    keys = [key for line in rows for key in re.findall(r'(\w+)\["(\w+)"\]', line.split(" | ")[0])]
    made = datasets.phantom("bulk", n_profiles=4)
    assert keys and [key for slot, key in keys if key not in getattr(made, slot)] == []
