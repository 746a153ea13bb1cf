"""var["panel"]: from a list, or chosen on training rows alone."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from genviz import pp
from genviz._errors import DataError, UsageError
from genviz._keys import Layers, Obs, Var


@pytest.fixture
def rows() -> ad.AnnData:
    """Three sections; genes V* vary between spots, H* are high and flat, R* rare, S* miss in section B."""
    rng = np.random.default_rng(0)
    genes = [f"{kind}{i}" for kind in "VHRS" for i in range(20)]
    mean = np.exp(rng.uniform(1.5, 3.5, 80)) * np.repeat([1.0, 1.5, 0.001, 1.0], 20)
    rate = np.tile(mean, (90, 1))
    rate[:, :20] *= np.exp(rng.normal(0, 1, (90, 20)))
    rate[:, 60:] *= np.exp(rng.normal(0, 1, (90, 20)))
    sections = np.repeat(["A", "B", "C"], 30)
    rate[30:60, 60:] = 0
    obs = pd.DataFrame({Obs.LIBRARY: sections}, index=[f"{s}_{i}" for i, s in enumerate(sections)])
    return ad.AnnData(rng.poisson(rate).astype(np.float32), obs=obs, var=pd.DataFrame(index=genes))


def chosen(adata: ad.AnnData) -> set[str]:
    return set(adata.var_names[adata.var[Var.PANEL]])


def test_high_and_variable_in_every_section(rows: ad.AnnData) -> None:
    pp.select_genes(rows, 20)
    assert rows.var[Var.PANEL].dtype == bool
    assert len(chosen(rows)) == 20
    assert len([g for g in chosen(rows) if g.startswith("V")]) >= 18
    assert not [g for g in chosen(rows) if g[0] in "RS"]
    assert pp.panel_of(rows) == [g for g in rows.var_names if g in chosen(rows)]


def test_flavours(rows: ad.AnnData) -> None:
    pp.select_genes(rows, 5, flavour="expressed")
    totals = dict(zip(rows.var_names, rows.X.sum(axis=0), strict=True))
    assert chosen(rows) == set(sorted((g for g in totals if g[0] in "VH"), key=totals.get)[-5:])
    pp.select_genes(rows, 60, flavour="variable")
    assert len(chosen(rows)) == 60
    with pytest.raises(UsageError, match="flavour"):
        pp.select_genes(rows, 5, flavour="seurat")


def test_held_out_rows_do_not_choose(rows: ad.AnnData) -> None:
    pp.split(rows, test=["C"])
    pp.select_genes(rows, 20)
    before = chosen(rows)
    rows.X[60:] = np.random.default_rng(1).poisson(3.0, (30, 80))[:, ::-1]
    pp.select_genes(rows, 20)
    assert chosen(rows) == before
    del rows.obs[Obs.SPLIT]
    pp.select_genes(rows, 20)
    assert chosen(rows) != before


def test_too_few_genes_is_said(rows: ad.AnnData) -> None:
    with pytest.raises(DataError, match=r"Expected 60 genes detected in 10% .*; 40 are"):
        pp.select_genes(rows, 60)


def test_given_panels(rows: ad.AnnData, tmp_path: Path) -> None:
    pp.select_genes(rows, panel=["V3", "H1"])
    assert chosen(rows) == {"V3", "H1"}
    (tmp_path / "panel.txt").write_text("# mine\nR5\r\n\nV3\n")
    pp.select_genes(rows, panel=tmp_path / "panel.txt")
    assert chosen(rows) == {"V3", "R5"}
    with pytest.raises(DataError, match="2 are absent from the data: 'NOPE', 'NADA'"):
        pp.select_genes(rows, panel=["V3", "NOPE", "NADA"])
    with pytest.raises(DataError, match="occur more than once: 'V3'"):
        pp.select_genes(rows, panel=["V3", "H1", "V3"])
    with pytest.raises(DataError, match="empty"):
        pp.select_genes(rows, panel=[])
    with pytest.raises(UsageError, match="nothing is there"):
        pp.select_genes(rows, panel=tmp_path / "absent.txt")


def test_counts_layer_is_read_and_X_left_alone(rows: ad.AnnData) -> None:
    pp.select_genes(rows, 20)
    expected = chosen(rows)
    rows.layers[Layers.COUNTS] = rows.X.copy()
    rows.X = np.log1p(rows.X)
    before = rows.X.copy()
    pp.select_genes(rows, 20)
    assert chosen(rows) == expected
    np.testing.assert_array_equal(rows.X, before)


def test_real_sections_give_tissue_genes(her2st_dir: Path, her2st_rows: dict) -> None:
    from genviz import io

    rows = io.concat_sections({name: her2st_rows[name] for name in ("C2", "C3")})
    pp.select_genes(rows, panel=her2st_dir / "genes_genar200.txt")
    assert rows.var[Var.PANEL].sum() == 200
    pp.select_genes(rows, 200)
    ours = set(pp.panel_of(rows))
    assert {"COL1A1", "CD74", "C1QA", "APOE", "DCN"} <= ours
    assert len(ours & set((her2st_dir / "genes_hvg200_C2-C5.txt").read_text().split())) > 50
