"""Curves of a training as a still figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.colors import sample_colorscale
from plotly.subplots import make_subplots

from genviz.pl.colours import CATEGORIES, EXPRESSION, plotly_scale
from genviz.pl.house_style import LAYOUT

_COLUMNS, _ROW_PX = 3, 260


def curve_colours(n: int, *, ordered: bool) -> list[str]:
    """Colours of curves: of scales in their order, else of kinds.

    Parameters
    ----------
    n
        How many.
    ordered
        Whether the curves have an order.
    """
    if ordered:
        return sample_colorscale(plotly_scale(EXPRESSION), [0.9 * i / max(n - 1, 1) for i in range(n)])
    return [CATEGORIES[i % (len(CATEGORIES) - 2)] for i in range(n)]


def training_curves(stages: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Draw the panels of stages, one after the other.

    Parameters
    ----------
    stages
        ``name``, ``epochs``, ``panels`` (``title``, ``unit``, ``ordered``, ``curves`` of label, values, validation).

    Returns
    -------
    plotly.graph_objects.Figure
        Three panels a row; curves of validation rows are dashed where training's are beside them.
    """
    placed = [(stage, panel) for stage in stages for panel in stage["panels"]]
    n_rows = max(1, -(-len(placed) // _COLUMNS))
    figure = make_subplots(
        n_rows,
        _COLUMNS,
        subplot_titles=[
            f"{stage['name']}: {panel['title']}" + (f" ({panel['unit']})" if panel["unit"] else "")
            for stage, panel in placed
        ],
    )
    for i, (stage, panel) in enumerate(placed):
        colours = curve_colours(len(panel["curves"]), ordered=panel["ordered"])
        mixed = len({validation for *_, validation in panel["curves"]}) > 1
        for colour, (label, values, validation) in zip(colours, panel["curves"], strict=True):
            line = {"color": colour, "width": 1.6, "dash": "dash" if mixed and validation else "solid"}
            trace = go.Scatter(x=stage["epochs"], y=values, name=label, line=line, mode="lines+markers")
            trace.update(marker_size=4, showlegend=False, hovertemplate=f"{label} %{{y:.4g}}<extra></extra>")
            figure.add_trace(trace, row=i // _COLUMNS + 1, col=i % _COLUMNS + 1)
    figure.update_annotations(font_size=12)
    figure.update_xaxes(title_text="epoch", title_font_size=11)
    figure.update_layout(height=_ROW_PX * n_rows + 60, margin={"l": 50, "r": 20, "t": 50, "b": 40}, **LAYOUT)
    return figure
