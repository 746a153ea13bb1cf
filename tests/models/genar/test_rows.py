"""Rows on their way in: positions in micrometres, finite features, made as in training."""

from __future__ import annotations

import json

import numpy as np
import pytest

from genviz._errors import DataError, MissingKeyError
from genviz.models.genar.rows import check_recipe, feature_recipe, rows_of
from tests.models.genar.cases import tissue

RECIPE = {
    "name": "uni", "version": 1, "weights_sha256": "ab", "mpp": 0.5, "ring": "mean", "pitch_um": 200.0,
    "stain": "macenko", "n_features": 6, "names_digest": "cd",
}  # fmt: skip


def embedded(**changes):
    adata = tissue(8)
    record = RECIPE | {"slides": {"S0": {"sha256": "11"}}, "names": ["f"]} | changes
    adata.uns["genviz"] = {"features": {"morphology": json.dumps(record)}}
    return adata


def test_positions_are_in_micrometres_of_their_section():
    adata = tissue(8)
    adata.uns["spatial"]["S1"]["mpp"] = 2.0
    rows = rows_of(adata, "X_morphology")
    scale = np.where(adata.obs["library_id"] == "S1", 2.0, 0.7)
    np.testing.assert_allclose(rows.xy_N2, adata.obsm["spatial"] * scale[:, None], rtol=1e-6)
    assert rows.features_NF.dtype == rows.xy_N2.dtype == np.float32
    part = rows.take(np.array([5, 2]))
    assert len(part) == 2 and list(part.names) == [adata.obs_names[5], adata.obs_names[2]]


def test_rows_that_cannot_be_used_are_named():
    adata = tissue(8)
    adata.obsm["X_morphology"][3, 2] = np.inf
    with pytest.raises(
        DataError, match=rf"1 rows have NaN or infinity: '{adata.obs_names[3]}'.*embed them again"
    ):
        rows_of(adata, "X_morphology")
    with pytest.raises(MissingKeyError, match=r"obsm\['X_uni'\], found .*X_morphology.*gv.pp.embed"):
        rows_of(tissue(8), "X_uni")
    with pytest.raises(DataError, match="Is the section empty"):
        rows_of(tissue(8)[:0].copy(), "X_morphology")


def test_the_recipe_leaves_out_what_belongs_to_single_slides():
    assert feature_recipe(embedded(), "X_morphology") == RECIPE
    assert feature_recipe(tissue(8), "X_morphology") == {}


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("name", "morphology"), ("version", 2), ("weights_sha256", "ff"), ("mpp", 0.7), ("ring", "each"),
        ("pitch_um", 100.0), ("stain", "none"), ("names_digest", "ee"),
    ],
)  # fmt: skip
def test_features_of_another_making_are_refused(name, other):
    given = feature_recipe(embedded(**{name: other}), "X_morphology")
    with pytest.raises(DataError, match=rf"differ in {name}: {RECIPE[name]!r} in training, {other!r} here"):
        check_recipe(RECIPE, given, 6, 6)


def test_the_number_of_features_is_compared_first():
    with pytest.raises(DataError, match=r"6 features a row, as in training \(uni\); got 9. Embed these rows"):
        check_recipe(RECIPE, RECIPE, 6, 9)


def test_the_same_recipe_and_features_without_one_pass():
    check_recipe(RECIPE, dict(RECIPE), 6, 6)
    check_recipe(RECIPE, {}, 6, 6)
    check_recipe({}, RECIPE, 6, 6)
