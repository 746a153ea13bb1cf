"""Is a trained flow worth using? Its error against that of copying, and how two scores rank positions.

Shape legend: B tiles, S draws, D length of a code, G x G latent grid, n x n cells of scale k, Z condition.
"""

from __future__ import annotations

import torch
from torch import Tensor

from genviz.models.genevar.flow.network import Flow


@torch.no_grad()
def prediction_errors(
    flow: Flow,
    k: int,
    before_BDGG: Tensor,
    f_BDGG: Tensor,
    r_BDnn: Tensor,
    z_BZ: Tensor | None,
    *,
    n_draws: int = 8,
    generator: torch.Generator | None = None,
) -> dict[str, float]:
    """Mean squared errors of predictions of f_k, in units of the variance of the latents.

    A calibrated sampler has twice the error of the best single guess, so the mean of draws is what to hold against a
    copy.

    Parameters
    ----------
    flow, k
        Flow and scale.
    before_BDGG, f_BDGG, r_BDnn, z_BZ
        f_{k-1}, f_k, r_k and conditions.
    n_draws
        S.
    generator
        Of the noise.

    Returns
    -------
    ``copy`` of f_{k-1}; ``single``, mean over draws; ``mean``, of the mean of the draws.
    """
    total_BDGG, single = torch.zeros_like(f_BDGG), 0.0
    variance = float(flow.scale) ** 2
    for _ in range(n_draws):
        eps_BDGG = torch.randn(f_BDGG.shape, generator=generator, device=f_BDGG.device)
        found_BDGG = flow.predict(eps_BDGG, r_BDnn, z_BZ, k)
        total_BDGG += found_BDGG
        single += float((found_BDGG - f_BDGG).square().mean()) / n_draws
    errors = {
        "copy": float((before_BDGG - f_BDGG).square().mean()),
        "single": single,
        "mean": float((total_BDGG / n_draws - f_BDGG).square().mean()),
    }
    return {name: error / variance for name, error in errors.items()}


def rank_correlation(x_Bnn: Tensor, y_Bnn: Tensor) -> float:
    """Spearman's correlation over the positions of each tile, mean of tiles; ties in order of position.

    Parameters
    ----------
    x_Bnn, y_Bnn
        Scores.
    """
    ranks = [score.flatten(1).argsort(dim=1).argsort(dim=1).double() for score in (x_Bnn, y_Bnn)]
    x_BN, y_BN = (rank - rank.mean(dim=1, keepdim=True) for rank in ranks)
    spread_B = x_BN.norm(dim=1) * y_BN.norm(dim=1)
    return float(((x_BN * y_BN).sum(dim=1) / spread_B).mean())
