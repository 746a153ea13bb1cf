"""What a source told of a data set's files, kept beside them, so that an interrupted download goes on with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from genviz._errors import DataError
from genviz.io.files.atomic import atomic_write_json

LISTING = "listing.json"
_FORMAT = 1

Listing = TypeVar("Listing")


def read_kept(folder: Path, source: str, build: Callable[[Mapping[str, Any]], Listing]) -> Listing | None:
    """The listing of a folder; None where there is none.

    Parameters
    ----------
    folder
        Of the files.
    source
        Who told ("the GDC").
    build
        Makes it of the JSON values.

    Raises
    ------
    DataError
        When it is damaged, or of a newer version.
    """
    file = folder / LISTING
    if not file.is_file():
        return None
    try:
        told = json.loads(file.read_bytes())
        if int(told["format"]) <= _FORMAT:
            return build(told)
    except (ValueError, KeyError, TypeError) as err:
        raise DataError(
            f"Expected a listing of the files of {source} in {file}; it is damaged ({type(err).__name__}). Remove it: "
            f"the next fetch asks {source} again."
        ) from err
    raise DataError(f"Expected a listing of format {_FORMAT} or older in {file}. Update genviz.")


def write_kept(folder: Path, told: Mapping[str, Any]) -> None:
    """Keep a listing beside the files.

    Parameters
    ----------
    folder
        Of the files.
    told
        JSON values, from which `read_kept` builds it again.
    """
    atomic_write_json(folder / LISTING, {"format": _FORMAT, **told})
