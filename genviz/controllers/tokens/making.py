"""What an edit makes of a card: tokens of another tile, or tokens that the prior draws.

Shape legend: N cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from genviz._errors import UsageError
from genviz.controllers.tokens.cards import DRAWN_ANEW, Card, Cells
from genviz.controllers.tokens.steps import DRAWN, TAKEN, Edit
from genviz.models.arguments import check_seed
from genviz.models.pathar.codec import Tokens
from genviz.models.pathar.conditions import Conditions, check_labels
from genviz.models.pathar.fitted import Fitted
from genviz.models.pathar.generating import rule_of
from genviz.models.pathar.matching import matched_appearance
from genviz.models.pathar.pieces import draw_cells

Heard = Callable[[int, int], None]


def swapped(grid: tuple[int, int], card: Card, other: Card, edit: Edit, cells_N: Cells) -> Card:
    """A card with cells of another.

    Parameters
    ----------
    grid
        Rows and columns of cells.
    card, other
        The one that changes, and the one to take from.
    edit
        Of `edit_of`.
    cells_N
        bool.

    Raises
    ------
    UsageError
        For a stream that there is not, the same tile twice, or structure to be matched.
    """
    if edit["what"] not in TAKEN:
        raise UsageError(f"Expected what out of {', '.join(TAKEN)}; got {edit['what']!r}.")
    if card.name == other.name:
        raise UsageError(f"Expected two different tiles; got {card.name!r} twice.")
    if not edit["matched"]:
        return card.taking(other, edit["what"], cells_N)
    if edit["what"] != "appearance":
        raise UsageError("Expected what='appearance' with matched=True: structure stays where it is.")
    # Numbers of cells in place of tokens: what comes back says where each cell is taken from.
    places = Tokens(other.structure_N[None], np.arange(len(other.labels_N), dtype=np.int32)[None], grid)
    from_N = matched_appearance(card.tokens(grid), places)[0]
    moved = replace(
        other,
        appearance_N=other.appearance_N[from_N],
        appearance_of_N=other.appearance_of_N[from_N],
        labels_N=other.labels_N[from_N],
    )
    return card.taking(moved, "appearance", cells_N)


def drawn(
    fitted: Fitted,
    grid: tuple[int, int],
    cards: Sequence[Card],
    labels: Sequence[str | None],
    edit: Edit,
    cells_N: Cells,
    heard: Heard,
) -> list[Card]:
    """Cards with cells that the prior drew, all of them at once.

    Parameters
    ----------
    fitted
        Model with a prior.
    grid
        Rows and columns of cells.
    cards, labels
        What to draw in, and as what; None is the card's own label.
    edit
        Of `edit_of`: its stream and seed.
    cells_N
        bool.
    heard
        As `draw_cells`.

    Raises
    ------
    UsageError
        For a stream that is not drawn alone, or unknown labels.
    """
    if edit["what"] not in DRAWN:
        raise UsageError(f"Expected what out of {', '.join(DRAWN)}; got {edit['what']!r}.")
    both = edit["what"] == "both"
    named = check_labels(
        fitted, [label or card.label(fitted) for card, label in zip(cards, labels, strict=True)]
    )
    tokens = Tokens(
        np.stack([card.structure_N for card in cards]), np.stack([card.appearance_N for card in cards]), grid
    )
    conditions = Conditions(named, [card.organ for card in cards] if fitted.organs else None)
    made = draw_cells(
        fitted,
        [card.name for card in cards],
        tokens,
        conditions,
        cells_N if both else np.zeros_like(cells_N),
        cells_N,
        check_seed(edit["seed"]),
        rule_of(fitted, None),
        heard,
    )
    new = []
    for row, (card, label) in enumerate(zip(cards, named, strict=True)):
        anew_N = np.full_like(card.labels_N, DRAWN_ANEW)
        whole = Card(
            card.name, made.structure_RN[row], made.appearance_RN[row],
            np.full_like(card.labels_N, fitted.labels.index(label)), anew_N, anew_N, card.organ,
        )  # fmt: skip
        new.append(card.taking(whole, "both" if both else "appearance", cells_N))
    return new
