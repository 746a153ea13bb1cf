"""Options of the RNA-guided mask of the prior's inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from genviz._errors import UsageError
from genviz.models.config_base import Choices, Config
from genviz.models.genevar.flow.config import FlowConfig

_LEAST_UNMASKED = 0.1


@dataclass(frozen=True)
class MaskConfig(Config):
    """Which positions of the prior's inputs are kept.

    Parameters
    ----------
    strategy
        "gradient": by how strongly the flow's error depends on r_k there. "edist": by that error itself. "random": by
        chance at the same rate. "none": all.
    train_target, infer_target
        What the flow's prediction is compared with: a second prediction from other noise ("self"), the running sum
        before ("prev"), the latents that are to be predicted ("oracle", the published reading, in training only: it
        shows the mask the target), or nothing, and all positions are kept ("ones").
    norm
        How scores are made comparable with the threshold, within a tile: "zscore_log", "zscore", "mean" (over their
        mean), "quantile" (the highest are kept), "none" (as they are, the published reading).
    gamma_mean
        Mean of the threshold, which is drawn at each position with a deviation of 1.
    p_unmasked
        Share of training tiles of which everything is kept.
    keep_rate
        Share of positions kept with ``norm="quantile"`` or ``strategy="random"``; 0 with the latter: that expected of
        normal scores, see `expected_keep`.
    energy
        Squared error behind the scores: its "mean" or its "sum"; matters with ``norm="none"`` only.
    grad_through
        Of a prediction in several steps, the step that scores are differentiated through: the "last", or all ("full").

    Raises
    ------
    UsageError
        For an unknown choice, a number outside its range, or targets that do not go together.
    """

    choices: ClassVar[Choices] = {
        "strategy": ("gradient", "edist", "random", "none"),
        "train_target": ("self", "prev", "oracle", "ones"),
        "infer_target": ("self", "prev", "ones"),
        "norm": ("zscore_log", "zscore", "mean", "quantile", "none"),
        "energy": ("mean", "sum"),
        "grad_through": ("last", "full"),
    }

    strategy: str = "gradient"
    train_target: str = "self"
    infer_target: str = "self"
    norm: str = "zscore_log"
    gamma_mean: float = 0.0
    p_unmasked: float = 0.1
    keep_rate: float = 0.0
    energy: str = "mean"
    grad_through: str = "last"

    def __post_init__(self) -> None:
        self.check_choices()
        self.check_shares("p_unmasked", "keep_rate")
        if self.norm == "quantile" and self.scored and not self.keep_rate:
            raise UsageError("Expected keep_rate > 0 with norm='quantile'; got 0.")
        masked = self.strategy != "none" and self.train_target != "ones"
        if masked and self.infer_target == "ones" and self.p_unmasked < _LEAST_UNMASKED:
            raise UsageError(
                f"Expected p_unmasked of at least {_LEAST_UNMASKED} with infer_target='ones': otherwise the prior "
                f"never meets an input that is kept whole; got {self.p_unmasked}."
            )

    @property
    def scored(self) -> bool:
        """Whether masks depend on the flow."""
        return self.strategy in ("gradient", "edist")

    def target(self, phase: str) -> str:
        """Target in a phase.

        Parameters
        ----------
        phase
            "train" or "infer".
        """
        return self.train_target if phase == "train" else self.infer_target

    def check_flow(self, flow: FlowConfig) -> None:
        """Insist on a flow that can score as asked.

        Parameters
        ----------
        flow
            Options of the flow.

        Raises
        ------
        UsageError
            For ``predictor="regress"`` with a second prediction as the target: without noise the two are equal.
        """
        if self.scored and flow.predictor == "regress" and "self" in (self.train_target, self.infer_target):
            raise UsageError(
                "Expected train_target and infer_target other than 'self' with predictor='regress': two predictions "
                "without noise are equal. Set 'prev'."
            )
