"""Edits of tokens: what they are equal to, what they keep, what they refuse."""

from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pytest

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz.controllers.tokens.controller import TokenEdits
from genviz.io import read_h5ad, write_h5ad
from genviz.models.pathar.presets import preset
from tests.models.pathar.tile_cases import LABELS, SIDE, loaded_as, tiles, untrained

S, A = "structure_tokens", "appearance_tokens"
N = 16


@pytest.fixture(scope="module")
def model():
    fitted = untrained()
    fitted.facts["grey_labels"] = ["dark"]
    return loaded_as(fitted)


@pytest.fixture
def edits(model):
    return TokenEdits(model, tiles(2))


def same(card, row, stream=None):
    tokens = {S: card.structure_N, A: card.appearance_N}
    return all(np.array_equal(tokens[key], row.obsm[key][0]) for key in ([stream] if stream else (S, A)))


def test_whole_swaps_are_those_of_the_model(model, edits):
    p, q = tiles(2)["dark0"].copy(), tiles(2)["stained1"].copy()
    for matched in (False, True):
        expected = model.swap(p, q, matched=matched)
        edits.swap("dark0", "stained1", "appearance", matched=matched)
        card = edits.card("dark0")
        assert same(card, expected)
        picture = edits.picture(card)
        np.testing.assert_array_equal(picture.image_HW3, expected.obsm["pathar"][0])
        np.testing.assert_array_equal(picture.mask_HW, expected.obsm["pathar_mask"][0])
        assert card.label(model.fitted) == "stained"
        edits.undo()
    edits.swap("dark0", "stained1", "structure")
    assert same(edits.card("dark0"), model.swap(q, p))


def test_only_the_cells_of_a_stream_change(edits):
    start, other = edits.card("dark0"), edits.card("stained0")
    edits.swap("dark0", "stained0", "structure", cells=[0, 5, 5, 15])
    card, inside = edits.card("dark0"), np.isin(np.arange(N), [0, 5, 15])
    np.testing.assert_array_equal(card.structure_N, np.where(inside, other.structure_N, start.structure_N))
    np.testing.assert_array_equal(card.appearance_N, start.appearance_N)
    assert card.sources(edits.names) == ["dark0", "stained0"]
    assert edits.path()[-1]["cells"] == [0, 5, 15]
    edits.restore("dark0", cells=[5])
    assert edits.card("dark0").structure_N[5] == start.structure_N[5]
    edits.restore("dark0")
    assert edits.card("dark0").sources(edits.names) == ["dark0"]


