"""pl.scores: dots where the scores are, bars as long as the intervals."""

from __future__ import annotations

import pytest

from genviz import pl
from genviz._errors import UsageError
from genviz.metrics import Score
from genviz.pl.scores_figure import BARS

MODELS = {
    "genar": {"pcc_200": Score(0.6, ci=(0.55, 0.66), n=200), "mse": Score(0.8, n=10)},
    "ridge": {"pcc_200": Score(0.5, n=200), "mse": Score(float("nan"), n=10)},
}


def points(figure) -> set[tuple[str, str, float]]:
    """(axis, model, value)."""
    return {(trace.xaxis, trace.y[0], trace.x[0]) for trace in figure.data}


def test_a_dot_for_each_score_that_is_there():
    figure = pl.scores(MODELS)
    assert points(figure) == {("x", "genar", 0.6), ("x", "ridge", 0.5), ("x2", "genar", 0.8)}
    titles = ["PCC-200 ↑", "MSE, log2 ↓"]  # no column without a score
    assert [a.text for a in figure.layout.annotations] == [*titles, BARS]
    bare = {name: {"mse": found["mse"]} for name, found in MODELS.items()}
    assert [a.text for a in pl.scores(bare).layout.annotations] == titles[1:]  # no bars, no word about them


def test_bars_are_the_intervals():
    (genar,) = (t for t in pl.scores(MODELS, metrics=["pcc_200"]).data if t.y[0] == "genar")
    assert genar.error_x.array[0] == pytest.approx(0.06) and genar.error_x.arrayminus[0] == pytest.approx(
        0.05
    )
    assert genar.text[0] == "0.600" and "[0.550, 0.660]" in genar.hovertemplate
    (ridge,) = (t for t in pl.scores(MODELS, metrics=["pcc_200"]).data if t.y[0] == "ridge")
    assert (ridge.error_x.array[0], ridge.error_x.arrayminus[0]) == (0, 0)


def test_the_first_model_is_on_top_and_the_own_one_in_colour():
    figure = pl.scores(MODELS, metrics=["pcc_200"], highlight="ridge")
    assert figure.layout.yaxis.categoryarray == ("ridge", "genar")  # plotly counts from below
    colour = {trace.y[0]: trace.marker.color for trace in figure.data}
    assert colour["genar"] == "#777" != colour["ridge"]


def test_no_such_score():
    with pytest.raises(UsageError, match="one of crps; none of genar, ridge has one"):
        pl.scores(MODELS, metrics=["crps"])
