"""The dual-VQ tokenizer: structure tokens from the mask, appearance tokens from the image (PathAR, Eqs. 5-9).

Shape legend: B tiles, H x W pixels, h x w cells, N = h w, D length of a code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from genviz.models.pathar.tokenizer.config import TokenizerConfig
from genviz.models.pathar.tokenizer.fusion import Fusion
from genviz.models.tile_losses import perceptual_loss, pixel_loss
from genviz.nn.image_coder import Decoder, Encoder, channels_last
from genviz.nn.patch_basis import PatchBasis, finishing
from genviz.nn.quantiser import VectorQuantiser

_FEATURES = 256
_FINE = 4
_SLOW = 0.1
_START_CHUNK = 16


class DualTokenizer(nn.Module):
    """Image and mask to two aligned token grids, and back.

    Each encoder sees its own input only: a structure token never depends on the image, an appearance token never on
    the mask. The mask decoder sees structure only; the image decoder sees both.

    Parameters
    ----------
    config
        Sizes, losses, codebooks.
    """

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.config = config
        sizes: dict[str, Any] = {
            "multipliers": config.multipliers,
            "n_blocks": config.n_blocks,
            "stem": config.stem,
            "attention": config.attention,
        }
        own: dict[str, Any] = {"width": config.width, "norm": "group"} | sizes
        n_features = min(_FEATURES, 2 * config.width)
        d = config.code_dim
        self.appearance_encoder = Encoder(3, n_features, **own)
        self.appearance_project = nn.Conv2d(n_features, d, 1)
        self.appearance = self._quantiser(config.appearance_codes)
        self.patches = PatchBasis(3, config.downsampling, d) if config.patch_basis else None
        self.image_decoder = Decoder(n_features, _FINE if config.patch_basis else 3, **own)
        self.finish = finishing(_FINE) if config.patch_basis else None
        self.dual = config.streams == "dual"
        if self.dual:
            thin: dict[str, Any] = {"width": round(config.structure_width * config.width)} | sizes
            self.structure_encoder = Encoder(1, n_features, norm=config.norm, **thin)
            self.structure_project = nn.Conv2d(n_features, d, 1)
            self.structure = self._quantiser(config.structure_codes)
            self.mask_features = nn.Conv2d(d, n_features, 1)
            self.mask_decoder = Decoder(n_features, 1, norm="group", **thin)
            self.fusion: nn.Module = Fusion(config.fusion, d, n_features)
            self.structure_null = nn.Parameter(torch.zeros(d, 1, 1))
        else:
            self.fusion = nn.Conv2d(d, n_features, 1)
        if self.patches is not None:
            # Beside the linear path the appearance encoder begins at nothing.
            nn.init.zeros_(self.appearance_project.weight)
            nn.init.zeros_(self.appearance_project.bias)  # type: ignore[arg-type]
        channels_last(self)

    def _quantiser(self, n_codes: int) -> VectorQuantiser:
        c = self.config
        return VectorQuantiser(
            n_codes,
            c.code_dim,
            mode=c.codebook,
            decay=c.ema_decay,
            revive_below=c.revive_below,
            commitment=c.commitment,
        )

    # ------------------------------------------------------------------ encoders

    def structure_features(self, m_B1HW: Tensor) -> Tensor:
        """Zs (B, D, h, w) of masks in {0, 1}."""
        z_BDHW: Tensor = self.structure_project(self.structure_encoder(2 * m_B1HW - 1))
        return z_BDHW

    def appearance_features(self, x_B3HW: Tensor) -> Tensor:
        """Za (B, D, h, w) of images in [-1, 1]."""
        z_BDHW: Tensor = self.appearance_project(self.appearance_encoder(x_B3HW))
        return z_BDHW if self.patches is None else z_BDHW + self.patches.analyse(x_B3HW)

    @torch.no_grad()
    def encode_structure(self, m_B1HW: Tensor) -> Tensor:
        """Structure tokens int64 (B, N) of masks in {0, 1}."""
        return self.structure.encode(self.structure_features(m_B1HW))

    @torch.no_grad()
    def encode_appearance(self, x_B3HW: Tensor) -> Tensor:
        """Appearance tokens int64 (B, N) of images in [-1, 1]."""
        return self.appearance.encode(self.appearance_features(x_B3HW))

    # ------------------------------------------------------------------ decoders

    def fused(self, qs_BDHW: Tensor | None, qa_BDHW: Tensor) -> Tensor:
        """Features of the image decoder; without structure its learned null stands in."""
        if not self.dual:
            alone_BCHW: Tensor = self.fusion(qa_BDHW)
            return alone_BCHW
        if qs_BDHW is None:
            qs_BDHW = self.structure_null.expand_as(qa_BDHW)
        joined_BCHW: Tensor = self.fusion(qs_BDHW, qa_BDHW)
        return joined_BCHW

    def paint(self, qs_BDHW: Tensor | None, qa_BDHW: Tensor) -> Tensor:
        """Image (B, 3, H, W), about [-1, 1], of the codes of both streams."""
        fine_BCHW: Tensor = self.image_decoder(self.fused(qs_BDHW, qa_BDHW))
        if self.patches is None or self.finish is None:
            return fine_BCHW
        # The last convolutions see the linear image at full resolution, so that they can mend the edges of its patches.
        linear_B3HW = self.patches.synthesise(qa_BDHW)
        y_B3HW: Tensor = linear_B3HW + self.finish(torch.cat([fine_BCHW, linear_B3HW], dim=1))
        return y_B3HW

    @torch.no_grad()
    def decode_image(self, s_BN: Tensor | None, a_BN: Tensor, grid: tuple[int, int]) -> Tensor:
        """Image (B, 3, H, W), about [-1, 1], of tokens on a grid of (rows, columns)."""
        qs_BDHW = None if s_BN is None else self.structure.lookup(s_BN, grid)
        return self.paint(qs_BDHW, self.appearance.lookup(a_BN, grid))

    @torch.no_grad()
    def decode_mask(self, s_BN: Tensor, grid: tuple[int, int]) -> Tensor:
        """Logits (B, 1, H, W) of the mask of structure tokens."""
        logits_B1HW: Tensor = self.mask_decoder(self.mask_features(self.structure.lookup(s_BN, grid)))
        return logits_B1HW

    # ------------------------------------------------------------------ training

    @torch.no_grad()
    def start_codebooks(self, x_B3HW: Tensor, m_B1HW: Tensor) -> None:
        """Begin at these tiles: patches at their principal components, moving codes at k-means of encoder outputs."""
        if self.patches is not None:
            self.patches.start(x_B3HW)
        if not self.appearance.moving:
            return
        self.appearance.start(_vectors(self.appearance_features, x_B3HW))
        if self.dual:
            self.structure.start(_vectors(self.structure_features, m_B1HW))

    def loss(
        self, x_B3HW: Tensor, m_B1HW: Tensor, permute_B: Tensor, drop_B: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Unweighted sum ``Lrec + Lvq(s) + Lvq(a) + Lseg`` (Eq. 9), and its parts for the log.

        Parameters
        ----------
        x_B3HW, m_B1HW
            Images in [-1, 1] and masks in {0, 1}.
        permute_B, drop_B
            bool: tiles whose appearance cells are permuted; tiles decoded without structure.
        """
        qa_BDHW, _, loss_a = self.appearance(self.appearance_features(x_B3HW))
        if not self.dual:
            rec = self.reconstruction(self.paint(None, qa_BDHW), x_B3HW)
            return rec + loss_a, {"rec": rec.detach(), "vq_appearance": loss_a.detach()}
        qs_BDHW, _, loss_s = self.structure(self.structure_features(m_B1HW))
        seg = mask_loss(self.mask_decoder(self.mask_features(qs_BDHW)), m_B1HW)
        y_B3HW = self.paint(*self.mixed(qs_BDHW, qa_BDHW, permute_B, drop_B))
        rec = self.reconstruction(self.forgiven(y_B3HW, x_B3HW, permute_B), x_B3HW)
        parts = {"rec": rec, "seg": seg, "vq_structure": loss_s, "vq_appearance": loss_a}
        return rec + seg + loss_s + loss_a, {name: part.detach() for name, part in parts.items()}

    def mixed(
        self, qs_BDHW: Tensor, qa_BDHW: Tensor, permute_B: Tensor, drop_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Codes with the appearance cells of some tiles permuted, and the structure of some left out.

        The target stays: where the streams disagree, the decoder must take the layout from structure.

        Parameters
        ----------
        qs_BDHW, qa_BDHW
            Codes of structure and appearance.
        permute_B, drop_B
            bool, tiles whose appearance is permuted (drawn from torch's generator), and whose structure is left out.
        """
        b, d, h, w = qa_BDHW.shape
        order_BN = torch.rand(b, h * w, device=qa_BDHW.device).argsort(1)
        shuffled_BDN = qa_BDHW.flatten(2).gather(2, order_BN[:, None].expand(-1, d, -1))
        pick_B111 = permute_B.view(b, 1, 1, 1)
        qa_BDHW = torch.where(pick_B111, shuffled_BDN.view_as(qa_BDHW), qa_BDHW)
        qs_BDHW = torch.where(drop_B.view(b, 1, 1, 1), self.structure_null, qs_BDHW)
        return qs_BDHW, qa_BDHW

    def forgiven(self, y_B3HW: Tensor, x_B3HW: Tensor, permute_B: Tensor) -> Tensor:
        """Images whose error is `permute_weight` times as large where appearance was permuted.

        No decoder can reach the target of those tiles; in full their error would drown that of the others.
        """
        weight_B111 = torch.where(permute_B, self.config.permute_weight, 1.0).view(-1, 1, 1, 1)
        return torch.lerp(x_B3HW, y_B3HW.float(), weight_B111)

    def reconstruction(self, y_B3HW: Tensor, x_B3HW: Tensor) -> Tensor:
        """L1 + L2 + the configured perceptual loss, in float32."""
        y_B3HW = y_B3HW.float()
        c = self.config
        perceptual = c.perceptual_weight * perceptual_loss(c.perceptual, y_B3HW, x_B3HW)
        return pixel_loss(y_B3HW, x_B3HW) + perceptual

    def painting_parameters(self) -> list[nn.Parameter]:
        """Parameters between codes and image: those that tokens do not depend on, and masks neither."""
        modules = [self.fusion, self.image_decoder]
        modules += [self.patches.synthesise, self.finish] if self.patches and self.finish else []
        return [parameter for module in modules for parameter in module.parameters()]

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """Groups for AdamW: codebooks, biases and norms do not decay; the linear path learns at a tenth of the rate.

        That path begins near its optimum, and steps of the nets' size would throw it out within ten of them.
        """
        linear = [] if self.patches is None else list(self.patches.parameters())
        slow_ones = {id(p) for p in linear}
        learned = [
            (name, p) for name, p in self.named_parameters() if p.requires_grad and id(p) not in slow_ones
        ]
        decayed = [p for name, p in learned if p.ndim > 1 and "codes_KD" not in name]
        others = [p for name, p in learned if p.ndim <= 1 or "codes_KD" in name]
        betas = (0.9, 0.95)
        groups = [
            {"params": decayed, "lr": lr, "weight_decay": weight_decay, "betas": betas},
            {"params": others, "lr": lr, "weight_decay": 0.0, "betas": betas},
        ]
        slow = {"params": linear, "lr": _SLOW * lr, "weight_decay": 0.0, "betas": betas}
        return groups if self.patches is None else [*groups, slow]


def _vectors(features: Callable[[Tensor], Tensor], tiles_BCHW: Tensor) -> Tensor:
    """Encoder outputs (B N, D), a few tiles at a time."""
    parts = [features(part).permute(0, 2, 3, 1).flatten(0, 2) for part in tiles_BCHW.split(_START_CHUNK)]
    return torch.cat(parts)


def mask_loss(logits_B1HW: Tensor, m_B1HW: Tensor) -> Tensor:
    """Binary cross-entropy plus one minus the soft Dice of the batch (smoothed by 1), in float32."""
    logits_B1HW = logits_B1HW.float()
    p_B1HW = logits_B1HW.sigmoid()
    dice = (2 * (p_B1HW * m_B1HW).sum() + 1) / (p_B1HW.sum() + m_B1HW.sum() + 1)
    return binary_cross_entropy_with_logits(logits_B1HW, m_B1HW) + 1 - dice
