"""Tiles before and after an edit, and what changed, beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Obsm
from genviz.core.arguments import check_adata
from genviz.pl.colours import UNCERTAINTY, plotly_scale
from genviz.pl.contrast import NOTE, stretched
from genviz.pl.house_style import LAYOUT, short, warning
from genviz.pl.pair_strips import strip

if TYPE_CHECKING:
    from anndata import AnnData


def before_after(
    before: AnnData, after: AnnData, *, key: str = "pathar", n: int = 4, outlines: bool = True
) -> go.Figure:
    """Draw rows before and after an edit, with the difference of their pixels.

    Parameters
    ----------
    before, after
        Rows in the same order, as a model made them: ``obsm["<key>"]`` and ``obsm["<key>_mask"]``. Synthetic, and
        named so.
    key
        Result key.
    n
        Rows shown: the first n.
    outlines
        Draw the outlines of the nuclei.

    Returns
    -------
    plotly.graph_objects.Figure
        One line a row: before, after, mean absolute difference of the channels in grey levels. Dark grey tiles are
        brightened for the eye; differences are of the pixels as they are.

    Raises
    ------
    MissingKeyError, DataError
        For rows without images, or not as many before as after.
    """
    check_adata(before, "before")
    check_adata(after, "after")
    if before.n_obs != after.n_obs or not before.n_obs:
        raise DataError(f"Expected as many rows before as after; got {before.n_obs} and {after.n_obs}.")
    n = min(n, after.n_obs)
    images = [_of(adata, Obsm.image(key))[:n] for adata in (before, after)]
    change = np.abs(images[1].astype(np.float32) - images[0]).mean(axis=-1)
    brightened = [stretched(tiles) for tiles in images]
    notes = [NOTE if brighter else "" for _, brighter in brightened] + [""]
    titles = ["before (synthetic)", "after (synthetic)", "difference"]
    if any(notes):  # all in two lines, so that they stand on one height
        titles = [f"{title}<br>{warning(note or ' ')}" for title, note in zip(titles, notes, strict=True)]
    figure = make_subplots(
        rows=n,
        cols=3,
        column_titles=titles,
        row_titles=[short(str(name)) for name in after.obs_names[:n]],
        horizontal_spacing=0.02,
        vertical_spacing=0.03,
    )
    for column, (adata, (shown, _)) in enumerate(zip((before, after), brightened, strict=True)):
        masks = np.asarray(adata.obsm[Obsm.mask(key)]) if outlines and Obsm.mask(key) in adata.obsm else None
        for row in range(n):
            mask = None if masks is None else masks[row : row + 1]
            picture = go.Image(z=strip(shown[row : row + 1], mask), hoverinfo="skip")
            figure.add_trace(picture, row=row + 1, col=column + 1)
    for row in range(n):
        heat = go.Heatmap(
            z=change[row],
            coloraxis="coloraxis",
            hovertemplate="row %{y}, column %{x}: %{z:.0f}<extra></extra>",
        )
        figure.add_trace(heat, row=row + 1, col=3)
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, autorange="reversed", constrain="domain")
    for axis in figure.select_yaxes():
        axis.scaleanchor = axis.anchor  # every panel is square by itself
    bar = {"title": "grey levels", "thickness": 12, "x": 1.06}
    figure.update_layout(
        width=940,
        height=70 + 250 * n,
        margin={"l": 10, "r": 10, "t": 60, "b": 10},
        coloraxis={
            "colorscale": plotly_scale(UNCERTAINTY),
            "cmin": 0,
            "cmax": max(1.0, float(np.quantile(change, 0.995))),
            "colorbar": bar,
        },
        **LAYOUT,
    )
    return figure


def _of(adata: AnnData, slot: str) -> NDArray[np.uint8]:
    if slot not in adata.obsm:
        raise MissingKeyError(
            f"Expected images in obsm['{slot}'], found {sorted(adata.obsm)}. Decode them with model.decode(...)."
        )
    return np.asarray(adata.obsm[slot])
