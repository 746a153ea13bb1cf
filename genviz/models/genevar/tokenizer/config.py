"""What the tokenizer of GeneVAR is made of: one frozen dataclass, from which `config.json` rebuilds it exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from genviz._errors import UsageError
from genviz.models.config_base import Choices, Config
from genviz.nn.multiscale_quantiser import MODES, checked_scales

MOST_CODES = 2**15 - 1  # tokens are kept as int16
_LEAST_JUDGED = 24  # pixels a side from which the discriminator's coarse scale has a patch


@dataclass(frozen=True)
class TokenizerConfig(Config):
    """Architecture, losses and training recipe of the multi-scale VQ tokenizer.

    The defaults are a mini for tiles of 64 pixels. The published size is ``size_px=256, stem=1, width=160,
    multipliers=(1, 1, 2, 2, 4), n_blocks=2, attention=True, code_dim=32, n_codes=4096, scales=(1, 2, 3, 4, 5, 6, 8,
    10, 13, 16)``, with ``codebook="gradient", patch_basis=False`` and ``vq_weight=1``.

    Parameters
    ----------
    size_px
        Side of a training tile, pixels.
    stem
        Pixels a side that the first convolution of the encoder gathers into one position; 1 is a plain convolution.
    width, multipliers, n_blocks
        Channels of the first level; channels of each level over `width`, one halving of the grid between two levels;
        residual blocks a level (the decoder has one more).
    attention
        Self-attention at the coarsest level and in the middle.
    scales
        Cells a side of each scale, rising to the latent grid, ``size_px / stride``.
    n_codes, code_dim
        Codes that all scales share, at most `MOST_CODES`; length of a code.
    n_phi, phi_weight
        Convolutions after upsampling that the scales share, and their weight against the identity.
    patch_basis
        Linear analysis and synthesis of patches beside encoder and decoder, started at the principal components of
        training patches; the last convolutions see the linear tile. False is the published layout.
    codebook
        How codes are learned: "gradient" (as published), "ema" (moving means), "ema_revive" (and dead codes are
        replaced).
    ema_decay, revive_below, revive_until
        Decay of the moving means; share of the mean count under which a code is dead; share of training after which
        dead codes stay.
    commitment
        Weight of the commitment loss against the other half of the VQ loss.
    l1_weight, l2_weight, vq_weight
        Weights of the mean absolute and mean squared error of pixels and of the VQ loss.
    perceptual, perceptual_weight
        Loss beside them: differences of a Laplacian pyramid, features of a discriminator trained along ("discfeat"),
        or LPIPS (needs its weights).
    ae_epochs
        Epochs as a plain autoencoder, before codes begin at the k-means of the residuals; with `patch_basis` latents
        are worth quantising from the beginning.
    gan_epochs, gan_lr
        Epochs in which the decoder alone is tuned against a PatchGAN, tokens left as they are, and their learning rate,
        with a cosine to 0; no epochs leave it out.
    gan_weight, gan_features, gan_energy, gan_phase
        Weights in that stage, beside L1 and L2: of the hinge loss, of the discriminator's features, of the strength of
        detail and of what repeats in every cell of the latent grid (`genviz.nn.texture_losses`).
    gan_width, gan_average
        Channels of the discriminator's first convolution; decay of the moving average of the decoder that is kept.
    lr, final_lr_fraction, weight_decay, grad_clip, batch_size, max_epochs, tiles_per_epoch
        AdamW with a cosine; `max_epochs` come after `ae_epochs`.

    Raises
    ------
    UsageError
        For an unknown choice or a number outside its range.
    """

    choices: ClassVar[Choices] = {"codebook": MODES, "perceptual": ("none", "laplacian", "discfeat", "lpips")}

    size_px: int = 64
    stem: int = 4
    width: int = 64
    multipliers: tuple[int, ...] = (1, 2)
    n_blocks: int = 1
    attention: bool = False
    scales: tuple[int, ...] = (1, 2, 4, 8)
    n_codes: int = 512
    code_dim: int = 16
    n_phi: int = 4
    phi_weight: float = 0.5
    patch_basis: bool = True
    codebook: str = "ema_revive"
    ema_decay: float = 0.99
    revive_below: float = 0.03
    revive_until: float = 0.8
    commitment: float = 0.25
    l1_weight: float = 1.0
    l2_weight: float = 0.0
    vq_weight: float = 2.0
    perceptual: str = "laplacian"
    perceptual_weight: float = 1.0
    ae_epochs: int = 0
    gan_epochs: int = 0
    gan_lr: float = 2e-3
    gan_weight: float = 0.05
    gan_features: float = 1.0
    gan_energy: float = 10.0
    gan_phase: float = 100.0
    gan_width: int = 32
    gan_average: float = 0.98
    lr: float = 1e-3
    final_lr_fraction: float = 0.02
    weight_decay: float = 0.01
    grad_clip: float = 1.0
    batch_size: int = 32
    max_epochs: int = 20
    tiles_per_epoch: int = 3072

    def __post_init__(self) -> None:
        self.check_choices()
        self.check_positive(
            "size_px", "stem", "width", "n_blocks", "n_codes", "code_dim", "n_phi", "lr", "grad_clip", "gan_lr",
            "gan_width", "batch_size", "max_epochs", "tiles_per_epoch",
        )  # fmt: skip
        self.check_fractions("ema_decay", "final_lr_fraction", "weight_decay", "gan_average")
        self.check_from_zero(
            "revive_below", "commitment", "l1_weight", "l2_weight", "vq_weight", "perceptual_weight", "ae_epochs",
            "gan_epochs", "gan_weight", "gan_features", "gan_energy", "gan_phase",
        )  # fmt: skip
        self.check_shares("phi_weight", "revive_until")
        object.__setattr__(self, "multipliers", tuple(self.multipliers))
        object.__setattr__(self, "scales", checked_scales(self.scales))
        self._check_sizes()

    def _check_sizes(self) -> None:
        if self.n_codes > MOST_CODES:
            raise UsageError(f"Expected n_codes of at most {MOST_CODES}; got {self.n_codes}. Take fewer.")
        if not self.multipliers or any(m < 1 for m in self.multipliers):
            raise UsageError(f"Expected multipliers from 1, one a level; got {self.multipliers}.")
        if self.size_px != self.stride * self.scales[-1]:
            raise UsageError(
                f"Expected size_px to be the stride (stem times 2 per level after the first: {self.stride}) times the "
                f"last scale ({self.scales[-1]}), {self.stride * self.scales[-1]}; got {self.size_px}."
            )
        if not self.l1_weight + self.l2_weight > 0:
            raise UsageError("Expected l1_weight or l2_weight above 0; got 0 for both.")
        if (self.gan_epochs or self.perceptual == "discfeat") and self.size_px < _LEAST_JUDGED:
            raise UsageError(
                f"Expected size_px of at least {_LEAST_JUDGED} with gan_epochs or perceptual='discfeat': the "
                f"discriminator looks at patches at two scales; got {self.size_px}."
            )

    @property
    def stride(self) -> int:
        """Pixels a side of a cell of the latent grid."""
        return self.stem * 2 ** (len(self.multipliers) - 1)

    @property
    def n_tokens(self) -> int:
        """Tokens of a tile, L."""
        return sum(n * n for n in self.scales)
