"""Edits of tiles in tokens: swap, render, in-paint, with a history that branches and rows to keep.

Shape legend: H x W pixels, N cells.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz.controllers.history import History
from genviz.controllers.tokens.cards import Card, Cells, deck_of, obstacles
from genviz.controllers.tokens.making import Heard, drawn, swapped
from genviz.controllers.tokens.pictures import Picture, Pictures
from genviz.controllers.tokens.rows import rows_of_cards
from genviz.controllers.tokens.steps import Edit, edit_of, named
from genviz.train.device import resolve_device

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models import PathAR

Cards = tuple[Card, ...]


def _silent(done: int, all_of_them: int) -> None:
    """Nobody listens."""


class TokenEdits:
    """Two or more tiles in tokens, and everything that was done to them.

    Every edit is a step of a tree: after an undo another edit opens a branch, and nothing is lost. The same steps with
    the same seeds give the same tiles.

    Parameters
    ----------
    model
        A trained `PathAR`; without a prior nothing is drawn, but tiles are swapped.
    tiles
        1 to 24 rows with ``obsm["tiles"]``, ``obsm["masks"]`` and a label, or with tokens (rows that the model made).
    key_added
        Result key.

    Attributes
    ----------
    history
        Steps; a state is one card for each tile.
    edits
        The edit that made each step, None of the start.
    obstacles
        What cannot be done with this model and these tiles, and why.
    kept
        Tiles to keep, as (name, step), in order.
    changed
        Called after each change.

    Raises
    ------
    UsageError, DataError, MissingKeyError
        For a model and tiles that do not fit together.

    Examples
    --------
    >>> edits = TokenEdits(model, tiles)
    >>> edits.swap("a", "b", "appearance", cells=range(128))
    >>> edits.draw("a", label="histology", seed=1)
    >>> edits.keep("a")
    >>> rows = edits.rows()
    """

    def __init__(self, model: PathAR, tiles: AnnData, *, key_added: str = "pathar") -> None:
        if not hasattr(model, "fitted"):
            raise UsageError(
                f"Expected a trained gv.models.PathAR; got {type(model).__name__}. Load one: "
                'gv.models.PathAR.load("pathar-dsb-mini").'
            )
        self.fitted = model.fitted.to(resolve_device(getattr(model, "_device", "auto")))
        self.deck = deck_of(self.fitted, tiles, key_added)
        self.key = key_added
        self.obstacles = obstacles(self.fitted, self.deck)
        self.history: History[Cards] = History(self.deck.cards)
        self.edits: list[Edit | None] = [None]
        self.kept: list[tuple[str, int]] = []
        self.changed: list[Callable[[], None]] = []
        self._pictures = Pictures(self.fitted, self.deck.grid)
        self._lock = threading.RLock()  # long edits end in another thread

    # ------------------------------------------------------------------ what there is

    @property
    def names(self) -> list[str]:
        """Names of the tiles."""
        return [card.name for card in self.deck.cards]

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that the model knows."""
        return self.fitted.labels

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return self.deck.grid

    @property
    def cell_px(self) -> int:
        """Side of a cell, pixels."""
        return int(self.fitted.config.tokenizer.downsampling)

    def card(self, tile: str, step: int | None = None) -> Card:
        """A tile as it is after a step; by default now."""
        number = self.history.at if step is None else step
        if not 0 <= number < len(self.history.steps):
            raise UsageError(f"Expected a step from 0 to {len(self.history.steps) - 1}; got {number}.")
        return self.history.steps[number].state[self._place(tile)]

    def picture(self, card: Card) -> Picture:
        """Decode a card."""
        return self._pictures.of(card)

    def surprise(self, card: Card) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """How unexpected each token of a card is, ``-log p`` in nats; structure (N,), appearance (N,)."""
        self._insist("surprise")
        return self._pictures.surprise(card)

    def path(self, step: int | None = None) -> list[Edit]:
        """The edits that lead to a step; `replay` makes them again."""
        number: int | None = self.history.at if step is None else step
        found = []
        while number is not None:
            if edit := self.edits[number]:
                found.append(edit)
            number = self.history.steps[number].parent
        return found[::-1]

    # ------------------------------------------------------------------ edits

    def swap(
        self,
        tile: str,
        other: str,
        what: str = "both",
        cells: Sequence[int] | None = None,
        *,
        matched: bool = False,
    ) -> int:
        """Take tokens of another tile, as it is now, into this one.

        Parameters
        ----------
        tile, other
            Names of the tile that changes, and of the one to take from.
        what
            ``"structure"``, ``"appearance"`` or ``"both"``.
        cells
            Numbers of cells in raster order; None for all.
        matched
            Take each appearance token from the cell of the other tile whose surroundings are most alike.

        Returns
        -------
        Number of the step.

        Raises
        ------
        UsageError
            For unknown names or cells, one tile only, or structure of a model that has none.
        """
        return self.apply(
            {"do": "swap", "tile": tile, "other": other, "what": what, "cells": _listed(cells),
             "matched": bool(matched)}
        )  # fmt: skip

    def draw(
        self,
        tile: str,
        what: str = "appearance",
        cells: Sequence[int] | None = None,
        *,
        label: str | None = None,
        seed: int = 0,
        heard: Heard = _silent,
    ) -> int:
        """Let the prior draw cells anew: in-paint them, or render the whole tile under a label.

        Parameters
        ----------
        tile
            Name.
        what
            ``"appearance"``, the structure kept, or ``"both"``.
        cells
            Numbers of cells; None for all.
        label
            What the new cells are drawn as; default the tile's own.
        seed
            With the tile's name it decides the draw.
        heard
            Told how many of how many pieces are done; what it raises ends the draw, and nothing has changed.

        Returns
        -------
        Number of the step.

        Raises
        ------
        UsageError
            For unknown names, labels or cells, or a model that cannot draw this.
        """
        return self.apply(
            {"do": "draw", "tile": tile, "what": what, "cells": _listed(cells), "label": label, "seed": seed},
            heard,
        )

    def restore(self, tile: str, cells: Sequence[int] | None = None) -> int:
        """Give cells back the tokens they had at the start; None for all."""
        return self.apply({"do": "restore", "tile": tile, "cells": _listed(cells)})

    def apply(self, edit: Edit, heard: Heard = _silent) -> int:
        """Do an edit that is written as JSON, as `path` and provenance have them; the number of its step."""
        base = self.history.at
        done = edit_of(edit)
        card = self.made(done, base, heard)
        place = self._place(done["tile"])
        with self._lock:
            before = self.history.steps[base].state
            state = (*before[:place], card, *before[place + 1 :])
            self.history.at = base  # a long edit belongs to where it began
            number = self.history.push(state, named(done, self.grid[0] * self.grid[1])).number
            self.edits.append(done)
        self._tell()
        return number

    def made(self, edit: Edit, step: int | None = None, heard: Heard = _silent) -> Card:
        """The card that an edit would make after a step, without a step of its own."""
        done = edit_of(edit)
        card, cells_N = self.card(done["tile"], step), self._cells(done["cells"])
        if done["do"] == "restore":
            return card.taking(self.card(done["tile"], 0), "both", cells_N)
        if done["do"] == "swap":
            self._insist("swap")
            if done["what"] == "structure" or done["matched"]:
                self._insist("structure")
            return swapped(self.grid, card, self.card(done["other"], step), done, cells_N)
        self._insist("draw_structure" if done["what"] == "both" else "draw")
        return drawn(self.fitted, self.grid, [card], [done["label"]], done, cells_N, heard)[0]

    def renderings(self, tiles: Sequence[str], seed: int = 0) -> dict[tuple[str, str], Card]:
        """Tiles as they were at the start, rendered under every label; by tile and label. Drawn together: quick."""
        self._insist("draw")
        pairs = [(tile, label) for tile in tiles for label in self.labels]
        edit = edit_of({"do": "draw", "tile": "", "seed": seed})
        cards = [self.card(tile, 0) for tile, _ in pairs]
        labels = [label for _, label in pairs]
        made = drawn(self.fitted, self.grid, cards, labels, edit, self._cells(None), _silent)
        return dict(zip(pairs, made, strict=True))

    def replay(self, edits: Sequence[Edit]) -> int:
        """Do edits one after the other, from here; the number of the last step."""
        for edit in edits:
            self.apply(edit)
        return self.history.at

    # ------------------------------------------------------------------ history

    def undo(self) -> bool:
        """Go back one step; False at the start."""
        with self._lock:
            moved = self.history.undo()
        self._tell()
        return moved

    def redo(self) -> bool:
        """Go forward along the branch that was left last; False at its end."""
        with self._lock:
            moved = self.history.redo()
        self._tell()
        return moved

    def go(self, step: int) -> None:
        """Go to any step."""
        with self._lock:
            self.history.go(step)
        self._tell()

    # ------------------------------------------------------------------ rows

    def keep(self, tile: str, step: int | None = None) -> tuple[str, int]:
        """Add a tile, as it is after a step, to the rows; the same twice is one row."""
        self.card(tile, step)
        kept = (tile, self.history.at if step is None else step)
        if kept not in self.kept:
            self.kept.append(kept)
            self._tell()
        return kept

    def rows(self) -> AnnData:
        """The tiles that were kept, as rows.

        Returns
        -------
        New AnnData as of `PathAR.generate`, rows ``<tile>~<step>``; ``obs["source"]`` the tiles it is made of;
        provenance in ``uns["genviz"]["<key>"]``, with the steps of each row, marked synthetic.

        Raises
        ------
        UsageError
            When nothing was kept.
        """
        if not self.kept:
            raise UsageError(
                "Expected tiles to keep; there are none. Press 'Add to rows', or call keep(tile) first."
            )
        made = [(f"{tile}~{step}", self.card(tile, step), self.path(step)) for tile, step in self.kept]
        return self.rows_of(made)

    def rows_of(self, made: Sequence[tuple[str, Card, list[Edit]]]) -> AnnData:
        """Any cards as rows: name of the row, card, and the edits that made it."""
        return rows_of_cards(self.fitted, self.deck, made, self._pictures, self.key)

    # ------------------------------------------------------------------ inside

    def _place(self, tile: str) -> int:
        if tile not in self.names:
            raise UsageError(f"Expected a tile out of {', '.join(self.names)}; got {tile!r}.")
        return self.names.index(tile)

    def _cells(self, cells: Sequence[int] | None) -> Cells:
        n = self.grid[0] * self.grid[1]
        if cells is None:
            return np.ones(n, bool)
        chosen = np.asarray(cells)
        if not chosen.size:
            raise UsageError("Expected at least one cell; got none. Brush some, or pass cells=None for all.")
        if chosen.dtype.kind not in "iu" or chosen.min() < 0 or chosen.max() >= n:
            raise UsageError(
                f"Expected cells from 0 to {n - 1}; got {', '.join(map(str, chosen.ravel()[:5]))}."
            )
        return np.isin(np.arange(n), chosen)

    def _insist(self, ability: str) -> None:
        if ability in self.obstacles:
            raise UsageError(self.obstacles[ability])

    def _tell(self) -> None:
        for listen in self.changed:
            listen()


def _listed(cells: Sequence[int] | None) -> list[Any] | None:
    return None if cells is None else list(np.asarray(cells).ravel().tolist())
