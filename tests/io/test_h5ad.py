"""io.h5ad: files that travel, and files that arrive broken."""

from __future__ import annotations

import shutil
import warnings

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from genviz._errors import DataError, FileFormatError, UsageError
from genviz.io import read_h5ad, read_st, slide_of, tiles, write_h5ad
from genviz.io.library import write_record
from genviz.pp.tiling import tile


@pytest.fixture
def section(st_files):
    adata = read_st(st_files.counts, st_files.spots, st_files.image, section="A1", labels=st_files.labels)
    tile(adata, 16)
    return adata


def read_quietly(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_h5ad(path)


def test_round_trip_is_equal(section, tmp_path, same):
    write_h5ad(section, tmp_path / "a.h5ad")
    same(read_quietly(tmp_path / "a.h5ad"), section)


def test_views_and_prediction_rows_round_trip(section, st_files, tmp_path, same):
    for name, adata in (("view", section[5:20, ::2]), ("spots", read_st(None, st_files.spots, section="A1"))):
        path = write_h5ad(adata, tmp_path / f"{name}.h5ad")
        same(read_quietly(path), adata.copy())


def test_writing_does_not_change_the_object(section, tmp_path, same):
    before = section.copy()
    write_h5ad(section, tmp_path / "a.h5ad")
    same(section, before)


def test_raw_and_layers_are_written(section, tmp_path):
    section.layers["counts"] = section.X.copy()
    section.raw = section.copy()
    back = read_quietly(write_h5ad(section, tmp_path / "a.h5ad"))
    np.testing.assert_array_equal(back.raw.X.toarray(), section.X.toarray())
    np.testing.assert_array_equal(back.layers["counts"].toarray(), section.X.toarray())


def test_the_image_is_recorded_relative_and_travels_with_the_file(section, tmp_path):
    (tmp_path / "here" / "out").mkdir(parents=True)
    shutil.copy(section.uns["spatial"]["A1"]["metadata"]["source_image_path"], tmp_path / "here" / "A1.png")
    section.uns["spatial"]["A1"]["metadata"]["source_image_path"] = str(tmp_path / "here" / "A1.png")
    write_h5ad(section, tmp_path / "here" / "out" / "a.h5ad")
    stored = anndata.read_h5ad(tmp_path / "here" / "out" / "a.h5ad").uns["spatial"]["A1"]["metadata"]
    assert stored["source_image_path"] == "../A1.png"
    shutil.move(tmp_path / "here", tmp_path / "there")
    back = read_quietly(tmp_path / "there" / "out" / "a.h5ad")
    assert slide_of(back).path == tmp_path / "there" / "A1.png"
    np.testing.assert_array_equal(
        tiles(back).compute(), tiles(section_at(back, tmp_path / "there" / "A1.png")).compute()
    )


def section_at(adata, path):
    other = adata.copy()
    other.uns["spatial"]["A1"]["metadata"]["source_image_path"] = str(path)
    return other


@pytest.mark.parametrize("keep", [0.0, 0.01, 0.5, 0.99])
def test_truncated_files(section, tmp_path, keep):
    path = write_h5ad(section, tmp_path / "a.h5ad")
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * keep)])
    with pytest.raises(FileFormatError, match=r"a\.h5ad.*again"):
        read_h5ad(path)


def test_absent_and_foreign_files(tmp_path):
    with pytest.raises(UsageError, match="nothing is there"):
        read_h5ad(tmp_path / "no.h5ad")
    (tmp_path / "text.h5ad").write_text("hello")
    with pytest.raises(FileFormatError):
        read_h5ad(tmp_path / "text.h5ad")
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "table.h5ad")
    with pytest.raises(FileFormatError):
        read_h5ad(tmp_path / "table.h5ad")


def test_what_breaks_the_contract_is_listed(section, tmp_path):
    section.var_names = ["G0"] * section.n_vars
    section.obsm["spatial"][3] = np.nan
    section.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(DataError, match=r"var_names.*obsm\['spatial'\]|obsm\['spatial'\].*var_names"):
        read_h5ad(tmp_path / "a.h5ad")


def test_what_may_mislead_is_warned_about_once(section, tmp_path):
    section.X = section.X.copy() * 0.5
    section.uns["spatial"]["A1"]["mpp"] = 1.0
    section.write_h5ad(tmp_path / "a.h5ad")
    with pytest.warns(UserWarning, match=r"not whole.*spot pitch|spot pitch.*not whole") as caught:
        read_h5ad(tmp_path / "a.h5ad")
    assert len(caught) == 1


def test_a_plain_matrix_is_welcome(tmp_path):
    AnnData(np.ones((3, 2), np.float32)).write_h5ad(tmp_path / "a.h5ad")
    assert read_quietly(tmp_path / "a.h5ad").shape == (3, 2)


def test_a_failed_write_leaves_the_old_file(section, tmp_path):
    path = write_h5ad(section, tmp_path / "a.h5ad")
    before = path.read_bytes()
    section.uns["bad"] = object()
    with pytest.raises(Exception, match=r"(?i)write|object|no method"):
        write_h5ad(section, path)
    assert path.read_bytes() == before
    assert not [entry for entry in tmp_path.iterdir() if "partial" in entry.name]


def test_records_survive(section, tmp_path):
    write_record(section, "A1", {"spots_without_counts": ["1x2"]})
    back = read_quietly(write_h5ad(section, tmp_path / "a.h5ad"))
    assert back.uns["genviz"]["reader"] == section.uns["genviz"]["reader"]
