"""The notebooks: plain files that begin without results, models that are in the box, and cells that run."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import nbformat
import pytest

from genviz.models import zoo

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))


def code(name: str) -> list[str]:
    found = nbformat.read(FOLDER / name, as_version=4)
    nbformat.validate(found)
    return [cell.source for cell in found.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_a_notebook_without_results(name):
    found = nbformat.read(FOLDER / name, as_version=4)
    cells = [cell for cell in found.cells if cell.cell_type == "code"]
    assert cells and not any(cell.outputs or cell.execution_count for cell in cells)
    for cell in cells:
        ast.parse(cell.source)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_models_that_it_loads_are_in_the_box(name):
    loaded = re.findall(r"\.load\(\"([^\"]+)\"\)", "\n".join(code(name)))
    assert set(loaded) <= set(zoo.names())


@pytest.mark.timeout(900)
def test_tissue_from_rna_runs(her2st_dir, tmp_path, monkeypatch):
    """From the model in the box to a file; fails where the weights are missing."""
    from nbclient import NotebookClient

    import genviz

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENVIZ_DATA", str(her2st_dir.parent))
    above = str(Path(genviz.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([above, os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(FOLDER / "03_tissue_from_rna.ipynb", as_version=4)
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    kept = genviz.io.read_h5ad(tmp_path / "runs/notebook/tissue_from_rna.h5ad")
    assert kept.obsm["genevar"].shape == (24, 64, 64, 3)
    bars = [cell.outputs for cell in notebook.cells if "shuffled" in cell.source and cell.cell_type == "code"]
    assert bars and bars[0]
