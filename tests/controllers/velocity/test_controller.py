"""Trajectories behind the view: what is drawn, what null arrows are, and what damaged results get as an answer."""

from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pytest

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz.controllers.velocity.controller import VelocityPaths
from tests.controllers.velocity_cases import paths


def test_all_models_begin_at_the_same_noise_and_end_where_the_result_says():
    adata = paths()
    found = VelocityPaths(adata)
    assert found.names == ["model", "vanilla"] and found.controls == ["none", "shuffled", "others"]
    assert np.array_equal(found.start_N2, adata.obsm["velocity_start"])
    assert np.array_equal(found.paths[1].end_N2, adata.obsm["velocity_end_vanilla"])
    assert found.default_colour == "organ"
    assert found.columns()[0].name == "organ" and found.columns()[-1].internal


def test_shuffled_arrows_end_at_the_ends_of_other_rows_the_same_for_all_models():
    found = VelocityPaths(paths())
    assert sorted(found.dealt_N) == list(range(60)) and (found.dealt_N != np.arange(60)).all()
    for i, name in enumerate(found.names):
        assert np.array_equal(found.null_ends(name, "shuffled"), found.paths[i].end_N2[found.dealt_N])
    assert np.array_equal(VelocityPaths(paths()).dealt_N, found.dealt_N)
    with pytest.raises(UsageError, match="null arrows of shuffled, others"):
        found.null_ends("model", "none")


def test_tiles_belong_to_their_rows_and_frames():
    found = VelocityPaths(paths())
    assert (found.tiles.real([7, 3])[:, 0, 0, 0] == [7, 3]).all()
    along = found.tiles.along("vanilla", [5])
    assert (
        along.shape == (1, 3, 16, 16, 3)
        and (along[0, :, 0, 0] == [[0, 0, 240], [0, 80, 240], [0, 160, 240]]).all()
    )
    assert found.tiles.shares == [0.0, 0.5, 1.0] and found.tiles.told() == ""


def test_without_tiles_the_view_says_what_makes_them():
    adata = paths(frames=0)
    del adata.obsm["tiles"]
    found = VelocityPaths(adata)
    assert found.tiles.real([0]) is None and found.tiles.along("model", [0]) is None
    assert "gv.pp.tile" in found.tiles.told() and "frames=5" in found.tiles.told()


def test_rows_without_a_place_are_counted_not_drawn():
    adata = paths()
    adata.obsm["velocity_end_vanilla"][4, 0] = np.nan
    found = VelocityPaths(adata)
    assert not found.drawn_N[4] and found.drawn_N.sum() == 59
    assert found.dealt_N[4] == 4 and 4 not in np.delete(found.dealt_N, 4)
    adata.obsm["velocity_start"][:] = np.nan
    with pytest.raises(DataError, match="no row has any"):
        VelocityPaths(adata)


def test_one_row_has_no_shuffled_arrows():
    found = VelocityPaths(paths()[:1].copy())
    assert found.controls == ["none", "others"] and found.dealt_N.tolist() == [0]
    assert found.colours("organ").code_N.tolist() == [0]
    assert found.colours("reads").low == found.colours("reads").high == 0.0


@pytest.mark.parametrize("made", [ad.AnnData(np.zeros((3, 2))), paths()[:, []].copy()[[], :].copy()])
def test_what_is_no_result_is_refused(made):
    with pytest.raises((MissingKeyError, DataError), match=r"gv.tl.velocity\(model, adata\)"):
        VelocityPaths(made)


def test_damaged_results_are_refused():
    with pytest.raises(UsageError, match="an AnnData; got a dict"):
        VelocityPaths({})
    adata = paths()
    with pytest.raises(MissingKeyError, match="pass key='velocity'"):
        VelocityPaths(adata, "drift")
    del adata.obsm["velocity_end_vanilla"]
    with pytest.raises(MissingKeyError, match="velocity_end_vanilla"):
        VelocityPaths(adata)
    adata = paths()
    adata.obsm["velocity_end"] = np.zeros((60, 3))
    with pytest.raises(DataError, match=r"\(n_obs, 2\)"):
        VelocityPaths(adata)
    adata = paths()
    adata.uns["genviz"]["velocity"] = "{"
    with pytest.raises(DataError, match="damaged"):
        VelocityPaths(adata)
    adata.uns["genviz"]["velocity"] = json.dumps([1])
    with pytest.raises(DataError, match="record"):
        VelocityPaths(adata)
    with pytest.raises(MissingKeyError, match="stage"):
        VelocityPaths(paths()).colours("stage")
    with pytest.raises(UsageError, match="name of a row"):
        VelocityPaths(paths()).row("r99")


def test_older_results_without_nulls_and_frames_can_be_seen():
    adata = paths(frames=0)
    for name in ("", "_vanilla"):
        del adata.obsm[f"velocity_null{name}"], adata.obs[f"velocity_agreement{name}"]
    old = json.loads(adata.uns["genviz"]["velocity"])
    kept = {name: value for name, value in old.items() if name not in ("gains", "arrows", "frames")}
    adata.uns["genviz"]["velocity"] = json.dumps(kept)
    found = VelocityPaths(adata)
    assert found.controls == ["none", "shuffled"] and found.agreement("model") is None
    assert found.findings and found.tiles.shares == []
