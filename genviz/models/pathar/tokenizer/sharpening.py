"""Sharpen the image decoder against a PatchGAN, its tokens left as they are: one step of it.

Shape legend: B tiles, H x W pixels, D length of a code.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from genviz.models.pathar.tokenizer.network import DualTokenizer
from genviz.models.tile_losses import pixel_loss
from genviz.nn.patch_gan import PatchDiscriminator, discriminator_loss, generator_loss
from genviz.nn.texture_losses import energy_loss, phase_loss
from genviz.train.sharpening import Sharpening


class Sharpener(Sharpening):
    """Fusion and image decoder, discriminator, and their optimisers.

    Loss of the decoder: L1 and L2 of pixels and the strength of detail; of the tiles whose appearance was not permuted
    also the hinge loss and what repeats in every cell. The others have a target that no decoder can reach, but where
    detail is strong is for structure to say: without them the decoder goes back to appearance for the layout.

    Parameters
    ----------
    network
        A trained tokenizer, on its device; it is put in evaluation mode and all its other parameters are frozen.
    mixed
        bfloat16 for the networks.
    """

    def __init__(self, network: DualTokenizer, *, mixed: bool = False) -> None:
        self.network, self.mixed = network, mixed
        super().__init__(network, network.painting_parameters(), PatchDiscriminator(), network.config.gan_lr)

    def step(self, x_B3HW: Tensor, m_B1HW: Tensor, permute_B: Tensor, drop_B: Tensor) -> dict[str, Tensor]:
        """One step of the discriminator, one of the decoder; gives the decoder's detached loss.

        Parameters
        ----------
        x_B3HW, m_B1HW, permute_B, drop_B
            As `DualTokenizer.loss`, on the tokenizer's device.
        """
        network = self.network
        grid = (
            x_B3HW.shape[2] // network.config.downsampling,
            x_B3HW.shape[3] // network.config.downsampling,
        )
        with torch.autocast(x_B3HW.device.type, dtype=torch.bfloat16, enabled=self.mixed):
            qa_BDHW = network.appearance.lookup(network.encode_appearance(x_B3HW), grid)
            codes: tuple[Tensor | None, Tensor] = (None, qa_BDHW)
            if network.dual:
                qs_BDHW = network.structure.lookup(network.encode_structure(m_B1HW), grid)
                codes = network.mixed(qs_BDHW, qa_BDHW, permute_B, drop_B)
            y_B3HW = network.paint(*codes).float()
            honest = ~(permute_B | drop_B)
            real, fake, mask = x_B3HW[honest], y_B3HW[honest], m_B1HW[honest]
            if len(real):
                judged = discriminator_loss(self.judge(real, mask), self.judge(fake.detach(), mask))
                self.judge_optimiser.zero_grad()
                judged.backward()  # type: ignore[no-untyped-call]
                self.judge_optimiser.step()
            # No differences of fine bands: they ask for the mean of what might be, which made the decoder smooth.
            loss = pixel_loss(network.forgiven(y_B3HW, x_B3HW, permute_B), x_B3HW)
            loss = loss + network.config.gan_energy * energy_loss(y_B3HW, x_B3HW)
            if len(real):
                loss = loss + self._realism(fake, real, mask)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), network.config.grad_clip)
        self.optimiser.step()
        return {"loss": loss.detach()}

    def _realism(self, fake_B3HW: Tensor, real_B3HW: Tensor, m_B1HW: Tensor) -> Tensor:
        c = self.network.config
        hinge = c.gan_weight * generator_loss(self.judge(fake_B3HW, m_B1HW))
        return hinge + c.gan_phase * phase_loss(fake_B3HW, real_B3HW, c.downsampling)

    def parts(self) -> dict[str, Any]:
        """Also the tokenizer."""
        return {"network": self.network} | super().parts()
