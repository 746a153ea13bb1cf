"""Start and end points of a flow in one t-SNE or UMAP, above the numbers that say whether the picture means anything.

Shape legend: N rows, M corners of segments.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from genviz._errors import MissingKeyError
from genviz._keys import Obsm, Uns
from genviz.core.arguments import check_adata
from genviz.pl.category_colours import known_colours
from genviz.pl.colours import EXPRESSION, plotly_scale
from genviz.pl.house_style import LAYOUT

if TYPE_CHECKING:
    from anndata import AnnData

CAUTION = (
    "Segments join the two ends of a row in one {embedding}: they are not trajectories, and their lengths mean little."
    "<br>Read the table. Ends of the flow know groups only as far as they exceed <b>coarser scales</b>, what the flow"
    "<br>"
    "is given; RNA is in them only as far as they fall when told other rows' profiles."
)
_LINES = {
    "start": "start: noise",
    "before": "coarser scales alone",
    "real": "real tiles",
    "end": "end of the flow",
    "change": "start less end",
    "end, others' profiles": "end, told other rows' profiles",
}
_EMBEDDINGS = {"tsne": "t-SNE", "umap": "UMAP"}
_FIRST = "model"  # what `gv.tl.velocity` calls the model that was not named
_NONE, _GREY = "none", "#9aa0a6"
_PANEL_PX, _LINE_PX = 430, 26
_RING = {"size": 9, "symbol": "circle-open", "color": "#999", "line": {"width": 1}}


def velocity(adata: AnnData, *, key: str = "velocity", colour: str | None = None) -> go.Figure:
    """Draw noise as grey rings, where the flow takes it as points in the colour of their group, and the numbers.

    Colours of categories are those of ``uns["<column>_colors"]``, as scanpy keeps them, where it is there.

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
    plotly.graph_objects.Figure
        One panel a model.

    Raises
    ------
    MissingKeyError
        Without a result of that key, or such a column.
    """
    check_adata(adata)
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
    groups: list[_Group] = [] if numeric else _groups(values, adata.uns.get(Uns.colours(column)))
    n_lines = len(record["numbers"])
    table_px = _LINE_PX * (n_lines + 2)
    figure = make_subplots(
        rows=2,
        cols=len(names),
        specs=[
            [{"type": "xy"}] * len(names),
            [{"type": "table", "colspan": len(names)}] + [None] * (len(names) - 1),
        ],
        subplot_titles=[name or _FIRST for name in names] if len(names) > 1 else None,
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
    drawn = _EMBEDDINGS[record["parameters"].get("embedding", "tsne")]  # older results do not say it
    _lay_out(figure, len(names), _PANEL_PX + table_px, f"end, by {column}", CAUTION.format(embedding=drawn))
    return figure


@dataclass(frozen=True)
class _Group:
    """Rows of one category, and their colour."""

    name: str
    colour: str
    rows_N: NDArray[np.bool_]


def _groups(column: Any, kept_colours: Any) -> list[_Group]:
    """Categories that have rows, in their order, which may mean something; rows without one come last, in grey."""
    own = column if hasattr(column, "cat") else column.astype("string").astype("category")
    codes_N, names = own.cat.codes.to_numpy(), [str(name) for name in own.cat.categories]
    found = [
        _Group(name, colour, codes_N == k)
        for k, (name, colour) in enumerate(zip(names, known_colours(kept_colours, len(names)), strict=True))
    ]
    return [group for group in (*found, _Group(_NONE, _GREY, codes_N < 0)) if group.rows_N.any()]


def _segments(start_N2: NDArray[Any], end_N2: NDArray[Any], colour: str, **shared: Any) -> go.Scatter:
    """Thin lines from starts to ends, as one trace."""
    path_M2 = np.stack([start_N2, end_N2, np.full_like(end_N2, np.nan)], axis=1).reshape(-1, 2)
    return go.Scatter(
        x=path_M2[:, 0], y=path_M2[:, 1], mode="lines", opacity=0.2, showlegend=False,
        line={"width": 0.8, "color": colour}, hoverinfo="skip", **shared,
    )  # fmt: skip


def _points(at_N2: NDArray[Any], marker: dict[str, Any], **shared: Any) -> go.Scatter:
    return go.Scatter(x=at_N2[:, 0], y=at_N2[:, 1], mode="markers", marker=marker, hoverinfo="skip", **shared)


def _panel(
    start_N2: NDArray[Any], end_N2: NDArray[Any], groups: list[_Group], *, legend: bool
) -> list[go.Scatter]:
    """Segments under points, group by group; what a ring is stands once in the legend."""
    segments: list[go.Scatter] = []
    points: list[go.Scatter] = []
    if legend:
        points.append(_points(np.full((1, 2), np.nan), _RING, name="noise", showlegend=True))
    for group in groups:
        start, end, own = start_N2[group.rows_N], end_N2[group.rows_N], {"legendgroup": group.name}
        segments.append(_segments(start, end, group.colour, **own))
        points.append(_points(start, _RING, showlegend=False, **own))
        points.append(
            _points(end, {"size": 6, "color": group.colour}, name=group.name, showlegend=legend, **own)
        )
    return segments + points


def _shaded(start_N2: NDArray[Any], end_N2: NDArray[Any], values: Any, *, bar: bool) -> list[go.Scatter]:
    """Grey segments under points in the colour of a number."""
    value_N = np.asarray(values, np.float64)
    shade = {
        "size": 6, "color": value_N, "colorscale": plotly_scale(EXPRESSION), "showscale": bar,
        "cmin": float(np.nanpercentile(value_N, 1)), "cmax": float(np.nanpercentile(value_N, 99)),
        "colorbar": {"title": f"end, by {values.name}", "len": 0.5, "y": 0.75, "thickness": 12},
    }  # fmt: skip
    return [
        _segments(start_N2, end_N2, "#888"),
        _points(start_N2, _RING, showlegend=False),
        _points(end_N2, shade, showlegend=False),
    ]


def _told(line: str, *, several: bool) -> str:
    """A line of the table in words: which space, and of which model where there are more than one."""
    space, _, model = line.partition(":")
    return _LINES.get(space, space) + (f" ({model})" if model and several else "")


def _table(record: dict[str, Any]) -> go.Table:
    """Numbers, controls first."""
    numbers = record["numbers"]
    cells = [
        [_told(name, several=bool(record["compare"])) for name in numbers],
        [f"{found['silhouette']:+.3f}".replace("-", "−") for found in numbers.values()],
        [f"{found['knn']:.3f}" for found in numbers.values()],
        [f"{found['knn_null']:.3f} (95 %: {found['knn_null_95']:.3f})" for found in numbers.values()],
    ]
    column = record["parameters"]["colour_key"]
    head = [f"in the latent space, by {column}", "silhouette", "5-NN accuracy", "5-NN, groups permuted"]
    align = ["left", "right", "right", "right"]
    return go.Table(
        columnwidth=[2.4, 1.1, 1.1, 1.7],
        header={"values": [f"<b>{word}</b>" for word in head], "align": align, "fill_color": "#eee"},
        cells={"values": cells, "align": align, "height": _LINE_PX - 3, "fill_color": "white"},
    )


def _lay_out(figure: go.Figure, n_panels: int, height: int, title: str, caution: str) -> None:
    """Square panels without ticks, and the sentence below."""
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    for axis in figure.select_yaxes():
        axis.scaleanchor = axis.anchor
    figure.add_annotation(
        text=caution, xref="paper", yref="paper", x=0, y=0, yshift=-8, yanchor="top", showarrow=False, align="left",
        font={"size": 12, "color": "#444"},
    )  # fmt: skip
    figure.update_layout(
        width=max(760, _PANEL_PX * n_panels + 160),
        height=height + 180,
        title={"text": "Where the flow takes noise", "x": 0.01},
        margin={"l": 20, "r": 20, "t": 70, "b": 80},
        legend={"title": {"text": title, "font": {"size": 13}}, "itemsizing": "constant"},
        **LAYOUT,
    )
