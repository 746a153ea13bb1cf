"""Values of spots as colours, numbers as the notebook's slide view writes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genviz.controllers.slide.values import ERROR, MEASURED, PREDICTED, UNCERTAINTY, Limits, Values
from genviz.pl import colours
from genviz.pl.gene_values import interval_name

Rgba = NDArray[np.float32]

STOPS = {
    MEASURED: colours.EXPRESSION,
    PREDICTED: colours.EXPRESSION,
    ERROR: colours.ERROR,
    UNCERTAINTY: colours.UNCERTAINTY,
}

_STEPS = 256
_NO_VALUE = (0.5, 0.5, 0.5, 0.25)
_FADED = 0.12


def rgba_of(colour: str) -> tuple[float, float, float, float]:
    """``"#rrggbb"`` as four numbers from 0 to 1."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue, 1.0


def steps_of(stops: tuple[str, ...]) -> Rgba:
    """256 colours between evenly spaced stops, float32 (256, 4)."""
    ends = np.array([rgba_of(stop) for stop in stops])
    at = np.linspace(0, len(stops) - 1, _STEPS)
    return np.column_stack([np.interp(at, np.arange(len(stops)), ends[:, c]) for c in range(4)]).astype(
        np.float32
    )


def colours_of(values: Values, limits: Limits, panel: str) -> Rgba:
    """Colour of each value, float32 (n, 4); pale grey where there is none."""
    low, high = limits
    place = (values.astype(np.float64) - low) / ((high - low) or 1.0) * (_STEPS - 1)
    known = np.isfinite(place)
    step = np.clip(np.rint(np.where(known, place, 0)), 0, _STEPS - 1).astype(np.intp)
    rgba_n4 = steps_of(STOPS[panel])[step]
    rgba_n4[~known] = _NO_VALUE
    return rgba_n4


def reaches(values: Values, threshold: float, panel: str) -> NDArray[np.bool_]:
    """Which spots reach a threshold: the size of the error, else the value; spots without a value do not."""
    size = np.abs(values) if panel == ERROR else values
    with np.errstate(invalid="ignore"):
        return np.asarray(size >= threshold)


def faded(rgba_n4: Rgba, kept: NDArray[np.bool_]) -> Rgba:
    """Colours with the spots that are not kept nearly clear."""
    rgba_n4 = rgba_n4.copy()
    rgba_n4[~kept, 3] *= _FADED
    return rgba_n4


def number_text(value: float, panel: str) -> str:
    """An end of a colour bar: one digit, errors above zero with their sign."""
    return ("+" if panel == ERROR and value > 0 else "") + f"{value:.1f}".replace("-", "−")


def count_text(value: float) -> str:
    """log2(1 + count) as a count: one digit below ten."""
    count = 2.0**value - 1.0
    return f"{count:.1f}".removesuffix(".0") if count < 9.95 else f"{count:.0f}"


def spot_lines(stored: dict[str, Values], i: int, level: float | None) -> list[tuple[str, str, str]]:
    """What there is to say of one spot: label, log2 value, the same in counts.

    Parameters
    ----------
    stored
        measured, predicted, lower, upper, as far as they are there; each (n,).
    i
        The spot.
    level
        Share of the interval, e.g. 0.9.
    """
    lines = []
    for label in (MEASURED, PREDICTED):
        if label in stored:
            value = float(stored[label][i])
            known = np.isfinite(value)
            lines.append(
                (
                    label,
                    f"{value:.2f}" if known else "no value",
                    f"{count_text(value)} counts" if known else "",
                )
            )
    low, high = (float(stored[name][i]) if name in stored else np.nan for name in ("lower", "upper"))
    if np.isfinite(low) and np.isfinite(high):
        lines.append(
            (
                interval_name(level),
                f"{low:.2f} – {high:.2f}",
                f"{count_text(low)} – {count_text(high)} counts",
            )
        )
    if MEASURED in stored and PREDICTED in stored:
        error = float(stored[PREDICTED][i] - stored[MEASURED][i])
        text = f"{error:+.2f}".replace("-", "−") if np.isfinite(error) else "no value"
        lines.append((ERROR, text, ""))
    return lines
