"""Scores of several models beside each other, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from genviz._errors import UsageError
from genviz.pl.colours import CATEGORIES

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


def scores(
    models: Mapping[str, Mapping[str, Score]],
    *,
    metrics: Sequence[str] = ("pcc_200", "mse", "dn_pcc_200"),
    highlight: str = "genar",
) -> go.Figure:
    """Draw scores as dots with intervals, one panel a metric, one line a model.

    Parameters
    ----------
    models
        Model name → scores, as ``gv.metrics.expression`` returns them.
    metrics
        Scores to draw.
    highlight
        Model drawn in colour; the others are grey.

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
            low, high = found.ci if found.ci is not None else (found.value, found.value)
            colour = CATEGORIES[5] if name == highlight else "#777"
            figure.add_trace(
                go.Scatter(
                    x=[found.value],
                    y=[name],
                    mode="markers+text",
                    text=[f"{found.value:.3f}"],
                    textposition="top center",
                    textfont={"size": 11, "color": colour},
                    marker={"size": 10, "color": colour},
                    error_x={
                        "type": "data",
                        "symmetric": False,
                        "array": [high - found.value],
                        "arrayminus": [found.value - low],
                        "color": colour,
                        "thickness": 1.6,
                    },
                    hovertemplate=f"{name}: %{{x:.3f}} [{low:.3f}, {high:.3f}]<extra></extra>",
                ),
                row=1,
                col=column,
            )
        figure.update_xaxes(gridcolor="#eee", zeroline=False, row=1, col=column)
    above = len(names) - 0.3  # room for the number above the topmost dot
    figure.update_yaxes(
        categoryorder="array", categoryarray=names, range=[-0.5, above], showgrid=True, gridcolor="#f3f3f3"
    )
    figure.update_layout(
        width=265 * len(drawn) + 145,
        height=48 * len(names) + 140,
        margin={"l": 20, "r": 20, "t": 60, "b": 40},
        plot_bgcolor="white",
        showlegend=False,
        font={"family": "Inter, Helvetica, Arial, sans-serif", "size": 13, "color": "#222"},
    )
    return figure
