"""Pieces give what one draw gives."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import UsageError
from genviz.models.pathar import pieces
from genviz.models.pathar.codec import Tokens
from genviz.models.pathar.conditions import conditions_of
from genviz.models.pathar.generating import rule_of
from genviz.models.pathar.pieces import draw_cells
from tests.models.pathar.tile_cases import LABELS, SIDE, loaded_as, untrained

S, A = "structure_tokens", "appearance_tokens"


@pytest.fixture(scope="module")
def model():
    return loaded_as(untrained())


@pytest.fixture(scope="module")
def row(model):
    return model.generate(LABELS, n=1, seed=1)[:1].copy()


def tokens(row) -> Tokens:
    return Tokens(np.asarray(row.obsm[S]), np.asarray(row.obsm[A]), (4, 4))


@pytest.mark.parametrize("what", ["both", "appearance"])
def test_pieces_are_the_in_painting(model, row, what, monkeypatch):
    monkeypatch.setattr(pieces, "CELLS", 3)
    open_N = np.isin(np.arange(16), [1, 5, 6, 9, 10, 14])
    region = np.kron(open_N.reshape(4, 4), np.ones((SIDE // 4, SIDE // 4), bool))
    expected = model.inpaint(row, region, what=what, seed=3)
    heard = []
    none_N = np.zeros(16, bool)
    found = draw_cells(
        model.fitted, row.obs_names.tolist(), tokens(row), conditions_of(model.fitted, row),
        open_N if what == "both" else none_N, open_N, 3, rule_of(model.fitted, None),
        lambda k, n: heard.append((k, n)),
    )  # fmt: skip
    np.testing.assert_array_equal(found.structure_RN, expected.obsm[S])
    np.testing.assert_array_equal(found.appearance_RN, expected.obsm[A])
    assert len(heard) == heard[-1][1] + 1 == heard[-1][0] + 1 > 3


def test_all_appearance_is_the_rendering(model, row):
    found = draw_cells(
        model.fitted, row.obs_names.tolist(), tokens(row), conditions_of(model.fitted, row, LABELS[1]),
        np.zeros(16, bool), np.ones(16, bool), 3, rule_of(model.fitted, None),
    )  # fmt: skip
    np.testing.assert_array_equal(found.appearance_RN, model.render(row, LABELS[1], seed=3).obsm[A])


def test_it_stops_when_told(model, row):
    def heard(k, n):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_cells(
            model.fitted, ["a"], tokens(row), conditions_of(model.fitted, row),
            np.zeros(16, bool), np.ones(16, bool), 3, rule_of(model.fitted, None), heard,
        )  # fmt: skip


def test_nothing_to_draw_is_an_error(model, row):
    none_N = np.zeros(16, bool)
    with pytest.raises(UsageError, match="at least one cell"):
        draw_cells(
            model.fitted, ["a"], tokens(row), conditions_of(model.fitted, row), none_N, none_N, 3,
            rule_of(model.fitted, None),
        )  # fmt: skip
