"""Degraded tiles, other slides' tiles, and the latents that the flow is pushed away from (Eqs. 18-20).

Every number belongs to a tile, a variant and a draw, so a degraded tile does not depend on its batch. Shape legend:
B tiles, 3 RGB, H x W pixels, D length of a code, G x G latent grid, N counterfactuals, V degraded variants.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from genviz._errors import UsageError
from genviz.features.optical_density import REFERENCE_BASIS
from genviz.models.genevar.flow.config import CounterfactualConfig
from genviz.models.genevar.flow.objective import Counterfactuals
from genviz.nn.hsv import hsv_to_rgb, rgb_to_hsv
from genviz.nn.keyed_noise import position_keys
from genviz.nn.keyed_values import normal, uniform

_STREAM = {"a": 32, "c": 33, "s": 34}
_NOISE_STREAM = 35
_REACH = 3  # deviations of a blur that are summed over
_DARKEST = 1 / 256


def degrade(
    x_B3HW: Tensor, variant: str, config: CounterfactualConfig, key_B: Tensor, draw: int = 0
) -> Tensor:
    """Make a degraded version of tiles.

    Parameters
    ----------
    x_B3HW
        Tiles in [0, 1].
    variant
        "a" colour, "c" contrast, "s" sharpness.
    config
        Ranges.
    key_B
        Keys of the tiles, from `genviz.nn.keyed_noise.noise_keys`.
    draw
        Number of the version, below ``config.n_draws``.

    Returns
    -------
    (B, 3, H, W) in [0, 1].

    Raises
    ------
    UsageError
        For another variant.
    """
    if variant not in _STREAM:
        raise UsageError(f"Expected a degraded variant out of {', '.join(_STREAM)}; got {variant!r}.")
    own_B = position_keys(key_B, _STREAM[variant], draw)
    if variant == "s":
        return sharpened(x_B3HW, config, own_B)
    if variant == "c":
        y_B3HW = recontrasted(x_B3HW, config, own_B)
    else:
        y_B3HW = (recoloured if config.color == "hsv" else restained)(x_B3HW, config, own_B)
    place = torch.arange(x_B3HW[0].numel(), device=x_B3HW.device)
    grain_B3HW = normal(position_keys(own_B, _NOISE_STREAM, 0), place).view_as(x_B3HW)
    return (y_B3HW + config.noise * grain_B3HW).clamp(0, 1)


def recoloured(x_B3HW: Tensor, config: CounterfactualConfig, key_B: Tensor) -> Tensor:
    """Shift hue, stretch saturation, add an offset to each channel; not clipped (Eq. 18).

    Parameters
    ----------
    x_B3HW, config
        As in `degrade`.
    key_B
        Keys of this use.
    """
    draw_B5 = _uniforms(key_B, 5)
    hue_B3HW = rgb_to_hsv(x_B3HW)
    turned_BHW = (hue_B3HW[:, 0] + _spread(draw_B5[:, 0], -config.hue, config.hue)) % 1
    saturation_BHW = (hue_B3HW[:, 1] * _spread(draw_B5[:, 1], *config.saturation)).clamp(max=1)
    y_B3HW = hsv_to_rgb(torch.stack([turned_BHW, saturation_BHW, hue_B3HW[:, 2]], dim=1))
    offset_B3 = config.offset * (2 * draw_B5[:, 2:] - 1)
    return y_B3HW + offset_B3[:, :, None, None]


def restained(x_B3HW: Tensor, config: CounterfactualConfig, key_B: Tensor) -> Tensor:
    """Multiply the amounts of haematoxylin and eosin in each tile; what they do not explain stays.

    Parameters
    ----------
    x_B3HW, config
        As in `degrade`.
    key_B
        Keys of this use.
    """
    basis_23 = torch.from_numpy(REFERENCE_BASIS).to(x_B3HW)
    change_B2 = config.stain * (2 * _uniforms(key_B, 2) - 1)
    change_B33 = torch.linalg.pinv(basis_23) * change_B2[:, None] @ basis_23
    density_B3P = -x_B3HW.clamp(min=_DARKEST).log().flatten(2)
    density_B3P = density_B3P + change_B33.transpose(1, 2) @ density_B3P
    return (-density_B3P).exp().view_as(x_B3HW)


def recontrasted(x_B3HW: Tensor, config: CounterfactualConfig, key_B: Tensor) -> Tensor:
    """Multiply the distance of each channel from its mean; not clipped (Eq. 19).

    Parameters
    ----------
    x_B3HW, config
        As in `degrade`.
    key_B
        Keys of this use.
    """
    draw_B6 = _uniforms(key_B, 6)
    low_B3, high_B3 = (
        _between(draw_B6[:, :3], *span) for span in (config.contrast_low, config.contrast_high)
    )
    factor_B3 = torch.where(draw_B6[:, 3:] < 0.5, low_B3, high_B3)
    mean_B311 = x_B3HW.mean(dim=(2, 3), keepdim=True)
    return factor_B3[:, :, None, None] * (x_B3HW - mean_B311) + mean_B311


def sharpened(x_B3HW: Tensor, config: CounterfactualConfig, key_B: Tensor) -> Tensor:
    """Add a multiple of what a blur takes away, clipped to [0, 1] (Eq. 20).

    Parameters
    ----------
    x_B3HW, config
        As in `degrade`.
    key_B
        Keys of this use.
    """
    draw_B2 = _uniforms(key_B, 2)
    blurred_B3HW = blurred(x_B3HW, _between(draw_B2[:, 1], *config.blur_px), config.blur_px[1])
    strength_B111 = config.sharpen_scale * _spread(draw_B2[:, 0], *config.sharpen)[:, None]
    return (x_B3HW + strength_B111 * (x_B3HW - blurred_B3HW)).clamp(0, 1)


def blurred(x_BCHW: Tensor, deviation_B: Tensor, largest: float) -> Tensor:
    """Blur each tile with its own Gaussian, edges repeated.

    Parameters
    ----------
    x_BCHW
        Images.
    deviation_B
        Pixels.
    largest
        No deviation is larger: decides how far sums reach.
    """
    n_rows, n_channels = x_BCHW.shape[:2]
    reach = round(_REACH * largest)
    place_K = torch.arange(-reach, reach + 1, device=x_BCHW.device)
    weight_BK = (-0.5 * (place_K / deviation_B[:, None]) ** 2).exp()
    weight_BK = (weight_BK / weight_BK.sum(dim=1, keepdim=True)).to(x_BCHW.dtype)
    # One group a channel of a tile: its own kernel, along rows and then along columns.
    weight_GK = weight_BK.repeat_interleave(n_channels, dim=0)
    flat_1GHW = pad(x_BCHW, (reach, reach, reach, reach), mode="replicate").flatten(0, 1)[None]
    flat_1GHW = conv2d(flat_1GHW, weight_GK[:, None, None, :], groups=len(weight_GK))
    flat_1GHW = conv2d(flat_1GHW, weight_GK[:, None, :, None], groups=len(weight_GK))
    return flat_1GHW[0].unflatten(0, (n_rows, n_channels))


def other_slide(slide_B: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Permute a batch so that each tile meets one of another slide.

    Tiles are put in order of slides and moved on by at least the size of the largest slide. No slide with half the
    batch or less is left with a tile of its own; the number left is the smallest possible otherwise.

    Parameters
    ----------
    slide_B
        int, slide of each tile.
    generator
        Where the order within slides and the distance moved come from; None: torch's own.

    Returns
    -------
    permutation
        int64 (B,).
    found
        bool (B,), False where the partner is of the same slide.
    """
    n, device = len(slide_B), slide_B.device
    shuffled_B = torch.randperm(n, generator=generator, device=device)
    order_B = shuffled_B[slide_B[shuffled_B].argsort(stable=True)]
    largest = (slide_B[:, None] == slide_B[None, :]).sum(dim=1).max()
    room = (n - 2 * largest + 1).clamp(min=1)
    moved = largest + (torch.rand((), generator=generator, device=device) * room).long()
    place_B = torch.arange(n, device=device)
    permutation_B = torch.empty_like(order_B)
    permutation_B[order_B] = order_B[(place_B + moved) % n]
    return permutation_B, slide_B[permutation_B] != slide_B


