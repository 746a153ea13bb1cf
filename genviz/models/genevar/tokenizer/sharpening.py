"""Sharpen the tokenizer's decoder against a PatchGAN, its tokens left as they are: one step of it.

Shape legend: B tiles, H x W pixels.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from genviz.models.genevar.tokenizer.judge import TileJudge, feature_loss
from genviz.models.genevar.tokenizer.network import Tokenizer
from genviz.models.tile_losses import pixel_loss
from genviz.nn.patch_gan import discriminator_loss, generator_loss
from genviz.nn.texture_losses import energy_loss, phase_loss
from genviz.train.sharpening import Sharpening


class Sharpener(Sharpening):
    """Decoder, discriminator, their optimisers, and the decoder's moving average, which is what is kept.

    Only what lies between codes and tile learns, so tokens made before stay valid, and a prior can be trained on them
    meanwhile.

    Parameters
    ----------
    tokenizer
        A trained tokenizer, on its device; it is put in evaluation mode and all its other parameters are frozen.
    mixed
        bfloat16 for the networks.
    """

    def __init__(self, tokenizer: Tokenizer, *, mixed: bool = False) -> None:
        self.tokenizer, self.mixed, config = tokenizer, mixed, tokenizer.config
        super().__init__(
            tokenizer, tokenizer.decoder_parameters(), TileJudge(config.gan_width), config.gan_lr
        )
        self.average = copy.deepcopy(nn.ModuleList(tokenizer.decoder_modules())).requires_grad_(False)

    def step(self, x_B3HW: Tensor) -> dict[str, Tensor]:
        """One step of the discriminator, one of the decoder; gives their detached losses.

        Parameters
        ----------
        x_B3HW
            Tiles in [-1, 1], on the tokenizer's device.
        """
        tokenizer, c = self.tokenizer, self.tokenizer.config
        with torch.autocast(x_B3HW.device.type, dtype=torch.bfloat16, enabled=self.mixed):
            f_BDGG = tokenizer.quantiser.embed_sum(tokenizer.encode(x_B3HW))
            y_B3HW = tokenizer.paint(f_BDGG)
            judged = discriminator_loss(self.judge(x_B3HW)[0], self.judge(y_B3HW.detach())[0])
        self.judge_optimiser.zero_grad()
        judged.backward()  # type: ignore[no-untyped-call]
        self.judge_optimiser.step()
        self.judge.requires_grad_(False)
        with torch.autocast(x_B3HW.device.type, dtype=torch.bfloat16, enabled=self.mixed):
            _, real = self.judge(x_B3HW)
            scores, fake = self.judge(y_B3HW)
            parts = {
                "pixels": pixel_loss(y_B3HW, x_B3HW, c.l1_weight, c.l2_weight),
                "energy": c.gan_energy * energy_loss(y_B3HW.float(), x_B3HW),
                "phase": c.gan_phase * phase_loss(y_B3HW.float(), x_B3HW, c.stride),
                "features": c.gan_features * feature_loss(real, fake),
                "hinge": c.gan_weight * generator_loss(scores),
            }
        self.judge.requires_grad_(True)
        self.optimiser.zero_grad()
        torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.learned, c.grad_clip)
        self.optimiser.step()
        with torch.no_grad():
            for mean, parameter in zip(self.average.parameters(), self.learned, strict=True):
                mean.lerp_(parameter, 1 - c.gan_average)
        return {name: part.detach() for name, part in (parts | {"judge": judged}).items()}

    def parts(self) -> dict[str, Any]:
        """Also the tokenizer and the moving average."""
        return {"tokenizer": self.tokenizer, "average": self.average} | super().parts()

    @torch.no_grad()
    def finish(self) -> Tokenizer:
        """Give the tokenizer, its decoder replaced by the moving average."""
        for mean, parameter in zip(self.average.parameters(), self.learned, strict=True):
            parameter.copy_(mean)
        return self.tokenizer
