"""Tiles from windows: keyed by row and view, as large as asked for, whatever else is in memory."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Obs, Obsm
from genviz.models.genevar.tile_windows import (
    WindowBatches,
    centre_tiles,
    joined,
    view_tiles,
    windows_of,
)
from tests.models.genevar.training.cases import windows


def rows(side: int = 40, n: int = 5) -> ad.AnnData:
    found = windows(n, side)
    adata = ad.AnnData(obs=pd.DataFrame({"slide": list(found.slides)}, index=list(found.names)))
    adata.obsm[Obsm.TILES] = found.images_NSS3
    return adata


def test_a_view_belongs_to_its_row():
    found = windows()
    whole = view_tiles(found, range(len(found)), 3, 32, 0)
    assert whole.shape == (16, 32, 32, 3)
    assert np.array_equal(view_tiles(found, [7, 2], 3, 32, 0), whole[[7, 2]])
    both = joined([windows(4, seed=9, prefix="x"), found])
    assert np.array_equal(view_tiles(both, [4 + 7], 3, 32, 0)[0], whole[7])
    assert not np.array_equal(view_tiles(found, [7], 4, 32, 0)[0], whole[7])
    assert not np.array_equal(view_tiles(found, [7], 3, 32, 1)[0], whole[7])


def test_batches_are_those_of_their_epoch():
    batches = WindowBatches(windows(), 32, batch_size=4, per_epoch=12, seed=0)
    first = [x for (x,) in batches]
    assert len(first) == len(batches) == 3
    assert first[0].shape == (4, 3, 32, 32)
    assert first[0].min() >= -1
    batches.set_epoch(1)
    assert not any((a == b).all() for a, (b,) in zip(first, batches, strict=True))
    batches.set_epoch(0)
    assert all((a == b).all() for a, (b,) in zip(first, batches, strict=True))


def test_windows_of_stored_tiles():
    found = windows_of(rows(), 32, slide_key="slide")
    assert (len(found), found.side) == (5, 40)
    assert found.slides == ("s0", "s1", "s0", "s1", "s0")
    assert found.libraries == ("",) * 5
    assert found.slide_numbers().tolist() == [0, 1, 0, 1, 0]
    middle = centre_tiles(found, [1], 32)
    assert np.array_equal(middle[0], found.images_NSS3[1, 4:36, 4:36])


def test_the_digest_knows_pixels_and_names():
    found = windows_of(rows(), 32, slide_key="slide")
    assert found.digest() == windows_of(rows(), 32, slide_key="slide").digest()
    assert found.digest() != windows_of(rows(), 32).digest()
    other = rows()
    other.obsm[Obsm.TILES][0, 0, 0, 0] ^= 1
    assert found.digest() != windows_of(other, 32, slide_key="slide").digest()


def test_windows_that_cannot_serve_are_refused():
    with pytest.raises(DataError, match="at least 64 px"):
        windows_of(rows(), 64)
    with pytest.raises(DataError, match="there are none"):
        windows_of(rows()[:0], 32)
    with pytest.raises(DataError, match="one size"):
        joined([windows(2, 40), windows(2, 48)])
    with pytest.raises(MissingKeyError, match="slide of each row"):
        windows_of(rows(), 32, slide_key=Obs.PATIENT)
    grey = rows()
    grey.obsm[Obsm.TILES] = grey.obsm[Obsm.TILES].astype(np.float32)
    with pytest.raises(DataError, match="uint8"):
        windows_of(grey, 32)
