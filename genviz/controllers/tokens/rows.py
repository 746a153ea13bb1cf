"""Edited cards as rows: what a user keeps of the edits, with every step on record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from genviz._keys import Obs
from genviz.controllers.tokens.cards import Card, Deck
from genviz.controllers.tokens.pictures import Pictures
from genviz.controllers.tokens.steps import Edit
from genviz.models.pathar.codec import Tokens
from genviz.models.pathar.fitted import Fitted
from genviz.models.pathar.rows import new_rows, record_of

if TYPE_CHECKING:
    from anndata import AnnData

Made = tuple[str, Card, list[Edit]]


def rows_of_cards(fitted: Fitted, deck: Deck, made: Sequence[Made], pictures: Pictures, key: str) -> AnnData:
    """One row for each card.

    Parameters
    ----------
    fitted
        The model.
    deck
        The tiles that they are made of.
    made
        Name of the row, card, and the edits that made it.
    pictures
        Decodes the cards: rows hold the pixels that were seen.
    key
        Result key.

    Returns
    -------
    As `genviz.models.pathar.rows.new_rows`; the steps of each row, by its name, are in the provenance's parameters.
    """
    cards = [card for _, card, _ in made]
    tokens = Tokens(
        np.stack([card.structure_N for card in cards]),
        np.stack([card.appearance_N for card in cards]),
        deck.grid,
    )
    names = [card.name for card in deck.cards]
    seen = [pictures.of(card) for card in cards]
    obs: dict[str, Any] = {
        Obs.LABEL: [card.label(fitted) for card in cards],
        Obs.SOURCE: ["|".join(card.sources(names)) for card in cards],
    }
    if any(card.organ for card in cards):
        obs[Obs.ORGAN] = [card.organ for card in cards]
    steps = {name: edits for name, _, edits in made}
    return new_rows(
        fitted,
        [name for name, _, _ in made],
        obs,
        images=np.stack([picture.image_HW3 for picture in seen]),
        masks=np.stack([picture.mask_HW for picture in seen]) if fitted.tokenizer.dual else None,
        tokens=tokens,
        record=record_of(fitted, "token_edits", 0, {"steps": steps}),
        key=key,
    )
