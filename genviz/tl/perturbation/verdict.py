"""What may be said of an effect beside its controls: the one place that decides, for tables, views and sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

LEAST_P = 0.05
NEEDED = math.ceil(1 / LEAST_P) - 1
"""Controls from which the share of those that are as large can be as small as `LEAST_P`."""
ENOUGH_EACH = math.ceil(NEEDED / 2)
"""Controls of each of the two kinds that make up that number."""
EXCEEDS, WITHIN, WITHOUT = "exceeds its controls", "within its controls", "no controls"


def share_as_large(size: float, rivals: Sequence[float]) -> float:
    """Share of the controls that are as large: ``(1 + controls at least as large) / (1 + controls)``, a p.

    Parameters
    ----------
    size
        rms of the effect.
    rivals
        rms of each control.
    """
    return (1 + sum(rival >= size for rival in rivals)) / (1 + len(rivals))


def verdict(size: float, rivals: Sequence[float]) -> str:
    """Words for an effect: within its controls where one is as large, exceeds them only where they are enough.

    Larger than few controls says little, one control is exceeded every other time by chance. Such an effect gets the
    number of controls that it has and needs.

    Parameters
    ----------
    size
        rms of the effect.
    rivals
        rms of each control.
    """
    if not rivals:
        return WITHOUT
    if not size > max(rivals):
        return WITHIN
    return EXCEEDS if len(rivals) >= NEEDED else f"needs {NEEDED} controls, has {len(rivals)}"


def what_controls_can_say(n_each: int) -> str:
    """A sentence: what so many controls can show at best, and how many to take where that is too little.

    Parameters
    ----------
    n_each
        Controls of each of the two kinds, from 0.
    """
    n = 2 * n_each
    take = f"take {ENOUGH_EACH} of each kind"
    if not n:
        return f"No controls were made: nothing says whether other genes would do as much. To ask, {take}."
    least = f"With {n} controls the p of an effect among them is {1 / (n + 1):.2g} at least"
    if n >= NEEDED:
        return f"{least}."
    return f"{least}: none can be said to exceed them. That needs {NEEDED}; {take}."
