"""pl.token_maps: surprise of tokens beside their tile."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import pl
from genviz._errors import MissingKeyError
from genviz.pl.contrast import NOTE
from genviz.pl.house_style import short
from tests.models.pathar.tile_cases import tiles, trained


def test_heat_is_minus_the_log_probability_in_the_tile_s_order():
    scored = trained().log_prob(tiles())
    figure = pl.token_maps(scored, n=2)
    heat = [trace for trace in figure.data if trace.type == "heatmap"]
    assert len(heat) == 4
    expected = -scored.obsm["pathar_appearance_log_prob"][1].reshape(4, 4)
    np.testing.assert_allclose(np.asarray(heat[3].z), expected)
    assert figure.layout.yaxis2.autorange == "reversed"


def test_what_is_made_or_brightened_is_named_so():
    model, real = trained(), tiles()
    made = model.log_prob(model.generate("dark", n=2))
    for rows, synthetic in ((model.log_prob(real), False), (made, True)):
        first = pl.token_maps(rows, n=1).layout.annotations[0].text
        assert ("synthetic" in first) == synthetic
    dim = real.copy()
    dim.obsm["tiles"] = np.full_like(dim.obsm["tiles"], 10)
    dim.obsm["tiles"][:, 2:9, 2:9] = 60
    assert NOTE in pl.token_maps(model.log_prob(dim), n=1).layout.annotations[0].text


def test_long_names_of_rows_are_cut_in_the_middle():
    assert short("a" * 40 + "end", 11) == "aaaaa…aaend" and short("short") == "short"


def test_without_log_probabilities_it_says_what_makes_them():
    with pytest.raises(MissingKeyError, match=r"model\.log_prob"):
        pl.token_maps(tiles())
