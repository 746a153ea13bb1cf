"""What people draw on tissue: named categories of a column of ``obs``, with undo."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from genviz import __version__
from genviz._errors import UsageError
from genviz._keys import Obs, Uns
from genviz.controllers.history import History
from genviz.pl.category_colours import known_colours, next_colour
from genviz.pl.colours import CATEGORIES

if TYPE_CHECKING:
    from anndata import AnnData

Codes = NDArray[np.int32]
Mode = Literal["replace", "add", "remove"]
MODES: tuple[Mode, ...] = ("replace", "add", "remove")

# Okabe-Ito, first those that stand out from viridis and from H&E; then others, when there are more.
COLOURS = (
    *(CATEGORIES[i] for i in (5, 4, 1, 3, 6, 2, 0)),
    *("#7f3c8d", "#a5aa99", "#004c6d", "#8c510a", "#66c2a5", "#e78ac3", "#b3b300"),
)
_KEPT_ELSEWHERE = (Obs.LIBRARY, Obs.PATIENT, Obs.SPLIT)


@dataclass(frozen=True)
class Category:
    """A named region.

    Attributes
    ----------
    name
        Text, as in ``obs``.
    colour
        ``"#rrggbb"``.
    count
        Rows that belong to it, in all sections.
    """

    name: str
    colour: str
    count: int


@dataclass(frozen=True)
class _State:
    """A whole column; None is a column that is not there."""

    names: tuple[str, ...]
    colours: tuple[str, ...]
    packed: bytes

    @property
    def codes(self) -> Codes:
        """Category of every row, -1: none."""
        return np.frombuffer(zlib.decompress(self.packed), dtype=np.int32).copy()


def _state(names: Sequence[str], colours: Sequence[str], codes: Codes) -> _State:
    return _State(tuple(names), tuple(colours), zlib.compress(codes.astype(np.int32).tobytes(), 1))


class Regions:
    """One column of ``obs``, written at every change, with its history.

    A change that somebody else made to the column in the meantime becomes a step of the history, so it can be undone
    like one's own and is never overwritten unseen.

    Parameters
    ----------
    adata
        Gets the column, a categorical; a row belongs to one category or to none (NaN).
    column
        Name of the column.

    Raises
    ------
    UsageError
        A column that means something else.
    """

    def __init__(self, adata: AnnData, column: str = Obs.DRAWN) -> None:
        if not isinstance(column, str) or not column.strip() or "/" in column:
            raise UsageError(f"Expected the name of a column of obs, without '/'; got {column!r}.")
        if column in _KEPT_ELSEWHERE:
            raise UsageError(
                f"Expected a column to draw in; obs[{column!r}] says where rows belong. Take another name."
            )
        self.column = column
        self._adata = adata
        self._history: History[_State | None] = History(self._present())

    # ---- reading

    @property
    def codes(self) -> Codes:
        """Category of every row, int32 (n_obs,); -1: none."""
        state = self._present()
        return np.full(self._adata.n_obs, -1, np.int32) if state is None else state.codes

    @property
    def categories(self) -> list[Category]:
        """Categories in order, with colours and counts."""
        state = self._present()
        if state is None:
            return []
        codes = state.codes
        counts = np.bincount(codes[codes >= 0], minlength=len(state.names))
        return [
            Category(name, colour, int(n))
            for name, colour, n in zip(state.names, state.colours, counts, strict=True)
        ]

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._history.steps[self._history.at].parent is not None or self._changed_outside()

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to take again."""
        if self._changed_outside():
            return False
        at = self._history.at
        if not self._history.redo():
            return False
        self._history.go(at)
        return True

    # ---- changing

    def select(
        self, rows: ArrayLike, category: str, mode: Mode = "replace", within: ArrayLike | None = None
    ) -> None:
        """Put rows into a category, or take them out.

        Parameters
        ----------
        rows
            Indices into all rows.
        category
            Its name; made if new.
        mode
            ``"replace"``: the category is these rows; ``"add"``: these as well; ``"remove"``: these no longer.
        within
            Rows that "replace" may take out of the category; default all.
        """
        if mode not in MODES:
            raise UsageError(f"Expected mode {', '.join(MODES)}; got {mode!r}.")
        name, at = _name(category), self._rows(rows)
        names, colours, codes = self._parts()
        if name not in names:
            if mode == "remove":
                raise UsageError(
                    f"Expected a category of obs[{self.column!r}] ({', '.join(names) or 'none yet'}); got {name!r}."
                )
            names.append(name)
            colours.append(next_colour(colours, COLOURS))
        code = names.index(name)
        if mode == "remove":
            codes[at[codes[at] == code]] = -1
        else:
            if mode == "replace":
                area = np.arange(len(codes)) if within is None else self._rows(within)
                codes[area[codes[area] == code]] = -1
            codes[at] = code
        self._push(names, colours, codes, f"{mode} {name}")

    def rename(self, category: str, name: str) -> None:
        """Rename a category; onto another's name: both become one.

        Parameters
        ----------
        category
            As it is called now.
        name
            As it is to be called.
        """
        new = _name(name)
        names, colours, codes = self._parts()
        at = self._find(names, category)
        if new == names[at]:
            return
        if new in names:
            codes[codes == at] = names.index(new)
            self._drop(names, colours, codes, at)
        else:
            names[at] = new
        self._push(names, colours, codes, f"rename {category} to {new}")

    def delete(self, category: str) -> None:
        """Delete a category; its rows belong to none.

        Parameters
        ----------
        category
            Its name.
        """
        names, colours, codes = self._parts()
        at = self._find(names, category)
        codes[codes == at] = -1
        self._drop(names, colours, codes, at)
        self._push(names, colours, codes, f"delete {category}")

    def undo(self) -> bool:
        """Take back the last step; False when there is none."""
        self._notice()
        return self._history.undo() and self._write(self._history.state)

    def redo(self) -> bool:
        """Take the step again that was taken back; False when there is none."""
        self._notice()
        return self._history.redo() and self._write(self._history.state)

    # ---- inside

    def _rows(self, rows: ArrayLike) -> NDArray[np.intp]:
        at = np.asarray(rows)
        if at.dtype == bool:
            at = np.flatnonzero(at)
        at = at.astype(np.intp).ravel()
        if at.size and (at.min() < 0 or at.max() >= self._adata.n_obs):
            raise UsageError(
                f"Expected rows from 0 to {self._adata.n_obs - 1}; got {int(at.min())} to {int(at.max())}."
            )
        return at

    def _find(self, names: list[str], category: str) -> int:
        if category not in names:
            raise UsageError(
                f"Expected a category of obs[{self.column!r}] ({', '.join(names) or 'none yet'}); got {category!r}."
            )
        return names.index(category)

    @staticmethod
    def _drop(names: list[str], colours: list[str], codes: Codes, at: int) -> None:
        del names[at], colours[at]
        codes[codes > at] -= 1

    def _parts(self) -> tuple[list[str], list[str], Codes]:
        self._notice()
        state = self._history.state
        if state is None:
            return [], [], np.full(self._adata.n_obs, -1, np.int32)
        return list(state.names), list(state.colours), state.codes

    def _present(self) -> _State | None:
        """The column as it is in the object now."""
        if self.column not in self._adata.obs:
            return None
        values = self._adata.obs[self.column]
        if not isinstance(values.dtype, pd.CategoricalDtype):
            text = values.dropna().map(lambda value: isinstance(value, str))
            if not bool(text.all()):
                raise UsageError(
                    f"Expected names of regions in obs[{self.column!r}]; it holds {values.dtype}. Take another column."
                )
            values = values.astype("category")
        names = [str(name) for name in values.cat.categories]
        colours = known_colours(self._adata.uns.get(Uns.colours(self.column)), len(names), COLOURS)
        return _state(names, colours, np.asarray(values.cat.codes, dtype=np.int32))

    def _changed_outside(self) -> bool:
        return self._present() != self._history.state

    def _notice(self) -> None:
        if self._changed_outside():
            self._history.push(self._present(), "changed elsewhere")

    def _push(self, names: list[str], colours: list[str], codes: Codes, word: str) -> None:
        self._history.push(_state(names, colours, codes), word)
        self._write(self._history.state)

    def _write(self, state: _State | None) -> bool:
        """Put a state into the object: the column, scanpy's colours, and a record of where it comes from."""
        adata, colours = self._adata, Uns.colours(self.column)
        if state is None:
            if self.column in adata.obs:
                del adata.obs[self.column]
            adata.uns.pop(colours, None)
        else:
            adata.obs[self.column] = pd.Categorical.from_codes(
                state.codes, categories=pd.Index(list(state.names), dtype=object)
            )
            adata.uns[colours] = np.array(state.colours, dtype=object)
        self._record(None if state is None else state.names)
        return True

    def _record(self, names: tuple[str, ...] | None) -> None:
        own = self._adata.uns.setdefault(Uns.GENVIZ, {})
        records: dict[str, Any] = json.loads(own.get(Uns.REGIONS, "{}"))
        records.pop(self.column, None)
        if names is not None:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            records[self.column] = {
                "drawn": "by hand",
                "version": __version__,
                "time": now,
                "categories": list(names),
            }
        if records:
            own[Uns.REGIONS] = json.dumps(records)
        else:
            own.pop(Uns.REGIONS, None)


def _name(text: str) -> str:
    name = str(text).strip()
    if not name:
        raise UsageError("Expected a name for the region; got nothing. Type one, for example 'tumour'.")
    return name
