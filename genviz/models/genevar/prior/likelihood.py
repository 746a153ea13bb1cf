"""How probable tiles are under conditions, each with each, to see which profile a tile goes with.

Shape legend: N tiles, M conditions, K scales, L positions, Z width of the condition.
"""

from __future__ import annotations

import torch
from torch import Tensor

from genviz.models.genevar.prior.network import ScalePrior
from genviz.models.genevar.prior.protocols import Quantiser, teacher_maps


def log_prob_matrix(
    prior: ScalePrior,
    quantiser: Quantiser,
    s_NL: Tensor,
    z_MZ: Tensor,
    *,
    batch_size: int = 64,
) -> Tensor:
    """Log-probability of every tile's tokens under every condition, scale by scale, all cells shown.

    The rank of the true condition along M says how much of it the tile shows. Taking off the mean over tiles removes
    that some conditions make every tile more probable.

    Parameters
    ----------
    prior
        The trained prior with ``masked_input="rk"``, on the device to compute on.
    quantiser
        Quantiser of the tokens, on the same device.
    s_NL
        Tokens, scale by scale.
    z_MZ
        Conditions, standardised.
    batch_size
        Pairs a batch.

    Returns
    -------
    float32 (N, M, K) on the CPU, nats; the sum over K is the tile's.

    Raises
    ------
    UsageError
        For a prior that needs refined maps.
    """
    device = prior.head.weight.device
    s_NL, z_MZ = s_NL.to(device), z_MZ.to(prior.head.weight)
    n_pairs, found, training = len(s_NL) * len(z_MZ), [], prior.training
    prior.eval()
    try:
        with torch.no_grad():
            for start in range(0, n_pairs, batch_size):
                pair_B = torch.arange(start, min(start + batch_size, n_pairs), device=device)
                tile_B, condition_B = pair_B // len(z_MZ), pair_B % len(z_MZ)
                s_BL = s_NL[tile_B]
                maps = teacher_maps(quantiser, s_BL, prior.layout, prior.code_dim)
                found.append(prior.log_prob_scales(s_BL, maps, z_MZ[condition_B]).cpu())
    finally:
        prior.train(training)
    return torch.cat(found).view(len(s_NL), len(z_MZ), prior.layout.n_scales)
