"""Convolutional encoder and decoder of images: residual blocks, one halving of the grid a level (Esser et al. 2021).

Shape legend: B tiles, C channels, H x W pixels or cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, scaled_dot_product_attention, silu

_GROUPS = 32


def normalisation(channels: int, norm: str) -> nn.Module:
    """Group norm of at most 32 equal groups of at least 4 channels, or nothing."""
    if norm == "none":
        return nn.Identity()
    most = min(_GROUPS, max(channels // 4, 1))
    n_groups = next(n for n in range(most, 0, -1) if channels % n == 0)
    return nn.GroupNorm(n_groups, channels, eps=1e-6)


class ResidualBlock(nn.Module):
    """Twice norm, SiLU, 3x3 convolution, beside the input."""

    def __init__(self, n_in: int, n_out: int, norm: str) -> None:
        super().__init__()
        self.norm1 = normalisation(n_in, norm)
        self.conv1 = nn.Conv2d(n_in, n_out, 3, padding=1)
        self.norm2 = normalisation(n_out, norm)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1)
        self.skip = nn.Conv2d(n_in, n_out, 1) if n_in != n_out else nn.Identity()
        if norm == "none":
            # Without a norm the branch starts at zero, so that depth does not scale the signal.
            nn.init.zeros_(self.conv2.weight)
            assert self.conv2.bias is not None
            nn.init.zeros_(self.conv2.bias)

    def forward(self, h_BCHW: Tensor) -> Tensor:
        """Give (B, n_out, H, W)."""
        branch_BCHW = self.conv1(silu(self.norm1(h_BCHW)))
        branch_BCHW = self.conv2(silu(self.norm2(branch_BCHW)))
        out: Tensor = self.skip(h_BCHW) + branch_BCHW
        return out


class CellAttention(nn.Module):
    """Self-attention of one head over the cells of a grid, beside the input."""

    def __init__(self, channels: int, norm: str) -> None:
        super().__init__()
        self.norm = normalisation(channels, norm)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, h_BCHW: Tensor) -> Tensor:
        """Every cell looks at every other."""
        query, key, value = self.qkv(self.norm(h_BCHW)).flatten(2).transpose(1, 2).chunk(3, dim=-1)
        mixed_BLC = scaled_dot_product_attention(query[:, None], key[:, None], value[:, None])[:, 0]
        out: Tensor = h_BCHW + self.out(mixed_BLC.transpose(1, 2).reshape(h_BCHW.shape))
        return out


class Upsample(nn.Module):
    """Twice the grid: nearest neighbour, then a 3x3 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, h_BCHW: Tensor) -> Tensor:
        """Give (B, C, 2H, 2W)."""
        out: Tensor = self.conv(interpolate(h_BCHW, scale_factor=2.0))
        return out


class Downsample(nn.Module):
    """Half the grid by a 3x3 convolution of stride 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, h_BCHW: Tensor) -> Tensor:
        """Give (B, C, H/2, W/2)."""
        out: Tensor = self.conv(h_BCHW)
        return out


def _level(n_in: int, n_out: int, n_blocks: int, norm: str, attention: bool) -> list[nn.Module]:
    """Residual blocks of one level, each followed by attention where asked for."""
    layers: list[nn.Module] = []
    for k in range(n_blocks):
        layers.append(ResidualBlock(n_in if k == 0 else n_out, n_out, norm))
        if attention:
            layers.append(CellAttention(n_out, norm))
    return layers


def _middle(channels: int, norm: str) -> list[nn.Module]:
    return [
        ResidualBlock(channels, channels, norm),
        CellAttention(channels, norm),
        ResidualBlock(channels, channels, norm),
    ]


def _head(n_in: int, n_out: int, norm: str, kernel: int = 3) -> list[nn.Module]:
    return [normalisation(n_in, norm), nn.SiLU(), nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2)]


class Encoder(nn.Sequential):
    """Image (B, C, H, W) to features (B, n_out, H/r, W/r), r = stem * 2^(levels - 1).

    Parameters
    ----------
    n_in, n_out
        Channels of the image and of the features.
    width, multipliers, n_blocks
        Channels of level l are ``width * multipliers[l]``; residual blocks a level.
    stem
        Pixels a side of the first convolution and its stride; 1 means a 3x3 convolution.
    norm
        "group" or "none".
    attention
        Attention at the coarsest level, and a middle of two blocks around one more.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        width: int,
        multipliers: Sequence[int],
        n_blocks: int,
        stem: int,
        norm: str,
        attention: bool,
    ) -> None:
        channels = [width * m for m in multipliers]
        first = (
            nn.Conv2d(n_in, width, 3, padding=1) if stem == 1 else nn.Conv2d(n_in, width, stem, stride=stem)
        )
        layers: list[nn.Module] = [first]
        for level, n in enumerate(channels):
            last = level == len(channels) - 1
            layers += _level(([width, *channels])[level], n, n_blocks, norm, attention and last)
            layers += [] if last else [Downsample(n)]
        layers += _middle(channels[-1], norm) if attention else []
        super().__init__(*layers, *_head(channels[-1], n_out, norm))


class Decoder(nn.Sequential):
    """Features (B, n_in, H/r, W/r) to an image (B, n_out, H, W); the mirror of `Encoder`, one block more a level.

    Parameters
    ----------
    n_in, n_out
        Channels of the features and of the image.
    width, multipliers, n_blocks, stem, norm, attention
        As in `Encoder`; a stem above 1 ends in a pixel shuffle and a convolution at full resolution.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        width: int,
        multipliers: Sequence[int],
        n_blocks: int,
        stem: int,
        norm: str,
        attention: bool,
    ) -> None:
        channels = [width * m for m in reversed(multipliers)]
        layers: list[nn.Module] = [nn.Conv2d(n_in, channels[0], 3, padding=1)]
        layers += _middle(channels[0], norm) if attention else []
        for level, n in enumerate(channels):
            layers += _level(
                ([channels[0], *channels])[level], n, n_blocks + 1, norm, attention and level == 0
            )
            layers += [] if level == len(channels) - 1 else [Upsample(n)]
        if stem == 1:
            layers += _head(channels[-1], n_out, norm)
        else:
            n_fine = 4 * n_out
            layers += _head(channels[-1], n_fine * stem**2, norm)
            # The last convolution sees across the borders of the shuffled patches, which would show as a grid.
            layers += [nn.PixelShuffle(stem), nn.SiLU(), nn.Conv2d(n_fine, n_out, 3, padding=1)]
        super().__init__(*layers)


def count_parameters(*modules: nn.Module) -> int:
    """Number of parameters of some modules together."""
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def channels_last(module: nn.Module) -> nn.Module:
    """Weights in the memory order that convolutions of few rows are fastest in."""
    converted: nn.Module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return converted
