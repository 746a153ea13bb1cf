"""Is a trained flow worth using? Its error against that of copying, and whether its masks know the target.

Shape legend: B tiles, S draws, D length of a code, G x G latent grid, n x n cells of scale k, Z condition.
"""

from __future__ import annotations

import torch
from torch import Tensor

from genviz.models.genevar.flow.mask_config import MaskConfig
from genviz.models.genevar.flow.masking import MaskNoise, scores
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


def saliency_agreement(
    flow: Flow,
    config: MaskConfig,
    k: int,
    before_BDGG: Tensor,
    f_BDGG: Tensor,
    r_BDnn: Tensor,
    z_BZ: Tensor | None,
    *,
    n_draws: int = 8,
    generator: torch.Generator | None = None,
) -> dict[str, float]:
    """Do scores without the target find the positions that scores with it find? Spearman over positions, mean of tiles.

    Scores are averaged over draws. Below about 0.3, masks of an oracle-trained prior mean nothing in sampling.

    Parameters
    ----------
    flow, config, k
        Flow, options of the mask (its targets are not looked at), scale.
    before_BDGG, f_BDGG, r_BDnn, z_BZ, n_draws, generator
        As in `prediction_errors`.

    Returns
    -------
    ``self`` and ``prev`` with the oracle's; ``oracle`` with itself from other draws.
    """

    def mean_score(target: str) -> Tensor:
        known = {"prev": before_BDGG, "oracle": f_BDGG}.get(target)
        total_Bnn = torch.zeros_like(r_BDnn[:, 0])
        for _ in range(n_draws):
            noise = MaskNoise.drawn(flow, len(r_BDnn), k, generator=generator)
            total_Bnn += scores(flow, config, k, r_BDnn, z_BZ, noise, target=target, f_BDGG=known)
        return total_Bnn

    oracle_Bnn = mean_score("oracle")
    return {target: rank_correlation(mean_score(target), oracle_Bnn) for target in ("self", "prev", "oracle")}


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