def test_a_tile_may_be_grey_in_part(edits):
    edits.swap("dark0", "stained0", "appearance", cells=range(8))  # the upper half
    picture = edits.picture(edits.card("dark0"))
    apart = np.ptp(picture.image_HW3.astype(int), axis=-1)
    assert apart[: SIDE // 2].max() > 0 and apart[SIDE // 2 :].max() == 0
    assert picture.grey_N.tolist() == [False] * 8 + [True] * 8


def test_drawing_is_the_models_rendering_and_in_painting(model, edits):
    row = tiles(2)["dark0"].copy()
    edits.draw("dark0", label="stained", seed=3)
    assert same(edits.card("dark0"), model.render(row, "stained", seed=3))
    edits.undo()
    heard = []
    edits.draw("dark0", "both", [5, 6, 9], seed=4, heard=lambda k, n: heard.append(k / n))
    region = np.kron(np.isin(np.arange(N), [5, 6, 9]).reshape(4, 4), np.ones((SIDE // 4, SIDE // 4), bool))
    assert same(edits.card("dark0"), model.inpaint(row, region, seed=4))
    assert heard[0] == 0 and heard[-1] == 1
    together = edits.renderings(["dark0", "stained1"], seed=3)
    assert set(together) == {(t, label) for t in ("dark0", "stained1") for label in LABELS}
    assert same(together["dark0", "stained"], model.render(row, "stained", seed=3))


def test_a_stopped_drawing_changes_nothing(edits):
    def stop(k, n):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        edits.draw("dark0", heard=stop)
    assert edits.history.at == 0 and len(edits.history.steps) == len(edits.edits) == 1


def test_history_branches_and_tells(edits):
    told = []
    edits.changed.append(lambda: told.append(edits.history.at))
    edits.swap("dark0", "stained0", "appearance")
    edits.draw("dark0", cells=[1], seed=2)
    edits.undo()
    edits.swap("stained0", "dark0", "structure")  # a branch, of another tile
    assert [step.parent for step in edits.history.steps] == [None, 0, 1, 1]
    assert told == [1, 2, 1, 3]
    assert [edit["do"] for edit in edits.path()] == ["swap", "swap"]
    edits.go(2)
    assert [edit["do"] for edit in edits.path()] == ["swap", "draw"]
    assert edits.card("stained0", 3) is not edits.card("stained0")
    assert edits.undo() and edits.redo() and edits.history.at == 2


def test_a_long_edit_belongs_to_where_it_began(edits):
    def meanwhile(k, n):
        if k == 0:
            edits.swap("stained0", "dark0", "appearance")

    number = edits.draw("dark0", heard=meanwhile)
    assert edits.history.steps[number].parent == 0
    assert edits.card("stained0") is edits.card("stained0", 0)


def test_rows_say_how_to_make_them_again(model, edits, tmp_path):
    edits.swap("dark0", "stained0", "both", cells=range(6))
    edits.draw("dark0", "both", [8, 9], label="stained", seed=7)
    edits.keep("dark0")
    edits.keep("dark0")
    edits.keep("stained1", 0)
    rows = edits.rows()
    assert rows.obs_names.tolist() == ["dark0~2", "stained1~0"]
    assert rows.obs["source"].tolist() == ["dark0|stained0", "stained1"]
    record = json.loads(rows.uns["genviz"]["pathar"])
    assert record["synthetic"] and record["operation"] == "token_edits"
    steps = record["parameters"]["steps"]
    assert steps["stained1~0"] == []
    again = TokenEdits(model, tiles(2))
    again.replay(steps["dark0~2"])
    assert same(again.card("dark0"), rows["dark0~2"])
    write_h5ad(rows, tmp_path / "rows.h5ad")
    kept = read_h5ad(tmp_path / "rows.h5ad")
    for key in ("pathar", "pathar_mask", S, A):
        np.testing.assert_array_equal(kept.obsm[key], rows.obsm[key])
    assert same(TokenEdits(model, kept).card("dark0~2"), rows["dark0~2"])  # rows made are tiles to edit


def test_surprise_is_the_models(model, edits):
    structure, appearance = edits.surprise(edits.card("stained0"))
    expected = model.log_prob(tiles(2)["stained0"].copy())
    np.testing.assert_allclose(-structure, expected.obsm["pathar_structure_log_prob"][0], atol=1e-4)
    np.testing.assert_allclose(-appearance, expected.obsm["pathar_appearance_log_prob"][0], atol=1e-4)


def test_what_cannot_be_done_is_said(model):
    one = TokenEdits(model, tiles(2)[:1].copy())
    assert "two or more" in one.obstacles["swap"]
    with pytest.raises(UsageError, match="two or more"):
        one.swap("dark0", "dark0")
    fitted = untrained()
    fitted.prior = None
    alone = TokenEdits(loaded_as(fitted), tiles(2))
    assert set(alone.obstacles) == {"draw", "draw_structure", "surprise"}
    with pytest.raises(UsageError, match="stage='prior'"):
        alone.draw("dark0")
    alone.swap("dark0", "stained0")
    larger = ad.concat([tiles(2)[:1]] * 2, index_unique="-")
    for key in ("tiles", "masks"):
        larger.obsm[key] = np.concatenate([larger.obsm[key]] * 2, axis=1)
    with pytest.raises(UsageError, match="32 x 32"):
        TokenEdits(model, larger).draw("dark0-0")


def test_one_stream_swaps_appearance_only():
    config = preset("nano", tokenizer={"streams": "single"}, prior={"order": "a_only"})
    edits = TokenEdits(loaded_as(untrained(config)), tiles(2))
    assert {"structure", "draw_structure"} <= set(edits.obstacles)
    edits.swap("dark0", "stained0", "appearance", cells=[3])
    edits.draw("dark0", cells=[3], seed=1)
    assert edits.picture(edits.card("dark0")).n_nuclei == 0
    edits.keep("dark0")
    assert "pathar_mask" not in edits.rows().obsm
    with pytest.raises(UsageError, match="one stream"):
        edits.swap("dark0", "stained0", "structure")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"do": "melt", "tile": "dark0"}, "do out of"),
        ({"do": "swap", "tile": "dark0", "other": "nobody"}, "nobody"),
        ({"do": "swap", "tile": "dark0", "other": "dark0"}, "different"),
        ({"do": "swap", "tile": "dark0", "other": "dark1", "what": "colour"}, "colour"),
        ({"do": "swap", "tile": "dark0", "other": "dark1", "matched": True}, "matched"),
        ({"do": "swap", "tile": "dark0", "other": "dark1", "cells": []}, "at least one cell"),
        ({"do": "swap", "tile": "dark0", "other": "dark1", "cells": [16]}, "0 to 15"),
        ({"do": "swap", "tile": "dark0", "other": "dark1", "seed": 1}, "got seed"),
        ({"do": "draw", "tile": "dark0", "label": "wood"}, "wood"),
        ({"do": "draw", "tile": "dark0", "what": "structure"}, "structure"),
        ({"do": "draw", "tile": "dark0", "seed": -1}, "seed"),
    ],
)
def test_bad_edits(edits, edit, message):
    with pytest.raises(UsageError, match=message):
        edits.apply(edit)
    assert edits.history.at == 0


def test_tiles_that_do_not_fit(model):
    with pytest.raises(UsageError, match="PathAR"):
        TokenEdits(object(), tiles(2))
    with pytest.raises(UsageError, match="1 to 24"):
        TokenEdits(model, tiles(2)[:0].copy())
    bare = tiles(2)
    del bare.obsm["masks"]
    with pytest.raises(MissingKeyError, match="masks"):
        TokenEdits(model, bare)
    odd = tiles(2)
    odd.obs["label"] = "wood"
    with pytest.raises(UsageError, match="wood"):
        TokenEdits(model, odd)
    cut = tiles(2)
    cut.obsm["tiles"], cut.obsm["masks"] = cut.obsm["tiles"][:, :30, :30], cut.obsm["masks"][:, :30, :30]
    with pytest.raises(DataError, match="multiples"):
        TokenEdits(model, cut)
    coded = model.encode(tiles(2))
    coded.obsm[A][0, 0] = 9999
    with pytest.raises(DataError, match="9999"):
        TokenEdits(model, coded)
    twice = tiles(2)
    twice.obs_names = ["a"] * twice.n_obs
    with pytest.raises(DataError, match="different names"):
        TokenEdits(model, twice)
    with pytest.raises(UsageError, match="Add to rows"):
        TokenEdits(model, tiles(2)).rows()
