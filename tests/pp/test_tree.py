"""The tree in an AnnData: training rows only, survives slicing, reordering and h5ad (T10)."""

from __future__ import annotations

import json
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from genviz import pp
from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Layers, Obs, Uns, Var, Varm


@pytest.fixture
def rows() -> ad.AnnData:
    rng = np.random.default_rng(0)
    counts = rng.poisson(np.exp(1 + rng.normal(size=(60, 4))[:, np.arange(50) % 4])).astype(np.float32)
    sections = np.repeat(["A", "B", "C"], 20)
    obs = pd.DataFrame({Obs.LIBRARY: sections}, index=[f"{s}_{i}" for i, s in enumerate(sections)])
    adata = ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=[f"g{i:02d}" for i in range(50)]))
    pp.select_genes(adata, panel=[f"g{i:02d}" for i in range(5, 45)])
    return adata


def test_slots(rows: ad.AnnData) -> None:
    x = rows.X.copy()
    assert pp.gene_tree(rows, scales=(1, 4, 10, 40)) is None
    groups, position = rows.varm[Varm.GENE_TREE], rows.var[Var.GENE_ORDER].to_numpy()
    assert groups.dtype == np.int32
    assert groups.shape == (50, 4)
    outside = ~rows.var[Var.PANEL].to_numpy()
    assert (groups[outside] == -1).all()
    assert (position[outside] == -1).all()
    np.testing.assert_array_equal(groups[:, -1], position)
    record = json.loads(rows.uns[Uns.GENVIZ][Uns.GENE_TREE])
    assert record["scales"] == [1, 4, 10, 40]
    assert record["method"] == "linkage"
    assert record["n_rows"] == 60
    np.testing.assert_array_equal(rows.X, x)


def test_read_back_after_h5ad_and_reordering(rows: ad.AnnData, tmp_path: Path) -> None:
    pp.gene_tree(rows, seed=3)
    tree = pp.tree_of(rows)
    assert tree.genes == tuple(pp.panel_of(rows))
    assert tree.digest() == json.loads(rows.uns[Uns.GENVIZ][Uns.GENE_TREE])["digest"]
    rows.write_h5ad(tmp_path / "a.h5ad")
    assert pp.tree_of(ad.read_h5ad(tmp_path / "a.h5ad")) == tree
    backwards = rows[:, ::-1].copy()
    assert pp.tree_of(backwards).reindex(tree.genes) == tree
    assert pp.tree_of(rows[:, rows.var[Var.PANEL]]) == tree
    with pytest.raises(DataError, match="genes of the tree; 20 are left"):
        pp.tree_of(rows[:, 25:])


def test_windows_read_back_as_windows(rows: ad.AnnData) -> None:
    with pytest.warns(UserWarning, match="do not nest"):
        pp.gene_tree(rows, scales=(1, 8, 20, 40), layout="windows")
    assert pp.tree_of(rows).layout == "windows"


def test_held_out_rows_leave_the_tree_unchanged(rows: ad.AnnData) -> None:
    pp.split(rows, test=["C"])
    pp.gene_tree(rows)
    tree, record = pp.tree_of(rows), rows.uns[Uns.GENVIZ][Uns.GENE_TREE]
    rows.X[40:] = rows.X[40:, ::-1] * 7
    pp.gene_tree(rows)
    assert pp.tree_of(rows) == tree
    assert rows.uns[Uns.GENVIZ][Uns.GENE_TREE] == record
    assert json.loads(record)["n_rows"] == 40
    pp.gene_tree(rows, rows=np.ones(60, bool))
    assert pp.tree_of(rows) != tree


def test_arguments(rows: ad.AnnData) -> None:
    pp.gene_tree(rows, genes=["g00", "g49", "g20"])
    assert pp.tree_of(rows).genes == ("g00", "g20", "g49")
    order = pp.panel_of(rows)[::-1]
    pp.gene_tree(rows, method="user", order=order)
    tree = pp.tree_of(rows)
    assert [tree.genes[i] for i in tree.order] == order
    with pytest.raises(DataError, match="absent from the data: 'x'"):
        pp.gene_tree(rows, genes=["x"])
    with pytest.raises(UsageError, match="Expected scales"):
        pp.gene_tree(rows, scales=(1, 4, 200))


def test_without_a_tree(rows: ad.AnnData) -> None:
    with pytest.raises(MissingKeyError, match=r"Run gv\.pp\.gene_tree"):
        pp.tree_of(rows)


def test_counts_that_are_not_counts(rows: ad.AnnData) -> None:
    rows.layers[Layers.COUNTS] = np.log1p(rows.X)
    with pytest.raises(DataError, match="whole"):
        pp.gene_tree(rows)
