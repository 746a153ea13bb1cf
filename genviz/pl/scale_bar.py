"""A bar of one millimetre in a corner of a section."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

_BAR_UM, _INSET_UM, _INK = 1000.0, 120.0, "#111"


def draw_scale_bar(figure: go.Figure, left_um: float, bottom_um: float, **place: Any) -> None:
    """Draw it into the lower left of a panel whose axes are in micrometres.

    Parameters
    ----------
    figure
        Figure.
    left_um, bottom_um
        Corner of the panel.
    **place
        Which panel: plotly's ``row`` and ``col``, or ``xref`` and ``yref``.
    """
    x0, y0 = left_um + _INSET_UM, bottom_um - _INSET_UM
    figure.add_shape(
        type="line", x0=x0, x1=x0 + _BAR_UM, y0=y0, y1=y0, line={"color": _INK, "width": 4}, **place
    )
    figure.add_annotation(
        x=x0 + _BAR_UM / 2, y=y0, text="1 mm", showarrow=False, yshift=11, font={"size": 12, "color": _INK}, **place
    )  # fmt: skip
