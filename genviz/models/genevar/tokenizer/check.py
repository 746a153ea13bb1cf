"""What is logged of a tokenizer while it trains: reconstruction, and the work and life of the codes at every scale.

Shape legend: B tiles, H x W pixels.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from genviz.models.genevar.tokenizer.network import Tokenizer


class TokenizerCheck:
    """Measures a tokenizer on fixed tiles.

    Parameters
    ----------
    x_B3HW
        Validation tiles in [-1, 1].
    """

    def __init__(self, x_B3HW: Tensor) -> None:
        self.x_B3HW = x_B3HW

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Name → value of `check`."""
        tokenizer = cast("Tokenizer", network)
        return check(tokenizer, self.x_B3HW.to(next(tokenizer.parameters()).device))


@torch.no_grad()
def check(tokenizer: Tokenizer, x_B3HW: Tensor) -> dict[str, float]:
    """PSNR (dB), share of codes in use and their perplexity, and of each scale k (from 1) three things.

    ``energy_k``: ``|f - f_k|^2 / |f|^2``, what is left of the latents after it. ``usage_k``, ``perplexity_k``: of its
    own tokens; both are at most their number.
    """
    quantiser = tokenizer.quantiser
    f_BDGG = tokenizer.latents(x_B3HW).float()
    s_BL = quantiser.encode(f_BDGG)
    error_B = (tokenizer.decode_tokens(s_BL) - x_B3HW).square().mean((1, 2, 3)) / 4
    found = {"psnr": float((-10 * error_B.clamp(min=1e-10).log10()).mean())}
    found |= _life("", s_BL, len(quantiser.codes_VD))
    parts = zip(quantiser.split(s_BL), quantiser.sums(s_BL), strict=True)
    for k, (s_BN, sum_BDGG) in enumerate(parts, start=1):
        found[f"energy_{k}"] = float((f_BDGG - sum_BDGG).square().sum() / f_BDGG.square().sum())
        found |= _life(f"_{k}", s_BN, len(quantiser.codes_VD))
    return found


def _life(suffix: str, tokens: Tensor, n_codes: int) -> dict[str, float]:
    share_V = torch.bincount(tokens.flatten(), minlength=n_codes) / tokens.numel()
    used = share_V[share_V > 0]
    perplexity = float((-(used * used.log()).sum()).exp())
    return {f"usage{suffix}": len(used) / n_codes, f"perplexity{suffix}": perplexity}
