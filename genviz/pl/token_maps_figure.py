"""How likely a model found each token of a tile, as heat beside the tile.

Shape legend: N tiles, H x W pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from genviz._errors import MissingKeyError
from genviz._keys import Obsm
from genviz.core.arguments import check_adata
from genviz.pl.colours import UNCERTAINTY, plotly_scale
from genviz.pl.contrast import NOTE, stretched
from genviz.pl.house_style import LAYOUT, short, warning
from genviz.pl.pair_strips import strip

if TYPE_CHECKING:
    from anndata import AnnData

_STREAMS = ("structure", "appearance")


def token_maps(adata: AnnData, *, key: str = "pathar", n: int = 4) -> go.Figure:
    """Draw tiles with the surprise of their tokens, ``-log p`` in nats, stream by stream on one scale each.

    Dark grey tiles are brightened for the eye, and named so; made ones are named synthetic.

    Parameters
    ----------
    adata
        From `PathAR.log_prob`: reads ``obsm["<key>_structure_log_prob"]``, ``obsm["<key>_appearance_log_prob"]`` and
        the tiles. Tiles are square.
    key
        Result key.
    n
        Tiles: the first n rows.

    Returns
    -------
    plotly.graph_objects.Figure
        One row a tile.

    Raises
    ------
    MissingKeyError
        Without log-probabilities.
    """
    check_adata(adata)
    slots = [Obsm.log_prob(key, stream) for stream in _STREAMS]
    missing = [slot for slot in slots if slot not in adata.obsm]
    if missing:
        raise MissingKeyError(
            f"Expected obsm['{missing[0]}'], found {sorted(adata.obsm)}. Run model.log_prob(adata) first."
        )
    n = min(n, adata.n_obs)
    real = Obsm.TILES in adata.obsm
    image_key, mask_key = (Obsm.TILES, Obsm.MASKS) if real else (Obsm.image(key), Obsm.mask(key))
    shown_NHW3, brighter = stretched(np.asarray(adata.obsm[image_key][:n]))
    first = ("tile" if real else "tile (synthetic)") + (f"<br>{warning(NOTE)}" if brighter else "")
    figure = make_subplots(
        rows=n,
        cols=3,
        column_titles=[first, *(f"surprise of {stream}" for stream in _STREAMS)],
        row_titles=[short(str(name)) for name in adata.obs_names[:n]],
        horizontal_spacing=0.02,
        vertical_spacing=0.02,
    )
    tops = [float(np.quantile(-adata.obsm[slot][:n], 0.99)) for slot in slots]
    for row in range(n):
        tile = strip(shown_NHW3[row : row + 1], np.asarray(adata.obsm[mask_key][row : row + 1]))
        figure.add_trace(go.Image(z=tile, hoverinfo="skip"), row=row + 1, col=1)
        for k, slot in enumerate(slots):
            surprise = -np.asarray(adata.obsm[slot][row])
            side = int(np.sqrt(len(surprise)))
            figure.add_trace(
                go.Heatmap(
                    z=surprise.reshape(side, side),
                    coloraxis=f"coloraxis{k + 1}",
                    hovertemplate="row %{y}, column %{x}: %{z:.2f} nats<extra></extra>",
                ),
                row=row + 1,
                col=k + 2,
            )
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, autorange="reversed", constrain="domain")
    for axis in figure.select_yaxes():
        axis.scaleanchor = axis.anchor  # every panel is square by itself
    figure.update_layout(
        width=940,
        height=80 + 240 * n,
        margin={"l": 10, "r": 10, "t": 60, "b": 10},
        **_bars(tops, n),
        **LAYOUT,
    )
    return figure


def _bars(tops: list[float], n: int) -> dict[str, Any]:
    """Colour axes of the streams; their bars stand beside the first tiles, however many there are."""
    return {
        f"coloraxis{k + 1}": {
            "colorscale": plotly_scale(UNCERTAINTY),
            "cmin": 0,
            "cmax": top,
            "colorbar": {
                "x": 1.06 + 0.1 * k,
                "thickness": 12,
                "len": min(1.0, 2 / n),
                "y": 1,
                "yanchor": "top",
                "title": {"text": f"{stream}, nats", "side": "right"},
            },
        }
        for k, (stream, top) in enumerate(zip(_STREAMS, tops, strict=True))
    }
