"""Colours of rows by a column of ``obs``: categories with their legend, numbers with their range.

Shape legend: N rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genviz._errors import MissingKeyError
from genviz.pl.category_colours import known_colours
from genviz.pl.colours import EXPRESSION

if TYPE_CHECKING:
    from pandas import DataFrame, Series

MOST = 21
"""Categories with a colour of their own; the rest, the rarest, share one."""
_REST = "#9aa0a6"
_ENDS = (1.0, 99.0)  # percentiles that the ends of a range of numbers stand at
_MEASURED = ("_agreement",)  # columns that the result itself made


@dataclass(frozen=True)
class Choice:
    """A column that rows can be coloured by.

    Attributes
    ----------
    name
        Of the column.
    numeric
        Numbers, not categories.
    internal
        Made by the analysis, not by the user.
    """

    name: str
    numeric: bool
    internal: bool


@dataclass(frozen=True)
class Colouring:
    """What a view needs to colour the rows.

    Attributes
    ----------
    name
        Of the column.
    names, colours
        Of the categories, in their order; empty for numbers.
    code_N
        int32, the category of each row, -1 where it has none.
    value_N
        float32, the numbers, NaN where there are none; empty for categories.
    low, high
        Range of the numbers: 1st and 99th percentile.
    stops
        Colours of that range.
    note
        What a reader should know: categories that share a colour, rows without a value.
    """

    name: str
    names: list[str]
    colours: list[str]
    code_N: NDArray[np.int32]
    value_N: NDArray[np.float32]
    low: float = 0.0
    high: float = 1.0
    stops: tuple[str, ...] = EXPRESSION
    note: str = ""

    @property
    def numeric(self) -> bool:
        """Numbers, not categories."""
        return not self.names


def choices(obs: DataFrame) -> list[Choice]:
    """Columns worth colouring by: numbers, and categories that repeat.

    Parameters
    ----------
    obs
        The rows' table.
    """
    found = []
    for name in obs.columns:
        column = obs[name]
        numeric = _is_numeric(column)
        n_kinds = column.nunique(dropna=True)
        if n_kinds and (numeric or n_kinds <= max(MOST, len(obs) // 2)):
            found.append(Choice(str(name), numeric, str(name).endswith(_MEASURED)))
    return found


def colouring(obs: DataFrame, name: str, kept: Any = None) -> Colouring:
    """Colours of all rows.

    Parameters
    ----------
    obs
        The rows' table.
    name
        Column.
    kept
        ``uns["<column>_colors"]``: a colour a category, in the order of the column, also for those without rows.

    Raises
    ------
    MissingKeyError
        There is no such column.
    """
    if name not in obs:
        raise MissingKeyError(
            f"Expected obs['{name}']; it is absent. Columns: {', '.join(map(str, obs.columns))}."
        )
    column = obs[name]
    return _numbers(column, name) if _is_numeric(column) else _categories(column, name, kept)


def _is_numeric(column: Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))


def _numbers(column: Series, name: str) -> Colouring:
    value_N = column.to_numpy(np.float32, na_value=np.nan)
    value_N = np.where(np.isfinite(value_N), value_N, np.nan).astype(np.float32)
    known = value_N[~np.isnan(value_N)]
    low, high = np.percentile(known, _ENDS) if len(known) else (0.0, 1.0)
    if high <= low:
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    missing = len(value_N) - len(known)
    note = f"{missing} rows have no value and are grey." if missing else ""
    return Colouring(
        name,
        [],
        [],
        np.full(len(value_N), -1, np.int32),
        value_N,
        float(low),
        float(max(high, low)),
        note=note,
    )


def _categories(column: Series, name: str, kept_colours: Any) -> Colouring:
    own = column if hasattr(column, "cat") else column.astype("string").astype("category")
    counts = own.value_counts()
    present = [value for value in own.cat.categories if counts.get(value, 0)]
    kept, note = present, []
    if len(present) > MOST:
        often = set(counts.index[:MOST])
        kept = [value for value in present if value in often]
        note.append(f"{len(present) - MOST} rarer categories share grey.")
    place = {value: i for i, value in enumerate(kept)}
    of_all = known_colours(kept_colours, len(own.cat.categories))
    colour = dict(zip(own.cat.categories, of_all, strict=True))  # the same whatever rows there are
    names, colours = [str(value) for value in kept], [colour[value] for value in kept]
    if len(kept) < len(present):
        names, colours = [*names, f"{len(present) - len(kept)} others"], [*colours, _REST]
    code_N = np.array(
        [-1 if pd.isna(value) else place.get(value, len(kept)) for value in own.astype(object)], np.int32
    )
    if missing := int((code_N < 0).sum()):
        note.append(f"{missing} rows have no category and are grey.")
    return Colouring(
        name, names or ["none"], colours or [_REST], code_N, np.empty(0, np.float32), note=" ".join(note)
    )
