"""Options of the next-scale transformer, checked; plain data that goes to JSON and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from genviz._errors import UsageError
from genviz.models.config_base import Choices, Config

MAX_INJECTED = 4


@dataclass(frozen=True)
class PriorConfig(Config):
    """Architecture and training recipe of the transformer that predicts a scale from all coarser ones.

    Parameters
    ----------
    depth, width, n_heads
        Transformer size; the MLP is 4 wide. As published: 16, 1024, 16.
    n_inject
        Scales, counted from the finest, whose input is masked (and refined); the first of them is
        ``K_m = K + 1 - n_inject``. 0 is the plain next-scale prior, which has no replacement vector.
    masked_input
        What unmasked cells of these scales hold: "rk" the running sum r_k, "fhat" its refinement by the flow, "both"
        the sum of linear maps of the two.
    condition_norm
        Layer norm of the conditioning vector before its linear map. It forgets the length of the vector, which
        matters where that has few entries or is edited.
    condition_dropout
        Share of training rows whose condition is replaced by the learned null vector.
    condition_noise
        Standard deviation of normal noise that is added to conditions in training.
    unpaired
        Share of tiles without a profile in a training batch; they go through the null vector. For whoever puts
        batches together: `ScalePrior.loss` is told which rows they are.
    label_smooth
        Label smoothing of the cross-entropy.
    dropout, drop_path
        Dropout on inputs and on both branches' outputs; stochastic depth of the last block, rising to it from 0.
    lr, final_lr_fraction, weight_decay, grad_clip, batch_size, max_epochs
        AdamW (0.9, 0.95).
    matrix_lr
        Learning rate of Muon for the attention's and the MLP's matrices; 0 leaves them to AdamW, as published.
    ema_decay
        Decay of the moving mean of weights, a step; 0 keeps none.

    Raises
    ------
    UsageError
        For an unknown choice or a number outside its range.
    """

    choices: ClassVar[Choices] = {"masked_input": ("rk", "fhat", "both")}

    depth: int = 4
    width: int = 160
    n_heads: int = 5
    n_inject: int = 2
    masked_input: str = "rk"
    condition_norm: bool = True
    condition_dropout: float = 0.1
    condition_noise: float = 0.0
    unpaired: float = 0.0
    label_smooth: float = 0.0
    dropout: float = 0.0
    drop_path: float = 0.0
    lr: float = 1e-3
    matrix_lr: float = 0.0
    final_lr_fraction: float = 0.01
    weight_decay: float = 0.05
    grad_clip: float = 1.0
    batch_size: int = 64
    max_epochs: int = 60
    ema_decay: float = 0.995

    def __post_init__(self) -> None:
        self.check_choices()
        self.check_positive("depth", "width", "n_heads", "lr", "grad_clip", "batch_size", "max_epochs")
        self.check_fractions(
            "condition_dropout", "unpaired", "label_smooth", "dropout", "drop_path", "final_lr_fraction",
            "weight_decay", "matrix_lr", "ema_decay",
        )  # fmt: skip
        self.check_from_zero("condition_noise")
        if self.width % self.n_heads:
            raise UsageError(
                f"Expected width to be a multiple of n_heads; got {self.width} and {self.n_heads}."
            )
        if not 0 <= self.n_inject <= MAX_INJECTED:
            raise UsageError(f"Expected n_inject from 0 to {MAX_INJECTED}; got {self.n_inject}.")
        if self.masked_input != "rk" and not self.n_inject:
            raise UsageError(f"Expected n_inject from 1 with masked_input={self.masked_input!r}; got 0.")
