"""All tokens of one scale drawn from their logits at once, each with noise of its own.

Shape legend: B rows, N cells of the scale, T = B N tokens, V codes, k candidates.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from genviz.nn.keyed_noise import gumbel, position_keys
from genviz.nn.token_picking import StreamRule, candidates

TOKENS, INJECTION = 0, 1  # streams of noise of a row
_DOUBT = 1e-3  # probability about the edge of the nucleus: far above what sums in another order differ by


def scale_keys(key_B: Tensor, stream: int, k: int) -> Tensor:
    """Keys of a scale's noise, int64 (B,).

    Parameters
    ----------
    key_B
        Noise keys of the rows.
    stream
        `TOKENS` or `INJECTION`.
    k
        Scale, from 1.
    """
    return position_keys(key_B, stream, k)


def draw_scale(logits_BNV: Tensor, null_BNV: Tensor | None, rule: StreamRule, key_B: Tensor) -> Tensor:
    """Draw the tokens of a scale, int64 (B, N).

    Parameters
    ----------
    logits_BNV
        Logits given the condition.
    null_BNV
        Logits without it; None leaves guidance out.
    rule
        How to draw.
    key_B
        From `scale_keys`.
    """
    n_cells = logits_BNV.shape[1]
    logits_BNV = logits_BNV.float()
    if null_BNV is not None and rule.guidance != 1:
        logits_BNV = torch.lerp(null_BNV.float(), logits_BNV, rule.guidance)
    if rule.temperature == 0:
        return logits_BNV.argmax(dim=-1)
    cell_T = torch.arange(n_cells, device=key_B.device).repeat(len(key_B))
    key_T = key_B.repeat_interleave(n_cells)
    # A device is not asked for a value, so there every row is sorted.
    unsorted = key_B.device.type == "cpu" and rule.top_p < 1 and not rule.top_k
    draw = _drawn_unsorted if unsorted else _drawn
    return draw(logits_BNV.flatten(0, 1), rule, key_T, cell_T).view(len(key_B), n_cells)


def _drawn(logits_TV: Tensor, rule: StreamRule, key_T: Tensor, cell_T: Tensor) -> Tensor:
    """Draw one of the rule's candidates, int64 (T,)."""
    score_Tk, code_Tk = candidates(logits_TV, rule)
    # Noise has a number for every code of every cell: one key serves the scale.
    noise_Tk = gumbel(key_T, code_Tk + logits_TV.shape[1] * cell_T[:, None])
    best_T1 = (score_Tk + noise_Tk).argmax(dim=-1, keepdim=True)
    return code_Tk.gather(1, best_T1).squeeze(1)


def _drawn_unsorted(logits_TV: Tensor, rule: StreamRule, key_T: Tensor, cell_T: Tensor) -> Tensor:
    """The tokens of `_drawn` by a nucleus of all codes, without the sort, which takes longer than all else.

    What is drawn out of all codes and lies in the nucleus is what would have been drawn out of the nucleus. It does if
    the codes at least as probable have less than `top_p` together; only rows where they may have more are sorted.
    """
    code_T = _drawn(logits_TV, replace(rule, top_p=1.0), key_T, cell_T)
    share_TV = (logits_TV / rule.temperature).softmax(dim=-1)
    own_T1 = share_TV.gather(1, code_T[:, None])
    above_T = share_TV.masked_fill_(share_TV < own_T1, 0.0).sum(dim=-1)
    (doubtful,) = (above_T >= rule.top_p - _DOUBT).nonzero(as_tuple=True)
    if len(doubtful):
        code_T[doubtful] = _drawn(logits_TV[doubtful], rule, key_T[doubtful], cell_T[doubtful])
    return code_T
