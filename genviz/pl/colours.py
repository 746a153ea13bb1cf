"""Colour scales and ranges, shared by figures and report. All are safe for colour-blind readers.

Expression runs on viridis and uncertainty on cividis (both monotone in lightness); error on a
blue-white-orange scale, zero in the middle, so sign is readable without telling red from green.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EXPRESSION = (
    "#440154",
    "#482878",
    "#3e4989",
    "#31688e",
    "#26828e",
    "#1f9e89",
    "#35b779",
    "#6ece58",
    "#b5de2b",
    "#fde725",
)
UNCERTAINTY = (
    "#00224e",
    "#123570",
    "#3b496c",
    "#575d6d",
    "#707173",
    "#8a8678",
    "#a59c74",
    "#c3b369",
    "#e1cc55",
    "#fee838",
)
ERROR = ("#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7", "#fee0b6", "#fdb863", "#e08214", "#b35806")

# Okabe-Ito, for categories.
CATEGORIES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#000000")


def plotly_scale(colours: tuple[str, ...]) -> list[list[float | str]]:
    """Evenly spaced stops in plotly's form, ``[[0.0, "#..."], ..., [1.0, "#..."]]``."""
    return [[i / (len(colours) - 1), colour] for i, colour in enumerate(colours)]


def shared_range(*values: NDArray[np.floating]) -> tuple[float, float]:
    """One range for several panels: 0 to the 99.5th percentile of all values, never empty."""
    top = float(np.nanpercentile(np.concatenate([np.ravel(v) for v in values]), 99.5))
    return 0.0, max(top, 1e-3)


def symmetric_range(values: NDArray[np.floating]) -> tuple[float, float]:
    """A range around zero that holds 99 % of the magnitudes."""
    top = max(float(np.nanpercentile(np.abs(values), 99.0)), 1e-3)
    return -top, top
