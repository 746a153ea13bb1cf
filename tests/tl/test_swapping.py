"""tl.swap_tokens: pairs of rows by name."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import tl
from genviz._errors import UsageError
from tests.models.pathar.tile_cases import tiles, trained


def test_pairs_are_swapped_as_the_model_does():
    adata = tiles()
    names = adata.obs_names.tolist()
    model = trained()
    swapped = tl.swap_tokens(model, adata, [(names[0], names[1]), (names[0], names[2])])
    assert swapped.obs_names.tolist() == [f"{names[0]}+{names[1]}", f"{names[0]}+{names[2]}"]
    assert swapped.obs["source"].tolist() == [f"{names[0]}|{names[1]}", f"{names[0]}|{names[2]}"]
    direct = model.swap(adata[[names[0]]], adata[[names[2]]])
    np.testing.assert_array_equal(swapped.obsm["pathar"][1], direct.obsm["pathar"][0])


def test_every_ordered_pair_is_the_default():
    adata = tiles()[:3].copy()
    assert tl.swap_tokens(trained(), adata).n_obs == 6


def test_rows_that_carry_tokens_need_no_tiles():
    made = trained().generate("dark", n=2, seed=0)
    swapped = tl.swap_tokens(trained(), made)
    np.testing.assert_array_equal(swapped.obsm["structure_tokens"], made.obsm["structure_tokens"])


def test_names_that_are_no_rows_and_too_many_rows_are_refused():
    adata = tiles()
    with pytest.raises(UsageError, match="got nobody"):
        tl.swap_tokens(trained(), adata, [(adata.obs_names[0], "nobody")])
    with pytest.raises(UsageError, match="no pairs"):
        tl.swap_tokens(trained(), adata, [])
    with pytest.raises(UsageError, match="2 to 12 rows"):
        tl.swap_tokens(trained(), tiles(n=7))
