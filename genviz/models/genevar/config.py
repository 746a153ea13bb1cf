"""The whole of GeneVAR as one frozen dataclass, its parts checked against one another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from genviz._errors import UsageError
from genviz.models.genevar.condition.config import ConditionConfig
from genviz.models.genevar.flow.config import CounterfactualConfig, FlowConfig
from genviz.models.genevar.flow.mask_config import MaskConfig
from genviz.models.genevar.prior.config import PriorConfig
from genviz.models.genevar.tokenizer.config import TokenizerConfig
from genviz.models.genevar.view_config import ViewConfig

PARTS = {
    "condition": ConditionConfig,
    "tokenizer": TokenizerConfig,
    "flow": FlowConfig,
    "counterfactuals": CounterfactualConfig,
    "mask": MaskConfig,
    "prior": PriorConfig,
    "views": ViewConfig,
}
"""Parts of a `GeneVARConfig` and their classes."""


@dataclass(frozen=True)
class GeneVARConfig:
    """All parts of GeneVAR.

    Attributes
    ----------
    condition, tokenizer, flow, counterfactuals, mask, prior, views
        Their configurations.
    refine
        Whether there is a flow at all. Without, `flow` and `counterfactuals` are not looked at. A plain next-scale
        prior (``mask.strategy`` "none" and ``prior.n_inject`` 0) may stand beside a flow, which then is for
        trajectories only.

    Raises
    ------
    UsageError
        When two parts do not go together.
    """

    condition: ConditionConfig = field(default_factory=ConditionConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    counterfactuals: CounterfactualConfig = field(default_factory=CounterfactualConfig)
    mask: MaskConfig = field(default_factory=MaskConfig)
    prior: PriorConfig = field(default_factory=PriorConfig)
    views: ViewConfig = field(default_factory=ViewConfig)
    refine: bool = True

    def __post_init__(self) -> None:
        n_scales = len(self.tokenizer.scales)
        if self.prior.n_inject >= n_scales:
            raise UsageError(
                f"Expected n_inject below the number of scales ({n_scales}), the first of which has no map; got "
                f"{self.prior.n_inject}."
            )
        if self.refine:
            self._check_refined(n_scales)
        elif self.prior.n_inject or self.mask.strategy != "none":
            raise UsageError(
                "Expected prior.n_inject=0 and mask.strategy='none' with refine=False: without a flow nothing is "
                f"masked; got {self.prior.n_inject} and {self.mask.strategy!r}."
            )

    def _check_refined(self, n_scales: int) -> None:
        shown_as_they_are = self.mask.strategy == "none" and self.prior.masked_input == "rk"
        if shown_as_they_are != (self.prior.n_inject == 0):
            raise UsageError(
                "Expected prior.n_inject=0 exactly where mask.strategy='none' and prior.masked_input='rk', which make "
                f"the prior a plain one; got {self.prior.n_inject}, {self.mask.strategy!r} and "
                f"{self.prior.masked_input!r}."
            )
        if any(k > n_scales for k in self.flow.train_scales):
            raise UsageError(
                f"Expected flow.train_scales up to {n_scales}, the number of scales; got {self.flow.train_scales}."
            )
        if self.condition.kind == "linear" and self.flow.use_z:
            raise UsageError(
                "Expected flow.use_z=False with condition.kind='linear': its projection is trained with the prior, "
                "after the flow."
            )
        self.mask.check_flow(self.flow)

    @property
    def injects(self) -> bool:
        """Whether the flow masks or refines what the prior sees."""
        return self.refine and self.prior.n_inject > 0

    def to_dict(self) -> dict[str, Any]:
        """Give a JSON-able dict."""
        return {name: getattr(self, name).to_dict() for name in PARTS} | {"refine": self.refine}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GeneVARConfig:
        """Rebuild from `to_dict`; absent parts take their defaults.

        Raises
        ------
        UsageError
            For a part that this version does not know.
        """
        unknown = sorted(set(values) - {*PARTS, "refine"})
        if unknown:
            raise UsageError(f"Expected only parts {', '.join(PARTS)} and refine; got {', '.join(unknown)}.")
        parts: dict[str, Any] = {
            name: part.from_dict(values[name])  # type: ignore[attr-defined]
            for name, part in PARTS.items()
            if name in values
        }
        return cls(**parts, refine=bool(values.get("refine", True)))
