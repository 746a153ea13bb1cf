"""Loss of the flow: the MeanFlow objective, minus a push away from counterfactual velocities (Eqs. 9-11).

``m(u - u*) - (alpha / N) sum_j m(u - sg(u_j))`` with ``u_j = lambda_j |u*| (eps_j - f_j) / |eps_j - f_j|``: the
direction is that of (t - r) -> 0, the same for every r < t and defined at r = t. With squared errors the loss is
quadratic in u with the factor 1 - alpha: bounded for alpha < 1, least at ``(u* - alpha mean u_j) / (1 - alpha)``.

Shape legend: B tiles, N counterfactuals, D length of a code, G x G latent grid, n x n cells of scale k, Z condition.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.linalg import vector_norm

from genviz.models.genevar.flow.config import CounterfactualConfig, FlowConfig
from genviz.models.genevar.flow.network import Flow
from genviz.nn.meanflow import Times, behind, draw_times, squared_distance, velocity_and_target, weigh

_TINY = 1e-12


class Counterfactuals(NamedTuple):
    """Latents that a tile's prediction is pushed away from.

    Attributes
    ----------
    f_BNDGG
        In the units of the latents.
    found_BN
        False where there is none; such an entry counts as no push.
    """

    f_BNDGG: Tensor
    found_BN: Tensor


def objective(
    flow: Flow,
    config: CounterfactualConfig,
    k: int,
    f_BDGG: Tensor,
    r_BDnn: Tensor,
    z_BZ: Tensor | None,
    against: Counterfactuals | None = None,
    *,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of a batch at one scale.

    Parameters
    ----------
    flow
        The network; its latents are divided by its `scale` here.
    config
        Of the push.
    k
        Scale, from 1.
    f_BDGG, r_BDnn
        f_k and r_k in their own units.
    z_BZ
        Standardised conditions.
    against
        Counterfactuals, in the order of ``config.active``; None, or an alpha of 0: no push.
    generator
        Where noise and times come from; None: torch's own.

    Returns
    -------
    loss
        Scalar, of either sign: no measure of quality.
    parts
        ``flow`` (the loss), ``flow_positive`` and, with a push, ``flow_negative``, means over tiles.
    """
    options = flow.config
    f_BDGG, r_BDnn = f_BDGG.float() / flow.scale, r_BDnn.float() / flow.scale
    eps_BDGG, times = _noise(options, f_BDGG, generator)
    t_B111 = behind(times.t_B, f_BDGG)
    x_BDGG, v_BDGG = (1 - t_B111) * f_BDGG + t_B111 * eps_BDGG, eps_BDGG - f_BDGG
    if options.predictor == "regress":
        x_BDGG = eps_BDGG  # zeros: the state at time 0 would be the target itself
    z_BZ = flow.drop_condition(z_BZ, generator)
    u_BDGG, target_BDGG = velocity_and_target(
        flow.velocity(r_BDnn, z_BZ, k), x_BDGG, v_BDGG, times,
        dual=flow.velocity(r_BDnn, z_BZ, k, options.attn_impl),
    )  # fmt: skip
    n_values = f_BDGG[0].numel()
    positive = _weighed(squared_distance(u_BDGG, target_BDGG), n_values, options).mean()
    if against is None or not config.active:
        return positive, {"flow": positive.detach(), "flow_positive": positive.detach()}
    counter = Counterfactuals(against.f_BNDGG.float() / flow.scale, against.found_BN)
    noise_BNDGG = eps_BDGG[:, None].expand_as(counter.f_BNDGG)
    if config.eps == "independent" and options.predictor != "regress":
        noise_BNDGG = torch.randn(noise_BNDGG.shape, generator=generator, device=f_BDGG.device)
    aims_BNDGG = counter_velocities(config, target_BDGG, counter.f_BNDGG, noise_BNDGG, generator)
    distance_BN = squared_distance(u_BDGG[:, None], aims_BNDGG, 2)
    if config.guard == "clamp":
        # Squared distances, before weighing: the adaptive metric would hide how far away u already is.
        cap = config.guard_cap * target_BDGG.square().flatten(1).sum(1).mean()
        distance_BN = torch.minimum(distance_BN, cap)
    negative = (_weighed(distance_BN, n_values, options) * counter.found_BN).mean(dim=1).mean()
    loss = positive - config.alpha * negative
    parts = {"flow": loss, "flow_positive": positive, "flow_negative": negative}
    return loss, {name: part.detach() for name, part in parts.items()}


def counter_velocities(
    config: CounterfactualConfig,
    target_BDGG: Tensor,
    f_BNDGG: Tensor,
    noise_BNDGG: Tensor,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Velocities u_j (B, N, D, G, G) that lead to the counterfactuals, as long as the target; no gradient.

    Parameters
    ----------
    config
        Says what their length is compared with, and gives its range.
    target_BDGG
        u*.
    f_BNDGG
        Counterfactuals in units of the flow's `scale`.
    noise_BNDGG
        Where they come from.
    generator
        Of the factors of their lengths.
    """
    way_BNDGG = (noise_BNDGG - f_BNDGG).detach()
    axes = (2, 3, 4) if config.norm == "sample" else (2,)
    unit_BNDGG = way_BNDGG / vector_norm(way_BNDGG, dim=axes, keepdim=True).clamp(min=_TINY)
    length_BNDGG = vector_norm(target_BDGG.detach()[:, None], dim=axes, keepdim=True)
    low, high = config.lambda_range
    factor_BN = torch.rand(f_BNDGG.shape[:2], generator=generator, device=f_BNDGG.device, dtype=f_BNDGG.dtype)
    factor_BN = low + (high - low) * factor_BN
    return factor_BN[:, :, None, None, None] * length_BNDGG * unit_BNDGG


def _noise(options: FlowConfig, f_BDGG: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Times]:
    """Noise and times of a batch; a regression has none of either."""
    n, device = len(f_BDGG), f_BDGG.device
    if options.predictor == "regress":
        zeros_B = torch.zeros(n, device=device)
        return torch.zeros_like(f_BDGG), Times(zeros_B, zeros_B, 0)
    times = draw_times(
        n, p_neq=options.p_neq, sampler=options.t_sampler, mu=options.t_mu, sigma=options.t_sigma,
        generator=generator, device=device,
    )  # fmt: skip
    return torch.randn(f_BDGG.shape, generator=generator, device=device), times


def _weighed(distance_B: Tensor, n_values: int, options: FlowConfig) -> Tensor:
    return weigh(distance_B, n_values, options.metric, power=options.adaptive_p, small=options.adaptive_c)
