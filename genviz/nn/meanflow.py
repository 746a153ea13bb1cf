"""MeanFlow: learn the average velocity between two times, so that one step goes from noise to data (Geng et al. 2025).

Time 1 is noise and time 0 is data: ``x_t = (1 - t) f + t eps``, velocity ``v = eps - f``, and one step is
``x_r = x_t - (t - r) u(x_t, t, r)``. Shape legend: B rows; behind B any axes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from genviz._errors import UsageError

Velocity = Callable[[Tensor, Tensor, Tensor, slice], Tensor]
"""``u(x, t, r, rows)``: `rows` are the rows of the batch that x, t and r hold, for what else belongs to them."""

_LONGEST = 1e4  # period of a sinusoid over the shortest
SAMPLERS = ("logit_normal", "uniform")
METRICS = ("mse", "adaptive")


class Times(NamedTuple):
    """Two times of each row.

    Attributes
    ----------
    t_B, r_B
        ``0 <= r <= t <= 1``.
    n_unequal
        The first rows have r < t, the others r = t: a number known to the host, so that no step waits for the device.
    """

    t_B: Tensor
    r_B: Tensor
    n_unequal: int


def draw_times(
    n_rows: int,
    *,
    p_neq: float,
    sampler: str = "logit_normal",
    mu: float = -0.4,
    sigma: float = 1.0,
    generator: torch.Generator | None = None,
    device: torch.device | None = None,
) -> Times:
    """Draw two times of each row, the later one t, the earlier one r; most rows keep only t.

    Parameters
    ----------
    n_rows
        B.
    p_neq
        Share of rows with r < t, rounded to whole rows, but at least one row when above 0.
    sampler
        Out of `SAMPLERS`: the logistic function of a normal number, or uniform.
    mu, sigma
        Of that normal number.
    generator, device
        Where numbers come from and go.

    Raises
    ------
    UsageError
        For another sampler.
    """
    if sampler == "logit_normal":
        draws_2B = (mu + sigma * torch.randn(2, n_rows, generator=generator, device=device)).sigmoid()
    elif sampler == "uniform":
        draws_2B = torch.rand(2, n_rows, generator=generator, device=device)
    else:
        raise UsageError(f"Expected t_sampler out of {', '.join(map(repr, SAMPLERS))}; got {sampler!r}.")
    n_unequal = max(round(p_neq * n_rows), 1) if p_neq else 0
    t_B, earlier_B = draws_2B.amax(dim=0), draws_2B.amin(dim=0)
    return Times(t_B, torch.cat([earlier_B[:n_unequal], t_B[n_unequal:]]), n_unequal)


def velocity_and_target(
    velocity: Velocity, x_B: Tensor, v_B: Tensor, times: Times, *, dual: Velocity | None = None
) -> tuple[Tensor, Tensor]:
    """Average velocity of each row and what it should be, ``sg(v - (t - r) du/dt)`` along the path.

    The derivative is that along (v, 1, 0) and is computed for rows with r < t only; the velocity is the value that it
    came with, so the network runs once. At r = t the target is v: flow matching.

    Parameters
    ----------
    velocity
        The network.
    x_B, v_B
        State at time t, and the velocity ``eps - f`` there.
    times
        From `draw_times`.
    dual
        The same network by kernels that have a forward derivative; None: `velocity` itself.

    Returns
    -------
    u
        With its graph.
    target
        Without one.
    """
    t_B, r_B, n = times
    head, tail = slice(0, n), slice(n, len(x_B))
    parts, targets = [], []
    if n:
        ones_B, zeros_B = torch.ones_like(t_B[head]), torch.zeros_like(r_B[head])
        found = torch.func.jvp(
            lambda x, t, r: (dual or velocity)(x, t, r, head),
            (x_B[head], t_B[head], r_B[head]),
            (v_B[head], ones_B, zeros_B),
        )
        u_B, du_B = found[0], found[1]
        parts.append(u_B)
        targets.append(v_B[head] - behind(t_B[head] - r_B[head], v_B) * du_B.detach())
    if n < len(x_B):
        parts.append(velocity(x_B[tail], t_B[tail], r_B[tail], tail))
        targets.append(v_B[tail])
    return torch.cat(parts), torch.cat(targets).detach()


def behind(time_B: Tensor, x_B: Tensor) -> Tensor:
    """Times shaped to multiply rows: as many axes as `x_B` has, all but the first of length 1."""
    return time_B.view(-1, *(1,) * (x_B.ndim - 1))


def squared_distance(x_B: Tensor, y_B: Tensor, n_leading: int = 1) -> Tensor:
    """Sum of squared differences over all but the first axes.

    Parameters
    ----------
    x_B, y_B
        Of shapes that broadcast.
    n_leading
        Axes that stay.
    """
    return (x_B - y_B).square().flatten(n_leading).sum(dim=-1)


def weigh(
    distance_B: Tensor, n_values: int, metric: str, *, power: float = 1.0, small: float = 1e-3
) -> Tensor:
    """Turn squared distances into a loss of each row.

    Parameters
    ----------
    distance_B
        From `squared_distance`.
    n_values
        Numbers that were summed over.
    metric
        "mse": their mean. "adaptive": ``d / sg(d + small)^power`` of the sum, so that rows far off do not drown others.
    power, small
        Of "adaptive".

    Raises
    ------
    UsageError
        For another metric.
    """
    if metric == "mse":
        return distance_B / n_values
    if metric == "adaptive":
        return distance_B / (distance_B.detach() + small) ** power
    raise UsageError(f"Expected metric out of {', '.join(map(repr, METRICS))}; got {metric!r}.")


def integrate(
    velocity: Velocity, eps_B: Tensor, n_steps: int = 1, *, instant: bool = False, grad_last: bool = False
) -> Tensor:
    """From noise at time 1 to data at time 0: ``x <- x - (t_i - t_{i+1}) u(x, t_i, t_{i+1})``, ``t_i = 1 - i / n``.

    One step is ``eps - u(eps, 1, 0)``.

    Parameters
    ----------
    velocity
        The network.
    eps_B
        Noise.
    n_steps
        n.
    instant
        Use the velocity at t_i, ``u(x, t_i, t_i)``: Euler's method for a flow-matching network.
    grad_last
        Keep the graph of the last step only.
    """
    x_B, everything = eps_B, slice(0, len(eps_B))
    for i in range(n_steps):
        later, earlier = 1 - i / n_steps, 1 - (i + 1) / n_steps
        t_B = torch.full((len(x_B),), later, dtype=x_B.dtype, device=x_B.device)
        r_B = t_B if instant else torch.full_like(t_B, earlier)
        keep = torch.is_grad_enabled() and (not grad_last or i == n_steps - 1)
        with torch.set_grad_enabled(keep):
            x_B = x_B - (later - earlier) * velocity(x_B, t_B, r_B, everything)
    return x_B


def sinusoids(time_B: Tensor, n_features: int) -> Tensor:
    """Cosines and sines of times in [0, 1] as they are, (B, F).

    Times a thousand, as is common, the derivative with respect to t would drown all others in the target.

    Parameters
    ----------
    time_B
        Times.
    n_features
        F, even.
    """
    half = n_features // 2
    steps_F = torch.arange(half, dtype=time_B.dtype, device=time_B.device)
    angle_BF = time_B[:, None] * torch.exp(-math.log(_LONGEST) / half * steps_F)
    return torch.cat([angle_BF.cos(), angle_BF.sin()], dim=1)
