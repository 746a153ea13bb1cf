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


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Execute a notebook in a folder of its own: name → the notebook with its outputs."""
    from nbclient import NotebookClient

    import genviz

    monkeypatch.chdir(tmp_path)
    above = str(Path(genviz.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([above, os.environ.get("PYTHONPATH", "")]))

    def execute(name):
        notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
        NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
        return notebook

    return execute


def kept(name):
    """A file that the notebook wrote."""
    return Path("runs/notebook") / name


def printed(notebook):
    return "".join(out.text for cell in notebook.cells for out in cell.get("outputs", []) if "text" in out)


def test_every_notebook_is_executed_below():
    """Except 08_napari, which tests/napari runs in a window."""
    here = Path(__file__).read_text(encoding="utf-8")
    executed = set(re.findall(r'run\("([^"]+)"\)', here)) | {"08_napari"}
    assert {name.removesuffix(".ipynb") for name in NOTEBOOKS} <= executed


@pytest.mark.notebook
@pytest.mark.timeout(900)
class TestRuns:
    """From the first cell to the last, on models in the box; fails where the weights are missing."""

    def test_tour(self, run):
        run("00_tour")
        assert "measured and predicted" in kept("tour.html").read_text(encoding="utf-8")
        assert genviz_read("tour.h5ad").n_vars == 200

    def test_predict_counts(self, run):
        run("01_predict_counts")
        assert genviz_read("predicted.h5ad").layers["genar"].min() >= 0
        assert kept("report.html").stat().st_size > 100_000

    def test_structure_and_appearance(self, run):
        assert any(cell.get("outputs") for cell in run("02_structure_and_appearance").cells)

    def test_tissue_from_rna(self, run, her2st_dir, monkeypatch):
        monkeypatch.setenv("GENVIZ_DATA", str(her2st_dir.parent))
        notebook = run("03_tissue_from_rna")
        assert genviz_read("tissue_from_rna.h5ad").obsm["genevar"].shape == (24, 64, 64, 3)
        bars = [
            cell.outputs for cell in notebook.cells if "shuffled" in cell.source and cell.cell_type == "code"
        ]
        assert bars and bars[0]

    def test_gene_tree(self, run, her2st_dir, monkeypatch):
        monkeypatch.setenv("GENVIZ_DATA", str(her2st_dir.parent))
        run("04_gene_tree")
        rows = genviz_read("what_if.h5ad")
        assert rows.shape == (181, 200) and (rows.layers["genar_lower"] <= rows.layers["genar_upper"]).all()
        assert "<h1>Gene tree</h1>" in kept("gene_tree.html").read_text(encoding="utf-8")

    def test_token_swap(self, run):
        notebook = run("05_token_swap")
        assert genviz_read("token_swap.h5ad").obsm["pathar"].shape == (4, 128, 128, 3)
        assert "made again from its steps: True" in printed(notebook)
        assert "<h1>Token swap</h1>" in kept("token_swap.html").read_text(encoding="utf-8")

    def test_perturbation_sweep(self, run):
        run("06_perturbation_sweep")
        rows = genviz_read("sweep.h5ad")
        assert len(rows) == 8 * 3 and set(rows.obs["dose_label"]) == {"x0.25", "x1", "x4"}
        assert "Six stromal genes" in kept("sweep.html").read_text(encoding="utf-8")

    def test_velocity(self, run):
        run("07_velocity")
        assert genviz_read("velocity.h5ad").obsm["velocity_frames"].shape[1] == 5
        assert "<h1>Where the flow takes noise</h1>" in kept("velocity.html").read_text(encoding="utf-8")


def genviz_read(name):
    """Rows that the notebook kept."""
    import genviz

    return genviz.io.read_h5ad(kept(name))
