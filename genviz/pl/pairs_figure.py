"""Image and mask pairs in rows, each row with its name: what is real, what was made, what was changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from genviz._errors import MissingKeyError
from genviz._keys import Obsm, Uns
from genviz.core.arguments import check_adata
from genviz.pl.contrast import NOTE, stretched
from genviz.pl.house_style import LAYOUT, warning
from genviz.pl.pair_strips import strip
from genviz.pl.section import jpeg_uri

if TYPE_CHECKING:
    from anndata import AnnData

_WIDTH = 940
_TITLE = 150
_SYNTHETIC = "synthetic"


def pairs(
    rows: AnnData | Mapping[str, AnnData],
    *,
    key: str = "pathar",
    n: int = 6,
    outlines: bool = True,
    stretch: bool = True,
    title: str | None = None,
) -> go.Figure:
    """Draw strips of tiles, one strip for each set of rows; made images are named synthetic.

    Parameters
    ----------
    rows
        Rows, or name → rows. Each shows its result under ``obsm["<key>"]`` and ``obsm["<key>_mask"]``, or else its
        real ``obsm["tiles"]`` and ``obsm["masks"]``.
    key
        Result key.
    n
        Tiles a strip: the first n rows.
    outlines
        Draw the outlines of the nuclei.
    stretch
        Brighten grey tiles for the eye, each until its 99.5th percentile is white (at most eightfold); the strip says
        so. Coloured tiles are shown as they are.
    title
        Title of the figure.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    MissingKeyError
        For rows without images.
    """
    sets = rows if isinstance(rows, Mapping) else {"": rows}
    strips = {name: _strip(adata, key, n, outlines, stretch) for name, adata in sets.items()}
    height = (_WIDTH - _TITLE) / n
    top = 44 if title else 8
    figure = go.Figure()
    figure.update_xaxes(visible=False, range=[0, _WIDTH], fixedrange=True)
    figure.update_yaxes(visible=False, range=[len(strips) * height, 0], fixedrange=True)
    for k, (name, (pixels, notes)) in enumerate(strips.items()):
        tile = (_WIDTH - _TITLE) * pixels.shape[1] / max(p.shape[1] for p, _ in strips.values())
        figure.add_layout_image(
            source=jpeg_uri(pixels, 4096, quality=90), x=_TITLE, y=k * height, sizex=tile, sizey=height - 4,
            xref="x", yref="y", xanchor="left", yanchor="top", sizing="contain",
        )  # fmt: skip
        note = "".join(f"<br>{warning(text)}" for text in notes)
        figure.add_annotation(
            text=name.replace("\n", "<br>") + note, x=_TITLE - 10, y=(k + 0.5) * height, showarrow=False,
            xanchor="right", align="right", font_size=13,
        )  # fmt: skip
    figure.update_layout(
        width=_WIDTH,
        height=int(top + len(strips) * height + 8),
        margin={"l": 0, "r": 0, "t": top, "b": 8},
        title=title,
        **LAYOUT,
    )
    return figure


def _strip(
    adata: AnnData, key: str, n: int, outlines: bool, stretch: bool
) -> tuple[NDArray[np.uint8], list[str]]:
    """Pixels of the first rows, and what has to be said of them."""
    check_adata(adata)
    made = Obsm.image(key) in adata.obsm
    image_key, mask_key = (Obsm.image(key), Obsm.mask(key)) if made else (Obsm.TILES, Obsm.MASKS)
    if image_key not in adata.obsm:
        raise MissingKeyError(
            f"Expected images in obsm['{key}'] or obsm['{Obsm.TILES}'], found {sorted(adata.obsm)}. "
            "Generate some, or cut tiles with gv.pp.crops(...)."
        )
    masks = np.asarray(adata.obsm[mask_key][:n]) if outlines and mask_key in adata.obsm else None
    record = adata.uns.get(Uns.GENVIZ, {}).get(key, "{}") if made else "{}"
    notes = [_SYNTHETIC] if json.loads(record).get(_SYNTHETIC) else []
    tiles, brighter = np.asarray(adata.obsm[image_key][:n]), False
    if stretch:
        tiles, brighter = stretched(tiles)
    return strip(tiles, masks), [*notes, *([NOTE] if brighter else [])]
