"""Tiles as cards of tokens: what a swap works on, and whether a model and tiles fit together.

Shape legend: R tiles, H x W pixels, N cells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, UsageError
from genviz._keys import Obsm
from genviz.models.pathar.codec import Tokens
from genviz.models.pathar.conditions import Conditions, conditions_of
from genviz.models.pathar.fitted import Fitted
from genviz.models.pathar.inputs import tiles_of, tokens_of

if TYPE_CHECKING:
    from anndata import AnnData

MOST_TILES = 24
DRAWN_ANEW = -1  # in place of the number of a tile

Ints = NDArray[np.int32]
Cells = NDArray[np.bool_]


@dataclass(frozen=True)
class Card:
    """One tile in tokens, never changed: an edit makes another card.

    Attributes
    ----------
    name
        Of the tile.
    structure_N, appearance_N
        Tokens int32 in raster order; structure is empty for a model of one stream.
    labels_N
        Label that each cell's appearance belongs to, by its number in the model.
    structure_of_N, appearance_of_N
        Number of the tile that each token is from; `DRAWN_ANEW` where the prior drew it.
    organ
        Of the tile, None where unknown.
    """

    name: str
    structure_N: Ints
    appearance_N: Ints
    labels_N: Ints
    structure_of_N: Ints
    appearance_of_N: Ints
    organ: str | None = None

    def label(self, fitted: Fitted) -> str:
        """Label of most of its cells."""
        return fitted.labels[Counter(self.labels_N.tolist()).most_common(1)[0][0]]

    def conditions(self, fitted: Fitted) -> Conditions:
        """What the model takes it for."""
        return Conditions([self.label(fitted)], [self.organ] if fitted.organs else None)

    def tokens(self, grid: tuple[int, int]) -> Tokens:
        """Its tokens as the model takes them."""
        return Tokens(self.structure_N[None], self.appearance_N[None], grid)

    def sources(self, names: Sequence[str]) -> list[str]:
        """Tiles that it is made of, its own first; its own alone where the prior drew everything.

        Parameters
        ----------
        names
            Of all tiles, by number.
        """
        numbers = set(self.structure_of_N.tolist() if len(self.structure_N) else [])
        numbers |= set(self.appearance_of_N.tolist())
        found = [names[k] for k in sorted(numbers - {DRAWN_ANEW})]
        return sorted(found, key=lambda name: name != self.name) or [self.name]

    def taking(self, other: Card, what: str, cells_N: Cells) -> Card:
        """The card with some cells of another.

        Parameters
        ----------
        other
            Where from.
        what
            ``"structure"``, ``"appearance"`` or ``"both"``.
        cells_N
            bool, which cells.
        """
        fields = []
        if what in ("structure", "both") and len(self.structure_N):
            fields += ["structure_N", "structure_of_N"]
        if what in ("appearance", "both"):
            fields += ["appearance_N", "appearance_of_N", "labels_N"]
        taken = {name: np.where(cells_N, getattr(other, name), getattr(self, name)) for name in fields}
        return replace(self, **taken)


@dataclass(frozen=True)
class Deck:
    """Tiles as they were given.

    Attributes
    ----------
    cards
        One a tile.
    grid
        Rows and columns of cells.
    pixels_RHW3
        The tiles' own pixels; None for rows that hold tokens only.
    made
        Whether a model made the tiles.
    """

    cards: tuple[Card, ...]
    grid: tuple[int, int]
    pixels_RHW3: NDArray[np.uint8] | None
    made: bool


def deck_of(fitted: Fitted, tiles: AnnData, key: str) -> Deck:
    """Cards of rows.

    Parameters
    ----------
    fitted
        The model.
    tiles
        Rows with ``obsm["tiles"]``, ``obsm["masks"]`` and a label, or with tokens and a label.
    key
        Result key of rows that a model made.

    Raises
    ------
    UsageError
        For no rows or too many, or labels that the model does not know.
    MissingKeyError, DataError
        For rows without pixels, masks, tokens or labels, or such that do not fit the model.
    """
    if not 1 <= tiles.n_obs <= MOST_TILES:
        raise UsageError(
            f"Expected 1 to {MOST_TILES} tiles; got {tiles.n_obs}. Choose rows, for example tiles[:8]."
        )
    if not tiles.obs_names.is_unique:
        raise DataError(
            "Expected rows of different names; some are equal. Run tiles.obs_names_make_unique() first."
        )
    tokens = tokens_of(fitted, tiles)
    conditions = conditions_of(fitted, tiles)
    label_R, _ = conditions.indices(fitted)
    organs = conditions.organs or [None] * tiles.n_obs
    n_cells = tokens.appearance_RN.shape[1]
    cards = tuple(
        Card(
            name,
            tokens.structure_RN[row],
            tokens.appearance_RN[row],
            np.full(n_cells, label_R[row], np.int32),
            np.full(n_cells, row, np.int32),
            np.full(n_cells, row, np.int32),
            organs[row],
        )
        for row, name in enumerate(tiles.obs_names.astype(str))
    )
    return Deck(cards, tokens.grid, _pixels(fitted, tiles, key), Obsm.TILES not in tiles.obsm)


def _pixels(fitted: Fitted, tiles: AnnData, key: str) -> NDArray[np.uint8] | None:
    if Obsm.TILES in tiles.obsm:
        return tiles_of(fitted, tiles)
    if Obsm.image(key) in tiles.obsm:
        return np.asarray(tiles.obsm[Obsm.image(key)])
    return None


def obstacles(fitted: Fitted, deck: Deck) -> dict[str, str]:
    """What cannot be done with this model and these tiles, and why; by the name of the ability.

    Abilities: ``swap`` (two tiles), ``structure`` (a stream of its own), ``draw`` and ``surprise`` (a prior of this
    grid), ``draw_structure``.

    Parameters
    ----------
    fitted
        The model.
    deck
        The tiles.
    """
    found = {}
    if len(deck.cards) < 2:
        found["swap"] = "There is one tile only. Pass two or more to swap between them."
    if not fitted.tokenizer.dual:
        found["structure"] = "This model has one stream: structure and appearance cannot be parted."
    if fitted.prior is None:
        found["draw"] = (
            "This model has a tokenizer only. Train its prior (model.train(stage='prior')) to draw tissue."
        )
    elif deck.grid != fitted.config.tokenizer.grid:
        side = fitted.config.tokenizer.size_px
        found["draw"] = (
            f"The model draws tiles of {side} x {side} pixels; these have another size. Cut them with "
            f"gv.pp.crops(adata, size_px={side})."
        )
    elif not fitted.prior.structure_codes:
        found["draw_structure"] = "This model's prior draws appearance only."
    if "draw" in found:
        found["surprise"] = found["draw_structure"] = found["draw"]
    return found
