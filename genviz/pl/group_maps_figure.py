"""A gene tree with maps of one of its groups below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from genviz.pl.colours import ERROR, EXPRESSION, plotly_scale, shared_range, symmetric_range
from genviz.pl.gene_tree_figure import gene_tree
from genviz.pl.scale_bar import draw_scale_bar

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.core.gene_tree import GeneTree
    from genviz.pl.section import Section

_WIDTH, _TREE_PX, _GAP_PX = 980, 250, 50
_DRAWN_PX, _MOST_PX, _BAR_PX, _BETWEEN_PX = _WIDTH - 40, 420, 75, 12
_SMALL = {"tickfont": {"size": 11}, "thickness": 9, "outlinewidth": 0}  # a colour bar
_TICKS = (0, 3, 10, 30, 100, 300, 1000, 3000, 10_000)


@dataclass(frozen=True)
class GroupMap:
    """One map: counts of the section's spots; a change runs around zero."""

    title: str
    values: NDArray[np.floating]
    is_change: bool = False


def group_maps(
    adata: AnnData, tree: GeneTree, section: Section, maps: list[GroupMap], *, title: str, key: str | None
) -> go.Figure:
    """Draw the tree's icicle and, below, maps of a group over one section.

    Parameters
    ----------
    adata, tree, key
        As for `gene_tree`.
    section
        Positions and tissue image.
    maps
        One to three; those of counts share a logarithmic colour scale.
    title
        What is mapped.

    Returns
    -------
    plotly.graph_objects.Figure
        Spots have their true diameter at the size that the figure opens with; axes in micrometres.
    """
    figure = gene_tree(adata, tree, key=key)
    pad = section.diameter_um / 2 + 200.0
    (left, top), (right, bottom) = section.xy_um.min(axis=0) - pad, section.xy_um.max(axis=0) + pad
    px, starts = _columns(maps)
    high = px * (bottom - top) / (right - left)
    height = _TREE_PX + high + 3 * _GAP_PX
    below, right_of = (high + 1.4 * _GAP_PX) / height, 1 - _BAR_PX / _DRAWN_PX
    figure.update_traces(
        domain={"x": [0, right_of], "y": [below, 1]},
        marker_colorbar=_SMALL
        | {"x": right_of + 0.004, "y": (below + 1) / 2, "len": 1 - below, "yanchor": "middle"},
        marker_colorbar_title_font_size=11,
    )
    bounds = shared_range(*(np.log2(1 + one.values) for one in maps if not one.is_change))
    for index, (one, x0) in enumerate(zip(maps, starts, strict=True)):
        axis = "" if index == 0 else str(index + 1)
        span = [x0 / _DRAWN_PX, (x0 + px) / _DRAWN_PX]
        figure.update_layout({
            f"xaxis{axis}": {"domain": span, "range": [left, right], "visible": False, "anchor": f"y{axis}"},
            f"yaxis{axis}": {"domain": [0, high / height], "range": [bottom, top], "visible": False,
                             "anchor": f"x{axis}"},
        })  # fmt: skip
        spots = _spots(one, section, bounds, px / (right - left), axis)
        if _has_bar(maps, index):
            spots.marker.update(showscale=True, colorbar=_bar(one, bounds[1], span[1], high / height))
        figure.add_trace(spots)
        figure.add_annotation(
            text=one.title, x=span[0], y=high / height, xref="paper", yref="paper", xanchor="left",
            yanchor="bottom", showarrow=False, font={"size": 13},
        )  # fmt: skip
        if section.backdrop is not None:
            figure.add_layout_image(
                source=section.backdrop.uri, xref=f"x{axis}", yref=f"y{axis}", x=0, y=0,
                sizex=section.backdrop.width_um, sizey=section.backdrop.height_um, sizing="stretch", opacity=0.5,
                layer="below",
            )  # fmt: skip
    draw_scale_bar(figure, float(left), float(bottom), xref="x", yref="y")
    figure.update_layout(
        title={"text": title},
        width=_WIDTH,
        height=height,
        margin={"l": 20, "r": 20, "t": 50, "b": 20},
        showlegend=False,
    )
    return figure


def _has_bar(maps: list[GroupMap], index: int) -> bool:
    """A change has its own colours; maps of counts share one bar, behind the last of them."""
    one = maps[index]
    return one.is_change or not any(not other.is_change for other in maps[index + 1 :])


def _columns(maps: list[GroupMap]) -> tuple[float, list[float]]:
    """Width of a map and where each begins, pixels; room for its bar, if it has one, is to its right."""
    rooms = [_BAR_PX if _has_bar(maps, index) else _BETWEEN_PX for index in range(len(maps))]
    px = min(_MOST_PX, (_DRAWN_PX - sum(rooms)) / len(maps))
    return px, [index * px + sum(rooms[:index]) for index in range(len(maps))]


def _bar(one: GroupMap, high: float, x: float, y: float) -> dict[str, Any]:
    """Colour bar to the right of a map; counts on their own ticks, for the colours run on a logarithm."""
    bar = {"x": x + 0.004, "y": y / 2, "len": y, "yanchor": "middle", **_SMALL}
    name = "counts a spot, after − before" if one.is_change else "counts a spot"
    bar["title"] = {"text": name, "side": "right", "font": {"size": 11}}
    if one.is_change:
        return bar
    ticks = [tick for tick in _TICKS if np.log2(1 + tick) <= high]
    return bar | {
        "tickvals": [float(np.log2(1 + tick)) for tick in ticks],
        "ticktext": [f"{tick:,}" for tick in ticks],
    }


def _spots(
    one: GroupMap, section: Section, bounds: tuple[float, float], zoom: float, axis: str
) -> go.Scatter:
    low, high = symmetric_range(one.values) if one.is_change else bounds
    return go.Scatter(
        x=section.xy_um[:, 0], y=section.xy_um[:, 1], mode="markers", xaxis=f"x{axis}", yaxis=f"y{axis}",
        marker={
            "size": max(section.diameter_um * zoom, 2.0), "cmin": low, "cmax": high, "showscale": False,
            "color": one.values if one.is_change else np.log2(1 + one.values),
            "colorscale": plotly_scale(ERROR if one.is_change else EXPRESSION),
        },
        customdata=one.values, hovertemplate="%{customdata:.2f}<extra></extra>",
    )  # fmt: skip
