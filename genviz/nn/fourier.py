"""Position of a spot in micrometres as Fourier features with a real range of wavelengths.

Shape legend: B rows, W wavelengths.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class FourierPosition(nn.Module):
    """sin and cos of 2 pi x / wavelength, for x and y, wavelengths geometric from coarse to fine.

    A spot's code depends on its own position only, never on which other spots are there.

    Parameters
    ----------
    shortest_um, longest_um
        Range of wavelengths, micrometres. The shortest should be at least twice the pitch.
    n_wavelengths
        Wavelengths an axis; the code has four times as many values.
    """

    def __init__(self, shortest_um: float, longest_um: float, n_wavelengths: int = 12) -> None:
        super().__init__()
        wavelength_W = torch.logspace(math.log10(longest_um), math.log10(shortest_um), n_wavelengths)
        self.register_buffer("frequency_W", 2 * math.pi / wavelength_W, persistent=False)
        self.frequency_W: Tensor
        self.n_out = 4 * n_wavelengths

    def forward(self, xy_B2: Tensor) -> Tensor:
        """Code positions: ``sin(2 pi x / w), cos(2 pi x / w)`` for each wavelength w, for x and for y.

        Parameters
        ----------
        xy_B2
            Positions, micrometres.

        Returns
        -------
        (B, n_out) in [-1, 1]: the sines of x, its cosines, then those of y; wavelengths from coarse to fine.
        """
        phase_B2W = xy_B2[:, :, None] * self.frequency_W
        return torch.cat([phase_B2W.sin(), phase_B2W.cos()], dim=-1).flatten(1)
