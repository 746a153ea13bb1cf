"""The bar of generated tiles: one for each call, or one for all calls of an analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tqdm.auto import tqdm

from genviz._settings import settings

Advance = Callable[[int], Any]

_DELAY = 1.0  # seconds: a call that ends before shows no bar, and a notebook keeps no empty line of it
_shared: ContextVar[tqdm[Any] | None] = ContextVar("shared", default=None)


@contextmanager
def one_bar(total: int | None, description: str = "tiles") -> Iterator[None]:
    """Show one bar for all tiles that are generated inside; within another such block it does nothing.

    Parameters
    ----------
    total
        Tiles expected, None where nobody knows; if the block ends with others, these were all.
    description
        Label of the bar.
    """
    if _shared.get() is not None:
        yield
        return
    with _bar(total, description) as bar:
        token = _shared.set(bar)
        try:
            yield
        finally:
            _shared.reset(token)
        bar.total = bar.n  # a notebook takes a bar that ends early for one that failed


@contextmanager
def tile_bar(total: int) -> Iterator[Advance]:
    """Show the progress of one call, in the bar of the analysis where there is one.

    Parameters
    ----------
    total
        Tiles of the call.

    Yields
    ------
    What to call with the number of tiles that were just made.
    """
    shared = _shared.get()
    if shared is not None:
        yield shared.update
        return
    with _bar(total, "tiles") as bar:
        yield bar.update


def _bar(total: int | None, description: str) -> tqdm[Any]:
    return tqdm(total=total, desc=description, unit="tile", delay=_DELAY, disable=not settings.progress)
