"""What experiments on GeneVAR's whole models share: condition and tokenizer are made first, and what it all costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from genviz._errors import UsageError
from genviz.recipes.cost import Cost
from genviz.recipes.experiment import Setting
from genviz.recipes.genevar.base_models import base_fitted
from genviz.recipes.genevar.genevar_cost import model_cost
from genviz.recipes.genevar.options import ModelOptions, options_of
from genviz.recipes.genevar.profile_rows import rows_of
from genviz.recipes.recipe import Row

BASE = "condition and tokenizer"


class SharedBase:
    """Half of an experiment: its first round and its costs."""

    options: ClassVar[type[ModelOptions]] = ModelOptions
    prior: ClassVar[bool] = True

    def shared(self, setting: Setting, rows: Sequence[Row]) -> Sequence[str]:
        """Condition and tokenizer."""
        return [BASE] if rows else []

    def make_shared(self, setting: Setting, part: str, seed: int) -> None:
        """Train condition and tokenizer, from one seed for all."""
        if part != BASE:
            raise UsageError(f"Expected the shared part {BASE!r}; got {part!r}.")
        options = options_of(self.options, setting, setting.recipe.measured(setting.size)[0])
        config = options.config()
        training, _ = rows_of(setting.data, config.tokenizer.size_px + 2 * config.views.margin_px)
        base_fitted(setting, options, training)

    def cost(self, setting: Setting, row: Row) -> Cost:
        """Flow and prior of the row, its share of condition and tokenizer, and what it generates."""
        options = options_of(self.options, setting, row)
        sharing = len(setting.recipe.measured(setting.size)) * len(setting.size.seeds)
        if not options.ablation:
            return model_cost(options, n=0, sharing=sharing, flow_sharing=10**9, prior=False)
        return model_cost(options, n=self.n_generated(options), sharing=sharing, prior=self.prior)

    def n_generated(self, options: ModelOptions) -> int:
        """Tiles that a row generates, as far as it is known without data.

        Parameters
        ----------
        options
            Of the row.
        """
        return options.n_held
