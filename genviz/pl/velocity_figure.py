"""Start and end points of a flow in one t-SNE, above the numbers that say whether the picture means anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from genviz._errors import MissingKeyError
from genviz._keys import Obsm, Uns
from genviz.pl.colours import CATEGORIES, EXPRESSION, plotly_scale

if TYPE_CHECKING:
    from anndata import AnnData

CAUTION = (
    "Segments join the two ends of a row in one t-SNE: they are not trajectories, and their lengths mean little.<br>"
    "Read the table. The flow's ends know groups only as far as they exceed <b>before</b>, what the coarser<br>"
    "scales say without a flow; RNA is in them only as far as they fall with others' profiles."
)
_ROWS = {
    "start": "start: noise",
    "before": "before: f<sub>k-1</sub>, without the flow",
    "real": "real: f<sub>k</sub> of the tiles",
}
_PANEL_PX, _LINE_PX = 430, 26


def velocity(adata: AnnData, *, key: str = "velocity", colour: str | None = None) -> go.Figure:
    """Draw noise as grey rings, where the flow takes it as points in the colour of their group, and the numbers.

    Parameters
    ----------
    adata
        From `gv.tl.velocity`: reads ``obsm["<key>_start"]``, ``obsm["<key>_end"]`` and those of compared models, the
        column of groups, ``uns["genviz"]["<key>"]``.
    key
        Result key.
    colour
        Another column of ``obs``, of categories or numbers; the table stays that of the groups.

    Returns
    -------
    plotly Figure, one panel a model.

    Raises
    ------
    MissingKeyError
        Without a result of that key, or such a column.
    """
    text = adata.uns.get(Uns.GENVIZ, {}).get(key)
    if text is None or Obsm.path_start(key) not in adata.obsm:
        raise MissingKeyError(
            f"Expected trajectories under {key!r}; there are none. Run gv.tl.velocity(model, adata) first."
        )
    record = json.loads(text)
    names = ["", *record["compare"]]
    ends = [np.asarray(adata.obsm[Obsm.path_end(key, name)]) for name in names]
    start_N2 = np.asarray(adata.obsm[Obsm.path_start(key)])
    column = colour or record["parameters"]["colour_key"]
    if column not in adata.obs:
        raise MissingKeyError(f"Expected obs['{column}'] to colour by; it is absent. Name another column.")
    values = adata.obs[column]
    numeric = values.dtype.kind in "fiu"
    groups = {} if numeric else _groups(values)
    n_lines = len(record["numbers"])
    table_px = _LINE_PX * (n_lines + 2)
    figure = make_subplots(
        rows=2,
        cols=len(names),
        specs=[
            [{"type": "xy"}] * len(names),
            [{"type": "table", "colspan": len(names)}] + [None] * (len(names) - 1),
        ],
        subplot_titles=[name or "model" for name in names],
        row_heights=[_PANEL_PX, table_px],
        vertical_spacing=0.04,
        horizontal_spacing=0.02,
    )
    for panel, end_N2 in enumerate(ends, start=1):
        traces = (
            _shaded(start_N2, end_N2, values, bar=panel == len(ends))
            if numeric
            else _panel(start_N2, end_N2, groups, legend=panel == 1)
        )
        for trace in traces:
            figure.add_trace(trace, row=1, col=panel)
    figure.add_trace(_table(record), row=2, col=1)
    _lay_out(figure, len(names), _PANEL_PX + table_px, "end of" if colour is None else f"end, by {colour}")
    return figure


def _groups(column: Any) -> dict[str, NDArray[np.bool_]]:
    """Rows of each group; categories keep their order, which may mean something."""
    own = column if hasattr(column, "cat") else column.astype(str).astype("category")
    found = {str(name): (own == name).to_numpy() for name in own.cat.categories}
    return {name: rows_N for name, rows_N in found.items() if rows_N.any()}


def _panel(
    start_N2: NDArray[Any], end_N2: NDArray[Any], groups: dict[str, NDArray[np.bool_]], *, legend: bool
) -> list[go.Scatter]:
    """Segments under points, group by group."""
    segments: list[go.Scatter] = []
    points: list[go.Scatter] = []
    for i, (group, rows) in enumerate(groups.items()):
        colour = CATEGORIES[i % len(CATEGORIES)]
        gap_N2 = np.full((rows.sum(), 2), np.nan)
        path_M2 = np.stack([start_N2[rows], end_N2[rows], gap_N2], axis=1).reshape(-1, 2)
        shared = {"legendgroup": group, "hoverinfo": "skip"}
        segments.append(
            go.Scatter(
                x=path_M2[:, 0], y=path_M2[:, 1], mode="lines", opacity=0.2, showlegend=False,
                line={"width": 0.8, "color": colour}, **shared,
            )
        )  # fmt: skip
        grey = {"size": 9, "symbol": "circle-open", "color": "#999", "line": {"width": 1}}
        points.append(
            go.Scatter(
                x=start_N2[rows, 0],
                y=start_N2[rows, 1],
                mode="markers",
                marker=grey,
                showlegend=False,
                **shared,
            )
        )
        points.append(
            go.Scatter(
                x=end_N2[rows, 0], y=end_N2[rows, 1], mode="markers", name=group, showlegend=legend,
                marker={"size": 6, "color": colour}, **shared,
            )
        )  # fmt: skip
    return segments + points


def _shaded(start_N2: NDArray[Any], end_N2: NDArray[Any], values: Any, *, bar: bool) -> list[go.Scatter]:
    """Grey segments under points in the colour of a number."""
    gap_N2 = np.full_like(start_N2, np.nan)
    path_M2 = np.stack([start_N2, end_N2, gap_N2], axis=1).reshape(-1, 2)
    value_N = np.asarray(values, np.float64)
    grey = {"size": 9, "symbol": "circle-open", "color": "#999", "line": {"width": 1}}
    shade = {
        "size": 6, "color": value_N, "colorscale": plotly_scale(EXPRESSION), "showscale": bar,
        "cmin": float(np.nanpercentile(value_N, 1)), "cmax": float(np.nanpercentile(value_N, 99)),
        "colorbar": {"title": str(values.name), "len": 0.5, "y": 0.75},
    }  # fmt: skip
    shared = {"hoverinfo": "skip", "showlegend": False}
    return [
        go.Scatter(x=path_M2[:, 0], y=path_M2[:, 1], mode="lines", opacity=0.2,
                   line={"width": 0.8, "color": "#888"}, **shared),
        go.Scatter(x=start_N2[:, 0], y=start_N2[:, 1], mode="markers", marker=grey, **shared),
        go.Scatter(x=end_N2[:, 0], y=end_N2[:, 1], mode="markers", marker=shade, **shared),
    ]  # fmt: skip


def _table(record: dict[str, Any]) -> go.Table:
    """Numbers, controls first."""
    numbers = record["numbers"]
    cells = [
        [_ROWS.get(name, name) for name in numbers],
        [f"{found['silhouette']:+.3f}" for found in numbers.values()],
        [f"{found['knn']:.3f}" for found in numbers.values()],
        [f"{found['knn_null']:.3f} (95 %: {found['knn_null_95']:.3f})" for found in numbers.values()],
    ]
    head = ["in the latent space", "silhouette", "5-NN accuracy", "5-NN, groups permuted"]
    align = ["left", "right", "right", "right"]
    return go.Table(
        columnwidth=[2.4, 1, 1, 1.6],
        header={"values": [f"<b>{word}</b>" for word in head], "align": align, "fill_color": "#eee"},
        cells={"values": cells, "align": align, "height": _LINE_PX - 3, "fill_color": "white"},
    )


def _lay_out(figure: go.Figure, n_panels: int, height: int, title: str) -> None:
    """Square panels without ticks, and the sentence below."""
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    for axis in figure.select_yaxes():
        axis.scaleanchor = axis.anchor
    figure.add_annotation(
        text=CAUTION, xref="paper", yref="paper", x=0, y=0, yshift=-8, yanchor="top", showarrow=False, align="left",
        font={"size": 12, "color": "#444"},
    )  # fmt: skip
    figure.update_layout(
        width=max(760, _PANEL_PX * n_panels + 160),
        height=height + 150,
        template="plotly_white",
        margin={"l": 20, "r": 20, "t": 40, "b": 80},
        legend={"title": title, "itemsizing": "constant"},
    )
