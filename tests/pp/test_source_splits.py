"""Property 21: no patient on both sides, and nothing made from a held-out row is trained on."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest

from genviz import datasets, pp
from genviz._errors import DataError, MissingKeyError
from genviz._settings import settings
from genviz.pp.source_splits import refuse_held_out, split_of_sources


@pytest.fixture
def tiles(monkeypatch):
    monkeypatch.setattr(settings, "progress", False)
    return datasets.phantom("bulk", n_profiles=8, tiles_per_profile=2, n_genes=4, size_px=32)


def made_from(names) -> anndata.AnnData:
    obs = pd.DataFrame({"source": names}, index=[f"g{i}" for i in range(len(names))])
    return anndata.AnnData(np.zeros((len(names), 1)), obs=obs)


def test_no_patient_is_on_both_sides(tiles):
    pp.split(tiles, group_key="patient", test=0.25, val=0.25, seed=1)
    assert (tiles.obs.groupby("patient", observed=True)["split"].nunique() == 1).all()
    assert set(tiles.obs["split"]) == {"train", "val", "test"}


def test_generated_rows_follow_their_source(tiles):
    pp.split(tiles, group_key="patient", test=["B2"])
    split = split_of_sources(made_from(["B1#0", "B2#1", "B3#0"]), tiles)
    assert list(split) == ["train", "test", "train"]
    refuse_held_out(made_from(["B1#0", "B3#1"]), tiles)
    with pytest.raises(DataError, match=r"1 of 3 come from held-out ones \(test\): 'g1'"):
        refuse_held_out(made_from(["B1#0", "B2#1", "B3#0"]), tiles)


def test_slides_of_one_patient_in_two_splits_are_refused(tiles):
    tiles.obs["split"] = ["train", "test"] * 8
    with pytest.raises(DataError, match="straddle"):
        split_of_sources(made_from(["B1#0"]), tiles)


def test_what_is_missing_is_said(tiles):
    with pytest.raises(MissingKeyError, match="split"):
        split_of_sources(made_from(["B1#0"]), tiles)
    pp.split(tiles, group_key="patient", test=["B2"])
    with pytest.raises(DataError, match="1 rows come from others: 'X9'"):
        split_of_sources(made_from(["B1#0", "X9"]), tiles)
