"""Arguments that every room checks alike: rows, whole numbers, lists."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np

from genviz._errors import UsageError

_SHORT = 60


def check_adata(value: object, name: str = "") -> None:
    """Rows, and no path to a file of them.

    Parameters
    ----------
    value
        What was given.
    name
        What it is called, where a function takes several.

    Raises
    ------
    UsageError
        For anything that is no AnnData.
    """
    # Nobody holds an AnnData without having imported anndata; this room does not import it.
    anndata = sys.modules.get("anndata")
    if anndata is not None and isinstance(value, anndata.AnnData):
        return
    path = isinstance(value, str | PathLike)
    then = "Read it with gv.io.read_h5ad." if path else "Give rows as gv.io reads them."
    raise UsageError(f"Expected {name and f'{name}, '}an AnnData; got {kind_of(value)}. {then}")


def check_number(name: str, value: int) -> int:
    """A whole number from 1.

    Parameters
    ----------
    name, value
        What was given, and what it is called.

    Raises
    ------
    UsageError
        For any other.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise UsageError(f"Expected {name}, a whole number from 1; got {shown(value)}.")
    return int(value)


def check_list(name: str, values: Any, of: str, *, one: type | tuple[type, ...] = ()) -> list[Any]:
    """Values one by one, in a list; a text is no list of its letters, a mapping none of its keys.

    Parameters
    ----------
    name, values
        What was given, and what it is called.
    of
        What the list is of.
    one
        Kinds of values that stand for a list of one.

    Raises
    ------
    UsageError
        For what is no list.
    """
    if isinstance(values, one) and not isinstance(values, bool):
        return [values]
    if not isinstance(values, str | bytes | Mapping):
        try:
            return list(values)
        except TypeError:
            pass
    raise UsageError(f"Expected {name}, a list of {of}; got {shown(values)}.")


def kind_of(value: object) -> str:
    """``a str``, ``an ndarray``, ``None``."""
    if value is None:
        return "None"
    kind = type(value).__name__
    return f"{'an' if kind[0].lower() in 'aeiou' or kind == 'ndarray' else 'a'} {kind}"


def shown(value: object) -> str:
    """A value as a message names it: itself where it is short, else what kind it is of."""
    text = repr(value)
    return text if len(text) <= _SHORT and "\n" not in text else kind_of(value)
