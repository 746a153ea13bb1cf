"""What is told of an ablation of GeneVAR on a section that nothing was trained on: likelihoods and generated tiles.

Shape legend: N rows, L tokens, K scales, S draws, D statistics of a tile.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genviz._keys import Obsm
from genviz.metrics import Score
from genviz.metrics.tiles.distances import frechet
from genviz.models.genevar.codec import decoded
from genviz.models.genevar.fitted import Fitted
from genviz.models.genevar.flow.masking import MaskNoise, scale_mask
from genviz.models.genevar.generating import Request, generate
from genviz.models.genevar.presets import changed
from genviz.models.genevar.prior.drawing import INJECTION, scale_keys
from genviz.models.genevar.prior.protocols import teacher_maps
from genviz.models.genevar.prior.rule import sample_rule
from genviz.models.genevar.training.flow import first_scale
from genviz.recipes.genevar.ablation_rows import HeldOut, latents

RULE = "model"  # no guidance and no nucleus between what was learned and what is measured
N_DRAWS = 2  # tiles a row
N_MASKS = 4  # masks a tile, for likelihoods
_KEY = "genevar"
_LEAST = 10  # tiles of a section, for a distance of its own

Found = dict[str, Score]


# ---------------------------------------------------------------------- reference


def reference_scores(fitted: Fitted, held: HeldOut) -> Found:
    """What no prior can beat: the tokenizer's own tiles, and real tiles of training sections of ten tiles or more.

    Parameters
    ----------
    fitted
        With the tokenizer.
    held
        The test section.
    """
    made_ND = held.standard.measure(decoded(fitted, held.s_NL.numpy().astype(np.int32)))
    found = {
        "fd": Score(frechet(held.real_ND, made_ND), n=len(made_ND)),
        "r": Score(mean_r(held.real_ND, made_ND), n=len(made_ND)),
    }
    for name, real_ND in held.training.items():
        if len(real_ND) < _LEAST:
            continue
        n = min(len(real_ND), len(held.real_ND))
        first, second = (_evenly(x_ND, n) for x_ND in (held.real_ND, real_ND))
        found[f"fd_{name}"] = Score(frechet(first, second), n=n)
    return found


def mean_r(real_ND: NDArray[np.float64], made_ND: NDArray[np.float64]) -> float:
    """Mean over statistics of the correlation over rows; statistics that are constant are left out.

    Parameters
    ----------
    real_ND, made_ND
        Statistics of the same rows.
    """
    centred = [x_ND - x_ND.mean(axis=0) for x_ND in (real_ND, made_ND)]
    spread_D = np.sqrt((centred[0] ** 2).sum(axis=0) * (centred[1] ** 2).sum(axis=0))
    defined_D = spread_D > 0
    return float(((centred[0] * centred[1]).sum(axis=0)[defined_D] / spread_D[defined_D]).mean())


def _evenly(x_ND: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    return x_ND[np.linspace(0, len(x_ND) - 1, n).astype(int)]


# ---------------------------------------------------------------------- prior


def prior_scores(model: Fitted, held: HeldOut, *, seed: int = 0) -> Found:
    """Likelihood of the section's own tiles, and generated ones beside them.

    ``nll`` (nats a token) under the row's own whole profile: every scale given the true tokens of the coarser ones, and
    where the prior is masked or refined, masks and maps as in sampling, from the profile, those coarser tokens and
    noise: nothing of the scale that is predicted. Mean over masks, an upper bound; ``nll_bound`` is the tighter one of
    the mean probability. ``nll_null`` without profile, ``nll_k`` of each scale. ``fd`` and ``r`` of generated tiles.

    Parameters
    ----------
    model
        With a prior.
    held
        The test section.
    seed
        Of the masks and tiles.
    """
    found = likelihood(model, held, seed) | generated(model, held, seed)
    if model.config.injects and model.config.mask.train_target == "oracle" and model.config.mask.scored:
        # What it was trained to do: with masks that have seen the scale that is predicted.
        found["nll_leaky"] = likelihood(model, held, seed, leaky=True)["nll"]
    return found


def mask_scores(model: Fitted, held: HeldOut, keep_rate: float, *, seed: int = 0) -> Found:
    """The same prior under other masks of sampling: ``nll@self``, ``fd@ones`` and so on.

    Parameters
    ----------
    model
        With a prior that was trained with gradient masks.
    held
        The test section.
    keep_rate
        Of random masks: that of the gradient's.
    seed
        Of the masks and tiles.
    """
    found: Found = {}
    others: dict[str, dict[str, Any]] = {
        "self": {"infer_target": "self"},
        "prev": {"infer_target": "prev"},
        "ones": {"infer_target": "ones"},
        "random": {"strategy": "random", "infer_target": "self", "keep_rate": keep_rate},
    }
    for name, change in others.items():
        other = replace(model, config=changed(model.config, {"mask": change}))
        told = likelihood(other, held, seed) | generated(other, held, seed)
        found |= {f"{score}@{name}": told[score] for score in ("nll", "nll_bound", "fd", "r")}
    return found


@torch.no_grad()
def likelihood(model: Fitted, held: HeldOut, seed: int, *, leaky: bool = False) -> Found:
    """``nll``, ``nll_bound``, ``nll_null`` and ``nll_k``; see `prior_scores`.

    Parameters
    ----------
    model, held, seed
        As there.
    leaky
        Draw masks as in training, without tiles that are kept whole.
    """
    prior, quantiser = model.trained_prior().eval(), model.trained_tokenizer().quantiser
    z_NZ, n = model.head(held.x_NI), len(held.s_NL)
    maps = teacher_maps(quantiser, held.s_NL, prior.layout, prior.code_dim)
    given_N = torch.ones(n, dtype=torch.bool)
    own: list[Tensor] = []
    null: list[Tensor] = []
    for draw in range(N_MASKS if model.config.injects else 1):
        masks, refined = _shown(model, held, z_NZ, maps, held.keys(seed, draw), leaky)
        for found, given in ((own, given_N), (null, ~given_N)):
            log_prob_NL = prior.log_prob_tokens(
                held.s_NL, maps, z_NZ, masks, refined=refined, given_B=given
            ).double()
            found.append(log_prob_NL)
    log_prob_SNL, n_tokens = torch.stack(own), held.s_NL.shape[1]
    bound_N = torch.logsumexp(log_prob_SNL.sum(dim=2), dim=0) - np.log(len(own))
    by_scale = log_prob_SNL.split(prior.layout.lengths, dim=2)
    return {
        "nll": Score(-float(log_prob_SNL.mean()), n=n),
        "nll_bound": Score(-float(bound_N.mean()) / n_tokens, n=n),
        "nll_null": Score(-float(torch.stack(null).mean()), n=n),
    } | {f"nll_{k}": Score(-float(part.mean()), n=n) for k, part in enumerate(by_scale, start=1)}


def _shown(
    model: Fitted, held: HeldOut, z_NZ: Tensor, maps: list[Tensor], key_N: Tensor, leaky: bool
) -> tuple[list[Tensor | None] | None, list[Tensor] | None]:
    """Masks and refined maps of the masked scales, from the true coarser tokens."""
    injector = model.injector()
    if injector is None:
        return None, None
    masks: list[Tensor | None] = []
    refined: list[Tensor] = []
    given_N = torch.ones(len(z_NZ), dtype=torch.bool)
    for k in range(first_scale(model.config), len(maps) + 2):
        before_BDGG, f_BDGG, _ = latents(model, held.s_NL, k)
        keys = scale_keys(key_N, INJECTION, k)
        mask_Bnn, refined_BEnn = injector(k, maps[k - 2], before_BDGG, z_NZ, given_N, keys)
        if leaky:
            noise = MaskNoise.keyed(injector.flow, keys, k)
            mask_Bnn = scale_mask(
                injector.flow, model.config.mask, k, maps[k - 2], z_NZ, noise, phase="train", f_BDGG=f_BDGG
            )
        masks.append(mask_Bnn)
        refined += [] if refined_BEnn is None else [refined_BEnn]
    return masks, refined or None


def generated(model: Fitted, held: HeldOut, seed: int) -> Found:
    """``fd`` to the real tiles at equal numbers and ``r`` with the own real tile, both of single draws, their mean.

    Parameters
    ----------
    model, held, seed
        As in `prior_scores`.
    """
    asked = Request(N_DRAWS, seed, sample_rule(RULE))
    made = generate(model, held.adata, asked, _KEY)
    made_ND = held.standard.measure(np.asarray(made.obsm[Obsm.image(_KEY)]))
    draws = [made_ND[draw::N_DRAWS] for draw in range(N_DRAWS)]
    n = len(held.real_ND)
    return {
        "fd": Score(float(np.mean([frechet(held.real_ND, draw_ND) for draw_ND in draws])), n=n),
        "r": Score(float(np.mean([mean_r(held.real_ND, draw_ND) for draw_ND in draws])), n=n),
    }
