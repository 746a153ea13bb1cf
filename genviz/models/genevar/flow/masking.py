"""The RNA-guided mask: which positions of r_k the prior may see, by how much the flow's error depends on them.

The published score compares the flow's prediction with f_k, which holds the tokens that are to be predicted. A second
prediction from other noise stands in for it ("self"): of a calibrated flow it is a draw of f_k given r_k and RNA, so
the masks have the same law in training and in sampling, and see nothing of the target.

Shape legend: B tiles, D length of a code, G x G latent grid, n x n cells of scale k, Z condition.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from genviz._errors import UsageError
from genviz.models.genevar.flow.mask_config import MaskConfig
from genviz.models.genevar.flow.network import Flow
from genviz.nn.keyed_noise import position_keys
from genviz.nn.keyed_values import normal

_STREAMS = (48, 49, 50)  # of keyed noise: prediction, second prediction, threshold
_SMALL = 1e-6


@dataclass(frozen=True)
class MaskNoise:
    """Standard normal numbers behind a batch of masks.

    Attributes
    ----------
    eps_BDGG, other_BDGG
        Noise of the prediction, and of the second one that it is compared with.
    threshold_Bnn
        Noise of the threshold.
    """

    eps_BDGG: Tensor
    other_BDGG: Tensor
    threshold_Bnn: Tensor

    @classmethod
    def drawn(cls, flow: Flow, n_rows: int, k: int, *, generator: torch.Generator | None = None) -> MaskNoise:
        """Draw for training.

        Parameters
        ----------
        flow
            Gives sizes and the device.
        n_rows, k
            Tiles and scale.
        generator
            Where numbers come from; None: torch's own.
        """
        device, latents, cells = flow.scale.device, *_shapes(flow, k)
        eps, other, threshold = (
            torch.randn(n_rows, *shape, generator=generator, device=device)
            for shape in (latents, latents, cells)
        )
        return cls(eps, other, threshold)

    @classmethod
    def keyed(cls, flow: Flow, key_B: Tensor, k: int) -> MaskNoise:
        """Numbers that belong to rows, for sampling: a mask does not depend on the batch.

        Parameters
        ----------
        flow
            Gives sizes.
        key_B
            From `genviz.nn.keyed_noise.noise_keys`.
        k
            Scale.
        """
        latents, cells = _shapes(flow, k)
        eps, other, threshold = (
            normal(position_keys(key_B, stream, k), torch.arange(math.prod(shape), device=key_B.device))
            .unflatten(1, shape)
            for stream, shape in zip(_STREAMS, (latents, latents, cells), strict=True)
        )  # fmt: skip
        return cls(eps, other, threshold)


def _shapes(flow: Flow, k: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    n = flow.scales[k - 1]
    return (flow.code_dim, flow.grid, flow.grid), (n, n)


# ---------------------------------------------------------------------- scores


def scores(
    flow: Flow,
    config: MaskConfig,
    k: int,
    r_BDnn: Tensor,
    z_BZ: Tensor | None,
    noise: MaskNoise,
    *,
    target: str,
    f_BDGG: Tensor | None = None,
) -> Tensor:
    """Score of each position (B, n, n), from 0, before `standardised`; no tile's score depends on another's.

    "gradient": norm over features of ``d E(T, f_k(r_k)) / d r_k``, E the squared error in units of the flow's scale.
    "edist": norm over features of the pooled difference.

    Parameters
    ----------
    flow
        Trained and, to save memory, frozen.
    config
        Strategy and energy.
    k
        Scale, from 1.
    r_BDnn, z_BZ
        r_k and conditions.
    noise
        Of the two predictions.
    target
        T: "self", a second prediction; "prev" or "oracle", `f_BDGG`.
    f_BDGG
        f_{k-1} with "prev", f_k with "oracle".

    Raises
    ------
    UsageError
        Without the latents that the target needs; in `torch.inference_mode`, which has no gradients even when asked
        (`torch.no_grad` is no obstacle).
    """
    if target != "self" and f_BDGG is None:
        raise UsageError(
            f"Expected latents with target={target!r}: f_(k-1) for 'prev', f_k for 'oracle'; got none."
        )
    if config.strategy == "gradient" and torch.is_inference_mode_enabled():
        raise UsageError("Expected gradients to be possible; got inference_mode. Use torch.no_grad.")
    with torch.no_grad():
        aim_BDGG = flow.predict(noise.other_BDGG, r_BDnn, z_BZ, k) if target == "self" else f_BDGG
        assert aim_BDGG is not None
    if config.strategy == "edist":
        with torch.no_grad():
            error_BDGG = (aim_BDGG - flow.predict(noise.eps_BDGG, r_BDnn, z_BZ, k)) / flow.scale
            return flow.down(error_BDGG, k).norm(dim=1)
    with torch.enable_grad():
        leaf_BDnn = r_BDnn.detach().clone().requires_grad_()
        found_BDGG = flow.predict(noise.eps_BDGG, leaf_BDnn, z_BZ, k, grad_last=config.grad_through == "last")
        energy = ((aim_BDGG.detach() - found_BDGG) / flow.scale).square().sum()
        if config.energy == "mean":
            energy = (
                energy / found_BDGG[0].numel()
            )  # of each tile: a mean over tiles would depend on their number
        (slope_BDnn,) = torch.autograd.grad(energy, leaf_BDnn)
    return (slope_BDnn * flow.scale).norm(dim=1)


def standardised(score_Bnn: Tensor, norm: str) -> Tensor:
    """Scores as they are compared with the threshold; all infinite, so that all is kept, where they are all equal.

    Parameters
    ----------
    score_Bnn
        From `scores`.
    norm
        "zscore_log" (of their logarithms), "zscore", "mean" or "none".
    """
    if norm == "none":
        return score_Bnn
    flat_BN = score_Bnn.flatten(1)
    mean_B1 = flat_BN.mean(dim=1, keepdim=True)
    flat_BN = flat_BN / mean_B1.clamp(min=torch.finfo(flat_BN.dtype).tiny)
    if norm != "mean":
        if norm == "zscore_log":
            flat_BN = (flat_BN + _SMALL).log()
        flat_BN = flat_BN - flat_BN.mean(dim=1, keepdim=True)
        deviation_B1 = flat_BN.std(dim=1, keepdim=True, correction=0)
        flat_BN = torch.where(deviation_B1 > _SMALL, flat_BN / deviation_B1.clamp(min=_SMALL), torch.inf)
    return flat_BN.view_as(score_Bnn)


# ---------------------------------------------------------------------- masks


def draw_mask(config: MaskConfig, noise_Bnn: Tensor, score_Bnn: Tensor | None = None) -> Tensor:
    """Which positions are kept, bool (B, n, n): those whose score lies above a threshold from N(gamma_mean, 1).

    Parameters
    ----------
    config
        Strategy, norm, threshold, rate.
    noise_Bnn
        Noise of the threshold.
    score_Bnn
        From `scores`; not looked at by "random" and "none".

    Raises
    ------
    UsageError
        Without the scores that a strategy needs.
    """
    if config.strategy == "none":
        return torch.ones_like(noise_Bnn, dtype=torch.bool)
    if config.strategy == "random":
        rate = torch.tensor(config.keep_rate or expected_keep(config.gamma_mean), dtype=torch.float64)
        return noise_Bnn < float(torch.special.ndtri(rate))
    if score_Bnn is None:
        raise UsageError(f"Expected scores with strategy={config.strategy!r}; got none.")
    if config.norm == "quantile":
        rank_BN = score_Bnn.flatten(1).argsort(dim=1, descending=True).argsort(dim=1)
        n_kept = round(config.keep_rate * rank_BN.shape[1])
        return (rank_BN < n_kept).view_as(score_Bnn)
    return standardised(score_Bnn, config.norm) > config.gamma_mean + noise_Bnn


def keep_probability(config: MaskConfig, score_Bnn: Tensor) -> Tensor:
    """Probability that `draw_mask` keeps each position, given its score.

    Its mean is the `keep_rate` that a random mask needs for a fair comparison. Not for ``norm="quantile"``, which draws
    nothing.

    Parameters
    ----------
    config, score_Bnn
        As in `draw_mask`.
    """
    return torch.special.ndtr(standardised(score_Bnn, config.norm) - config.gamma_mean)


def expected_keep(gamma_mean: float) -> float:
    """Share of positions kept when standardised scores are normal: ``Phi(-gamma_mean / sqrt(2))``."""
    return 0.5 * math.erfc(gamma_mean / 2)


def scale_mask(
    flow: Flow,
    config: MaskConfig,
    k: int,
    r_BDnn: Tensor,
    z_BZ: Tensor | None,
    noise: MaskNoise,
    *,
    phase: str,
    f_BDGG: Tensor | None = None,
) -> Tensor:
    """Mask of one scale, bool (B, n, n), True where the prior's input is kept.

    Parameters
    ----------
    flow, config, k, r_BDnn, z_BZ, noise
        As in `scores`.
    phase
        "train" or "infer": chooses the target of `config`.
    f_BDGG
        f_{k-1} where that target is "prev", f_k where it is "oracle".
    """
    target = config.target(phase)
    if target == "ones":
        return torch.ones_like(noise.threshold_Bnn, dtype=torch.bool)
    found = (
        scores(flow, config, k, r_BDnn, z_BZ, noise, target=target, f_BDGG=f_BDGG) if config.scored else None
    )
    return draw_mask(config, noise.threshold_Bnn, found)
