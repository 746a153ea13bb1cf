"""HER2ST as AnnData, from the real files."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import datasets, io
from genviz._errors import UsageError
from genviz._keys import Obs, Obsm, Uns
from genviz.io.spots.st_tables import read_count_table


@pytest.fixture(autouse=True)
def _data(request, monkeypatch):
    if "her2st_dir" in request.fixturenames:
        monkeypatch.setenv("GENVIZ_DATA", str(request.getfixturevalue("her2st_dir").parent))


@pytest.fixture(scope="module")
def tables(her2st_dir):
    return {name: read_count_table(her2st_dir / "ST-cnts" / f"{name}.tsv.gz") for name in ("A1", "C3")}


@pytest.fixture(scope="module")
def two(her2st_dir):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENVIZ_DATA", str(her2st_dir.parent))
        return datasets.her2st(["A1", "C3"], images=False)


def test_rows_are_named_and_belong_to_patients(two):
    library, patient = two.obs[Obs.LIBRARY], two.obs[Obs.PATIENT]
    assert list(library.cat.categories) == ["A1", "C3"] and list(patient.cat.categories) == ["A", "C"]
    assert (patient.astype(str) == library.astype(str).str[0]).all()
    expected = [
        f"{s}_{x}x{y}" for s, x, y in zip(library, two.obs[Obs.ARRAY_X], two.obs[Obs.ARRAY_Y], strict=True)
    ]
    assert list(two.obs_names) == expected
    assert (library == "A1").sum() == 346


def test_counts_are_joined_by_name_and_absent_genes_are_zero(two, tables):
    for name, table in tables.items():
        rows = two[two.obs[Obs.LIBRARY] == name]
        spots = [row.removeprefix(f"{name}_") for row in rows.obs_names]
        expected = table.matrix[table.spots.get_indexer(spots)].toarray()
        np.testing.assert_array_equal(rows[:, list(table.genes)].X.toarray(), expected)
        others = two.var_names.difference(table.genes)
        assert len(others) and not rows[:, others].X.toarray().any()
    assert set(two.var_names) == set(tables["A1"].genes) | set(tables["C3"].genes)


def test_spots_without_counts_are_left_out(two, her2st_dir):
    listed = len((her2st_dir / "ST-spotfiles" / "C3_selection.tsv").read_text().splitlines()) - 1
    assert (two.obs[Obs.LIBRARY] == "C3").sum() == listed - 2


def test_labels_stay_with_the_section_that_has_them(two):
    labelled = two.obs[Obs.LABEL].notna()
    assert labelled[two.obs[Obs.LIBRARY] == "A1"].all() and not labelled[two.obs[Obs.LIBRARY] == "C3"].any()
    assert "invasive cancer" in set(two.obs[Obs.LABEL].dropna())


def test_each_section_has_its_own_resolution(two):
    assert two.uns[Uns.SPATIAL]["A1"][Uns.MPP] == pytest.approx(0.916, abs=0.005)
    assert two.uns[Uns.SPATIAL]["C3"][Uns.MPP] == pytest.approx(0.68, abs=0.03)


def test_genes_are_those_asked_for_in_their_order(her2st_dir):
    genes = datasets.panel("genes_genar200")[::-1]
    for sections in (["C3"], ["C3", "A1"]):
        assert list(datasets.her2st(sections, images=False, genes=genes).var_names) == list(genes)


def test_a_gene_that_nobody_knows_is_said(her2st_dir):
    with pytest.warns(UserWarning, match="1 genes.*GENEX.*spelled"):
        rows = datasets.her2st("C3", images=False, genes=["ERBB2", "GENEX"])
    assert rows[:, "GENEX"].X.sum() == 0 and rows[:, "ERBB2"].X.sum() > 0


def test_one_section_keeps_its_names(her2st_dir):
    whole, some = datasets.her2st("C3", images=False), datasets.her2st("C3", images=False, genes=["ERBB2"])
    assert list(whole.obs_names) == list(some.obs_names)
    assert all("x" in name and "_" not in name for name in whole.obs_names)
    assert whole.obs[Obs.PATIENT].tolist() == ["C"] * whole.n_obs


def test_images_are_found(her2st_dir):
    rows = datasets.her2st(["C5"])
    assert io.slide_of(rows, "C5").path == her2st_dir / "ST-imgs" / "C" / "C5" / "5714_HE_BT_E1.jpg"
    assert Uns.HIRES in rows.uns[Uns.SPATIAL]["C5"][Uns.IMAGES]


def test_the_phantom_has_the_form_of_real_sections(her2st_dir):
    real, phantom = datasets.her2st(["C5"]), datasets.phantom(n_sections=1, grid=(5, 5), mpp=2.0)
    assert set(real.obs) <= set(phantom.obs)
    for column in set(real.obs):
        assert real.obs[column].dtype.kind == phantom.obs[column].dtype.kind, column
    first, second = real.uns[Uns.SPATIAL]["C5"], phantom.uns[Uns.SPATIAL]["P1"]
    assert set(first) == set(second)
    for part in (Uns.SCALEFACTORS, Uns.METADATA, Uns.IMAGES):
        assert set(first[part]) == set(second[part])
    assert type(real.X) is type(phantom.X) and real.X.dtype == phantom.X.dtype
    assert real.obsm[Obsm.SPATIAL].dtype == phantom.obsm[Obsm.SPATIAL].dtype


def test_no_section_and_no_such_section_are_refused():
    with pytest.raises(UsageError, match="at least one section"):
        datasets.her2st([])
    with pytest.raises(UsageError, match="got 'C9'"):
        datasets.her2st(["C2", "C9"])
