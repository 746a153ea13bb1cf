"""What would otherwise fail only after hours of training, asked before: options, data, packages, weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import numpy as np

from genviz._errors import GenvizError, UsageError
from genviz.core.counts import first_names
from genviz.io.fetching.manifests import load_manifest, manifest_names
from genviz.metrics.image_set import ImageSet
from genviz.metrics.tiles.extractors import make_extractor
from genviz.recipes.recipe import Row, Size

_WITHOUT_WEIGHTS = ("statistics", "morphology")


@dataclass(frozen=True)
class Within:
    """Which numbers an option may have; of a list or table, each number in it.

    Attributes
    ----------
    least, most
        Both are allowed.
    whole
        Whether fractions are refused.
    beyond
        Whether `least` itself is refused.
    """

    least: float
    most: float = math.inf
    whole: bool = False
    beyond: bool = False

    def __str__(self) -> str:
        what = ("whole numbers" if self.whole else "numbers") + (" above" if self.beyond else " from")
        return f"{what} {self.least:g}" + (f" to {self.most:g}" if self.most < math.inf else "")

    def holds(self, value: Any) -> bool:
        """Whether a value is such a number."""
        return (
            isinstance(value, int if self.whole else int | float)
            and not isinstance(value, bool)
            and math.isfinite(value)
            and self.least <= value <= self.most
            and not (self.beyond and value == self.least)
        )


FROM_ONE, ABOVE_ZERO, NOT_NEGATIVE = Within(1, whole=True), Within(0, beyond=True), Within(0)
FromZero = Annotated[int, Within(0, whole=True)]
"""Type of an option of which 0 says none or all."""
FromOne = Annotated[int, FROM_ONE]
"""Type of an option that counts what there has to be."""

_COUNTS = (
    "n_sections",
    "grid",
    "n_images",
    "n_profiles",
    "tiles_per_profile",
    "n_tiles",
    "n_genes",
    "size_px",
)
OF_DATA = dict.fromkeys(_COUNTS, FROM_ONE) | {"mpp": ABOVE_ZERO, "held_share": Within(0, 1)}
"""What numbers of a size's data, and of the phantom that it draws, may be."""


@contextmanager
def options_read(size: Size, row: Row) -> Iterator[None]:
    """Say in which row and size something stands that an experiment could not read.

    Parameters
    ----------
    size, row
        Which are read in the block.

    Raises
    ------
    UsageError
        In place of errors that only a programmer understands.
    """
    try:
        yield
    except GenvizError:
        raise
    except (TypeError, ValueError, KeyError) as err:
        raise UsageError(
            f"Expected options that can be read in the row {row.name} and the size {size.name}; got "
            f"{type(err).__name__}: {err}. Compare the recipe with the others."
        ) from err


def check_numbers(told: Mapping[str, Any], ranges: Mapping[str, Within], where: str) -> None:
    """Refuse numbers that an option cannot have.

    Parameters
    ----------
    told
        Options.
    ranges
        Name → what it may be, see `ranges_of`; others are not looked at.
    where
        What they stand in, for the message.

    Raises
    ------
    UsageError
        For the first that is wrong.
    """
    for name, allowed in ranges.items():
        for value in _flat(told[name]) if name in told else ():
            if not allowed.holds(value):
                raise UsageError(f"Expected {allowed} for {name} in {where}; got {value!r}.")


def ranges_of(kind: type) -> dict[str, Within]:
    """Give what the options of a dataclass may be, by name, where their type says so (`FromOne`, ...)."""
    return {
        name: one
        for name, hint in get_type_hints(kind, include_extras=True).items()
        for one in (get_args(hint) if get_origin(hint) is Annotated else ())
        if isinstance(one, Within)
    }


