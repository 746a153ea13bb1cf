"""Which rows a panel or a tree was fitted on, as they remember it."""

from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from genviz import pp
from genviz._keys import Obs, Uns, Var
from genviz.pp.fitted_rows import fitted_on
from genviz.pp.panel import panel_record
from genviz.pp.splitting import declared_group
from genviz.pp.tree import tree_recipe, write_tree


@pytest.fixture
def rows() -> ad.AnnData:
    """Sections A, B and C of patients p, p and q."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(np.exp(1 + rng.normal(size=(60, 4))[:, np.arange(20) % 4])).astype(np.float32)
    sections = np.repeat(["A", "B", "C"], 20)
    obs = pd.DataFrame({Obs.LIBRARY: sections}, index=[f"{s}_{i}" for i, s in enumerate(sections)])
    obs[Obs.PATIENT] = np.repeat(["p", "p", "q"], 20)
    return ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=[f"g{i}" for i in range(20)]))


def test_rows_are_recorded_by_what_others_could_share(rows: ad.AnnData) -> None:
    mask = (rows.obs[Obs.LIBRARY] != "B").to_numpy()
    assert fitted_on(rows, mask) == {"n_rows": 40, "sections": ["A", "C"], "patients": ["p", "q"]}
    rows.obs[Obs.SCENE], rows.obs[Obs.SOURCE] = ["s"] * 59 + [None], "image"
    pp.split(rows, group_key=Obs.PATIENT, test=["q"])
    told = fitted_on(rows, mask)
    assert (told["scenes"], told["sources"], told["split_by"]) == (["s"], ["image"], "patient")
    del rows.obs[Obs.LIBRARY]
    assert fitted_on(rows, np.arange(60) < 2)["rows"] == ["A_0", "A_1"]
    assert "rows" not in fitted_on(rows, mask, names=False)


def test_the_column_that_the_split_was_declared_by(rows: ad.AnnData) -> None:
    assert declared_group(rows) is None
    pp.split(rows, group_key=Obs.PATIENT, test=["q"])
    assert declared_group(rows) == "patient" and declared_group(rows, "other") is None
    del rows.obs[Obs.SPLIT]
    assert declared_group(rows) is None


def test_a_panel_remembers_the_rows_it_was_chosen_on(rows: ad.AnnData, tmp_path) -> None:
    assert panel_record(rows) is None
    pp.split(rows, test=["C"])
    pp.select_genes(rows, 5)
    rows.write_h5ad(tmp_path / "a.h5ad")
    for read in (rows, ad.read_h5ad(tmp_path / "a.h5ad"), rows[:, ::-1].copy(), rows[:3].copy()):
        record = panel_record(read)
        assert record is not None and record["method"] == "expressed_variable"
        assert record["fitted_on"] == {
            "n_rows": 40, "sections": ["A", "B"], "patients": ["p"], "split_by": "library_id"
        }  # fmt: skip
    rows.var[Var.PANEL] = ~rows.var[Var.PANEL]  # by hand
    assert panel_record(rows) is None


def test_a_given_panel_names_no_rows(rows: ad.AnnData, tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("g1\ng2\n")
    pp.select_genes(rows, panel=tmp_path / "mine.txt")
    record = panel_record(rows)
    assert record is not None and (record["method"], record["file"]) == ("given", "mine.txt")
    assert "fitted_on" not in record


def test_a_tree_remembers_through_edits(rows: ad.AnnData) -> None:
    pp.split(rows, test=["C"])
    pp.gene_tree(rows)
    recipe = tree_recipe(rows)
    assert recipe is not None and recipe["fitted_on"]["sections"] == ["A", "B"]
    tree = pp.tree_of(rows)
    for name in ("first", "second"):
        edit = {"method": "user", "edits": [name], "edited_from": tree.digest()}
        write_tree(rows, tree, edit)
        assert json.loads(rows.uns[Uns.GENVIZ][Uns.GENE_TREE])["fitted_on"]["sections"] == ["A", "B"]
    write_tree(rows, tree, {"method": "user", "edited_from": "another"})
    assert "fitted_on" not in (tree_recipe(rows) or {})


def test_an_order_of_ones_own_has_looked_at_nothing(rows: ad.AnnData) -> None:
    pp.gene_tree(rows, method="user", order=list(rows.var_names))
    assert "fitted_on" not in (tree_recipe(rows) or {})
