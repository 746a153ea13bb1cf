"""The still figure of a slide view: the panels in view, on the colours in view."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz.pl.colours import ERROR, EXPRESSION, UNCERTAINTY
from genviz.pl.compare_figure import Panel, panels_figure
from genviz.pl.section import section_of

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from anndata import AnnData

_LOOKS = {
    "measured": ("Measured", EXPRESSION, "log2(1+count)"),
    "predicted": ("Predicted", EXPRESSION, "log2(1+count)"),
    "error": ("Error (predicted − measured)", ERROR, "log2 ratio"),
    "uncertainty": ("Uncertainty (width of the interval)", UNCERTAINTY, "log2 units"),
}


def slide_panels(
    adata: AnnData,
    gene: str,
    values: Mapping[str, NDArray[np.floating]],
    limits: Mapping[str, tuple[float, float]],
    *,
    library: str | None = None,
    image: bool = True,
    opacity: float = 0.95,
) -> go.Figure:
    """Draw values of one gene over a section, as `genviz.pl.compare` does, on given colour limits.

    Parameters
    ----------
    adata
        Rows of the section.
    gene
        For the title.
    values
        One value a spot of the section, by panel: ``measured``, ``predicted``, ``error``, ``uncertainty``.
    limits
        Low and high end of the colours, by panel.
    library
        Section; may be omitted when there is only one.
    image
        Draw the H&E behind the spots.
    opacity
        Of the spots.

    Raises
    ------
    UsageError
        Nothing to draw.
    """
    panels = []
    for name, (title, colours, unit) in _LOOKS.items():
        if name in values:
            bounds = (float(limits[name][0]), float(limits[name][1]))
            panels.append(Panel(title, np.asarray(values[name], dtype=np.float64), colours, bounds, unit))
    if not panels:
        raise UsageError(f"Expected values of {', '.join(_LOOKS)}; got none. Show at least one panel.")
    section = section_of(adata, library)
    names = [str(name) for name in adata.obs_names[section.rows]]
    heading = f"<b>{html.escape(gene)}</b>  ·  section {html.escape(section.library)}"
    return panels_figure(section, panels, names, title=heading, image=image, opacity=opacity)
