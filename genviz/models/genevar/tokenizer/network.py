"""The multi-scale VQ tokenizer: a tile to tokens of rising scales, and back.

Shape legend: B tiles, H x W pixels, D length of a code, G x G latent grid, L tokens of all scales.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from genviz.models.genevar.tokenizer.config import TokenizerConfig
from genviz.models.genevar.tokenizer.judge import TileJudge, feature_loss
from genviz.models.tile_losses import perceptual_loss, pixel_loss
from genviz.nn.image_coder import Decoder, Encoder, channels_last
from genviz.nn.multiscale_quantiser import MultiScaleQuantiser
from genviz.nn.patch_basis import PatchBasis, finishing
from genviz.nn.patch_gan import discriminator_loss

_BETAS = (0.9, 0.95)
_START_CHUNK = 64
_FINE = 4
_SLOW = 0.1


class Tokenizer(nn.Module):
    """Convolutional encoder and decoder around a `MultiScaleQuantiser`.

    Parameters
    ----------
    config
        Sizes, losses, codebook.
    """

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.config = config
        d = config.code_dim
        sizes: dict[str, Any] = {
            "width": config.width,
            "multipliers": config.multipliers,
            "n_blocks": config.n_blocks,
            "stem": config.stem,
            "norm": "group",
            "attention": config.attention,
        }
        self.encoder = Encoder(3, d, **sizes)
        self.before = nn.Conv2d(d, d, 3, padding=1)
        self.quantiser = MultiScaleQuantiser(
            config.scales,
            config.n_codes,
            d,
            n_phi=config.n_phi,
            phi_weight=config.phi_weight,
            mode=config.codebook,
            decay=config.ema_decay,
            revive_below=config.revive_below,
            commitment=config.commitment,
        )
        self.after = nn.Conv2d(d, d, 3, padding=1)
        self.decoder = Decoder(d, _FINE if config.patch_basis else 3, **sizes)
        self.patches = PatchBasis(3, config.stride, d) if config.patch_basis else None
        self.finish = finishing(_FINE) if config.patch_basis else None
        self.judge = TileJudge(config.gan_width) if config.perceptual == "discfeat" else None
        if self.patches is not None:
            # Beside the linear path the encoder begins at nothing.
            nn.init.zeros_(self.before.weight)
            nn.init.zeros_(self.before.bias)  # type: ignore[arg-type]
        channels_last(self)

    # ------------------------------------------------------------------ tiles and tokens

    def latents(self, x_B3HW: Tensor) -> Tensor:
        """Latents f (B, D, G, G) of tiles in [-1, 1], before any code."""
        f_BDGG: Tensor = self.before(self.encoder(x_B3HW))
        return f_BDGG if self.patches is None else f_BDGG + self.patches.analyse(x_B3HW)

    @torch.no_grad()
    def encode(self, x_B3HW: Tensor) -> Tensor:
        """Tokens int64 (B, L) of tiles in [-1, 1], scale by scale, each in raster order."""
        return self.quantiser.encode(self.latents(x_B3HW))

    def paint(self, f_BDGG: Tensor) -> Tensor:
        """Tiles (B, 3, H, W) float32, about [-1, 1], of latents; with gradients."""
        fine_BCHW: Tensor = self.decoder(self.after(f_BDGG))
        if self.patches is None or self.finish is None:
            return fine_BCHW.float()
        # The last convolutions see the linear tile at full resolution, so that they can mend the edges of its patches.
        linear_B3HW = self.patches.synthesise(f_BDGG)
        y_B3HW: Tensor = linear_B3HW + self.finish(torch.cat([fine_BCHW, linear_B3HW], dim=1))
        return y_B3HW.float()

    @torch.no_grad()
    def decode(self, f_BDGG: Tensor) -> Tensor:
        """Tiles (B, 3, H, W) in [-1, 1] of latents."""
        return self.paint(f_BDGG).clamp(-1, 1)

    @torch.no_grad()
    def decode_tokens(self, s_BL: Tensor, upto: int | None = None) -> Tensor:
        """Tiles (B, 3, H, W) in [-1, 1] of the tokens of the first `upto` scales, by default of all."""
        return self.decode(self.quantiser.embed_sum(s_BL, upto))

    # ------------------------------------------------------------------ training

    @torch.no_grad()
    def start_patches(self, x_B3HW: Tensor) -> None:
        """Begin the linear path, if there is one, at the principal components of these tiles' patches."""
        if self.patches is not None:
            self.patches.start(x_B3HW)

    @torch.no_grad()
    def start_codes(self, x_B3HW: Tensor) -> None:
        """Begin the codes at the k-means of these tiles' residuals; draws from torch's global generator."""
        self.quantiser.start(torch.cat([self.latents(part).float() for part in x_B3HW.split(_START_CHUNK)]))

    def set_progress(self, along: float) -> None:
        """Tell how far training is, in [0, 1]: dead codes are replaced until ``config.revive_until``."""
        self.quantiser.reviving = along < self.config.revive_until

    def loss(self, x_B3HW: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Reconstruction plus VQ loss, and the parts for the log.

        Parameters
        ----------
        x_B3HW
            Tiles in [-1, 1].
        """
        f_BDGG, _, vq = self.quantiser(self.latents(x_B3HW))
        total, parts = self.reconstruction(self.paint(f_BDGG), x_B3HW)
        vq_loss = self.config.vq_weight * (vq["codes"] + vq["commitment"])
        return total + vq_loss, parts | {name: part.detach() for name, part in vq.items()}

    def autoencoder_loss(self, x_B3HW: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Reconstruction without codes; see `AutoencoderStage`."""
        return self.reconstruction(self.paint(self.latents(x_B3HW)), x_B3HW)

    def reconstruction(self, y_B3HW: Tensor, x_B3HW: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Pixel and perceptual loss of tiles, in float32, and their parts.

        With "discfeat" the discriminator learns from the same loss: it sees tiles without their gradient, and tiles
        see it without the gradient of its weights.
        """
        c = self.config
        pixels = pixel_loss(y_B3HW, x_B3HW, c.l1_weight, c.l2_weight)
        parts = {"pixels": pixels.detach()}
        if c.perceptual == "none":
            return pixels, parts
        if self.judge is None:
            perceptual = perceptual_loss(c.perceptual, y_B3HW, x_B3HW)
            return pixels + c.perceptual_weight * perceptual, parts | {"perceptual": perceptual.detach()}
        real, real_features = self.judge(x_B3HW)
        judged = discriminator_loss(real, self.judge(y_B3HW.detach())[0])
        self.judge.requires_grad_(False)
        perceptual = feature_loss(real_features, self.judge(y_B3HW)[1])
        self.judge.requires_grad_(True)
        parts |= {"perceptual": perceptual.detach(), "judge": judged.detach()}
        return pixels + c.perceptual_weight * perceptual + judged, parts

    def decoder_parameters(self) -> list[nn.Parameter]:
        """Parameters between codes and tile: those that tokens do not depend on."""
        return [parameter for module in self.decoder_modules() for parameter in module.parameters()]

    def decoder_modules(self) -> list[nn.Module]:
        """Modules between codes and tile, in the order of `decoder_parameters`."""
        linear = [self.patches.synthesise, self.finish] if self.patches and self.finish else []
        return [self.after, self.decoder, *linear]

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """Groups for AdamW: codes, the quantiser's convolutions, biases and norms do not decay.

        The linear path learns at a tenth of the rate: it begins near its optimum, and steps of the nets' size would
        throw it out.
        """
        groups: dict[tuple[float, float], list[nn.Parameter]] = {
            (1.0, weight_decay): [],
            (1.0, 0.0): [],
            (_SLOW, 0.0): [],
        }
        for name, parameter in self.named_parameters():
            linear = name.startswith("patches.")
            plain = linear or parameter.ndim <= 1 or name.startswith("quantiser.")
            if parameter.requires_grad:
                groups[_SLOW if linear else 1.0, 0.0 if plain else weight_decay].append(parameter)
        return [
            {"params": members, "lr": times * lr, "weight_decay": decay, "betas": _BETAS}
            for (times, decay), members in groups.items()
            if members
        ]


class AutoencoderStage(nn.Module):
    """The tokenizer as a plain autoencoder, for the epochs before it has codes; trained in place.

    Parameters
    ----------
    tokenizer
        What is trained.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer

    def loss(self, x_B3HW: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Reconstruction without codes, and its parts for the log."""
        return self.tokenizer.autoencoder_loss(x_B3HW)

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """Those of the tokenizer, the quantiser's left out."""
        idle = {id(parameter) for parameter in self.tokenizer.quantiser.parameters()}
        groups = self.tokenizer.parameter_groups(lr, weight_decay)
        return [group | {"params": [p for p in group["params"] if id(p) not in idle]} for group in groups]
