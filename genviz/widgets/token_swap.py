"""Tiles taken apart and put together again: swap, render, in-paint, with a history and rows to keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from genviz._errors import UsageError
from genviz.controllers.lanes import Task
from genviz.controllers.tokens.cards import Card
from genviz.controllers.tokens.controller import TokenEdits
from genviz.controllers.tokens.steps import brief
from genviz.pl.colours import UNCERTAINTY
from genviz.pl.contrast import stretched
from genviz.widgets.messages import Answer, Asked, Handler, Later
from genviz.widgets.view import View

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from anndata import AnnData

    from genviz.models import PathAR

_PAGE_TILES = 6
_PAGE_ALL_SURPRISES = 3  # tiles: up to here the page knows the surprise of every frame
_TRIALS = ("structure", "appearance", "matched")
_CARD_PX = 96


class TokenSwap(View):
    """Swap structure and appearance between tiles, render them under another label, draw regions anew.

    Parameters
    ----------
    model
        A trained `PathAR`. Without a prior tiles are swapped, not drawn, and the view says so.
    tiles
        1 to 24 rows with ``obsm["tiles"]``, ``obsm["masks"]`` and a label (`gv.pp.crops` cuts them), or rows that the
        model made, with tokens. They are not changed.
    tile, other
        Names of the tile that is edited and of the one to take from; default the first two.
    key_added
        Result key of the rows made.

    Attributes
    ----------
    tile, other
        As above; may be set.
    cells
        Numbers of the brushed cells in raster order; may be set.
    seed
        Seed of what is drawn next; may be set.
    step
        The step of the history that is shown; may be set.
    edits
        The `TokenEdits` behind the view: everything that the view does can be done there from Python.

    Raises
    ------
    UsageError, DataError, MissingKeyError
        For a model and tiles that do not fit together; the message says what to call first.

    Examples
    --------
    >>> view = gv.widgets.TokenSwap(model, tiles)
    >>> view
    >>> view.rows
    """

    scripts = ("token_picture", "token_grid", "token_history", "token_tools", "token_swap")
    styles = ("token_swap",)

    tile = traitlets.Unicode().tag(sync=True)
    other = traitlets.Unicode().tag(sync=True)
    cells = traitlets.List(traitlets.Int()).tag(sync=True)
    seed = traitlets.Int(0, min=0).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        model: PathAR,
        tiles: AnnData,
        *,
        tile: str | None = None,
        other: str | None = None,
        seed: int = 0,
        key_added: str = "pathar",
    ) -> None:
        self.edits = TokenEdits(model, tiles, key_added=key_added)
        names = self.edits.names
        tile = names[0] if tile is None else tile
        rest = [name for name in names if name != tile]
        super().__init__(tile=tile, other=(rest[0] if rest else "") if other is None else other, seed=seed)
        self._rendered: dict[tuple[str, str, int], Card] = {}
        self.edits.changed.append(self._changed)
        self.observe(self._follow, "step")

    # ------------------------------------------------------------------ for the user

    @property
    def rows(self) -> AnnData:
        """The tiles that were added to the rows; see `TokenEdits.rows`."""
        return self.edits.rows()

    def to_figure(self) -> go.Figure:
        """Edited tiles before and after (of those that changed; else the one shown), and the difference."""
        from genviz import pl

        now = {name: self.edits.card(name) for name in self.edits.names}
        start = {name: self.edits.card(name, 0) for name in self.edits.names}
        chosen = [name for name in now if now[name] is not start[name]] or [self.tile]
        before, after = (self._rows({name: cards[name] for name in chosen}) for cards in (start, now))
        return pl.before_after(before, after, key=self.edits.key, n=len(chosen))

    # ------------------------------------------------------------------ questions

    def handlers(self) -> Mapping[str, Handler]:
        """Questions by name, and who answers them."""
        return {
            "start": self._start,
            "frame": self._frame,
            "surprise": self._surprise,
            "thumb": self._thumb,
            "do": self._do,
            "go": self._go,
            "keep": self._keep,
        }

    def page_questions(self) -> Iterable[tuple[str, Asked]]:
        """Every step; and of the first tiles each swap, each rendering, and how unexpected the tokens are."""
        yield "start", {}
        names = self.edits.names
        for step, edit in enumerate(self.edits.edits):
            yield "thumb", {"step": step}
            if edit:
                yield "frame", {"tile": names.index(edit["tile"]), "step": step}
        tiles = self._page_tiles()
        shown: list[Asked] = [{"tile": tile, "step": 0} for tile in tiles]
        trials: list[Asked] = []
        if not {"swap", "structure"} & set(self.edits.obstacles):
            trials += [
                {"tile": tile, "other": other, "what": what}
                for tile, other in permutations(tiles, 2)
                for what in _TRIALS
            ]
        if "draw" not in self.edits.obstacles:
            self._render_all([names[tile] for tile in tiles])
            labels = range(len(self.edits.labels))
            trials += [{"tile": tile, "label": label} for tile in tiles for label in labels]
        for asked in [*shown, *trials]:
            yield "frame", asked
        if "surprise" not in self.edits.obstacles:
            for asked in [*shown, *(trials if len(tiles) <= _PAGE_ALL_SURPRISES else [])]:
                yield "surprise", asked

    def _page_tiles(self) -> list[int]:
        names = self.edits.names
        first = sorted(range(len(names)), key=lambda k: names[k] not in (self.tile, self.other))
        return sorted(first[:_PAGE_TILES])

    def _start(self, asked: Asked) -> Answer:
        edits = self.edits
        data = {
            "tiles": [
                {"name": card.name, "label": card.label(edits.fitted), "given": not edits.deck.made}
                for card in edits.deck.cards
            ],
            "labels": list(edits.labels),
            "grid": list(edits.grid),
            "cell": edits.cell_px,
            "obstacles": edits.obstacles,
            "colours": list(UNCERTAINTY),
            "history": self._history(),
        }
        return Answer(data, {"given": self._given()})

    def _given(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The tiles as they were given, small; those without pixels decoded."""
        given = self.edits.deck.pixels_RHW3
        if given is None:
            given = np.stack([self.edits.picture(card).image_HW3 for card in self.edits.deck.cards])
        stride = max(1, given.shape[1] // (2 * _CARD_PX))
        return stretched(np.ascontiguousarray(given[:, ::stride, ::stride]))[0]

    def _frame(self, asked: Asked) -> Answer | Later:
        if "label" not in asked:
            return self._framed(self._card(asked))
        return Later("frame", lambda task: self._framed(self._card(asked)), deed=False)

    def _framed(self, card: Card) -> Answer:
        edits = self.edits
        picture = edits.picture(card)
        return Answer(
            {
                "label": card.label(edits.fitted),
                "sources": card.sources(edits.names),
                "n_nuclei": picture.n_nuclei,
                "brighter": round(picture.brighter, 3),
                "ms": {name: round(value, 1) for name, value in picture.ms.items()},
            },
            {
                "image": picture.image_HW3,
                "mask": picture.mask_HW,
                "grey": picture.grey_N.astype(np.uint8),
                "structure": card.structure_N.astype(np.int32),
                "appearance": card.appearance_N.astype(np.int32),
            },
        )

    def _surprise(self, asked: Asked) -> Later:
        def work(task: Task) -> Answer:
            task.report(0.1, "reading the model's surprise")
            structure_N, appearance_N = self.edits.surprise(self._card(asked))
            found = {"structure": structure_N, "appearance": appearance_N}
            return Answer({}, {name: values.astype(np.float32) for name, values in found.items()})

        return Later("surprise", work, deed=False)

    def _thumb(self, asked: Asked) -> Answer:
        step = self._number(asked, "step")
        edit = self.edits.edits[step]
        if edit:
            return Answer({}, {"image": self.edits.picture(self.edits.card(edit["tile"], step)).thumb()})
        # The start is of all tiles: four of them side by side.
        first = [self.edits.picture(card).thumb()[::2, ::2] for card in self.edits.deck.cards[:4]]
        four = (first * 4)[:4] if len(first) != 2 else [first[0], first[1], first[1], first[0]]
        return Answer({}, {"image": np.concatenate([np.hstack(four[:2]), np.hstack(four[2:])])})

    def _do(self, asked: Asked) -> Answer | Later:
        self.lanes.cancel("edit")  # what was begun before is not wanted any more
        edit = asked.get("edit", {})
        if edit.get("do") != "draw":
            return self._done(self.edits.apply(edit))

        def work(task: Task) -> Answer:
            task.report(0.0, "drawing")
            return self._done(self.edits.apply(edit, _heard(task)))

        return Later("edit", work)

    def _done(self, step: int) -> Answer:
        edit = self.edits.edits[step]
        answer = self._framed(self.edits.card(edit["tile"] if edit else self.tile, step))
        answer.data |= {"history": self._history(), "step": step}
        return answer

    def _go(self, asked: Asked) -> Answer:
        self.lanes.cancel("edit")
        where = asked.get("to")
        if where == "back":
            self.edits.undo()
        elif where == "forward":
            self.edits.redo()
        else:
            self.edits.go(self._number(asked, "to"))
        return Answer({"history": self._history()})

    def _keep(self, asked: Asked) -> Answer:
        name, step = self.edits.keep(self.edits.names[self._number(asked, "tile")], asked.get("step"))
        return Answer({"history": self._history(), "row": f"{name}~{step}"})

    # ------------------------------------------------------------------ inside

    def _render_all(self, tiles: list[str]) -> None:
        for (tile, label), card in self.edits.renderings(tiles, self.seed).items():
            self._rendered[tile, label, self.seed] = card

    def _card(self, asked: Asked) -> Card:
        """The card of a question: a tile after a step, or a whole tile swapped or rendered from the start."""
        names = self.edits.names
        tile = names[self._number(asked, "tile")]
        if "label" in asked:
            label = self.edits.labels[self._number(asked, "label")]
            if (tile, label, self.seed) not in self._rendered:
                self._render_all([tile])
            return self._rendered[tile, label, self.seed]
        if "other" in asked:
            matched = asked.get("what") == "matched"
            what = "appearance" if matched else asked.get("what")
            other = names[self._number(asked, "other")]
            edit = {"do": "swap", "tile": tile, "other": other, "what": what, "matched": matched}
            return self.edits.made(edit, 0)
        return self.edits.card(tile, self._number(asked, "step"))

    def _number(self, asked: Asked, name: str) -> int:
        limit = {
            "tile": len(self.edits.names),
            "other": len(self.edits.names),
            "label": len(self.edits.labels),
        }.get(name, len(self.edits.history.steps))
        value = asked.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < limit:
            raise UsageError(f"Expected {name}, a number from 0 to {limit - 1}; got {value!r}.")
        return value

    def _history(self) -> dict[str, Any]:
        names, steps = self.edits.names, self.edits.history.steps
        n_cells = self.edits.grid[0] * self.edits.grid[1]
        listed = [
            {
                "number": step.number,
                "parent": -1 if step.parent is None else step.parent,
                "name": step.name,
                "brief": brief(edit, n_cells) if edit else step.name,
                "tile": names.index(edit["tile"]) if edit else -1,
            }
            for step, edit in zip(steps, self.edits.edits, strict=False)
        ]
        kept = [[names.index(tile), step] for tile, step in self.edits.kept]
        return {"at": self.edits.history.at, "steps": listed, "kept": kept}

    def _rows(self, cards: Mapping[str, Card]) -> AnnData:
        edits = self.edits
        return edits.rows_of([(name, card, edits.path()) for name, card in cards.items()])

    def _changed(self) -> None:
        """Somebody edited, here or from Python: every display of this view follows."""
        self.step = self.edits.history.at
        self.tell("changed", Answer({"history": self._history()}))

    def _follow(self, change: Any) -> None:
        if self.step != self.edits.history.at:
            self.edits.go(self.step)

    @traitlets.validate("tile", "other")
    def _known_tile(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name not in self.edits.names and (name or proposal["trait"].name == "tile"):
            raise UsageError(f"Expected a tile out of {', '.join(self.edits.names)}; got {name!r}.")
        return name

    @traitlets.validate("cells")
    def _known_cells(self, proposal: Any) -> list[int]:
        n = self.edits.grid[0] * self.edits.grid[1]
        cells = sorted(set(proposal["value"]))
        if cells and not 0 <= cells[0] <= cells[-1] < n:
            raise UsageError(f"Expected cells from 0 to {n - 1}; got {cells[0]} to {cells[-1]}.")
        return cells

    @traitlets.validate("step")
    def _known_step(self, proposal: Any) -> int:
        last = len(self.edits.history.steps) - 1
        if not 0 <= proposal["value"] <= last:
            raise UsageError(f"Expected a step from 0 to {last}; got {proposal['value']}.")
        return int(proposal["value"])


def _heard(task: Task) -> Any:
    return lambda done, all_of_them: task.report(done / all_of_them, "drawing tissue")
