"""Rows made from other rows (tiles of a profile, generated images) must stay on their side of the split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Obs
from genviz.core.counts import first_names
from genviz.core.splits import check_straddling
from genviz.pp.splitting import TRAIN

if TYPE_CHECKING:
    from anndata import AnnData


def split_of_sources(rows: AnnData, origin: AnnData, key: str = Obs.SOURCE) -> NDArray[np.object_]:
    """The split of the row that each row was made from.

    Parameters
    ----------
    rows
        Reads ``obs[key]``, names of rows of `origin`.
    origin
        Reads ``obs["split"]``, and ``obs["patient"]`` where it is there: one patient must lie in one split.
    key
        See above.

    Raises
    ------
    MissingKeyError
        Without one of the columns.
    DataError
        For sources that are not in `origin`, or patients in two splits.
    """
    for adata, column in ((rows, key), (origin, Obs.SPLIT)):
        if column not in adata.obs:
            raise MissingKeyError(
                f"Expected obs['{column}']; it is absent. Run gv.pp.split, or name another column."
            )
    split = origin.obs[Obs.SPLIT].astype(str)
    if Obs.PATIENT in origin.obs:
        check_straddling(origin.obs[Obs.PATIENT].astype(str).tolist(), split.tolist())
    names = pd.Index(rows.obs[key].astype(str))
    at = origin.obs_names.astype(str).get_indexer(names)
    if (at < 0).any():
        raise DataError(
            f"Expected the sources of all rows; {int((at < 0).sum())} rows come from others: "
            f"{first_names(sorted(set(names[at < 0])))}. Give the rows that they were made from."
        )
    return split.to_numpy(object)[at]


def refuse_held_out(rows: AnnData, origin: AnnData, key: str = Obs.SOURCE) -> None:
    """Insist that rows were made from training rows: others, trained on, would show a test patient to the model.

    Parameters
    ----------
    rows, origin, key
        As for `split_of_sources`.

    Raises
    ------
    MissingKeyError, DataError
        As `split_of_sources`; naming rows that come from held-out rows.
    """
    split = split_of_sources(rows, origin, key)
    held = split != TRAIN
    if held.any():
        named = first_names(list(rows.obs_names[held]), 3)
        raise DataError(
            f"Expected rows made from training rows only; {int(held.sum())} of {rows.n_obs} come from held-out ones "
            f"({', '.join(sorted(set(split[held])))}): {named}. Leave them out, or generate from training rows."
        )
