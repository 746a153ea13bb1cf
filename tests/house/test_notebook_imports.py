"""What notebooks import and ask `gv` for is there: found in seconds, where running them takes minutes."""

from __future__ import annotations

import importlib
import json
import re

import pytest

import genviz as gv
from tests.house.sources import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
_ASKED = re.compile(r"\bgv((?:\.[A-Za-z]\w*)+)")
_IMPORT = re.compile(r"^\s*from (genviz[\w.]*) import ([\w, ]+)", re.MULTILINE)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def code(request) -> str:
    """All cells of a notebook."""
    cells = json.loads(request.param.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def test_names_that_a_notebook_asks_genviz_for_exist(code):
    asked = _ASKED.findall(code)
    assert asked
    for chain in dict.fromkeys(asked):
        found = gv
        for name in chain[1:].split("."):
            found = getattr(found, name)


def test_names_that_a_notebook_imports_exist(code):
    for module, names in _IMPORT.findall(code):
        found = importlib.import_module(module)
        missing = [name.split(" as ")[0].strip() for name in names.split(",")]
        assert all(hasattr(found, name) for name in missing), (module, names)
