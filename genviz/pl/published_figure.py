"""Numbers of a recipe's run beside the published ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from genviz._errors import UsageError
from genviz.pl.colours import CATEGORIES
from genviz.pl.house_style import LAYOUT

_ARROWS = {"higher": " ↑", "lower": " ↓", "": ""}
_OURS, _PUBLISHED = CATEGORIES[5], "#777"
_ROW_PX, _HEAD_PX, _PANEL_PX, _NAMES_PX = 26, 130, 230, 220
_NOTE_PX, _NOTE_LETTERS = 20, 32


def published(results: Mapping[str, Any]) -> go.Figure:
    """Draw one panel a column: our mean with every seed's value, and the published number as an open diamond.

    Where the published score is another than ours the two cannot stand on one axis; the heading says so and the table
    has both. Rows of which nothing can be drawn are in the table only. On made-up data nothing published is drawn.

    Parameters
    ----------
    results
        The parsed ``results.json`` of `genviz recipe run`.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    UsageError
        When no row was measured.
    """
    rows = [row for row in results["rows"] if row["listed"]][::-1]
    columns = [c for c in results["columns"] if any(c["score"] in row["scores"] for row in rows)]
    if not columns:
        raise UsageError("Expected results with a measured score in a column of the table; there is none.")
    made_up = results["provenance"]["data"]["name"] == "phantom"
    if made_up:
        rows = [row | {"published": {}} for row in rows]
    rows = [row for row in rows if any(_is_drawn(row, column) for column in columns)]
    head_px = _HEAD_PX + _NOTE_PX * (max(len(_note(column)) for column in columns) - 1)
    figure = make_subplots(rows=1, cols=len(columns), shared_yaxes=True, horizontal_spacing=0.03)
    for place, column in enumerate(columns, start=1):
        _panel(figure, place, column, rows)
    titles = [row["title"] for row in rows]
    figure.update_yaxes(categoryorder="array", categoryarray=titles, range=[-0.6, len(rows) - 0.4])
    figure.update_layout(
        title={
            "text": f"{results['title']} ({results['paper']}, {results['table']}), size {results['size']}"
            + (": made-up data, a check that it runs" if made_up else ""),
            # Above the headings of the panels, however few rows there are.
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 12},
        },
        width=_NAMES_PX + _PANEL_PX * len(columns),
        height=head_px + 50 + _ROW_PX * len(rows),
        margin={"l": _NAMES_PX, "t": head_px - 20, "r": 20, "b": 60},
        legend={"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
        **LAYOUT,
    )
    return figure


def _is_drawn(row: Mapping[str, Any], column: Mapping[str, Any]) -> bool:
    """Whether a row has a mark in the panel of a column."""
    score = column["score"]
    return score in row["scores"] or (not column["published_title"] and score in row["published"])


def _note(column: Mapping[str, Any]) -> Sequence[str]:
    """Lines under a heading: what was published in place of our score."""
    title = column["published_title"]
    return wrap(f"published: {title}, not drawn", _NOTE_LETTERS, break_on_hyphens=False) if title else [""]


def _panel(figure: go.Figure, place: int, column: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> None:
    score = column["score"]
    first = place == 1
    ours = [(row, row["scores"][score]) for row in rows if score in row["scores"]]
    theirs = [(row, row["published"][score]) for row in rows if score in row["published"]]
    figure.add_trace(
        go.Scatter(
            x=[value for _, found in ours for value in found["values"]],
            y=[row["title"] for row, found in ours for _ in found["values"]],
            mode="markers", name="each seed", showlegend=first, hoverinfo="x+y",
            marker={"size": 6, "color": _OURS, "opacity": 0.45},
        ), row=1, col=place,
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[found["value"] for _, found in ours],
            y=[row["title"] for row, _ in ours],
            mode="markers", name="genviz, mean", showlegend=first, hoverinfo="x+y",
            marker={"size": 11, "color": _OURS},
        ), row=1, col=place,
    )  # fmt: skip
    heading = column["title"] + _ARROWS[column["better"]]
    if column["published_title"]:
        heading += "".join(f"<br><span style='font-size:11px'>{line}</span>" for line in _note(column))
    elif theirs:
        figure.add_trace(
            go.Scatter(
                x=[found["value"] for _, found in theirs],
                y=[row["title"] for row, _ in theirs],
                mode="markers", name="published", showlegend=first, hoverinfo="x+y",
                marker={"size": 9, "color": _PUBLISHED, "symbol": "diamond-open"},
            ), row=1, col=place,
        )  # fmt: skip
    figure.update_xaxes(title={"text": heading}, side="top", row=1, col=place)
