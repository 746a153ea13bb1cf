"""The cross-entropy of the next-scale prior, whole and in parts.

Shape legend: B tiles, L positions, V codes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from genviz.models.genevar.prior.layout import ScaleLayout


def scale_losses(
    logits_BLV: Tensor,
    s_BL: Tensor,
    layout: ScaleLayout,
    masks: Sequence[Tensor | None] | None,
    label_smooth: float = 0.0,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean cross-entropy over positions, every position with the same weight.

    Parameters
    ----------
    logits_BLV
        Logits.
    s_BL
        Tokens.
    layout
        Scales.
    masks
        bool (B, n_k, n_k) of the last scales, None for one without.
    label_smooth
        Label smoothing of what is given back as loss.

    Returns
    -------
    loss
        Scalar.
    parts
        Detached, without smoothing: ``nll``, ``nll_scale_k`` of each scale, and with masks ``nll_shown``,
        ``nll_masked`` of the scales that have one (0 where there is no such position).
    """
    logits_BVL, s_BL = logits_BLV.float().transpose(1, 2), s_BL.long()
    nll_BL = cross_entropy(logits_BVL, s_BL, reduction="none")
    loss = nll_BL.mean()
    parts = {"nll": loss.detach()}
    by_scale = nll_BL.detach().split(layout.lengths, dim=1)
    parts.update({f"nll_scale_{k}": part.mean() for k, part in enumerate(by_scale, start=1)})
    if masks:
        parts.update(_by_mask(by_scale[-len(masks) :], masks))
    if label_smooth:
        loss = cross_entropy(logits_BVL, s_BL, label_smoothing=label_smooth)
    return loss, parts


def _by_mask(by_scale: Sequence[Tensor], masks: Sequence[Tensor | None]) -> dict[str, Tensor]:
    pairs = [(part, mask.flatten(1)) for part, mask in zip(by_scale, masks, strict=True) if mask is not None]
    if not pairs:
        return {}
    nll_BN, shown_BN = (torch.cat(parts, dim=1) for parts in zip(*pairs, strict=True))
    # Sums over counts: choosing by a mask would wait for the device.
    return {
        name: (nll_BN * chosen_BN).sum() / chosen_BN.sum().clamp_min(1)
        for name, chosen_BN in (("nll_shown", shown_BN), ("nll_masked", ~shown_BN))
    }
