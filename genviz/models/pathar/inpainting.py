"""Draw the cells of a region anew, and choose among candidates by how well they fit what comes after.

Shape legend: R rows, M candidates, H x W pixels, h x w cells, N = h w.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError, UsageError
from genviz._keys import Obs
from genviz.core.keyed import row_generator
from genviz.models.arguments import check_number
from genviz.models.pathar.codec import Tokens, encode_masks
from genviz.models.pathar.conditions import Conditions
from genviz.models.pathar.fitted import Fitted
from genviz.models.pathar.foreground import foreground
from genviz.models.pathar.generating import check_structure, decoded_rows, draw_tokens, log_prob_of
from genviz.models.pathar.inputs import tokens_of
from genviz.models.pathar.prior.request import Forced
from genviz.models.pathar.prior.rule import SampleRule
from genviz.models.pathar.rows import record_of

if TYPE_CHECKING:
    from anndata import AnnData

_WHAT = ("both", "appearance")


@dataclass(frozen=True)
class Filling:
    """What is asked of `inpaint`.

    Attributes
    ----------
    what
        "both" streams, or "appearance".
    n, n_candidates
        Fillings a row; candidates for each.
    seed, rule
        How to draw.
    """

    what: str
    n: int
    n_candidates: int
    seed: int
    rule: SampleRule

    def check(self) -> None:
        """Refuse what cannot be meant.

        Raises
        ------
        UsageError
            Naming it.
        """
        if self.what not in _WHAT:
            raise UsageError(f"Expected what out of {', '.join(map(repr, _WHAT))}; got {self.what!r}.")
        check_number("n", self.n)
        check_number("n_candidates", self.n_candidates)


def inpaint(
    fitted: Fitted,
    adata: AnnData,
    region: ArrayLike,
    conditions: Conditions,
    masks: ArrayLike | None,
    filling: Filling,
    key: str,
) -> AnnData:
    """Draw the cells of a region anew; see `PathAR.inpaint`."""
    filling.check()
    if masks is not None:
        check_structure(fitted)
    tokens = tokens_of(fitted, adata, of_prior=True)
    open_RN = region_cells(fitted, region, len(tokens), tokens.grid)
    both = filling.what == "both" and masks is None
    if masks is not None:
        painted_RN = encode_masks(fitted, _painted(fitted, masks, len(tokens)))
        structure_RN = np.where(open_RN, painted_RN, tokens.structure_RN)
        tokens = Tokens(structure_RN, tokens.appearance_RN, tokens.grid)
    names = adata.obs_names.tolist()
    drawn = _drawn(fitted, names, tokens, conditions, open_RN, both, filling)
    n = filling.n
    obs = conditions.repeated(n).columns() | {
        Obs.SOURCE: [name for name in names for _ in range(n)],
        Obs.DRAW: [*range(n)] * len(names),
    }
    shown = [f"{name}~{j}" for name in names for j in range(n)]
    parameters = {
        "what": filling.what, "painted": masks is not None, "n": int(n),
        "n_candidates": int(filling.n_candidates), "rule": asdict(filling.rule),
    } | conditions.parameters()  # fmt: skip
    return decoded_rows(
        fitted, shown, obs, drawn, record_of(fitted, "inpaint", filling.seed, parameters), key
    )


def region_cells(fitted: Fitted, region: ArrayLike, n_rows: int, grid: tuple[int, int]) -> NDArray[np.bool_]:
    """Cells (R, N) that a region of pixels touches.

    Raises
    ------
    UsageError
        For a region of another size than the tiles, or an empty one.
    DataError
        For a region of fractions, NaN, or negative values.
    """
    r = fitted.config.tokenizer.downsampling
    sides = (grid[0] * r, grid[1] * r)
    pixels = foreground(region, "a region")
    if pixels.ndim == 2:
        pixels = np.broadcast_to(pixels, (n_rows, *pixels.shape))
    if pixels.shape != (n_rows, *sides):
        raise UsageError(
            f"Expected a region of {sides[0]} x {sides[1]} pixels, one or {n_rows}; got {pixels.shape}."
        )
    if not pixels.any(axis=(1, 2)).all():
        raise UsageError("Expected a region with at least one pixel in every row; got an empty one.")
    cells = pixels.reshape(n_rows, grid[0], r, grid[1], r).any(axis=(2, 4))
    return cells.reshape(n_rows, -1)


def _painted(fitted: Fitted, masks: ArrayLike, n_rows: int) -> NDArray[np.bool_]:
    pixels = foreground(masks, "painted masks")
    side = fitted.config.tokenizer.size_px
    if pixels.ndim == 2:
        pixels = np.broadcast_to(pixels, (n_rows, *pixels.shape))
    if pixels.shape != (n_rows, side, side):
        raise DataError(
            f"Expected painted masks of {side} x {side} pixels, one or {n_rows}; got {pixels.shape}."
        )
    return np.ascontiguousarray(pixels)


def _drawn(
    fitted: Fitted,
    names: Sequence[str],
    tokens: Tokens,
    conditions: Conditions,
    open_RN: NDArray[np.bool_],
    both: bool,
    filling: Filling,
) -> Tokens:
    """Tokens of ``rows x n`` fillings, each chosen among its candidates.

    The first candidate is keyed by the row's own name: a region that is everything gives the row that `generate`
    makes under that name.
    """
    n_draws = filling.n * filling.n_candidates
    keyed = [name if k == 0 else f"{name}~{k}" for name in names for k in range(n_draws)]
    kept_RN = torch.from_numpy(~open_RN)
    a_RN = torch.from_numpy(tokens.appearance_RN.astype(np.int64))
    forced = Forced(a_PN=a_RN, keep_a_PN=kept_RN)
    if fitted.trained_prior().structure_codes:
        s_RN = torch.from_numpy(tokens.structure_RN.astype(np.int64))
        forced = Forced(s_RN, kept_RN if both else torch.ones_like(kept_RN), a_RN, kept_RN)
    drawn = draw_tokens(
        fitted, keyed, conditions, filling.seed, filling.rule, forced=forced, renderings=n_draws
    )
    if not fitted.trained_prior().structure_codes and fitted.tokenizer.dual:
        drawn = Tokens(np.repeat(tokens.structure_RN, n_draws, axis=0), drawn.appearance_RN, drawn.grid)
    if filling.n_candidates == 1:
        return drawn
    weights = _kept_log_prob(fitted, drawn, conditions.repeated(n_draws), np.repeat(open_RN, n_draws, axis=0))
    chosen = _resampled(
        weights.reshape(-1, filling.n_candidates), keyed[:: filling.n_candidates], filling.seed
    )
    return drawn.rows(np.arange(len(chosen)) * filling.n_candidates + chosen)


def _kept_log_prob(
    fitted: Fitted, tokens: Tokens, conditions: Conditions, open_RN: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Log-probability of the tokens that stay, given what was drawn before them: the weight of a candidate.

    Tokens before the region, and structure that was not drawn, weigh the same for every candidate.
    """
    structure_RN, appearance_RN = log_prob_of(fitted, tokens, conditions)
    total: NDArray[np.float64] = np.where(open_RN, 0.0, appearance_RN).sum(axis=1, dtype=np.float64)
    if structure_RN.shape[1]:
        total = total + np.where(open_RN, 0.0, structure_RN).sum(axis=1, dtype=np.float64)
    return total


def _resampled(weights_RM: NDArray[np.float64], names: Sequence[str], seed: int) -> NDArray[np.int64]:
    """One candidate of each row, drawn in proportion to exp(weight) (sampling-importance-resampling)."""
    n = weights_RM.shape[1]
    noise_RM = np.stack([row_generator(seed, "", name, "candidates").gumbel(size=n) for name in names])
    chosen: NDArray[np.int64] = (weights_RM + noise_RM).argmax(axis=1)
    return chosen
