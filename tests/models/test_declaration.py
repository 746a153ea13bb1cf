"""What a model reads is on record in the rows."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

from genviz._errors import DataError, MissingKeyError
from genviz.models.declaration import declare, declared, rows_to_train_on


def test_declarations_of_two_models_stand_side_by_side():
    adata = ad.AnnData(np.zeros((2, 1)))
    declare(adata, "one", {"genes": ["a"]})
    declare(adata, "two", {"label_key": "organ"})
    assert declared(adata, "one", "One") == {"genes": ["a"]}
    assert declared(adata, "two", "Two") == {"label_key": "organ"}


def test_rows_without_a_declaration_say_how_to_make_one():
    with pytest.raises(MissingKeyError, match=r"gv\.models\.One\.setup_anndata\(adata\)"):
        declared(ad.AnnData(np.zeros((2, 1))), "one", "One")


def test_rows_to_train_on_are_the_marked_ones_or_all():
    adata = ad.AnnData(np.zeros((3, 1)))
    assert rows_to_train_on(adata, "part").tolist() == [True, True, True]
    adata.obs["part"] = ["val", "train", "test"]
    assert rows_to_train_on(adata, "part").tolist() == [False, True, False]
    adata.obs["part"] = [None, "test", "val"]
    with pytest.raises(DataError, match=r"obs\['part'\] == 'train'; got none"):
        rows_to_train_on(adata, "part")
