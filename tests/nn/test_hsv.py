"""Colours by hue, saturation and value, against the standard library."""

from __future__ import annotations

import colorsys

import torch

from genviz.nn.hsv import hsv_to_rgb, rgb_to_hsv


def test_it_is_colorsys():
    rgb = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rgb[0, :, 0, :4] = torch.tensor([[0.0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5], [1, 0, 0]]).T.double()
    hsv = rgb_to_hsv(rgb)
    expected = [colorsys.rgb_to_hsv(*pixel.tolist()) for pixel in rgb[0].flatten(1).T]
    assert torch.allclose(hsv[0].flatten(1).T, torch.tensor(expected, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(hsv_to_rgb(hsv), rgb, atol=1e-12)
