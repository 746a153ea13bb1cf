"""What is logged of a tokenizer while it trains: reconstruction and life of the codebooks on validation images."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genviz.models.pathar.tokenizer.network import DualTokenizer


class TokenizerCheck:
    """Measures a tokenizer on fixed tiles: PSNR, mask Dice, usage and perplexity.

    Parameters
    ----------
    x_B3HW, m_B1HW
        Validation tiles in [-1, 1] and their masks in {0, 1}.
    """

    def __init__(self, x_B3HW: Tensor, m_B1HW: Tensor) -> None:
        self.x_B3HW, self.m_B1HW = x_B3HW, m_B1HW

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Name → value of `check`."""
        device = next(network.parameters()).device
        return check(cast("DualTokenizer", network), self.x_B3HW.to(device), self.m_B1HW.to(device))


@torch.no_grad()
def check(network: DualTokenizer, x_B3HW: Tensor, m_B1HW: Tensor) -> dict[str, float]:
    """PSNR (dB), mask Dice, and usage (share of codes) and perplexity of each stream."""
    grid = (x_B3HW.shape[2] // network.config.downsampling, x_B3HW.shape[3] // network.config.downsampling)
    a_BN = network.encode_appearance(x_B3HW)
    s_BN = network.encode_structure(m_B1HW) if network.dual else None
    error_B = (network.decode_image(s_BN, a_BN, grid) - x_B3HW).square().mean((1, 2, 3)) / 4
    found = {"psnr": float((-10 * error_B.clamp(min=1e-10).log10()).mean())}
    found |= _life("appearance", a_BN.cpu().numpy(), network.config.appearance_codes)
    if s_BN is not None:
        predicted_B1HW = network.decode_mask(s_BN, grid) > 0
        both = (predicted_B1HW & (m_B1HW > 0.5)).sum((1, 2, 3))
        found["mask_dice"] = float(
            ((2 * both + 1) / (predicted_B1HW.sum((1, 2, 3)) + m_B1HW.sum((1, 2, 3)) + 1)).mean()
        )
        found |= _life("structure", s_BN.cpu().numpy(), network.config.structure_codes)
    return found


def _life(stream: str, tokens_BN: NDArray[np.int64], n_codes: int) -> dict[str, float]:
    share = np.bincount(tokens_BN.ravel(), minlength=n_codes) / tokens_BN.size
    used = share[share > 0]
    perplexity = float(np.exp(-(used * np.log(used)).sum()))
    return {f"usage_{stream}": float(len(used) / n_codes), f"perplexity_{stream}": perplexity}
