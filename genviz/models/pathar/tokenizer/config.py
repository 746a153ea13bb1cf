"""Architecture, losses and training recipe of the dual-VQ tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from genviz._errors import UsageError
from genviz.models.config_base import Choices, Config

_LEAST_JUDGED = 24  # pixels a side from which the discriminator's coarse scale has a patch


@dataclass(frozen=True)
class TokenizerConfig(Config):
    """Architecture, losses and training recipe of the dual-VQ tokenizer.

    Parameters
    ----------
    streams
        "dual": structure tokens from the mask, appearance tokens from the image. "single": appearance only, no mask
        (the paper's ablation).
    size_px
        Side of a training tile, pixels.
    stem
        Pixels a side that the first convolution of an encoder gathers into one position; 1 is a plain convolution.
    width, multipliers, n_blocks
        Channels of the first level; channels of each level over `width`, one halving of the grid between two levels;
        residual blocks a level (decoders have one more).
    attention
        Self-attention at the coarsest level.
    structure_width
        Width of the structure encoder and the mask decoder over that of the appearance encoder and image decoder.
    norm
        "group", or "none": in the structure encoder only; without it the code of an empty cell does not depend on
        nuclei elsewhere.
    structure_codes, appearance_codes, code_dim
        Codebook sizes and the length of a code.
    codebook
        How codes are learned: "gradient" (the paper's stop-gradient loss), "gradient_l2" (the same on unit vectors),
        "ema" (k-means start and moving means), "ema_revive" (and dead codes are replaced).
    ema_decay, revive_below, commitment
        Decay of the moving means; share of the mean count under which a code is dead; weight of the commitment loss.
    patch_basis
        Linear analysis and synthesis of patches beside appearance encoder and image decoder, started at the principal
        components of training patches; the last convolutions see the linear image.
    fusion
        How the image decoder joins the streams: "concat", "scaled_concat" (structure scaled by a learned vector),
        "film" (appearance modulated by structure).
    appearance_permute, permute_from, permute_weight
        Share of training tiles whose appearance cells are permuted before fusion, so that the layout must come from
        structure; share of training before that begins; weight of their error. A share of 0 is the paper.
    structure_drop
        Share of training tiles decoded with a learned null in place of structure (for ``order="a_only"``).
    jitter
        Largest change, in log units, of the amount of each stain (colour) or of the brightness (grey) of a tile.
    perceptual, perceptual_weight
        Loss beside L1: differences of a Laplacian pyramid, or LPIPS (needs its weights).
    gan_epochs, gan_lr
        Epochs of the decoder's fine-tuning against a PatchGAN (tokens stay as they are) and their learning rate, with a
        cosine to 0; no epochs leave it out.
    gan_weight, gan_energy, gan_phase
        Weights of its loss, and beside it of the strength of detail and of what repeats in every cell of the token grid
        (`genviz.nn.texture_losses`).
    lr, final_lr_fraction, weight_decay, grad_clip, batch_size, max_epochs, tiles_per_epoch
        AdamW with a cosine.

    Raises
    ------
    UsageError
        For an unknown choice or a number outside its range.
    """

    choices: ClassVar[Choices] = {
        "streams": ("dual", "single"),
        "fusion": ("concat", "scaled_concat", "film"),
        "codebook": ("gradient", "gradient_l2", "ema", "ema_revive"),
        "norm": ("group", "none"),
        "perceptual": ("none", "laplacian", "lpips"),
    }

    streams: str = "dual"
    size_px: int = 128
    stem: int = 4
    width: int = 64
    multipliers: tuple[int, ...] = (1, 2)
    n_blocks: int = 2
    attention: bool = False
    structure_width: float = 1.0
    norm: str = "group"
    structure_codes: int = 256
    appearance_codes: int = 256
    code_dim: int = 16
    codebook: str = "ema_revive"
    ema_decay: float = 0.97
    revive_below: float = 0.1
    commitment: float = 0.25
    patch_basis: bool = True
    fusion: str = "scaled_concat"
    appearance_permute: float = 0.5
    permute_from: float = 0.1
    permute_weight: float = 0.35
    structure_drop: float = 0.0
    jitter: float = 0.1
    perceptual: str = "laplacian"
    perceptual_weight: float = 1.0
    gan_epochs: int = 0
    gan_lr: float = 2e-4
    gan_weight: float = 0.0
    gan_energy: float = 0.0
    gan_phase: float = 0.0
    lr: float = 1e-3
    final_lr_fraction: float = 0.02
    weight_decay: float = 0.01
    grad_clip: float = 1.0
    batch_size: int = 16
    max_epochs: int = 22
    tiles_per_epoch: int = 1024

    def __post_init__(self) -> None:
        self.check_choices()
        self.check_positive(
            "size_px", "stem", "width", "n_blocks", "structure_width", "structure_codes", "appearance_codes",
            "code_dim", "lr", "grad_clip", "batch_size", "max_epochs", "tiles_per_epoch",
        )  # fmt: skip
        self.check_fractions(
            "ema_decay", "permute_from", "structure_drop", "jitter", "final_lr_fraction", "weight_decay"
        )
        self.check_from_zero(
            "perceptual_weight", "gan_epochs", "gan_weight", "gan_energy", "gan_phase", "revive_below", "commitment",
        )  # fmt: skip
        self.check_shares("appearance_permute")
        object.__setattr__(self, "multipliers", tuple(self.multipliers))
        if not self.multipliers or any(m < 1 for m in self.multipliers):
            raise UsageError(f"Expected multipliers from 1, one a level; got {self.multipliers}.")
        if round(self.structure_width * self.width) < 1:
            raise UsageError(
                f"Expected structure_width to leave a channel of {self.width}; got {self.structure_width}."
            )
        if self.gan_epochs and self.size_px < _LEAST_JUDGED:
            raise UsageError(
                f"Expected size_px of at least {_LEAST_JUDGED} with gan_epochs: the discriminator looks at patches "
                f"at two scales; got {self.size_px}."
            )
        if self.size_px % self.downsampling:
            raise UsageError(
                f"Expected size_px to be a multiple of {self.downsampling} (stem times 2 per level after the "
                f"first); got {self.size_px}."
            )

    @property
    def downsampling(self) -> int:
        """Pixels a side of one token."""
        return int(self.stem * 2 ** (len(self.multipliers) - 1))

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of tokens of a training tile."""
        side = self.size_px // self.downsampling
        return side, side
