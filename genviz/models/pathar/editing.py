"""Edits of rows: swap and render again. Only tokens change; everything is decoded in the end.

Shape legend: R rows, P structures, N cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, UsageError
from genviz._keys import Obs
from genviz.models.arguments import check_number
from genviz.models.pathar.codec import Tokens
from genviz.models.pathar.conditions import Conditions, conditions_of
from genviz.models.pathar.fitted import Fitted
from genviz.models.pathar.generating import check_structure, decoded_rows, draw_tokens
from genviz.models.pathar.inputs import BOTH, tokens_of
from genviz.models.pathar.matching import matched_appearance
from genviz.models.pathar.prior.rule import SampleRule
from genviz.models.pathar.rows import record_of

if TYPE_CHECKING:
    from anndata import AnnData


def swap(fitted: Fitted, structure: AnnData, appearance: AnnData, *, matched: bool, key: str) -> AnnData:
    """Structure of one row, appearance of another; see `PathAR.swap`."""
    if not fitted.tokenizer.dual:
        raise UsageError(
            "Expected a model with two streams to swap; this one was trained with streams='single'."
        )
    p = tokens_of(fitted, structure, ("structure",))
    q = tokens_of(fitted, appearance, BOTH if matched else ("appearance",))
    if p.grid != q.grid:
        raise DataError(f"Expected tiles of one size; got grids {p.grid} and {q.grid}.")
    n = max(len(p), len(q))
    if {len(p), len(q)} - {1, n}:
        raise UsageError(
            f"Expected as many rows on both sides, or one on one of them; got {len(p)} and {len(q)}."
        )
    p_rows, q_rows = (np.arange(n) if len(t) == n else np.zeros(n, np.int64) for t in (p, q))
    p, q = p.rows(p_rows), q.rows(q_rows)
    taken = matched_appearance(p, q) if matched else q.appearance_RN
    first, second = structure.obs_names[p_rows], appearance.obs_names[q_rows]
    obs = conditions_of(fitted, appearance).taken(q_rows).columns()
    obs[Obs.SOURCE] = [f"{a}|{b}" for a, b in zip(first, second, strict=True)]
    names = [f"{a}+{b}" for a, b in zip(first, second, strict=True)]
    record = record_of(fitted, "swap", 0, {"matched": matched})
    return decoded_rows(fitted, names, obs, Tokens(p.structure_RN, taken, p.grid), record, key)


def render(
    fitted: Fitted,
    names: Sequence[str],
    structure_PN: NDArray[np.int32],
    conditions: Conditions,
    n: int,
    seed: int,
    rule: SampleRule,
    *,
    what: str,
    key: str,
) -> AnnData:
    """`n` appearances for given structure, each drawn by its row's key; the first by the source's own name.

    So a generated row that is rendered under its own label and seed gives back its own appearance.
    """
    check_number("n", n)
    check_structure(fitted)
    keyed = [name if j == 0 else f"{name}#{j}" for name in names for j in range(n)]
    tokens = draw_tokens(fitted, keyed, conditions, seed, rule, structure_PN=structure_PN, renderings=n)
    obs = conditions.repeated(n).columns() | {
        Obs.SOURCE: [name for name in names for _ in range(n)],
        Obs.DRAW: [*range(n)] * len(names),
    }
    shown = [
        f"{name}@{label}" + (f"#{j}" if n > 1 else "")
        for name, label in zip(names, conditions.labels, strict=True)
        for j in range(n)
    ]
    parameters = {"n": int(n), "rule": asdict(rule)} | conditions.parameters()
    record = record_of(fitted, what, seed, parameters)
    return decoded_rows(fitted, shown, obs, tokens, record, key)
