"""Scores of several models beside each other, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from genviz._errors import UsageError
from genviz.pl.colours import CATEGORIES
from genviz.pl.house_style import LAYOUT

if TYPE_CHECKING:
    from genviz.metrics import Score

TITLES = {
    "pcc_10": "PCC-10 ↑",
    "pcc_50": "PCC-50 ↑",
    "pcc_200": "PCC-200 ↑",
    "mse": "MSE, log2 ↓",
    "mae": "MAE, log2 ↓",
    "dn_pcc_200": "depth-normalised PCC-200 ↑",
    "kd_pcc_200": "known-depth PCC-200 ↑",
}

BARS = "Bars: 95 % bootstrap intervals over spots, for these sections; they say nothing of other patients."


def scores(
    models: Mapping[str, Mapping[str, Score]],
    *,
    metrics: Sequence[str] = ("pcc_200", "mse", "dn_pcc_200"),
    highlight: str = "genar",
) -> go.Figure:
    """Draw scores as dots with their 95 % intervals, one panel a metric, one line a model.

    Parameters
    ----------
    models
        Model name → scores, as ``gv.metrics.expression`` returns them.
    metrics
        Scores to draw.
    highlight
        Model drawn in colour; the others are grey.

    Returns
    -------
    plotly.graph_objects.Figure
        Intervals are of spots within sections.

    Raises
    ------
    UsageError
        No model has any of the metrics.
    """
    drawn = [metric for metric in metrics if any(metric in found for found in models.values())]
    if not drawn:
        raise UsageError(
            f"Expected scores with one of {', '.join(metrics)}; none of {', '.join(models)} has one."
        )
    names = list(models)[::-1]
    figure = make_subplots(
        rows=1,
        cols=len(drawn),
        shared_yaxes=True,
        horizontal_spacing=0.03,
        subplot_titles=[TITLES.get(metric, metric) for metric in drawn],
    )
    for column, metric in enumerate(drawn, start=1):
        for name in names:
            found = models[name].get(metric)
            if found is None or found.value != found.value:  # absent or NaN: nothing to draw
                continue
            figure.add_trace(_dot(name, found, own=name == highlight), row=1, col=column)
        figure.update_xaxes(gridcolor="#eee", zeroline=False, row=1, col=column)
    if any(found[metric].ci is not None for metric in drawn for found in models.values() if metric in found):
        figure.add_annotation(
            text=BARS, x=0, y=0, xref="paper", yref="paper", yshift=-34, xanchor="left", yanchor="top",
            showarrow=False, font={"size": 11, "color": "#666"},
        )  # fmt: skip
    above = len(names) - 0.3  # room for the number above the topmost dot
    figure.update_yaxes(
        categoryorder="array", categoryarray=names, range=[-0.5, above], showgrid=True, gridcolor="#f3f3f3"
    )
    figure.update_layout(
        width=265 * len(drawn) + 145,
        height=48 * len(names) + 160,
        margin={"l": 20, "r": 20, "t": 60, "b": 60},
        showlegend=False,
        **LAYOUT,
    )
    return figure


def _dot(name: str, found: Score, *, own: bool) -> go.Scatter:
    """One score with its interval; without one the bar has no length."""
    low, high = found.ci if found.ci is not None else (found.value, found.value)
    colour = CATEGORIES[5] if own else "#777"
    bar = {"symmetric": False, "array": [high - found.value], "arrayminus": [found.value - low]}
    return go.Scatter(
        x=[found.value],
        y=[name],
        mode="markers+text",
        text=[f"{found.value:.3f}"],
        textposition="top center",
        textfont={"size": 11, "color": colour},
        marker={"size": 10, "color": colour},
        error_x={"type": "data", "color": colour, "thickness": 1.6, **bar},
        hovertemplate=f"{name}: %{{x:.3f}} [{low:.3f}, {high:.3f}]<extra></extra>",
    )
