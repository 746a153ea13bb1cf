"""pl.token_maps: surprise of tokens beside their tile."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import pl
from genviz._errors import MissingKeyError
from tests.models.pathar.tile_cases import tiles, trained


def test_heat_is_minus_the_log_probability_in_the_tile_s_order():
    scored = trained().log_prob(tiles())
    figure = pl.token_maps(scored, n=2)
    heat = [trace for trace in figure.data if trace.type == "heatmap"]
    assert len(heat) == 4
    expected = -scored.obsm["pathar_appearance_log_prob"][1].reshape(4, 4)
    np.testing.assert_allclose(np.asarray(heat[3].z), expected)
    assert figure.layout.yaxis2.autorange == "reversed"


def test_without_log_probabilities_it_says_what_makes_them():
    with pytest.raises(MissingKeyError, match=r"model\.log_prob"):
        pl.token_maps(tiles())
