"""Lazy arrays are written block by block."""

from __future__ import annotations

import dask.array as da
import h5py
import numpy as np
from anndata import AnnData

from genviz.io.files.h5_chunks import write_in_blocks
from genviz.io.h5ad import load_h5ad
from tests.io.conftest import assert_same


def test_chunks_are_blocks(tmp_path):
    pixels = np.arange(5 * 40 * 30 * 3, dtype=np.uint8).reshape(5, 40, 30, 3)
    adata = AnnData(shape=(5, 0))
    adata.obsm["tiles"] = da.from_array(pixels, chunks=(1, 40, 30, 3))
    adata.obsm["other"] = pixels[:, 0, :, 0]
    with h5py.File(tmp_path / "x.h5ad", "w") as file:
        write_in_blocks(file, adata, {"compression": "gzip"})
        assert file["obsm/tiles"].chunks == (1, 40, 30, 3) and file["obsm/tiles"].compression == "gzip"
    back = load_h5ad(tmp_path / "x.h5ad")
    adata.obsm["tiles"] = pixels
    assert_same(back, adata)
