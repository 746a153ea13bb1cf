"""What a clamp does to the genes, in means over rows.

Shape legend: N rows, G genes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from genviz.controllers.gene_tree.rows import Floats, TreeRows

_COLUMNS = ("gene", "before", "after", "change")


@dataclass(frozen=True)
class Change:
    """Means under a clamp.

    Attributes
    ----------
    clamped_NG
        The expectation that they are of; None: nothing is held.
    mean_G
        Over all rows.
    table
        Genes that move, by the size of the change; means over the rows that the clamp acts on.
    """

    clamped_NG: Floats | None = None
    mean_G: Floats | None = None
    table: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(_COLUMNS)))


def change_of(rows: TreeRows, clamped_NG: Floats | None, chosen: Sequence[int] | None) -> Change:
    """Compare the expectation under a clamp with that without.

    Parameters
    ----------
    rows
        Expectation without.
    clamped_NG
        Expectation under the clamp.
    chosen
        Rows that it acts on; None: all.
    """
    if clamped_NG is None:
        return Change()
    weight_N = np.ones(len(clamped_NG))
    if chosen is not None:
        weight_N[:] = 0
        weight_N[np.asarray(chosen, np.intp)] = 1
    before, after = (weight_N @ values / weight_N.sum() for values in (rows.mean_NG, clamped_NG))
    table = pd.DataFrame(dict(zip(_COLUMNS, (rows.genes, before, after, after - before), strict=True)))
    moved = table[~np.isclose(before, after, rtol=1e-6, atol=1e-9)]
    table = moved.sort_values("change", key=np.abs, ascending=False, kind="stable").reset_index(drop=True)
    return Change(clamped_NG, clamped_NG.mean(axis=0), table)