def counterfactuals_of(
    config: CounterfactualConfig,
    *,
    before_BDGG: Tensor,
    up_BDGG: Tensor,
    degraded_BVDGG: Tensor,
    other_B: Tensor,
    found_B: Tensor,
) -> Counterfactuals:
    """Put together what a batch is pushed away from, in the order of ``config.active``.

    Parameters
    ----------
    config
        Says which, and whose.
    before_BDGG
        f_{k-1}.
    up_BDGG
        r_k brought to the latent grid.
    degraded_BVDGG
        f_k of the degraded versions of each tile, in the order of ``config.degraded``.
    other_B, found_B
        From `other_slide`.
    """
    parts, found = [], []
    if "l" in config.active:
        extreme = {"prev_scale": before_BDGG, "up_rk": up_BDGG, "other_wsi": before_BDGG[other_B]}
        parts.append(extreme[config.extreme][:, None])
        found.append(found_B[:, None] if config.extreme == "other_wsi" else torch.ones_like(found_B)[:, None])
    if config.degraded:
        elsewhere = config.source == "other_wsi"
        parts.append(degraded_BVDGG[other_B] if elsewhere else degraded_BVDGG)
        found_B1 = (found_B if elsewhere else torch.ones_like(found_B))[:, None]
        found.append(found_B1.expand(-1, len(config.degraded)))
    return Counterfactuals(torch.cat(parts, dim=1), torch.cat(found, dim=1))


def _uniforms(key_B: Tensor, n: int) -> Tensor:
    return uniform(key_B, torch.arange(n, device=key_B.device))


def _between(draw: Tensor, low: float, high: float) -> Tensor:
    return low + (high - low) * draw


def _spread(draw_B: Tensor, low: float, high: float) -> Tensor:
    """Numbers of a range, shaped to go with (B, H, W)."""
    return _between(draw_B, low, high)[:, None, None]
