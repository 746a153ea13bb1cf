"""A recipe: one table or figure of a paper as data, variants, scores and published numbers, read from TOML.

A recipe says what is run and what was published; how it is run is told by its `kind`, an `Experiment`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from genviz._errors import FileFormatError, UsageError
from genviz.recipes.devices import DEVICES

SIZES = ("nano", "mini", "paper")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_T = TypeVar("_T", "Recipe", "Column", "Row", "Size")
_ROW = re.compile(r"[A-Za-z0-9][\w-]*")


@dataclass(frozen=True)
class Column:
    """One column of the table: a score of ours, and what was published in its place.

    Attributes
    ----------
    score
        Name among the scores that the experiment gives; also the key of published numbers.
    title
        Heading.
    better
        ``higher``, ``lower``, or ``""`` where neither is.
    digits
        After the point.
    published_title
        Heading of the published numbers where they are of another score than ours (an FID over another network, say).
    published_digits
        After the point, of the published numbers.
    """

    score: str
    title: str
    better: str = ""
    digits: int = 3
    published_title: str = ""
    published_digits: int = 3

    @property
    def comparable(self) -> bool:
        """Whether ours and the published number are the same score."""
        return not self.published_title


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes
    ----------
    name
        Of the variant, for files and the command line.
    title
        As it stands in the table.
    options
        For the experiment; None where the row is only published.
    published
        Score → ``(value, spread or None)`` as printed.
    about
        What the row shows, a few words.
    same_as
        Another row whose run this one shows, for tables that print one configuration several times.
    """

    name: str
    title: str
    options: Mapping[str, Any] | None = None
    published: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)
    about: str = ""
    same_as: str = ""


@dataclass(frozen=True)
class Size:
    """How large a run is.

    Attributes
    ----------
    name
        ``nano`` (a check on made-up data), ``mini`` (real data on a CPU) or ``paper``.
    seeds
        Every variant runs with each.
    data
        ``name`` of a data set, and what of it.
    options
        For the experiment, of all variants.
    rows
        Names of the measured rows; None for all.
    device
        Whose hours a dry run tells, see `genviz.recipes.devices`.
    """

    name: str
    seeds: tuple[int, ...]
    data: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    rows: tuple[str, ...] | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class Recipe:
    """One table or figure.

    Attributes
    ----------
    name, title, paper, table
        What it is and where it was published.
    kind
        Name of the experiment, see `genviz.recipes.experiment`.
    about
        What is asked, how it is answered here, and in what that differs from the paper.
    split
        What was held out, in words.
    columns, rows
        Of the table.
    extras
        Scores of ours beside the published ones.
    sizes
        Name → size.
    source
        The file, as it stands.
    """

    name: str
    title: str
    paper: str
    table: str
    kind: str
    about: str
    split: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    extras: tuple[Column, ...]
    sizes: Mapping[str, Size]
    source: str

    def size(self, name: str) -> Size:
        """Give the size of a name.

        Raises
        ------
        UsageError
            For another name.
        """
        if name not in self.sizes:
            raise UsageError(f"Expected a size out of {', '.join(self.sizes)}; got {name!r}.")
        return self.sizes[name]

    def measured(self, size: Size, names: Sequence[str] | None = None) -> list[Row]:
        """Rows that a run of this size measures, in the order of the table.

        Parameters
        ----------
        size
            Of `sizes`.
        names
            These instead, also where the size leaves them out for their cost; for one that shows another's run
            (`same_as`), that other.

        Raises
        ------
        UsageError
            When one of them is published only, filled by another's job, or not there.
        """
        rows = [row for row in self.rows if row.options is not None]
        run_by = {row.name: row.same_as or row.name for row in self.rows}
        asked = names if names is not None else size.rows
        wanted = None if asked is None else [run_by.get(name, name) for name in asked]
        known = [row.name for row in rows]
        if unknown := [name for name in wanted or () if name not in known]:
            raise UsageError(
                f"Expected rows that are run, out of {', '.join(known)}; got {', '.join(unknown)}."
            )
        return [row for row in rows if wanted is None or row.name in wanted]


