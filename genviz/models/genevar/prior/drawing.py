"""All tokens of one scale drawn from their logits at once, each with noise of its own.

Shape legend: B rows, N cells of the scale, T = B N tokens, V codes, k candidates.
"""

from __future__ import annotations

import torch
from torch import Tensor

from genviz.nn.keyed_noise import gumbel, position_keys
from genviz.nn.token_picking import StreamRule, candidates

TOKENS, INJECTION = 0, 1  # streams of noise of a row


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
    n_cells, n_codes = logits_BNV.shape[1:]
    logits_BNV = logits_BNV.float()
    if null_BNV is not None and rule.guidance != 1:
        logits_BNV = torch.lerp(null_BNV.float(), logits_BNV, rule.guidance)
    if rule.temperature == 0:
        return logits_BNV.argmax(dim=-1)
    score_Tk, code_Tk = candidates(logits_BNV.flatten(0, 1), rule)
    # Noise has a number for every code of every cell: one key serves the scale.
    cell_T = torch.arange(n_cells, device=key_B.device).repeat(len(key_B))
    noise_Tk = gumbel(key_B.repeat_interleave(n_cells), code_Tk + n_codes * cell_T[:, None])
    best_T1 = (score_Tk + noise_Tk).argmax(dim=-1, keepdim=True)
    return code_Tk.gather(1, best_T1).view(len(key_B), n_cells)


def token_log_prob(logits_BNV: Tensor, s_BN: Tensor) -> Tensor:
    """Log-probability of tokens, nats, float32 (B, N).

    Parameters
    ----------
    logits_BNV
        Logits, any type.
    s_BN
        int64.
    """
    return logits_BNV.float().log_softmax(dim=-1).gather(-1, s_BN[..., None]).squeeze(-1)
