"""Over-representation against a hand calculation, and names that do not meet."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
from scipy.stats import fisher_exact

import genviz as gv
from genviz._errors import DataError, UsageError
from genviz.core.gene_tree_fit import fit_gene_tree

PANEL = [f"G{i}" for i in range(20)]
SETS = {"first": [*PANEL[:5], "ELSEWHERE"], "last": PANEL[-4:], "absent": ["NOT", "HERE"], "all": PANEL}


def test_against_fishers_test():
    table = gv.tl.enrich(PANEL[:6], SETS, background=PANEL).set_index("set")
    row = table.loc["first"]
    assert (row.n_overlap, row.n_set, row.n_group, row.n_background) == (5, 5, 6, 20)
    assert row.p == pytest.approx(fisher_exact([[5, 1], [0, 14]], alternative="greater").pvalue)
    assert row.expected == pytest.approx(1.5)
    assert row.fold == pytest.approx(5 / 1.5)
    assert row.genes == PANEL[:5]
    assert row.q == pytest.approx(row.p * 3)  # three sets have a gene in the panel
    assert table.loc["all", "p"] == 1.0
    assert "absent" not in table.index and "last" not in table.index
    assert len(gv.tl.enrich(PANEL[:6], SETS, background=PANEL, min_overlap=0)) == 3


def test_groups_of_a_tree(tmp_path):
    """By (scale, group); background a tree, or an object that holds one; sets from a file."""
    counts = np.random.default_rng(0).poisson(3, (30, 20))
    tree = fit_gene_tree(counts, PANEL, scales=(1, 4, 20), method="user", order=PANEL)
    file = tmp_path / "sets.gmt"
    file.write_text("".join(f"{name}\t-\t" + "\t".join(genes) + "\n" for name, genes in SETS.items()))
    table = gv.tl.enrich((4, 0), file, background=tree)
    assert table.set[0] == "first" and table.n_overlap[0] == 5
    adata = ad.AnnData(counts.astype(float))
    adata.var_names = PANEL
    gv.pp.gene_tree(adata, (1, 4, 20), method="user", order=PANEL)
    assert gv.tl.enrich((4, 0), file, background=adata).equals(table)
    with pytest.raises(UsageError, match="scale"):
        gv.tl.enrich((5, 0), SETS, background=tree)
    with pytest.raises(UsageError, match="tree"):
        gv.tl.enrich((4, 0), SETS, background=PANEL)


def test_names_that_do_not_meet_are_shown():
    with pytest.raises(DataError, match=r"G0.*ENSG1"):
        gv.tl.enrich(PANEL[:3], {"a": ["ENSG1", "ENSG2"]}, background=PANEL)
    with pytest.raises(UsageError, match="NOPE"):
        gv.tl.enrich(["G1", "NOPE"], SETS, background=PANEL)
    with pytest.raises(UsageError, match="one name"):
        gv.tl.enrich("G1", SETS, background=PANEL)
    with pytest.raises(UsageError, match="at least one"):
        gv.tl.enrich([], SETS, background=PANEL)