def read_recipe(path: Path) -> Recipe:
    """Read one recipe.

    Parameters
    ----------
    path
        A TOML file.

    Raises
    ------
    FileFormatError
        When it is not TOML, lacks an entry, has one that nothing reads, or contradicts itself.
    """
    try:
        source = path.read_text(encoding="utf-8")
        told = tomllib.loads(source)
        recipe = _recipe(told, source)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as err:
        what = f"no entry {err}" if isinstance(err, KeyError) else err
        raise FileFormatError(f"Expected a recipe in {path}; {what}. Compare it with the others.") from err
    if path.stem != recipe.name:
        or_so = f', or write name = "{path.stem}" in it' if _NAME.fullmatch(path.stem) else ""
        raise FileFormatError(
            f"Expected the recipe {recipe.name!r} in {recipe.name}.toml; it is in {path}. Rename the file{or_so}."
        )
    return recipe


def _recipe(told: dict[str, Any], source: str) -> Recipe:
    read: dict[str, Any] = {
        "columns": tuple(_made(Column, column, "columns") for column in told.pop("columns")),
        "rows": tuple(_row(row) for row in told.pop("rows")),
        "extras": tuple(_made(Column, column, "extras") for column in told.pop("extras", [])),
        "sizes": {name: _size(name, size) for name, size in told.pop("sizes").items()},
    }
    recipe = _made(Recipe, told, "the recipe", hidden="source", source=source, **read)
    if not _NAME.fullmatch(recipe.name):
        raise ValueError(f"the name {recipe.name!r} is not of small letters, digits and dashes")
    if tuple(recipe.sizes) != SIZES:
        raise ValueError(f"sizes {', '.join(recipe.sizes)} instead of {', '.join(SIZES)}")
    names = [row.name for row in recipe.rows]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"rows {', '.join(twice)} stand twice")
    _check_values(recipe)
    strays = {row.same_as for row in recipe.rows if row.same_as} - set(names)
    if both := sorted(strays | {row.name for row in recipe.rows if row.same_as and row.options is not None}):
        raise ValueError(f"same_as of or with {', '.join(both)} names no other row that is run")
    scores = [column.score for column in recipe.columns]
    for row in recipe.rows:
        if unknown := sorted(set(row.published) - set(scores)):
            raise ValueError(
                f"published {', '.join(unknown)} of the row {row.name} has no column; columns are {', '.join(scores)}"
            )
    for size in recipe.sizes.values():
        if not recipe.measured(size):
            raise ValueError(f"size {size.name} measures no row")
    return recipe


def _check_values(recipe: Recipe) -> None:
    """What would otherwise fail after the jobs have run."""
    if odd := sorted(
        {column.better for column in (*recipe.columns, *recipe.extras)} - {"", "higher", "lower"}
    ):
        raise ValueError(f"better is {odd[0]!r} instead of higher, lower or nothing")
    if odd := [row.name for row in recipe.rows if not _ROW.fullmatch(row.name)]:
        raise ValueError(f"the row {odd[0]!r} is not named with letters, digits, dashes and underscores")
    for size in recipe.sizes.values():
        if not isinstance(size.data.get("name"), str):
            raise ValueError(f"size {size.name} names no data")
        if size.device not in DEVICES:
            raise ValueError(
                f"size {size.name} has the device {size.device!r}; known are {', '.join(DEVICES)}"
            )


def _made(kind: type[_T], told: Mapping[str, Any], where: str, hidden: str = "", **read: Any) -> _T:
    """One part of a recipe: what is told as it stands, what was read of it, and `hidden`, which no file tells."""
    known = {one.name: one for one in fields(kind) if one.name != hidden}
    if unknown := [name for name in told if name not in known]:
        raise ValueError(f"unknown key {unknown[0]!r} in {where}; known: {', '.join(known)}")
    for name, one in known.items():
        if one.default is MISSING and one.default_factory is MISSING and name not in {*told, *read}:
            raise ValueError(f"no entry {name!r} in {where}")
    return kind(**told, **read)


def _row(told: dict[str, Any]) -> Row:
    published = {score: _number(value) for score, value in told.pop("published", {}).items()}
    return _made(Row, told, "rows", published=published)


def _number(value: Any) -> tuple[float, float | None]:
    """A value, or ``[value, spread]``."""
    if isinstance(value, list):
        number, spread = value
        return float(number), float(spread)
    return float(value), None


def _size(name: str, told: dict[str, Any]) -> Size:
    seeds, rows = tuple(told.pop("seeds")), told.pop("rows", None)
    if not seeds or len(set(seeds)) < len(seeds) or not all(isinstance(s, int) and s >= 0 for s in seeds):
        raise ValueError(f"size {name} has seeds {seeds}")
    chosen = None if rows is None else tuple(rows)
    return _made(Size, told, f"sizes.{name}", hidden="name", name=name, seeds=seeds, rows=chosen)
