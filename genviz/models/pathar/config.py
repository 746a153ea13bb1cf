"""What PathAR is made of: a configuration of the tokenizer, and one of the prior over its tokens.

Everything the two networks need is here, so that `config.json` in a checkpoint rebuilds them exactly. Named presets
live in `genviz.models.pathar.presets`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genviz._errors import UsageError
from genviz.models.pathar.prior.config import PriorConfig
from genviz.models.pathar.tokenizer.config import TokenizerConfig


@dataclass(frozen=True)
class PathARConfig:
    """Both parts of PathAR.

    Attributes
    ----------
    tokenizer, prior
        Their configurations.

    Raises
    ------
    UsageError
        When the prior orders tokens that the tokenizer does not make, or decodes without structure what was never
        decoded so in training.
    """

    tokenizer: TokenizerConfig
    prior: PriorConfig

    def __post_init__(self) -> None:
        if self.tokenizer.streams == "single" and self.prior.order != "a_only":
            raise UsageError(
                f"Expected order='a_only' with streams='single': there is no structure; got {self.prior.order!r}."
            )
        if (
            self.tokenizer.streams == "dual"
            and self.prior.order == "a_only"
            and not self.tokenizer.structure_drop
        ):
            raise UsageError(
                "Expected structure_drop above 0 with order='a_only': the image decoder has to learn to do without "
                "structure; got 0. Pass tokenizer={'structure_drop': 0.1}, or streams='single'."
            )

    def to_dict(self) -> dict[str, Any]:
        """Give a JSON-able dict."""
        return {"tokenizer": self.tokenizer.to_dict(), "prior": self.prior.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PathARConfig:
        """Rebuild from `to_dict`."""
        return cls(TokenizerConfig.from_dict(values["tokenizer"]), PriorConfig.from_dict(values["prior"]))
