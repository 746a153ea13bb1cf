"""io.library: which section a row belongs to, and what is known about it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from genviz._errors import DataError, MissingKeyError
from genviz.io.library import (
    entry_of,
    libraries,
    library_of_rows,
    make_entry,
    mpp_of,
    positions,
    read_records,
    write_record,
)


def rows(**libraries) -> AnnData:
    names = [name for name, n in libraries.items() for _ in range(n)]
    adata = AnnData(np.zeros((len(names), 1), np.float32))
    adata.obs["library_id"] = pd.Categorical(names)
    adata.obsm["spatial"] = np.arange(2.0 * len(names)).reshape(-1, 2)
    adata.uns["spatial"] = {n: make_entry(mpp=0.5, spot_diameter_um=100.0, pitch_um=200.0) for n in libraries}
    return adata


def test_entry_has_squidpys_keys_and_the_resolution():
    entry = make_entry(mpp=0.5, spot_diameter_um=55.0)
    assert entry["scalefactors"]["spot_diameter_fullres"] == 110.0
    assert entry["mpp"] == 0.5
    assert entry["images"] == {}
    assert "pitch_um" not in entry


def test_sections_in_order_of_appearance():
    adata = rows(b=2, a=1)
    assert libraries(adata) == ["b", "a"]
    assert list(library_of_rows(adata)) == ["b", "b", "a"]


def test_one_section_needs_no_column():
    adata = rows(only=3)
    del adata.obs["library_id"]
    assert libraries(adata) == ["only"]
    adata.uns["spatial"]["other"] = {}
    with pytest.raises(MissingKeyError, match="names 2 sections"):
        libraries(adata)


def test_a_row_without_section_is_named():
    adata = rows(a=3)
    adata.obs.loc["1", "library_id"] = np.nan
    with pytest.raises(DataError, match="1 have none, '1'"):
        library_of_rows(adata)


def test_resolution():
    adata = rows(a=1)
    assert mpp_of(adata, "a") == 0.5
    adata.uns["spatial"]["a"]["mpp"] = -1.0
    with pytest.raises(DataError, match="above 0"):
        mpp_of(adata, "a")
    del adata.uns["spatial"]["a"]["mpp"]
    with pytest.raises(MissingKeyError, match="mpp="):
        mpp_of(adata, "a")
    with pytest.raises(MissingKeyError, match="'zzz'"):
        entry_of(adata, "zzz")


def test_positions_are_two_finite_columns():
    adata = rows(a=3)
    assert positions(adata).dtype == np.float64
    adata.obsm["spatial"][1, 0] = np.nan
    with pytest.raises(DataError, match="1 rows have none: '1'"):
        positions(adata)
    adata.obsm["spatial"] = np.zeros((3, 3))
    with pytest.raises(DataError, match=r"got \(3, 3\)"):
        positions(adata)
    del adata.obsm["spatial"]
    with pytest.raises(MissingKeyError):
        positions(adata)


def test_records_are_one_json_string():
    adata = rows(a=1)
    assert read_records(adata) == {}
    write_record(adata, "a", {"reader": "x", "names": ["1", "2"]})
    write_record(adata, "b", {"reader": "y"})
    assert isinstance(adata.uns["genviz"]["reader"], str)
    assert read_records(adata) == {"a": {"reader": "x", "names": ["1", "2"]}, "b": {"reader": "y"}}
