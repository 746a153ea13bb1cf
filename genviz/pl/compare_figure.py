"""Measured, predicted, error and uncertainty of one gene, side by side over the tissue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from genviz.pl.colours import ERROR, EXPRESSION, UNCERTAINTY, plotly_scale, shared_range, symmetric_range
from genviz.pl.gene_values import GeneValues, gene_values, interval_name
from genviz.pl.house_style import LAYOUT
from genviz.pl.scale_bar import draw_scale_bar
from genviz.pl.section import Section, section_of

if TYPE_CHECKING:
    from anndata import AnnData

_PANEL_PX = 380
_COLUMNS = 2
_GAP_PX = 85
_BACKDROP_OPACITY = 0.55  # pale, so that colours are read from the spots
_MARGIN_UM = 250.0
_TITLE_PX = 46


@dataclass(frozen=True)
class Panel:
    """One picture of the section: values of its spots, their colours, and the range that the colours cover."""

    title: str
    values: NDArray[np.float64]
    colours: tuple[str, ...]
    bounds: tuple[float, float]
    bar_title: str


LOOKS = {
    "measured": ("Measured", EXPRESSION, "log2(1+count)"),
    "predicted": ("Predicted", EXPRESSION, "log2(1+count)"),
    "error": ("Error (predicted − measured)", ERROR, "log2 units"),
    "uncertainty": ("Uncertainty (width of the {interval})", UNCERTAINTY, "log2 units"),
}
"""Title, colours and unit of each panel; the title of the last names the interval."""


def panel_of(
    name: str, values: NDArray[np.floating], bounds: tuple[float, float], level: float | None = None
) -> Panel:
    """A panel as every slide figure draws it.

    Parameters
    ----------
    name
        One of `LOOKS`.
    values
        One a spot.
    bounds
        Low and high end of the colours.
    level
        Share of the interval that an uncertainty is the width of; None where it is not known.
    """
    title, colours, unit = LOOKS[name]
    title = title.format(interval=interval_name(level))
    return Panel(title, np.asarray(values, np.float64), colours, (float(bounds[0]), float(bounds[1])), unit)


def compare(
    adata: AnnData,
    gene: str,
    *,
    # what to read
    key: str = "genar",
    library: str | None = None,
    # how it looks
    image: bool = True,
    opacity: float = 0.95,
) -> go.Figure:
    """Draw a gene's measured and predicted expression on one shared colour scale, and where they differ.

    Parameters
    ----------
    adata
        A prediction (reads ``layers["<key>_log2"]``, ``..._lower``, ``..._upper``, and ``counts`` if measured).
    gene
        Gene of the panel.
    key
        Result key.
    library
        Section to draw; may be omitted when there is only one.
    image
        Draw the H&E behind the spots.
    opacity
        Opacity of the spots.

    Returns
    -------
    plotly.graph_objects.Figure
        Values are log2(1 + count); axes in micrometres. Spots have their true diameter at the size that the figure
        opens with; zoomed in, they keep that size on the screen (`SlideView` and `report` scale them). Without
        measured counts only prediction and uncertainty are drawn.

    Raises
    ------
    UsageError
        For a gene that is not in the panel, a section that is not there, or several of which none is named.
    MissingKeyError
        Without a prediction under this key, coordinates or micrometres per pixel.
    """
    section = section_of(adata, library)
    names = [str(name) for name in adata.obs_names[section.rows]]
    return panels_figure(
        section,
        _panels(gene_values(adata, gene, key, section.rows)),
        names,
        title=f"<b>{gene}</b>  ·  {section.heading}",
        image=image,
        opacity=opacity,
    )


def panels_figure(
    section: Section,
    panels: list[Panel],
    names: list[str],
    *,
    title: str,
    image: bool = True,
    opacity: float = 0.95,
) -> go.Figure:
    """Panels of one section in two columns, zoomed together.

    Parameters
    ----------
    section
        Where the spots are.
    panels
        What to draw, one value a spot.
    names
        Of the spots.
    title
        Of the figure, plotly's HTML.
    image
        Draw the H&E behind the spots.
    opacity
        Of the spots.
    """
    left, top, right, bottom = _window(section)
    panel_height = round(_PANEL_PX * (bottom - top) / (right - left))
    n_rows = -(-len(panels) // _COLUMNS)
    width, height = _COLUMNS * (_PANEL_PX + _GAP_PX), n_rows * (panel_height + _TITLE_PX)
    figure = make_subplots(
        rows=n_rows,
        cols=_COLUMNS,
        horizontal_spacing=_GAP_PX / width,
        vertical_spacing=_TITLE_PX / height,
        subplot_titles=[panel.title for panel in panels],
    )
    marker_px = section.diameter_um / (right - left) * _PANEL_PX
    for index, panel in enumerate(panels):
        place = {"row": index // _COLUMNS + 1, "col": index % _COLUMNS + 1}
        _draw_panel(figure, place, panel, section, marker_px, opacity, names)
        _frame_axes(figure, place, (left, top, right, bottom), first=index == 0)
        if image and section.backdrop is not None:
            _draw_backdrop(figure, place, section)
    draw_scale_bar(figure, left, bottom, row=1, col=1)
    figure.update_layout(
        title={"text": title, "x": 0.01},
        width=width + 20,
        height=height + 90,
        margin={"l": 20, "r": _GAP_PX, "t": 80, "b": 20},
        showlegend=False,
        **LAYOUT,
    )
    return figure


def _panels(values: GeneValues) -> list[Panel]:
    """The panels that can be drawn; measured and predicted share one range."""
    known = [v for v in (values.measured, values.predicted) if v is not None]
    bounds = shared_range(*known)
    panels = []
    if values.measured is not None:
        panels.append(panel_of("measured", values.measured, bounds))
    panels.append(panel_of("predicted", values.predicted, bounds))
    if values.error is not None:
        panels.append(panel_of("error", values.error, symmetric_range(values.error)))
    if values.width is not None:
        panels.append(panel_of("uncertainty", values.width, shared_range(values.width), values.level))
    return panels


def _window(section: Section) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the drawn region, micrometres."""
    low = section.xy_um.min(axis=0) - _MARGIN_UM
    high = section.xy_um.max(axis=0) + _MARGIN_UM
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _draw_panel(
    figure: go.Figure,
    place: dict[str, int],
    panel: Panel,
    section: Section,
    marker_px: float,
    opacity: float,
    names: list[str],
) -> None:
    """Spots of one panel, with their colour bar to the right."""
    axes = figure.get_subplot(**place)
    (bottom, top), right = axes.yaxis.domain, axes.xaxis.domain[1]
    figure.add_trace(
        go.Scatter(
            x=section.xy_um[:, 0],
            y=section.xy_um[:, 1],
            mode="markers",
            text=names,
            hovertemplate="%{text}<br>%{marker.color:.2f}<extra>" + panel.title + "</extra>",
            marker={
                "size": marker_px,
                "color": panel.values,
                "cmin": panel.bounds[0],
                "cmax": panel.bounds[1],
                "colorscale": plotly_scale(panel.colours),
                "opacity": opacity,
                "line": {"width": 0},
                "colorbar": {
                    "x": right + 0.004,
                    "y": (bottom + top) / 2,
                    "len": 0.8 * (top - bottom),
                    "thickness": 9,
                    "outlinewidth": 0,
                    "tickfont": {"size": 11},
                    "title": {"text": panel.bar_title, "font": {"size": 11}, "side": "right"},
                },
            },
        ),
        **place,
    )


def _frame_axes(
    figure: go.Figure, place: dict[str, int], window: tuple[float, float, float, float], *, first: bool
) -> None:
    """Equal axes in micrometres, y downward as in the image, no ticks."""
    left, top, right, bottom = window
    hidden = {"showgrid": False, "zeroline": False, "showticklabels": False, "ticks": ""}
    # Other panels follow the first one, so that zooming one zooms all.
    figure.update_xaxes(
        range=[left, right], constrain="domain", matches=None if first else "x", **hidden, **place
    )
    figure.update_yaxes(
        range=[bottom, top],
        constrain="domain",
        scaleanchor="x" if first else None,
        matches=None if first else "y",
        **hidden,
        **place,
    )


def _draw_backdrop(figure: go.Figure, place: dict[str, int], section: Section) -> None:
    backdrop = section.backdrop
    if backdrop is None:
        return
    figure.add_layout_image(
        source=backdrop.uri,
        x=0,
        y=0,
        sizex=backdrop.width_um,
        sizey=backdrop.height_um,
        xanchor="left",
        yanchor="top",
        sizing="stretch",
        layer="below",
        opacity=_BACKDROP_OPACITY,
        **place,
    )
