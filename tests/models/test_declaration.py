"""What a model reads is on record in the rows."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

from genviz._errors import MissingKeyError
from genviz.models.declaration import declare, declared


def test_declarations_of_two_models_stand_side_by_side():
    adata = ad.AnnData(np.zeros((2, 1)))
    declare(adata, "one", {"genes": ["a"]})
    declare(adata, "two", {"label_key": "organ"})
    assert declared(adata, "one", "One") == {"genes": ["a"]}
    assert declared(adata, "two", "Two") == {"label_key": "organ"}


def test_rows_without_a_declaration_say_how_to_make_one():
    with pytest.raises(MissingKeyError, match=r"gv\.models\.One\.setup_anndata\(adata\)"):
        declared(ad.AnnData(np.zeros((2, 1))), "one", "One")
