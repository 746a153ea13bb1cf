"""The main job from end to end on small synthetic tissue, and where its sections come from."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import anndata as ad
import numpy as np
import pytest

import genviz.napari
from genviz import datasets
from genviz._errors import DownloadError
from genviz.metrics import scores_from_json
from genviz.napari.plugin import get_reader
from genviz.recipes.demo import run_demo, sections_or_phantom, summary
from tests.recipes.cases import small_phantom

# Another patient than those trained on, as in the demo itself.
pytestmark = pytest.mark.filterwarnings("ignore:Trained on patient")


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """The demo's machinery, once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "phantom", small_phantom)
        return run_demo(tmp_path_factory.mktemp("demo") / "run", smoke=True, device="cpu")


def test_three_files_are_left_behind(result):
    folder = result.report.parent
    assert sorted(path.name for path in folder.iterdir()) == ["metrics.json", "predicted.h5ad", "report.html"]
    assert result.predicted == folder / "predicted.h5ad" and result.metrics == folder / "metrics.json"


def test_only_the_last_section_is_predicted_and_it_was_not_trained_on(result):
    predicted = ad.read_h5ad(result.predicted)
    assert set(predicted.obs["library_id"].astype(str)) == {"P3"}
    record = json.loads(predicted.uns["genviz"]["genar"])
    assert record["training_sections"] == ["P1", "P2"]
    # The counts beside the prediction are the measured ones of these rows.
    measured = small_phantom()[predicted.obs_names, predicted.var_names]
    np.testing.assert_array_equal(predicted.layers["counts"].toarray(), measured.X.toarray())


def test_every_baseline_is_scored_beside_the_model(result):
    assert {"genar", "mean", "ridge"} <= set(result.scores)
    document = json.loads(result.metrics.read_text())
    assert "Synthetic" in document["source"]
    scores = scores_from_json(document)
    assert scores["pcc_200"].value == result.scores["genar"]["pcc_200"].value
    assert scores["pcc_200"].baseline == pytest.approx(scores["ridge.pcc_200"].value)
    assert scores["ridge.pcc_200"].value > scores["mean.pcc_200"].value


def test_the_report_is_marked_as_synthetic(result):
    page = result.report.read_text()
    assert "This tissue is synthetic." in page and "section P3, never seen in training" in page


def test_what_a_person_reads_at_the_end(result):
    text = summary(result)
    assert text.startswith("Synthetic phantom sections")
    for path in (result.report, result.predicted, result.metrics):
        assert str(path) in text
    assert "pcc_200" in text and "joint_nll" not in text


def test_the_ways_on_are_lines_that_work(result):
    text = summary(result)
    assert "`genviz lab`" in text and "make " not in text
    pytest.importorskip("anywidget", reason="comes with the extra notebook")
    (cell,) = (line.strip() for line in text.splitlines() if "SlideView" in line)
    names: dict[str, object] = {}
    exec(cell.replace("; ", "; shown = ", 1), names)
    assert type(names["shown"]).__name__ == "SlideView"


def test_the_line_for_napari_names_the_plugin_and_a_file_it_opens(result):
    (command,) = (line.strip() for line in summary(result).splitlines() if line.strip().startswith("napari "))
    program, file, option, plugin = shlex.split(command)
    assert (program, option) == ("napari", "-w")
    read = get_reader(file)
    assert read is not None and [kind for _, _, kind in read(file)] == ["image", "points"]
    manifest = Path(genviz.napari.__file__).with_name("napari.yaml").read_text(encoding="utf-8")
    assert manifest.startswith(f"name: {plugin}\n") and "\n  widgets:\n" in manifest


def test_without_the_sections_the_phantom_steps_in(monkeypatch, caplog):
    def fail(sections):
        raise DownloadError("no network")

    monkeypatch.setattr(datasets, "her2st", fail)
    monkeypatch.setattr(datasets, "phantom", small_phantom)
    adata, test, source = sections_or_phantom()
    assert test == "P3" and source.startswith("Synthetic") and adata.n_vars == 12
    assert "no network" in caplog.text


def test_with_the_sections_they_are_taken_with_their_panel(monkeypatch):
    asked = []

    def her2st(sections):
        asked.append(sections)
        genes = [*datasets.panel("genes_genar200"), "NOT_IN_IT"]
        made = ad.AnnData(np.ones((8, 201), np.float32))
        made.var_names, made.obs["library_id"] = genes, np.repeat(sections, 2)
        return made

    monkeypatch.setattr(datasets, "her2st", her2st)
    adata, test, source = sections_or_phantom()
    assert asked == [["C2", "C3", "C4", "C5"]] and test == "C5"
    assert adata.var["panel"].sum() == 200 and not adata.var["panel"]["NOT_IN_IT"]
    assert source.startswith("HER2ST sections C2, C3, C4 and C5, from ")
