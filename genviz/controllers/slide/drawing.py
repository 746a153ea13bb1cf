"""Regions drawn on the sections of an object: one history for each column of ``obs``, whoever looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import UsageError
from genviz._keys import Obs
from genviz.controllers.slide.regions import Category, Mode, Regions
from genviz.controllers.slide.section import Spots

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass
class _Drawn:
    """What the looks at all sections of an object share."""

    regions: dict[str, Regions] = field(default_factory=dict)
    listeners: list[Callable[[str], None]] = field(default_factory=list)
    latest: str = Obs.DRAWN


class Drawing:
    """The part of a slide view that draws: regions as columns of ``obs``, written at once.

    Parameters
    ----------
    adata
        Gets the columns.
    """

    def __init__(self, adata: AnnData) -> None:
        self.adata = adata
        self._drawn = _Drawn()

    @property
    def spots(self) -> Spots:
        """The spots of the present section."""
        raise NotImplementedError

    def regions(self, column: str | None = None) -> Regions:
        """The regions drawn in a column of ``obs``.

        Parameters
        ----------
        column
            Its name; default the one drawn in last.
        """
        drawn = self._drawn
        column = drawn.latest if column is None else column
        if column not in drawn.regions:
            drawn.regions[column] = Regions(self.adata, column)
        drawn.latest = column
        return drawn.regions[column]

    def select(
        self, rows: ArrayLike, category: str, mode: Mode = "replace", column: str | None = None
    ) -> None:
        """Put spots of the present section into a named category of ``obs``, written at once.

        Parameters
        ----------
        rows
            Indices into `spots`, or a boolean mask over them.
        category
            Name of the region.
        mode
            ``"replace"``: in this section the region is these spots; ``"add"``: these as well; ``"remove"``: these no
            longer.
        column
            Column of ``obs``; default the one drawn in last, at first ``"region"``.

        Raises
        ------
        UsageError
            A spot that is not there, no name, or a column that means something else.
        """
        at = np.asarray(rows)
        at = np.flatnonzero(at) if at.dtype == bool else at.astype(np.intp).ravel()
        own = self.spots.rows
        if at.size and (at.min() < 0 or at.max() >= len(own)):
            raise UsageError(
                f"Expected spots from 0 to {len(own) - 1}; got {int(at.min())} to {int(at.max())}."
            )
        regions = self.regions(column)
        regions.select(own[at], category, mode, within=own)
        self._tell(regions.column)

    def rename(self, category: str, name: str, column: str | None = None) -> None:
        """Rename a region; onto another's name: both become one.

        Parameters
        ----------
        category, name
            Old and new name.
        column
            Column of ``obs``; default the one drawn in last.
        """
        regions = self.regions(column)
        regions.rename(category, name)
        self._tell(regions.column)

    def delete(self, category: str, column: str | None = None) -> None:
        """Delete a region; its spots belong to none.

        Parameters
        ----------
        category
            Its name.
        column
            Column of ``obs``; default the one drawn in last.
        """
        regions = self.regions(column)
        regions.delete(category)
        self._tell(regions.column)

    def undo(self, column: str | None = None) -> bool:
        """Take back the last change of the regions; False when there is none.

        Parameters
        ----------
        column
            Column of ``obs``; default the one drawn in last.
        """
        regions = self.regions(column)
        return regions.undo() and self._tell(regions.column)

    def redo(self, column: str | None = None) -> bool:
        """Make a change again that was taken back; False when there is none.

        Parameters
        ----------
        column
            Column of ``obs``; default the one drawn in last.
        """
        regions = self.regions(column)
        return regions.redo() and self._tell(regions.column)

    def categories(self, column: str | None = None) -> list[Category]:
        """Regions with colour and number of rows.

        Parameters
        ----------
        column
            Column of ``obs``; default the one drawn in last.
        """
        return self.regions(column).categories

    def region_codes(self, column: str | None = None) -> NDArray[np.int32]:
        """Region of each spot, int32 (n,), places in `categories`; -1: none.

        Parameters
        ----------
        column
            Column of ``obs``; default the one drawn in last.
        """
        return self.regions(column).codes[self.spots.rows]

    def on_change(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call a function with the column's name after every change of regions made through this controller.

        Parameters
        ----------
        listener
            What to call.

        Returns
        -------
        A function that ends it.
        """
        listeners = self._drawn.listeners
        listeners.append(listener)
        return lambda: listeners.remove(listener) if listener in listeners else None

    def _tell(self, column: str) -> bool:
        """Tell who listens of a change; True, which is what `undo` says of one."""
        for listener in list(self._drawn.listeners):
            listener(column)
        return True
