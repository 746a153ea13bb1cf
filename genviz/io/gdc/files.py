"""Where the files that a sample sheet lists lie in a folder, and what else lies there."""

from __future__ import annotations

import gzip
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genviz._errors import DataError
from genviz.core.counts import first_names
from genviz.io.gdc.sheet import PROFILE_SUFFIX, SLIDE_SUFFIXES, SheetRow

_TEXT = (".tsv", ".txt", ".gz")
_STARTS = (b"# gene-model", b"gene_id\t")


@dataclass(frozen=True)
class Placed:
    """Where listed files lie, by file id.

    Attributes
    ----------
    profiles
        All of them are there.
    slides
        Those that are there.
    """

    profiles: dict[str, Path]
    slides: dict[str, Path]


def place_files(
    folder: Path,
    profiles: Sequence[SheetRow],
    slides: Sequence[SheetRow],
    *,
    others: Sequence[SheetRow] = (),
) -> Placed:
    """Find every listed file, as the GDC's client (``<file id>/<name>``) or a person (any folder) puts it.

    Parameters
    ----------
    folder
        Of the download.
    profiles, slides
        What the sheets list.
    others
        Profiles that the sheets list and nobody asked for; they may be there or not.

    Raises
    ------
    DataError
        For profiles that are listed and absent, or there and not listed, or there several times.
    """
    there: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            there.setdefault(path.name.removesuffix(".gz"), []).append(path)
    found = {row.file_id: _place(row, there, folder) for row in profiles}
    missing = [row for row in profiles if found[row.file_id] is None]
    if missing:
        named = first_names([f"{row.file_id}/{row.file_name}" for row in missing], 3)
        unfinished = [path for path in there if path.endswith((".partial", ".parcel"))]
        raise DataError(
            f"Expected the {len(profiles)} profiles of the sample sheet under {folder}; {len(missing)} are not there: "
            f"{named}."
            + (f" Unfinished downloads lie there: {first_names(unfinished, 3)}." if unfinished else "")
            + " Finish the download, or take their lines out of the sheet."
        )
    placed = {file_id: path for file_id, path in found.items() if path is not None}
    images = {row.file_id: at for row in slides if (at := _place(row, there, folder)) is not None}
    unasked = {at for row in others if (at := _place(row, there, folder)) is not None}
    _look_for_strangers(folder, there, {*placed.values(), *images.values()} | unasked)
    return Placed(placed, images)


def _place(row: SheetRow, there: dict[str, list[Path]], folder: Path) -> Path | None:
    places = there.get(row.file_name.removesuffix(".gz"), [])
    own = [path for path in places if path.parent.name == row.file_id] or places
    if len(own) > 1:
        raise DataError(
            f"Expected one file {row.file_name!r} under {folder}; there are {len(own)}: "
            f"{first_names([str(path.relative_to(folder)) for path in own], 3)}. Keep one."
        )
    return own[0] if own else None


def _look_for_strangers(folder: Path, there: dict[str, list[Path]], known: set[Path]) -> None:
    """Profiles that no sheet lists are nobody's; slides that none lists are not paired."""
    others = [path for places in there.values() for path in places if path not in known]
    strange = [str(path.relative_to(folder)) for path in others if _is_profile(path)]
    if strange:
        raise DataError(
            f"Expected only profiles that a sample sheet lists under {folder}; {len(strange)} are in none, so nobody "
            f"knows whose they are: {first_names(strange, 3)}. Add their sheet, or move them away."
        )
    slides = [str(path.relative_to(folder)) for path in others if path.suffix.lower() in SLIDE_SUFFIXES]
    if slides:
        warnings.warn(
            f"{len(slides)} slides under {folder} are in no sample sheet and are not paired: {first_names(slides, 3)}. "
            "Save the sample sheet of the slides there too.",
            stacklevel=4,
        )


def _is_profile(path: Path) -> bool:
    if path.name.removesuffix(".gz").endswith(PROFILE_SUFFIX):
        return True
    if path.suffix not in _TEXT:
        return False
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as handle:
            return handle.read(16).startswith(_STARTS)
    except (OSError, EOFError, zlib.error):  # not gzip, or cut: nothing that begins like a profile
        return False
