"""The still figure of a slide view: given values on given limits."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import UsageError
from genviz.pl.colours import ERROR
from genviz.pl.slide_panels_figure import slide_panels
from tests.pl.cases import N, prediction


def test_panels_have_the_limits_that_were_given():
    values = {"error": np.linspace(-1, 1, N), "measured": np.ones(N)}
    limits = {"error": (-2.0, 2.0), "measured": (0.0, 5.0)}
    figure = slide_panels(prediction(), "<b>X</b>", values, limits)
    assert [(t.marker.cmin, t.marker.cmax) for t in figure.data] == [(0.0, 5.0), (-2.0, 2.0)]
    assert tuple(colour for _, colour in figure.data[1].marker.colorscale) == ERROR
    assert "&lt;b&gt;X" in figure.layout.title.text


def test_uncertainty_names_its_interval():
    values, limits = {"uncertainty": np.ones(N)}, {"uncertainty": (0.0, 2.0)}
    titles = [
        slide_panels(prediction(), "X", values, limits, level=level).layout.annotations[0].text
        for level in (0.95, None)
    ]
    assert titles == ["Uncertainty (width of the 95 % interval)", "Uncertainty (width of the interval)"]


def test_nothing_to_draw_is_said():
    with pytest.raises(UsageError, match="at least one panel"):
        slide_panels(prediction(), "X", {}, {})
