"""What notebooks import is there: found in seconds, where running them takes minutes."""

from __future__ import annotations

import importlib
import json
import re

import pytest

from tests.house.sources import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
_IMPORT = re.compile(r"^\s*from (genviz[\w.]*) import ([\w, ]+)", re.MULTILINE)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_names_that_a_notebook_imports_exist(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    for module, names in _IMPORT.findall(code):
        found = importlib.import_module(module)
        missing = [name.split(" as ")[0].strip() for name in names.split(",")]
        assert all(hasattr(found, name) for name in missing), (module, names)
