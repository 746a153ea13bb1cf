"""The still figure of a slide view: the panels in view, on the colours in view."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING

from genviz._errors import UsageError
from genviz.pl.compare_figure import LOOKS, panel_of, panels_figure
from genviz.pl.section import section_of

if TYPE_CHECKING:
    import numpy as np
    import plotly.graph_objects as go
    from anndata import AnnData
    from numpy.typing import NDArray


def slide_panels(
    adata: AnnData,
    gene: str,
    values: Mapping[str, NDArray[np.floating]],
    limits: Mapping[str, tuple[float, float]],
    *,
    level: float | None = None,
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
    level
        Share of the interval that the uncertainty is the width of; None where it is not known.
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
    panels = [panel_of(name, values[name], limits[name], level) for name in LOOKS if name in values]
    if not panels:
        raise UsageError(f"Expected values of {', '.join(LOOKS)}; got none. Show at least one panel.")
    section = section_of(adata, library)
    names = [str(name) for name in adata.obs_names[section.rows]]
    heading = f"<b>{html.escape(gene)}</b>  ·  {section.heading}"
    return panels_figure(section, panels, names, title=heading, image=image, opacity=opacity)
