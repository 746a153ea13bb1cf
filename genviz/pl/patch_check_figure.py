"""A few tiles with their spot's circle and a scale bar, to see whether the geometry is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from genviz._keys import Obsm
from genviz.io.tile_access import tiles
from genviz.pl.house_style import LAYOUT
from genviz.pl.section import jpeg_uri, section_of

if TYPE_CHECKING:
    from anndata import AnnData

_COLUMNS = 5


def patch_check(
    adata: AnnData,
    *,
    library: str | None = None,
    n: int = 10,
    size_px: int = 224,
    seed: int = 0,
) -> go.Figure:
    """Draw the tiles of a few spots as the model will see them.

    A look at this figure finds swapped axes, a wrong resolution and a shifted frame in seconds.

    Parameters
    ----------
    adata
        Reads ``obsm["spatial"]``, ``uns["spatial"]`` and the slide.
    library
        Section; may be omitted when there is only one.
    n
        Number of tiles, spread over the section.
    size_px
        Side of a tile at the slide's own resolution.
    seed
        Which spots are drawn.

    Returns
    -------
    plotly.graph_objects.Figure
        The circle is the spot at its true diameter, the bar 50 micrometres.

    Raises
    ------
    UsageError
        For a section that is not there, or several of which none is named.
    MissingKeyError
        Without coordinates or micrometres per pixel.
    """
    section = section_of(adata, library)
    chosen = np.random.default_rng(seed).choice(
        len(section.rows), size=min(n, len(section.rows)), replace=False
    )
    rows = np.sort(section.rows[chosen])
    subset = adata[rows]
    tiles_BHW3 = tiles(subset, size_px=size_px).compute()
    side_um = size_px * section.mpp
    n_rows = int(np.ceil(len(rows) / _COLUMNS))
    titles = [
        f"{name}<br><span style='font-size:10px;color:#777'>x {x:.0f}, y {y:.0f} px</span>"
        for name, (x, y) in zip(subset.obs_names, np.asarray(subset.obsm[Obsm.SPATIAL]), strict=True)
    ]
    figure = make_subplots(
        rows=n_rows, cols=_COLUMNS, subplot_titles=titles, horizontal_spacing=0.015, vertical_spacing=0.12
    )
    for index, tile_HW3 in enumerate(tiles_BHW3):
        _draw_tile(figure, index, jpeg_uri(tile_HW3, size_px), side_um, section.diameter_um)
    figure.update_layout(
        title={
            "text": f"<b>Tile check</b> · {section.heading} · {size_px} px = {side_um:.0f} µm "
            f"({section.mpp:.3f} µm/px) · circle = spot, {section.diameter_um:.0f} µm · bar = 50 µm",
            "x": 0.01,
        },
        width=182 * _COLUMNS + 30,
        height=222 * n_rows + 80,
        margin={"l": 10, "r": 10, "t": 100, "b": 10},
        **LAYOUT,
    )
    return figure


def _draw_tile(figure: go.Figure, index: int, uri: str, side_um: float, diameter_um: float) -> None:
    """One tile with the circle of its spot and a bar of 50 micrometres."""
    place = {"row": index // _COLUMNS + 1, "col": index % _COLUMNS + 1}
    figure.add_layout_image(
        source=uri, x=0, y=0, sizex=side_um, sizey=side_um, sizing="stretch", layer="below", **place
    )
    low, high = (side_um - diameter_um) / 2, (side_um + diameter_um) / 2
    circle = {"type": "circle", "x0": low, "x1": high, "y0": low, "y1": high}
    figure.add_shape(**circle, line={"color": "white", "width": 3.5}, **place)
    figure.add_shape(**circle, line={"color": "#0072b2", "width": 2}, **place)
    bar = {"type": "line", "x0": 8, "x1": 58, "y0": side_um - 9, "y1": side_um - 9}
    figure.add_shape(**bar, line={"color": "white", "width": 6}, **place)
    figure.add_shape(**bar, line={"color": "black", "width": 3}, **place)
    figure.update_xaxes(range=[0, side_um], visible=False, constrain="domain", **place)
    axis = "x" if index == 0 else f"x{index + 1}"
    figure.update_yaxes(range=[side_um, 0], visible=False, scaleanchor=axis, constrain="domain", **place)
