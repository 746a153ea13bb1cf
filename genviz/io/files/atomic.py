"""Outputs that appear complete or not at all.

Everything is written under a working name in the folder where it will stay, flushed to disk, and given
its name in one step. After an error or Ctrl-C nothing is left under either name; after a power cut or
kill -9 at most a hidden ``.<name>.<random>.partial``, never a half file under the final name.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from genviz.io.files.h5_chunks import write_in_blocks
from genviz.io.files.h5_sink import h5_file
from genviz.io.files.output import (
    AnyPath,
    check_new_folder,
    check_no_folder,
    explained,
    flush,
    parents,
    real_path,
    working_name,
)

if TYPE_CHECKING:
    from anndata import AnnData


@contextmanager
def atomic_path(path: AnyPath) -> Iterator[Path]:
    """Write a file at once: yields a working path beside it, renamed when the block ends well.

    Missing folders are made (and removed again on failure). An existing file is replaced; a link is followed.

    Parameters
    ----------
    path
        The file to write.

    Yields
    ------
    An existing, empty file in the same folder and with the same suffix, to be written over.

    Raises
    ------
    UsageError
        When a folder is in the place.
    GenvizError
        When the folder cannot be written or is full.
    """
    target = real_path(path)
    check_no_folder(target)
    with explained(target), parents(target):
        working = working_name(target)
        try:
            working.touch(exist_ok=False)
            yield working
            flush(working)
            working.replace(target)
            flush(target.parent)
        finally:
            working.unlink(missing_ok=True)


@contextmanager
def atomic_dir(path: AnyPath, *, replace: bool = False) -> Iterator[Path]:
    """Write a folder at once: yields a working folder beside it, renamed when the block ends well.

    Parameters
    ----------
    path
        The folder to write; it may exist if it is empty.
    replace
        Allow a folder with content, which is set aside and deleted when the new one is in place.

    Yields
    ------
    An empty folder to fill.

    Raises
    ------
    UsageError
        When a file or (without `replace`) a folder with content is in the place.
    GenvizError
        When the folder cannot be written or is full.
    """
    target = real_path(path)
    check_new_folder(target, allow_content=replace)
    with explained(target), parents(target):
        working = working_name(target)
        try:
            working.mkdir()
            yield working
            for file in sorted(working.rglob("*")):
                if file.is_file():
                    flush(file)
            check_new_folder(target, allow_content=replace)
            _move_folder(working, target)
            flush(target.parent)
        finally:
            shutil.rmtree(working, ignore_errors=True)


def atomic_write_text(path: AnyPath, text: str) -> None:
    """Write a UTF-8 text file with Unix line ends, at once or not at all. See `atomic_path`."""
    with atomic_path(path) as working:
        working.write_bytes(text.encode())


def atomic_write_json(path: AnyPath, value: Any) -> None:
    """Write an indented JSON file, at once or not at all.

    NaN and infinities, which JSON lacks, become null. Takes numpy numbers and arrays, and paths, beside
    what JSON knows. See `atomic_path` for errors.
    """
    atomic_write_text(path, json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def atomic_write_h5ad(adata: AnnData, path: AnyPath) -> None:
    """Write an h5ad file, at once or not at all; the object is not changed.

    Text columns stay text. Those with missing values are stored as categories, the only form in which
    every version of h5ad keeps them. See `atomic_path` for errors.

    Parameters
    ----------
    adata
        In memory, a view, or backed by a file.
    path
        The file to write.
    """
    with atomic_path(path) as working:
        if adata.isbacked:
            adata.copy(filename=working).file.close()
            return
        rows = adata.copy() if adata.is_view else adata
        obs, var = rows.obs, rows.var
        try:
            rows.obs, rows.var = _storable(obs), _storable(var)
            with h5_file(working) as file:
                write_in_blocks(file, rows, {"compression": "gzip"})
                if rows.raw is None:
                    file.pop("raw", None)  # written as "nothing", which backed readers take for something
        finally:
            rows.obs, rows.var = obs, var


def _storable(frame: pd.DataFrame) -> pd.DataFrame:
    gaps = [str(c) for c in frame if frame[c].dtype == object and frame[c].isna().any()]
    return frame.assign(**{c: frame[c].astype("category") for c in gaps}) if gaps else frame


def _plain(value: Any) -> Any:
    """The value in JSON's own types."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _move_folder(working: Path, target: Path) -> None:
    aside = None
    if target.exists():
        if any(target.iterdir()):
            aside = working_name(target)
            target.replace(aside)
        else:
            target.rmdir()  # Windows does not rename over an empty folder
    try:
        working.replace(target)
    except OSError:
        if aside is not None:
            aside.replace(target)
        raise
    if aside is not None:
        shutil.rmtree(aside, ignore_errors=True)
