"""How one token is drawn from its logits: guidance, temperature, the k best, the nucleus, Gumbel-argmax.

Nothing here asks the device for a value, so that the whole can stand in a CUDA graph. Shape legend: B rows, K codes,
k candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from genviz._errors import UsageError
from genviz.nn.keyed_noise import gumbel


@dataclass(frozen=True)
class StreamRule:
    """How tokens of one stream are drawn; the defaults draw from the model itself.

    Parameters
    ----------
    temperature
        Divides the logits; 0 takes the most probable code.
    top_k
        Codes that may be drawn; 0 is all.
    top_p
        The most probable codes that together reach this probability may be drawn, the one that crosses it included;
        1 is all.
    guidance
        ``logits = null + guidance (label - null)``; 1 is no guidance.

    Raises
    ------
    UsageError
        For a number outside its range.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    guidance: float = 1.0

    def __post_init__(self) -> None:
        if not self.temperature >= 0:
            raise UsageError(f"Expected temperature >= 0; got {self.temperature}.")
        if self.top_k < 0:
            raise UsageError(f"Expected top_k >= 0 (0 is all codes); got {self.top_k}.")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"Expected top_p in (0, 1]; got {self.top_p}.")
        if not self.guidance >= 0:
            raise UsageError(f"Expected guidance >= 0; got {self.guidance}.")


def candidates(logits_BK: Tensor, rule: StreamRule) -> tuple[Tensor, Tensor]:
    """Apply temperature, top-k, then top-p.

    Parameters
    ----------
    logits_BK
        After guidance, float32.
    rule
        `temperature` is not 0.

    Returns
    -------
    score_Bk
        Logits over the temperature; minus infinity outside the nucleus. At least one is finite.
    code_Bk
        Their codes, int64. Sorted by score when either filter is on.
    """
    score_BK = logits_BK / rule.temperature
    n_codes = score_BK.shape[-1]
    n_kept = min(rule.top_k, n_codes) if rule.top_k else n_codes
    if n_kept == n_codes and rule.top_p == 1:
        return score_BK, torch.arange(n_codes, device=score_BK.device).expand_as(score_BK)
    # The nucleus lies within the k best and is measured after them: no full sort.
    score_Bk, code_Bk = score_BK.topk(n_kept, dim=-1)
    if rule.top_p < 1:
        share_Bk = score_Bk.softmax(dim=-1)
        before_Bk = share_Bk.cumsum(dim=-1) - share_Bk
        score_Bk = score_Bk.masked_fill(before_Bk >= rule.top_p, float("-inf"))
    return score_Bk, code_Bk


def pick_tokens(logits_BK: Tensor, null_BK: Tensor | None, rule: StreamRule, key_B: Tensor) -> Tensor:
    """Draw a token for each row.

    Parameters
    ----------
    logits_BK
        Logits given the label.
    null_BK
        Logits given the null label; None leaves guidance out.
    rule
        How to draw.
    key_B
        Keys of the draws, from `genviz.nn.keyed_noise.position_keys`.

    Returns
    -------
    int64 (B,).
    """
    logits_BK = logits_BK.float()
    if null_BK is not None and rule.guidance != 1:
        logits_BK = torch.lerp(null_BK.float(), logits_BK, rule.guidance)
    if rule.temperature == 0:
        return logits_BK.argmax(dim=-1)
    score_Bk, code_Bk = candidates(logits_BK, rule)
    best_B1 = (score_Bk + gumbel(key_B, code_Bk)).argmax(dim=-1, keepdim=True)
    return code_Bk.gather(1, best_B1).squeeze(1)


def token_log_prob(logits_BK: Tensor, token_B: Tensor) -> Tensor:
    """Log-probability of tokens, nats, float32, of the shape of the tokens.

    Parameters
    ----------
    logits_BK
        Logits of any type; further axes may stand before the codes.
    token_B
        int64.
    """
    return logits_BK.float().log_softmax(dim=-1).gather(-1, token_B[..., None]).squeeze(-1)
