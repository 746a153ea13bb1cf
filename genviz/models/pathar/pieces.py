"""Cells of a row drawn anew piece by piece, so that whoever waits hears how far it is, and can stop it.

Raster order makes this exact: a piece sees only what was drawn before it, and the noise belongs to (seed, name, stream,
cell). So the tokens are those of `PathAR.inpaint` and `PathAR.render`. Shape legend: R rows, N cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz.models.pathar.codec import Tokens
from genviz.models.pathar.conditions import Conditions
from genviz.models.pathar.fitted import Fitted
from genviz.models.pathar.generating import draw_tokens
from genviz.models.pathar.prior.config import PriorConfig
from genviz.models.pathar.prior.request import Forced
from genviz.models.pathar.prior.rule import SampleRule

CELLS = 32  # of a piece: two lines of the mini's grid

Cells = NDArray[np.bool_]


def draw_cells(
    fitted: Fitted,
    names: Sequence[str],
    tokens: Tokens,
    conditions: Conditions,
    open_structure_N: Cells,
    open_appearance_N: Cells,
    seed: int,
    rule: SampleRule,
    heard: Callable[[int, int], None] = lambda done, all_of_them: None,
) -> Tokens:
    """Draw the open cells of some rows, given all others.

    Parameters
    ----------
    fitted
        Model with a prior.
    names
        Of the R rows; with the seed they decide the draw.
    tokens, conditions
        Of the rows.
    open_structure_N, open_appearance_N
        bool, cells whose token of this stream is drawn.
    seed, rule
        How.
    heard
        Told before each piece, and at the end, how many of how many are done. What it raises ends the draw.

    Returns
    -------
    The rows' tokens.

    Raises
    ------
    UsageError
        When nothing is open, or structure for a prior that draws none.
    """
    prior = fitted.trained_prior()
    if not (open_structure_N.any() or open_appearance_N.any()):
        raise UsageError("Expected at least one cell to draw; got none. Brush some.")
    if open_structure_N.any() and not prior.structure_codes:
        raise UsageError("Expected a prior that draws structure; this one does not. Draw appearance only.")
    parts = _parts(fitted.config.prior, open_structure_N, open_appearance_N)
    for k, (s_N, a_N) in enumerate(parts):
        heard(k, len(parts))
        forced = _forced(tokens, s_N, a_N, with_structure=bool(prior.structure_codes))
        drawn = draw_tokens(fitted, names, conditions, seed, rule, forced=forced)
        # What comes after the piece was taken as given, and stays.
        structure_RN = drawn.structure_RN if prior.structure_codes else tokens.structure_RN
        tokens = Tokens(structure_RN, drawn.appearance_RN, drawn.grid)
    heard(len(parts), len(parts))
    return tokens


def _parts(config: PriorConfig, s_N: Cells, a_N: Cells) -> list[tuple[Cells, Cells]]:
    """What is drawn together, in order; all of it where appearance may come before structure."""
    none_N = np.zeros_like(s_N)
    piece_N = np.arange(len(s_N)) // CELLS
    pieces = [piece_N == k for k in range(piece_N[-1] + 1)]
    delayed = config.order == "interleaved" and config.visibility == "asymmetric"
    if delayed and config.appearance_sees == "prefix":
        parts = [(s_N & piece, a_N & piece) for piece in pieces]
    elif delayed or config.order in ("s_then_a", "a_only"):
        parts = [(s_N & piece, none_N) for piece in pieces] + [(none_N, a_N & piece) for piece in pieces]
    else:
        parts = [(s_N, a_N)]
    return [(s, a) for s, a in parts if s.any() or a.any()]


def _forced(tokens: Tokens, s_N: Cells, a_N: Cells, *, with_structure: bool) -> Forced:
    n_rows = len(tokens.appearance_RN)

    def kept(open_N: Cells) -> torch.Tensor:
        return torch.from_numpy(~open_N).expand(n_rows, -1).contiguous()

    a_RN = torch.from_numpy(tokens.appearance_RN.astype(np.int64))
    if not with_structure:
        return Forced(a_PN=a_RN, keep_a_PN=kept(a_N))
    s_RN = torch.from_numpy(tokens.structure_RN.astype(np.int64))
    return Forced(s_RN, kept(s_N), a_RN, kept(a_N))
