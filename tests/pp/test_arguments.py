"""What a user gets wrong first: a file's name in place of its rows, a text in place of a number or a list."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from genviz._errors import UsageError
from genviz.pp.panel import panel_of, select_genes
from genviz.pp.profile_pairs import pair_profiles, profile_tiles, pseudobulk
from genviz.pp.splitting import split
from genviz.pp.tile_crops import crops
from genviz.pp.tiling import tile
from genviz.pp.tree import gene_tree, tree_of

TAKE_ROWS = (crops, gene_tree, panel_of, profile_tiles, pseudobulk, select_genes, split, tile, tree_of)
WRONG = [("good.h5ad", "a str"), (None, "None"), (pd.DataFrame(), "a DataFrame")]


def rows() -> ad.AnnData:
    counts = np.random.default_rng(0).poisson(20, (12, 6)).astype(np.float32)
    return ad.AnnData(counts, var=pd.DataFrame(index=[f"G{i}" for i in range(6)]))


@pytest.mark.parametrize("function", TAKE_ROWS, ids=lambda function: function.__name__)
@pytest.mark.parametrize(("value", "came"), WRONG)
def test_rows_are_an_anndata(function, value, came):
    with pytest.raises(UsageError, match=f"^Expected an AnnData; got {came}[.] "):
        function(value)


@pytest.mark.parametrize(("value", "came"), WRONG)
def test_either_side_of_a_pair_is_an_anndata(value, came):
    with pytest.raises(UsageError, match=f"^Expected tiles, an AnnData; got {came}[.] "):
        pair_profiles(value, rows())
    with pytest.raises(UsageError, match=f"^Expected profiles, an AnnData; got {came}[.] "):
        pair_profiles(rows(), value)


@pytest.mark.parametrize("n", ["5", 1.5, 0, None, True])
def test_a_panel_has_a_whole_number_of_genes(n):
    with pytest.raises(UsageError) as caught:
        select_genes(rows(), n)
    assert str(caught.value) == f"Expected n, a whole number from 1; got {n!r}."


@pytest.mark.parametrize("panel", [5, {"G0": 1}])
def test_a_panel_is_a_list_or_a_file(panel):
    with pytest.raises(UsageError, match=r"^Expected panel, a list of genes, or a file of them; got"):
        select_genes(rows(), panel=panel)


@pytest.mark.parametrize("genes", ["G0", 5])
def test_genes_of_a_tree_are_listed(genes):
    with pytest.raises(UsageError, match=r"^Expected genes, a list of names; got"):
        gene_tree(rows(), genes=genes)
