"""pl.pairs and pl.pair_strips: tiles in strips, nuclei outlined, made images named synthetic."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import pl
from genviz._errors import MissingKeyError
from genviz.pl.contrast import NOTE, stretched
from genviz.pl.pair_strips import OUTLINE, strip
from tests.models.pathar.tile_cases import tiles, trained


def test_a_strip_outlines_nuclei_inside_themselves():
    tile, mask = np.zeros((1, 8, 8, 3), np.uint8), np.zeros((1, 8, 8), np.uint16)
    mask[0, 2:5, 2:5] = 1
    pixels = strip(tile, mask, scale=2)
    drawn = (pixels == OUTLINE).all(axis=-1)
    assert pixels.shape == (16, 16, 3)
    assert (
        drawn[4:10, 4:10].sum() == drawn.sum() == 4 * 8
    )  # eight pixels of the tile: a ring around its middle
    assert not tile.any()
    assert not strip(tile, None).any()


def test_tiles_stand_side_by_side():
    pixels = strip(np.full((3, 4, 4, 3), 7, np.uint8), scale=1)
    assert pixels.shape == (4, 3 * 4 + 2 * 4, 3)
    assert (pixels[:, :4] == 7).all()
    assert (pixels[:, 4:8] == 255).all()


def test_made_images_are_named_synthetic_and_real_ones_not():
    figure = pl.pairs({"real": tiles(), "made": trained().generate("dark", n=2, seed=0)}, title="Pairs")
    texts = [note.text for note in figure.layout.annotations]
    assert [("synthetic" in text) for text in texts] == [False, True]
    assert len(figure.layout.images) == 2
    assert figure.layout.title.text == "Pairs"


def test_dim_grey_tiles_are_stretched_and_coloured_ones_are_not():
    tile = np.zeros((3, 20, 20, 3), np.uint8)
    tile[0, :5], tile[1, :5] = 51, 3  # dim; nearly empty
    tile[2, :5] = (120, 60, 90)
    before = tile.copy()
    seen, brighter = stretched(tile)
    assert brighter and (tile == before).all()
    assert seen[0].max() == 255 and (seen[0][5:] == 0).all()
    assert seen[1].max() == 24  # eightfold at most
    assert (seen[2] == tile[2]).all()
    assert not stretched(tile[2:])[1]


def test_a_strip_that_was_stretched_says_so():
    adata = tiles()
    grey = np.full_like(adata.obsm["tiles"], 10)
    grey[:, 2:9, 2:9] = 60
    adata.obsm["tiles"] = grey
    for stretch in (True, False):
        (note,) = pl.pairs({"dim": adata}, stretch=stretch).layout.annotations
        assert (NOTE in note.text) == stretch


def test_one_object_is_one_strip():
    assert len(pl.pairs(tiles(), n=2, outlines=False).layout.images) == 1


def test_rows_without_images_say_how_to_get_some():
    adata = tiles()
    del adata.obsm["tiles"]
    with pytest.raises(MissingKeyError, match=r"gv\.pp\.crops"):
        pl.pairs(adata)
