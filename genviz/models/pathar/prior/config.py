"""Architecture and training recipe of the prior over tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from genviz._errors import UsageError
from genviz.models.config_base import Choices, Config


@dataclass(frozen=True)
class PriorConfig(Config):
    """Architecture and training recipe of the autoregressive transformer over both token streams.

    Parameters
    ----------
    order
        "interleaved" (structure and appearance cell by cell), "s_then_a", "a_then_s", "a_only".
    visibility
        "asymmetric": structure never sees appearance, exactly. "causal": plain causal, the symmetric ablation.
        "leaky_literal": the paper's mask read literally, which leaks; kept to show that the tests find it.
    appearance_sees
        "prefix": an appearance token is drawn given structure up to its own cell. "full": given all of it; sampled
        in two phases only.
    appearance_input
        Input of an appearance row: the previous appearance token, or its sum with the structure token of its cell.
    rope_query
        Cell whose position a query carries: the one it predicts ("target") or the one it holds ("input").
    width, n_layers, n_heads
        Transformer size; the MLP is 4 wide with GELU.
    dropout, label_dropout
        Dropout on embeddings, attention output and MLP; share of rows whose label is replaced by the null label.
    lr, final_lr_fraction, weight_decay, grad_clip, batch_size, max_epochs
        AdamW (0.9, 0.95) with a cosine.
    matrix_lr
        Learning rate of Muon for the matrices of the blocks; 0 leaves them to AdamW, as published.
    views_per_epoch, n_views
        Tiles an epoch; tokenised tiles (random crops, turned and flipped) that are drawn from.

    Raises
    ------
    UsageError
        For an unknown choice or a number outside its range.
    """

    choices: ClassVar[Choices] = {
        "order": ("interleaved", "s_then_a", "a_then_s", "a_only"),
        "visibility": ("asymmetric", "causal", "leaky_literal"),
        "rope_query": ("target", "input"),
        "appearance_input": ("previous", "previous_and_structure"),
        "appearance_sees": ("prefix", "full"),
    }

    order: str = "interleaved"
    visibility: str = "asymmetric"
    appearance_sees: str = "prefix"
    appearance_input: str = "previous"
    rope_query: str = "target"
    width: int = 192
    n_layers: int = 4
    n_heads: int = 3
    dropout: float = 0.0
    label_dropout: float = 0.1
    lr: float = 1.5e-3
    matrix_lr: float = 0.0
    final_lr_fraction: float = 0.02
    weight_decay: float = 0.05
    grad_clip: float = 1.0
    batch_size: int = 16
    max_epochs: int = 60
    views_per_epoch: int = 1024
    n_views: int = 16384

    def __post_init__(self) -> None:
        self.check_choices()
        self.check_positive(
            "width", "n_layers", "n_heads", "lr", "grad_clip", "batch_size", "max_epochs", "views_per_epoch",
            "n_views",
        )  # fmt: skip
        self.check_fractions("dropout", "label_dropout", "final_lr_fraction", "weight_decay", "matrix_lr")
        if self.width % self.n_heads or (self.width // self.n_heads) % 4:
            raise UsageError(
                "Expected heads of a multiple of 4 channels (two axes of rotated pairs); got width "
                f"{self.width} with {self.n_heads} heads."
            )
        if self.order != "interleaved" and self.visibility == "leaky_literal":
            raise UsageError("Expected order='interleaved' with visibility='leaky_literal'.")
        if self.appearance_sees == "full" and (self.order, self.visibility) != ("interleaved", "asymmetric"):
            raise UsageError(
                "Expected order='interleaved' and visibility='asymmetric' with appearance_sees='full'."
            )
        if self.appearance_input != "previous" and (self.order, self.visibility) != (
            "interleaved",
            "asymmetric",
        ):
            raise UsageError(
                "Expected order='interleaved' and visibility='asymmetric' with "
                f"appearance_input={self.appearance_input!r}; elsewhere it would show a row what it predicts."
            )
