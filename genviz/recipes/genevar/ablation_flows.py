"""What is told of the flow of an ablation: its errors beside those of copying, and what its maps know.

Shape legend: N rows, D length of a code, G x G latent grid, n x n cells of a scale, I and Z width of the condition.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from genviz.metrics import Score
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.fitted import Fitted
from genviz.models.genevar.flow.check import prediction_errors, rank_correlation
from genviz.models.genevar.flow.mask_config import MaskConfig
from genviz.models.genevar.flow.masking import MaskNoise, scores
from genviz.models.genevar.flow.network import Flow
from genviz.recipes.genevar.ablation_rows import HeldOut, latents

_PUBLISHED_STEPS = 25
_MAP_DRAWS, _MAP_TILES = 8, 96


def flow_scores(
    fitted: Fitted, flow: Flow, config: GeneVARConfig, held: HeldOut, *, seed: int = 0
) -> dict[str, Score]:
    """Errors of the flow at the finest scale, and whether its masks know what the target's would show.

    ``flow_single``, ``flow_mean`` (of 8 draws) and ``flow_shuffled`` (that mean with the profiles of other rows) have
    the error of copying f_{k-1} as their baseline, in units of the latents' variance. ``map_...`` is the rank
    correlation over positions with the gradient that knows the target, both means of 8 draws; see
    `map_agreement`.

    Parameters
    ----------
    fitted
        With the tokenizer.
    flow, config
        Trained, and its configuration.
    held
        The test section.
    seed
        Of the noise.
    """
    k, n = len(config.tokenizer.scales), len(held.s_NL)
    before_BDGG, f_BDGG, r_BDnn = latents(fitted, held.s_NL, k)

    def errors(flow: Flow, x_NI: Tensor) -> dict[str, float]:
        noise = torch.Generator().manual_seed(seed)
        return prediction_errors(flow, k, before_BDGG, f_BDGG, r_BDnn, x_NI, generator=noise)

    own = errors(flow, held.x_NI)
    found = {f"flow_{name}": own[name] for name in ("single", "mean")}
    if config.flow.use_z:
        found["flow_shuffled"] = errors(flow, held.x_NI.roll(n // 2, 0))["mean"]
    if config.flow.predictor == "flow":
        finer = copy(flow)
        finer.config = replace(flow.config, steps=_PUBLISHED_STEPS)
        more = errors(finer, held.x_NI)
        found |= {f"flow_{name}_{_PUBLISHED_STEPS}": more[name] for name in ("single", "mean")}
    scored = {name: Score(value, n=n, baseline=own["copy"]) for name, value in found.items()}
    few = np.linspace(0, n - 1, min(n, _MAP_TILES)).astype(int)
    parts = before_BDGG[few], f_BDGG[few], r_BDnn[few], held.x_NI[few]
    maps = map_agreement(flow, config.mask, k, *parts, generator=torch.Generator().manual_seed(seed))
    return scored | {f"map_{name}": Score(value, n=len(few)) for name, value in maps.items()}


def map_agreement(
    flow: Flow,
    mask: MaskConfig,
    k: int,
    before_BDGG: Tensor,
    f_BDGG: Tensor,
    r_BDnn: Tensor,
    z_BZ: Tensor,
    *,
    generator: torch.Generator | None = None,
) -> dict[str, float]:
    """Which maps find the positions that the gradient finds when it knows the target? Spearman, mean of tiles.

    Parameters
    ----------
    flow, mask, k
        Flow, options of the mask (neither its strategy nor its targets are looked at), scale.
    before_BDGG, f_BDGG, r_BDnn, z_BZ
        As in `genviz.models.genevar.flow.check.prediction_errors`.
    generator
        Of the noise.

    Returns
    -------
    ``oracle`` (from other draws: how well the map is known at all), ``self`` and ``prev`` of the gradient without the
    target, ``edist`` the error that knows the target, ``edist_self`` the one that does not; ``single_edist`` and
    ``single_oracle`` of one draw each, the former from the same noise.
    """
    known = {"prev": before_BDGG, "oracle": f_BDGG}

    def drawn(strategy: str, target: str, noise: MaskNoise) -> Tensor:
        options = replace(mask, strategy=strategy)
        return scores(flow, options, k, r_BDnn, z_BZ, noise, target=target, f_BDGG=known.get(target))

    def noises() -> list[MaskNoise]:
        return [MaskNoise.drawn(flow, len(r_BDnn), k, generator=generator) for _ in range(_MAP_DRAWS)]

    def mean(strategy: str, target: str) -> Tensor:
        return torch.stack([drawn(strategy, target, noise) for noise in noises()]).mean(dim=0)

    first = noises()
    single = [drawn("gradient", "oracle", noise) for noise in first]
    oracle_Bnn = torch.stack(single).mean(dim=0)
    pairs = {"oracle": ("gradient", "oracle"), "self": ("gradient", "self"), "prev": ("gradient", "prev"),
             "edist": ("edist", "oracle"), "edist_self": ("edist", "self")}  # fmt: skip
    if flow.config.predictor == "regress":
        pairs = {name: pair for name, pair in pairs.items() if pair[1] != "self"}  # two predictions are one
    found = {name: rank_correlation(mean(*pair), oracle_Bnn) for name, pair in pairs.items()}
    found["single_edist"] = rank_correlation(drawn("edist", "oracle", first[0]), single[0])
    found["single_oracle"] = rank_correlation(single[1], single[0])
    return found
