"""pl.before_after: what was made is named so, and what was brightened says so over its own picture."""

from __future__ import annotations

import numpy as np
import pytest
from anndata import AnnData

from genviz import pl
from genviz._errors import DataError, MissingKeyError
from genviz.pl.contrast import NOTE


def made(*, grey: bool) -> AnnData:
    """Two tiles of one colour: dark grey, or purple."""
    tiles = np.full((2, 8, 8, 3), (40, 40, 40) if grey else (150, 60, 160), np.uint8)
    return AnnData(np.zeros((2, 0), np.float32), obsm={"pathar": tiles})


def test_a_note_stands_over_the_picture_that_it_is_about():
    titles = [a.text for a in pl.before_after(made(grey=False), made(grey=True)).layout.annotations[:3]]
    assert [title.partition("<br>")[0] for title in titles] == [
        "before (synthetic)",
        "after (synthetic)",
        "difference",
    ]
    assert [NOTE in title for title in titles] == [False, True, False]


def test_differences_are_of_the_pixels_as_they_are():
    figure = pl.before_after(made(grey=False), made(grey=True), n=1)
    (heat,) = [trace for trace in figure.data if trace.type == "heatmap"]
    np.testing.assert_allclose(heat.z, (110 + 20 + 120) / 3)


def test_rows_that_do_not_go_together_are_refused():
    with pytest.raises(DataError, match="as many rows before as after; got 2 and 1"):
        pl.before_after(made(grey=True), made(grey=True)[:1])
    bare = made(grey=True)
    del bare.obsm["pathar"]
    with pytest.raises(MissingKeyError, match=r"images in obsm\['pathar'\]"):
        pl.before_after(bare, made(grey=True))
