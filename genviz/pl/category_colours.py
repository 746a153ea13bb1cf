"""Colours of categories: those that the object keeps, as scanpy writes them, else one palette for all views."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from genviz.pl.colours import CATEGORIES

_HEX = re.compile(r"#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?")
_TINTS = ((0, 0.0), (255, 0.5), (0, 0.45))  # towards white or black, and how far
_FAR_TINTS = ((255, 0.75), (0, 0.65))


def category_colours(n: int) -> list[str]:
    """Colours of n categories: the eight of figures, or seven of them with lighter, darker and mixed ones.

    Parameters
    ----------
    n
        How many; up to 70 differ.
    """
    if n <= len(CATEGORIES):
        return list(CATEGORIES[:n])
    first = CATEGORIES[:7]  # the eighth is black, of which there is no lighter or darker one
    between = [
        _mixed(one, _parts(other), 0.5) for one, other in zip(first, first[1:] + first[:1], strict=True)
    ]
    rounds = [(colours, tint) for colours in (first, between) for tint in _TINTS]
    rounds += [(colours, tint) for tint in _FAR_TINTS for colours in (first, between)]
    own = [_mixed(one, (end,) * 3, share) for colours, (end, share) in rounds for one in colours]
    return [own[i % len(own)] for i in range(n)]


def known_colours(kept: Any, n: int, order: Sequence[str] | None = None) -> list[str]:
    """Colours that the object keeps, where they are ``#rrggbb``; others by turn.

    Parameters
    ----------
    kept
        ``uns["<column>_colors"]``, or None.
    n
        Number of categories.
    order
        Where others come from; default `category_colours`.
    """
    order = category_colours(n) if order is None else order
    texts = [str(colour) for colour in kept][:n] if kept is not None else []
    given = {i: text[:7].lower() for i, text in enumerate(texts) if _HEX.fullmatch(text)}
    found: list[str] = []
    for i in range(n):
        later = [colour for k, colour in given.items() if k > i]
        found.append(given[i] if i in given else next_colour([*found, *later], order))
    return found


def next_colour(used: Sequence[str], order: Sequence[str]) -> str:
    """The first colour that is free; by turn when none is.

    Parameters
    ----------
    used
        Colours so far.
    order
        Colours to take from.
    """
    free = [colour for colour in order if colour not in used]
    return free[0] if free else order[len(used) % len(order)]


def _parts(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def _mixed(colour: str, towards: Sequence[int], share: float) -> str:
    mixed = (round(part + (end - part) * share) for part, end in zip(_parts(colour), towards, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)
