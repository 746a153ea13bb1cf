"""Leaks planted in GenAR: each is refused, or scored and stamped when asked for."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest

from genviz import datasets, io, pp
from genviz._errors import UsageError
from genviz.models import GenAR
from genviz.pp.tree import write_tree
from genviz.recipes.genar.crossval import Folds, run_crossval
from genviz.recipes.genar.jobs import evaluate_genar
from genviz.recipes.seen_by import gate, seen_by_genar
from tests.recipes.cases import rows_with_features

pytestmark = pytest.mark.filterwarnings("ignore")


def sections(n=60, **patients):
    """Rows of S0 and S1, of a patient each."""
    adata = rows_with_features(n)
    of = {"S0": "p0", "S1": "p1"} | patients
    adata.obs["patient"] = [of[name] for name in adata.obs["library_id"]]
    return adata


def split(adata, *, group_key="library_id", test=("S1",)):
    pp.split(adata, group_key=group_key, test=list(test))
    return adata


def trained(adata, **declared):
    GenAR.setup_anndata(adata, **declared)
    return GenAR(adata, preset="nano").train(1, seed=0, device="cpu")


def scored(model, rows, tmp_path, *, allow_seen=False):
    """What the evaluation of a prediction file writes."""
    bare = rows.copy()
    io.write_h5ad(model.predict(bare, n_samples=4), tmp_path / "p.h5ad")
    table = pd.DataFrame(rows.X.toarray().astype(int), index=rows.obs_names, columns=rows.var_names)
    table.to_csv(tmp_path / "counts.tsv", sep="\t")
    out = tmp_path / "scores.json"
    evaluate_genar(tmp_path / "p.h5ad", tmp_path / "counts.tsv", out, allow_seen=allow_seen)
    return json.loads(out.read_text())


def held(adata):
    return adata[(adata.obs["library_id"] == "S1").to_numpy()].copy()


def refused(model, rows, tmp_path, kind, said):
    with pytest.raises(UsageError, match=f"{said}.*--allow-seen"):
        scored(model, rows, tmp_path)
    assert not (tmp_path / "scores.json").exists()
    document = scored(model, rows, tmp_path, allow_seen=True)
    assert document["schema"] == "genviz.scores/1" and document["metrics"]["mse"]["value"] > 0
    assert document["leakage"]["overridden"] is True and document["leakage"]["kinds"][kind] == rows.n_obs
    return document["leakage"]


def test_rows_of_another_section_and_patient_are_scored(tmp_path):
    adata = split(sections())
    pp.select_genes(adata, 10, min_counts=1, min_fraction=0.01)
    pp.gene_tree(adata)
    document = scored(trained(adata), held(adata), tmp_path)
    assert document["leakage"] == {
        "overridden": False, "kinds": {}, "same_patient": False, "patients": [], "unknown": {},
    }  # fmt: skip


def test_rows_trained_on(tmp_path):
    adata = sections()
    refused(trained(adata), adata[:9].copy(), tmp_path, "row", r"9 were trained on \('S0', 'S1'\)")


def test_other_rows_of_sections_trained_on_or_stopped_by(tmp_path):
    adata = sections()
    adata.obs["split"] = np.where(np.arange(adata.n_obs) < 40, "train", "test")
    refused(trained(adata), adata[40:].copy(), tmp_path, "section", "20 lie in sections trained on")
    del adata.obs["split"]
    GenAR.setup_anndata(adata)
    stopped = GenAR(adata, preset="nano").train(1, val="S1", seed=0, device="cpu")
    (tmp_path / "scores.json").unlink()
    refused(stopped, held(adata), tmp_path, "section", r"chosen by \('S1'\)")


def test_a_panel_chosen_on_the_rows(tmp_path):
    adata = sections()
    pp.select_genes(adata, 10, min_counts=1, min_fraction=0.01)
    split(adata)
    refused(
        trained(adata), held(adata), tmp_path, "panel", r"30 are what the gene panel was chosen on \('S1'\)"
    )


def test_a_tree_fitted_on_the_rows_and_edited_by_hand(tmp_path):
    adata = split(sections())
    pp.gene_tree(adata, rows=np.ones(adata.n_obs, bool))
    tree = pp.tree_of(adata)
    edit = {"source": "edited", "method": "user", "edits": ["move"]}
    write_tree(adata, tree, edit | {"edited_from": tree.digest()})
    refused(trained(adata), held(adata), tmp_path, "tree", r"gene tree was fitted on \('S1'\)")


def test_the_same_patient_is_stamped_and_refused_where_the_split_is_by_patient(tmp_path):
    model = trained(split(sections(S1="p0")))
    stamp = scored(model, held(sections(S1="p0")), tmp_path)["leakage"]
    assert (stamp["overridden"], stamp["same_patient"], stamp["patients"]) == (False, True, ["p0"])
    (tmp_path / "scores.json").unlink()
    declared = trained(split(sections(), group_key="patient", test=["p1"]))
    assert scored(declared, held(sections()), tmp_path)["leakage"]["same_patient"] is False
    (tmp_path / "scores.json").unlink()
    refused(
        declared, held(sections(S1="p0")), tmp_path, "patient", r"30 are of patients trained on.*\('p0'\)"
    )


def test_old_checkpoints_say_what_they_do_not_know(tmp_path):
    model = trained(split(sections()))
    del model.fitted.facts["seen"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stamp = scored(model, held(sections()), tmp_path)["leakage"]
    assert stamp["unknown"] == {"panel": "not recorded", "tree": "not recorded"}
    assert stamp["same_patient"] is False
    assert any("leaks by panel, tree could not be looked for" in str(one.message) for one in caught)
    (tmp_path / "scores.json").unlink()
    refused(model, sections()[::2].copy(), tmp_path, "row", "trained on")


def test_a_prediction_without_provenance_is_of_unknown_origin(tmp_path):
    seen = seen_by_genar({}, ["G1"])
    with pytest.warns(UserWarning, match="leaks by panel, patient, training, tree"):
        assert gate(sections(), seen).same_patient is None


@pytest.mark.parametrize(("panel", "leaks"), [("genes_hvg200_C2-C5", True), ("genes_genar200", False)])
def test_panels_of_her2st_and_its_patients_are_known(panel, leaks):
    rows = rows_with_features(12)
    rows.obs["library_id"] = "C5"
    rows.uns["spatial"] = {"C5": {"mpp": 0.7}}
    genes = list(datasets.panel(panel))[5:]  # a few are not in every section
    report = gate(rows, seen_by_genar({"training_sections": ["C2", "B1"]}, genes), allow_seen=True)
    assert report.kinds == ({"panel": 12} if leaks else {}) and report.overridden is leaks
    assert (report.same_patient, report.patients) == (True, ["C"])


def test_names_of_her2st_mean_nothing_among_others():
    rows = rows_with_features(12)
    rows.obs["library_id"] = "C5"
    assert gate(rows, seen_by_genar({"training_sections": ["C2", "mine"]}, ["G1"])).same_patient is None


def test_folds_that_share_their_panel(tmp_path):
    adata = sections(40)
    pp.select_genes(adata, 10, min_counts=1, min_fraction=0.01)
    folds = Folds(adata, ("S0", "S1"), tuple(pp.panel_of(adata)))
    with pytest.raises(UsageError, match="20 are what the gene panel was chosen on"):
        run_crossval(folds, tmp_path, names=["baselines"], seeds=[0])
    report = folds.check(allow_seen=True)
    assert report.kinds == {"panel": 40} and report.overridden
    assert Folds(adata, ("S0", "S1"), tuple(adata.var_names)).check().kinds == {}
