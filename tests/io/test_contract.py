"""io.contract: what the report finds, and that it finds nothing in what the readers make."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from genviz.io import contract_report, read_st


@pytest.fixture
def section(st_files):
    return read_st(st_files.counts, st_files.spots, st_files.image, section="A1")


def found(adata, level, where):
    return [f for f in contract_report(adata) if f.level == level and where in f.where]


def test_readers_make_objects_without_findings(section):
    assert contract_report(section) == []


def _double_genes(adata):
    adata.var_names = ["G0", *adata.var_names[:-1]]


def _double_rows(adata):
    adata.obs_names = ["r0", *adata.obs_names[:-2], "r0"]


def _nan_position(adata):
    adata.obsm["spatial"][0, 0] = np.nan


def _bad_layer(adata):
    adata.layers["counts"] = adata.X.toarray() - 1


def _float_tiles(adata):
    adata.obsm["tiles"] = np.zeros((adata.n_obs, 4, 4, 3), np.float32)


def _bad_recipe(adata):
    adata.uns["genviz"]["tiles"] = "{}"


def _float_tree(adata):
    adata.varm["gene_tree"] = np.zeros((adata.n_vars, 2))


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (_double_genes, "var_names"),
        (_double_rows, "obs_names"),
        (_nan_position, "obsm['spatial']"),
        (_bad_layer, "layers['counts']"),
        (_float_tiles, "obsm['tiles']"),
        (_bad_recipe, "uns['genviz']['tiles']"),
        (_float_tree, "varm['gene_tree']"),
    ],
)
def test_what_cannot_be_relied_on_is_an_error(section, spoil, where):
    spoil(section)
    (finding,) = found(section, "error", where)
    assert finding.what
    assert contract_report(section)[0].level == "error"


def _normalised(adata):
    adata.X = adata.X * 0.25


def _no_section(adata):
    del adata.uns["spatial"]["A1"]


def _no_mpp(adata):
    del adata.uns["spatial"]["A1"]["mpp"]


def _absurd_mpp(adata):
    adata.uns["spatial"]["A1"]["mpp"] = 400.0


def _wrong_mpp(adata):
    adata.uns["spatial"]["A1"]["mpp"] = 3.0


def _outside(adata):
    adata.obsm["spatial"][0] = [-5, 3]


def _strange_split(adata):
    adata.obs["split"] = pd.Categorical(["training"] * adata.n_obs)


def _none_in_uns(adata):
    adata.uns["genviz"]["extra"] = {"a": None, "b": [1, 2]}


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (_normalised, "X"),
        (_no_section, "uns['spatial']"),
        (_no_mpp, "uns['spatial']['A1']"),
        (_absurd_mpp, "uns['spatial']['A1']"),
        (_wrong_mpp, "uns['spatial']['A1']"),
        (_outside, "obsm['spatial']"),
        (_strange_split, "obs['split']"),
        (_none_in_uns, "uns"),
    ],
)
def test_what_may_mislead_is_a_warning(section, spoil, where):
    spoil(section)
    assert found(section, "warning", where)
    assert not [f for f in contract_report(section) if f.level == "error"]


def test_what_is_only_absent_is_a_note(st_files):
    spots = read_st(None, st_files.spots, section="A1")
    assert [f.where for f in contract_report(spots)] == ["X"]
    bulk = AnnData(np.ones((2, 2), np.float32))
    assert {f.level for f in contract_report(bulk)} == {"note"}


def test_no_rows_is_an_error(section):
    assert found(section[:0].copy(), "error", "obs")


def test_findings_read_as_a_sentence(section):
    _none_in_uns(section)
    (finding,) = found(section, "warning", "uns")
    assert str(finding).startswith("warning in uns: An h5ad file does not keep")
    assert "uns['genviz']['extra']['a']" in str(finding)
