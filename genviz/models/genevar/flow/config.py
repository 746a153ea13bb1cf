"""Options of the causal MeanFlow network: the network, and the counterfactuals that it is pushed away from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from genviz._errors import UsageError
from genviz.models.config_base import Choices, Config
from genviz.nn.kernel_attention import KERNELS
from genviz.nn.meanflow import METRICS, SAMPLERS

VARIANTS = ("l", "a", "c", "s")
"""Counterfactuals: the previous scale ("extreme"), and tiles of changed colour, contrast and sharpness."""


@dataclass(frozen=True)
class FlowConfig(Config):
    """Architecture and training recipe of the network that predicts the latents f_k from r_k and RNA.

    Parameters
    ----------
    predictor
        "meanflow": average velocities, one step (`steps` more). "flow": velocities at one time (needs ``p_neq=0``),
        `steps` steps of Euler's method. "regress": no noise, one deterministic prediction.
    steps
        Steps from noise to a prediction.
    use_z, rk_mod, cross_attn
        Whether RNA modulates the blocks; whether r_k modulates them position by position; whether positions attend to
        r_k. One of the last two is needed.
    mod_upsample
        How r_k comes to the latent grid for the modulation: "bicubic" or "nearest".
    eq8
        "residual": the block adds to its input. "literal": Eq. 8 as printed, without that sum, its gates begin at 1.
    time_cond
        What is told of the two times: "t_and_gap" (t and t - r) or "t_and_r".
    level_embed
        Whether the network is told the scale.
    width, n_layers, n_heads, time_features
        Transformer size; sinusoids of a time. The paper's size is 768, 6, 12.
    attn_impl
        Kernel of attention where a forward derivative is taken: "math" or "manual" ("sdpa" has none). Elsewhere the
        fastest is used.
    metric, adaptive_p, adaptive_c
        "mse": mean squared error (Eq. 11). "adaptive": squared norm over ``(squared norm + c)^p``, c and p of these.
    t_sampler, t_mu, t_sigma
        How two times are drawn: "logit_normal" of this mean and deviation, or "uniform".
    p_neq
        Share of rows with r < t, which alone need a derivative.
    train_scales
        Scales (from 1) that batches are drawn from; empty: from the first masked one to the last.
    z_dropout
        Share of rows whose RNA is replaced by a learned null vector.
    lr, final_lr_fraction, weight_decay, grad_clip, ema_decay, batch_size, max_epochs
        AdamW (0.9, 0.95) with a cosine; decay of the moving average of the weights that is used afterwards.

    Raises
    ------
    UsageError
        For an unknown choice or a number outside its range.
    """

    choices: ClassVar[Choices] = {
        "predictor": ("meanflow", "flow", "regress"),
        "mod_upsample": ("bicubic", "nearest"),
        "eq8": ("residual", "literal"),
        "time_cond": ("t_and_gap", "t_and_r"),
        "attn_impl": KERNELS,
        "metric": METRICS,
        "t_sampler": SAMPLERS,
    }

    predictor: str = "meanflow"
    steps: int = 1
    use_z: bool = True
    rk_mod: bool = True
    cross_attn: bool = True
    mod_upsample: str = "bicubic"
    eq8: str = "residual"
    time_cond: str = "t_and_gap"
    level_embed: bool = True
    width: int = 128
    n_layers: int = 3
    n_heads: int = 4
    time_features: int = 64
    attn_impl: str = "math"
    metric: str = "mse"
    adaptive_p: float = 1.0
    adaptive_c: float = 1e-3
    t_sampler: str = "logit_normal"
    t_mu: float = -0.4
    t_sigma: float = 1.0
    p_neq: float = 0.25
    train_scales: tuple[int, ...] = ()
    z_dropout: float = 0.1
    lr: float = 1e-4
    final_lr_fraction: float = 0.1
    weight_decay: float = 0.0
    grad_clip: float = 1.0
    ema_decay: float = 0.9999
    batch_size: int = 32
    max_epochs: int = 20

    def __post_init__(self) -> None:
        self.check_choices()
        self.check_positive(
            "steps", "width", "n_layers", "n_heads", "time_features", "adaptive_p", "adaptive_c", "t_sigma", "lr",
            "grad_clip", "batch_size", "max_epochs",
        )  # fmt: skip
        self.check_fractions("z_dropout", "final_lr_fraction", "weight_decay", "ema_decay")
        self.check_shares("p_neq")
        if self.width % self.n_heads or self.time_features % 2:
            raise UsageError(
                "Expected width to be a multiple of n_heads and time_features to be even; got width "
                f"{self.width}, n_heads {self.n_heads}, time_features {self.time_features}."
            )
        if not (self.rk_mod or self.cross_attn):
            raise UsageError("Expected rk_mod or cross_attn; without both the network never sees r_k.")
        if self.predictor == "flow" and self.p_neq:
            raise UsageError(f"Expected p_neq=0 with predictor='flow'; got {self.p_neq}.")
        if self.predictor == "regress" and self.steps != 1:
            raise UsageError(f"Expected steps=1 with predictor='regress'; got {self.steps}.")
        if self.attn_impl == "sdpa" and self.predictor == "meanflow" and self.p_neq:
            raise UsageError("Expected attn_impl='math' or 'manual': 'sdpa' has no forward derivative.")
        if any(k < 2 for k in self.train_scales):
            raise UsageError(f"Expected train_scales from 2: scale 1 has no r_k; got {self.train_scales}.")


@dataclass(frozen=True)
class CounterfactualConfig(Config):
    """What the predicted velocity is pushed away from, how strongly, and how degraded tiles are made.

    Parameters
    ----------
    enabled
        False trains without counterfactuals.
    variants
        Out of `VARIANTS`.
    extreme
        What "l" is: the running sum of the scale before, of the same tile ("prev_scale") or of another slide's
        ("other_wsi"), r_k brought to the latent grid ("up_rk"), or nothing ("none").
    source
        Whose degraded tiles: of another slide ("other_wsi") or of the tile itself ("same_tile").
    alpha
        Weight of the push. From 1 on the loss has no minimum, so it needs a guard.
    guard, guard_cap
        "clamp": push only up to a squared distance of `guard_cap` times the mean squared norm of the targets.
    eps
        Noise of the counterfactuals: that of the tile ("shared") or their own ("independent", the printed algorithm,
        which leaves noise in one-step predictions).
    debias
        "scale": multiply velocities by ``1 - alpha`` in sampling; for independent noise only.
    norm
        Length of the push: that of the target over the whole tile ("sample") or at each position ("position").
    lambda_range
        Range of the factor of that length, drawn for each tile and variant.
    color
        Colour change: "hsv" (hue, saturation, offsets of channels) or "hed" (amounts of haematoxylin and eosin).
    hue, saturation, offset, noise
        Largest shift of hue, turns; range of the factor of saturation; largest offset of a channel; standard deviation
        of the noise of pixels in [0, 1], of all variants but "s".
    stain
        Largest relative change of the amount of a stain.
    contrast_low, contrast_high
        Ranges of the factor of contrast, taken with equal probability in each channel; no factor is near 1, which
        would push away from the truth.
    sharpen, sharpen_scale, blur_px
        Range of the strength of sharpening, a factor of it, range of the deviation of the blur.
    n_draws
        Degraded versions kept of each tile and variant.

    Raises
    ------
    UsageError
        For an unknown choice, a number outside its range, or ``alpha >= 1`` without a guard.
    """

    choices: ClassVar[Choices] = {
        "extreme": ("prev_scale", "up_rk", "other_wsi", "none"),
        "source": ("other_wsi", "same_tile"),
        "guard": ("none", "clamp"),
        "eps": ("shared", "independent"),
        "debias": ("none", "scale"),
        "norm": ("sample", "position"),
        "color": ("hsv", "hed"),
    }

    enabled: bool = True
    variants: tuple[str, ...] = VARIANTS
    extreme: str = "prev_scale"
    source: str = "other_wsi"
    alpha: float = 0.1
    guard: str = "none"
    guard_cap: float = 2.0
    eps: str = "shared"
    debias: str = "none"
    norm: str = "sample"
    lambda_range: tuple[float, float] = (0.8, 1.2)
    color: str = "hsv"
    hue: float = 0.1
    saturation: tuple[float, float] = (0.5, 1.5)
    offset: float = 0.1
    noise: float = 0.01
    stain: float = 0.2
    contrast_low: tuple[float, float] = (0.5, 0.8)
    contrast_high: tuple[float, float] = (1.2, 1.6)
    sharpen: tuple[float, float] = (1.0, 3.0)
    sharpen_scale: float = 1.0
    blur_px: tuple[float, float] = (1.0, 2.0)
    n_draws: int = 4

    def __post_init__(self) -> None:
        self.check_choices()
        self.check_positive("guard_cap", "n_draws")
        unknown = sorted(set(self.variants) - set(VARIANTS))
        if unknown or len(set(self.variants)) < len(self.variants):
            raise UsageError(f"Expected variants out of {VARIANTS}, each once; got {self.variants}.")
        self.check_from_zero("alpha")
        if self.enabled and self.alpha >= 1 and self.guard == "none":
            raise UsageError(
                f"Expected alpha < 1 without a guard: from 1 on the loss has no minimum; got {self.alpha}. "
                "Set guard='clamp'."
            )
        if self.debias == "scale" and (self.eps != "independent" or self.alpha >= 1):
            raise UsageError("Expected eps='independent' and alpha < 1 with debias='scale'.")
        for name in (
            "lambda_range", "saturation", "contrast_low", "contrast_high", "sharpen", "blur_px"
        ):  # fmt: skip
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise UsageError(f"Expected {name} as two rising numbers above 0; got {low}, {high}.")

    @property
    def active(self) -> tuple[str, ...]:
        """Variants that are pushed away from, in the order of `VARIANTS`; none when nothing is pushed."""
        if not (self.enabled and self.alpha):
            return ()
        return tuple(v for v in VARIANTS if v in self.variants and not (v == "l" and self.extreme == "none"))

    @property
    def degraded(self) -> tuple[str, ...]:
        """Active variants that are made of images, and need tokens of their own."""
        return tuple(variant for variant in self.active if variant != "l")

    @property
    def velocity_scale(self) -> float:
        """Factor of velocities in sampling."""
        return 1 - self.alpha if self.active and self.debias == "scale" else 1.0
