"""What a GenAR network is made of, as one frozen dataclass.

Everything a network needs besides the gene tree and the number of features is here, so that
`config.json` in a checkpoint rebuilds it exactly. Named presets live in
`genviz.models.genar.presets`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from genviz._errors import UsageError
from genviz.models.config_base import Choices, Config


@dataclass(frozen=True)
class GenARConfig(Config):
    """Architecture, likelihood and training recipe of one GenAR network.

    Parameters
    ----------
    counts
        "tree": coherent coarse-to-fine counts (negative binomial over the panel total, Dirichlet-multinomial
        splits down the gene tree). "tokens": the paper's way, a count is a token, one softmax a group.
    trunk
        "mlp" or "transformer"; every pair with `counts` exists.
    autoregressive
        Tree only: splits see the standardised log counts of the coarser scales. Tokens always do.
    scales
        Numbers of groups, coarse to fine, a subset of the tree's; None takes all of the tree's.
    multi_scale
        False keeps the finest scale only (the paper's "w/o multi-scale"); a tree keeps its root.
    identity
        Tokens: modulate by gene identity (FiLM). False is the paper's "w/o identity".
    skip
        Transformer or tokens: a gene-specific path from the features to each group's logits.
    width, depth_width
        Model width; hidden width of the trunk for the panel total.
    n_layers, n_heads, mlp_ratio
        Transformer blocks, attention heads, hidden width of a block's MLP over `width`.
    dropout, drop_path
        Dropout on inputs and hidden units of MLPs; stochastic depth at the last transformer block.
    position, position_um
        Add Fourier features of the spot's position, with wavelengths from and to these, micrometres.
    neighbours, n_neighbours
        "concat": features already hold own values and the ring's mean. "attention": features hold own
        values and those of `n_neighbours` ring tiles, one block each, pooled by attention.
    n_own
        "attention": columns of the own tile; None until fitting has read how the features were made, and
        for blocks of equal width.
    parent_noise
        Standard deviation of the noise added in training to the log counts of coarser scales (tree).
    root_weight
        Weight of the panel total's likelihood in the training loss (tree).
    vocabulary
        Tokens: counts 0..vocabulary-1; None until `resolve` has seen the training maximum.
    head_room
        Tokens: the cap is the training maximum times this.
    temperature
        Tokens, group scales: standard deviation of the targets around the mean count, in counts; 0 puts
        them on the two whole numbers beside the mean, which keeps the mean exact.
    final_loss
        Tokens, gene scale: "gaussian" (targets smoothed around the count) or "cross_entropy".
    sigma_form, sigma_alpha, sigma_beta
        Width of those targets: "sd": sigma = alpha count + beta; "variance": sigma^2 = alpha count + beta.
    lr, dispersion_lr, final_lr_fraction, weight_decay, grad_clip
        AdamW with a cosine from `lr` to `lr * final_lr_fraction`; dispersions have their own rate and no
        decay.
    batch_size, max_epochs, n_members
        Training recipe: rows a step, epochs, and networks whose samples are pooled.

    Raises
    ------
    UsageError
        For an unknown choice or a number outside its range.
    """

    choices: ClassVar[Choices] = {
        "counts": ("tree", "tokens"),
        "trunk": ("mlp", "transformer"),
        "neighbours": ("concat", "attention"),
        "final_loss": ("gaussian", "cross_entropy"),
        "sigma_form": ("sd", "variance"),
    }

    counts: str = "tree"
    trunk: str = "mlp"
    autoregressive: bool = False
    scales: tuple[int, ...] | None = None
    multi_scale: bool = True
    identity: bool = True
    skip: bool = True
    width: int = 256
    depth_width: int = 128
    n_layers: int = 2
    n_heads: int = 4
    mlp_ratio: float = 3.0
    dropout: float = 0.5
    drop_path: float = 0.0
    position: bool = False
    position_um: tuple[float, float] = (400.0, 20_000.0)
    neighbours: str = "concat"
    n_neighbours: int = 8
    n_own: int | None = None
    parent_noise: float = 0.2
    root_weight: float = 5.0
    vocabulary: int | None = None
    head_room: float = 1.5
    temperature: float = 0.0
    final_loss: str = "gaussian"
    sigma_form: str = "sd"
    sigma_alpha: float = 0.01
    sigma_beta: float = 1.0
    lr: float = 1e-3
    dispersion_lr: float = 3e-2
    final_lr_fraction: float = 0.02
    weight_decay: float = 0.05
    grad_clip: float = 1.0
    batch_size: int = 64
    max_epochs: int = 40
    n_members: int = 3

    def __post_init__(self) -> None:
        self.check_choices()
        self.check_positive(
            "width", "depth_width", "n_layers", "n_heads", "mlp_ratio", "n_neighbours", "head_room", "root_weight",
            "lr", "dispersion_lr", "batch_size", "max_epochs", "n_members",
        )  # fmt: skip
        self.check_fractions("dropout", "drop_path", "final_lr_fraction")
        self.check_from_zero("temperature")
        if self.width % self.n_heads:
            raise UsageError(
                f"Expected width to be a multiple of n_heads; got {self.width} and {self.n_heads}."
            )
        if self.vocabulary is not None and self.vocabulary < 2:
            raise UsageError(f"Expected a vocabulary of at least 2 counts; got {self.vocabulary}.")
        low, high = self.position_um
        if not 0 < low < high:
            raise UsageError(
                f"Expected position_um as (shortest, longest) wavelength; got {self.position_um}."
            )
        object.__setattr__(self, "position_um", (float(low), float(high)))
        if self.scales is not None:
            object.__setattr__(self, "scales", tuple(int(scale) for scale in self.scales))

    def resolve(self, max_count: int, n_own: int | None = None) -> GenARConfig:
        """Fix what depends on the training rows: a token model's vocabulary, and where the ring begins.

        Parameters
        ----------
        max_count
            Largest count of a gene of the panel in the training rows.
        n_own
            Columns of the own tile, where the features say.

        Returns
        -------
        An equal configuration when nothing was open; else with ``vocabulary`` set to
        ``ceil(head_room * max_count) + 1``, and ``n_own``.
        """
        found: dict[str, Any] = {}
        if self.counts == "tokens" and self.vocabulary is None:
            found["vocabulary"] = max(2, math.ceil(self.head_room * max_count) + 1)
        if self.neighbours == "attention" and self.n_own is None:
            found["n_own"] = n_own
        return replace(self, **found)
