"""Train, validation and test rows, by section or patient."""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genviz._errors import DataError, FileFormatError, MissingKeyError, UsageError
from genviz._keys import Obs, Uns
from genviz.core.arguments import check_adata
from genviz.core.counts import check_names, first_names
from genviz.core.splits import SPLITS, Part, check_straddling, grouped_split, split_digest
from genviz.io.files.opening import existing, reading

if TYPE_CHECKING:
    from anndata import AnnData

TRAIN = SPLITS[0]
TEST = SPLITS[2]


def split(
    adata: AnnData,
    *,
    group_key: str = Obs.LIBRARY,
    test: Part = None,
    val: Part = None,
    index_file: str | PathLike[str] | None = None,
    seed: int = 0,
) -> None:
    """Say which rows a model may learn from; a group never straddles two splits.

    Writes ``obs["split"]`` (train / val / test) and ``uns["genviz"]["split"]`` (JSON: group key, seed,
    groups and number of rows of each split, digest of the row names).

    Parameters
    ----------
    adata
        Rows; reads ``obs[group_key]``.
    group_key
        Column whose groups stay whole, ``"library_id"`` or ``"patient"``.
    test, val
        Groups by name, or a fraction of the rows (see `core.splits.grouped_split`).
    index_file
        Instead of both: a CSV or TSV with a column ``split`` and row names or group names in ``id``
        (or else in its first column).
    seed
        Order in which groups are drawn for a fraction.

    Raises
    ------
    MissingKeyError
        Without ``obs[group_key]``.
    UsageError, DataError
        For groups that are unknown, in two splits, or leave nothing to train on.
    """
    check_adata(adata)
    groups = _groups(adata, group_key)
    check_names(list(adata.obs_names), "rows")
    if index_file is not None and (test is not None or val is not None):
        raise UsageError("Expected either index_file= or test=/val=; got both. Give one.")
    if index_file is not None:
        splits = _from_index(Path(index_file), adata.obs_names, groups)
    else:
        splits = grouped_split(groups.tolist(), val=val, test=test, seed=seed)
    check_straddling(groups.tolist(), splits.tolist())
    names = {part: adata.obs_names[splits == part].tolist() for part in SPLITS}
    if not names[TRAIN]:
        raise UsageError(f"Expected rows to train on; none of {adata.n_obs} are. Correct the index file.")
    used = [part for part in SPLITS if names[part]]
    adata.obs[Obs.SPLIT] = pd.Categorical(splits, categories=used)
    adata.uns.setdefault(Uns.GENVIZ, {})[Uns.SPLIT] = json.dumps(
        {
            "group_key": group_key,
            "seed": seed,
            "index_file": None if index_file is None else Path(index_file).name,
            "rows": {part: len(names[part]) for part in used},
            "groups": {part: sorted(set(groups[splits == part])) for part in used},
            "digest": split_digest(names),
        }
    )


def training_rows(adata: AnnData, rows: Sequence[bool] | np.ndarray | None = None) -> np.ndarray:
    """Rows that a preparation may be fitted on, as a mask.

    Parameters
    ----------
    adata
        Reads ``obs["split"]`` when it is there.
    rows
        Mask that decides instead.

    Returns
    -------
    bool (n_obs,): `rows`; else the rows of split ``train``; else all rows.

    Raises
    ------
    DataError
        When that leaves no row, or the mask does not fit.
    """
    check_adata(adata)
    if rows is not None:
        mask = np.asarray(rows)
        if mask.dtype != bool or mask.shape != (adata.n_obs,):
            raise DataError(
                f"Expected rows= as a boolean mask of {adata.n_obs} rows; got {mask.dtype} {mask.shape}."
            )
    elif Obs.SPLIT in adata.obs:
        mask = (adata.obs[Obs.SPLIT].astype(str) == TRAIN).to_numpy()
    else:
        mask = np.ones(adata.n_obs, dtype=bool)
    if not mask.any():
        raise DataError(
            f"Expected training rows; none of {adata.n_obs} are. Check obs['{Obs.SPLIT}'] or rows=."
        )
    return np.asarray(mask)


def declared_group(adata: AnnData, split_key: str = Obs.SPLIT) -> str | None:
    """The column whose groups `split` kept whole ("library_id", "patient"); None where nothing is on record.

    Parameters
    ----------
    adata
        Reads ``uns["genviz"]["split"]``.
    split_key
        Column with the split; the record is of ``obs["split"]`` alone.
    """
    text = adata.uns.get(Uns.GENVIZ, {}).get(Uns.SPLIT)
    if text is None or split_key != Obs.SPLIT or Obs.SPLIT not in adata.obs:
        return None
    group = json.loads(str(text)).get("group_key")
    return None if group is None else str(group)


def _groups(adata: AnnData, group_key: str) -> np.ndarray:
    if group_key not in adata.obs:
        raise MissingKeyError(
            f"Expected obs['{group_key}'], the group of each row; found columns "
            f"{first_names(list(adata.obs), 8) or '(none)'}. Write the column, or give another group_key."
        )
    column = adata.obs[group_key]
    if column.isna().any():
        missing = first_names(list(adata.obs_names[column.isna()]))
        raise DataError(
            f"Expected a group in obs['{group_key}'] of each row; {missing} have none. Fill the column."
        )
    return np.asarray(column.astype(str), dtype=object)


def _from_index(path: Path, names: pd.Index, groups: np.ndarray) -> np.ndarray:
    """Split of each row, from a table of row names or of group names."""
    file = existing(path, "the split index")
    with reading(file, "a CSV or TSV split index"):
        table = pd.read_csv(file, sep=None, engine="python", dtype=str)
    if Obs.SPLIT not in table or len(table.columns) < 2:
        raise FileFormatError(
            f"Expected columns id and {Obs.SPLIT} in {file}; found {first_names(list(table.columns), 8)}. "
            "Write a header line with these names."
        )
    ids = table["id"] if "id" in table else table[next(c for c in table if c != Obs.SPLIT)]
    check_names(ids.astype(str).tolist(), f"rows of {file.name}")
    unknown = sorted(set(table[Obs.SPLIT].astype(str)) - set(SPLITS))
    if unknown:
        raise DataError(
            f"Expected splits {', '.join(SPLITS)} in {file}; found {first_names(unknown)}. Correct them."
        )
    known = pd.Series(table[Obs.SPLIT].to_numpy(object), index=ids.astype(str))
    wanted = pd.Index(names.astype(str)) if known.index.isin(names).any() else pd.Index(groups)
    absent = wanted[~wanted.isin(known.index)]
    if len(absent):
        raise DataError(
            f"Expected every row (or every group) in {file}; {len(absent)} rows are not: "
            f"{first_names(list(absent))}. Complete the index, or drop those rows."
        )
    return np.asarray(known.loc[wanted], dtype=object)