def check_not_negative(told: Mapping[str, Any], where: str) -> None:
    """Refuse numbers below 0, where names and types of options belong to others.

    Parameters
    ----------
    told
        Options, at any depth; what is no number is let pass.
    where
        What they stand in, for the message.

    Raises
    ------
    UsageError
        For the first that is wrong.
    """
    for name, value in told.items():
        for one in _flat(value):
            if isinstance(one, int | float) and not isinstance(one, bool) and not NOT_NEGATIVE.holds(one):
                raise UsageError(f"Expected {NOT_NEGATIVE} for {name} in {where}; got {one!r}.")


def check_data(size: Size) -> None:
    """Refuse data that cannot be: no image, sections that the data set does not have, none left to train on.

    Parameters
    ----------
    size
        Whose data are asked about; they are not read.

    Raises
    ------
    UsageError
        Saying what is wrong.
    """
    data, where = size.data, f"the data of the size {size.name}"
    check_numbers(data, OF_DATA, where)
    sections, held = data.get("sections"), data.get("held")
    if sections is not None:
        check_known(sections, _of_manifest(str(data["name"])), f"sections in {where}")
    if isinstance(held, Sequence) and not isinstance(held, str):  # else a split, or a share
        check_known(held, sections, f"held in {where}")
        if sections is not None and not set(sections) - set(held):
            raise UsageError(f"Expected sections to train on beside those held in {where}; got none.")


def sections_of(data: Mapping[str, Any]) -> Sequence[str] | None:
    """Sections of a size's data, as far as they are known before anything is read.

    Parameters
    ----------
    data
        ``name`` and perhaps ``sections``.
    """
    found: Sequence[str] | None = data.get("sections")
    return _of_manifest(str(data["name"])) if found is None else found


def check_known(names: Any, known: Sequence[str] | None, what: str) -> None:
    """Refuse what is no list of sections, and sections that there are not.

    Parameters
    ----------
    names
        As told.
    known
        Those that there are; None where nobody knows yet.
    what
        That it is, for the message.

    Raises
    ------
    UsageError
        Saying what is wrong.
    """
    if isinstance(names, str) or not isinstance(names, Sequence) or not names:
        raise UsageError(f"Expected a list of names for {what}; got {names!r}.")
    if known is not None and (strangers := [str(name) for name in names if name not in known]):
        raise UsageError(
            f"Expected sections out of {first_names(known)} for {what}; got {first_names(strangers)}."
        )


def check_names(found: Iterable[str], known: Iterable[str], where: str) -> None:
    """Refuse options that nothing reads.

    Parameters
    ----------
    found, known
        Names that are there, and those that may be.
    where
        What they stand in, for the message.

    Raises
    ------
    UsageError
        For an unknown one.
    """
    if unknown := sorted(set(found) - set(known)):
        raise UsageError(
            f"Expected options out of {', '.join(sorted(known))} in {where}; got {', '.join(unknown)}."
        )


def check_extractor(name: str) -> None:
    """Refuse an extractor that is not known, or whose package or weights are not to be had.

    Parameters
    ----------
    name
        See `genviz.metrics.tiles.extractors.extractor_names`.

    Raises
    ------
    UsageError, MissingDependencyError, DownloadError, GenvizError
        See `genviz.metrics.tiles.extractors.make_extractor`.
    """
    if name not in _WITHOUT_WEIGHTS:  # networks do not look at the reference
        make_extractor(name, ImageSet(np.zeros((1, 32, 32, 3), np.uint8)), nuclear=False, device="cpu")


def _of_manifest(name: str) -> Sequence[str] | None:
    """Sections that a data set names; None for one that names none, and for files."""
    found = load_manifest(name).sections if name in manifest_names() else ()
    return [section.name for section in found] or None


def _flat(value: Any) -> Iterator[Any]:
    """A value, or those of a list or table at any depth."""
    inner = value.values() if isinstance(value, Mapping) else value
    if isinstance(value, str) or not isinstance(value, Mapping | Sequence):
        yield value
        return
    for one in inner:
        yield from _flat(one)
