"""What experiments on GeneVAR's models share: rows, condition and tokenizer that are made first, and costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from genviz._errors import UsageError
from genviz.models.genevar.checkpoint import load_fitted
from genviz.recipes.cost import Cost
from genviz.recipes.experiment import Setting
from genviz.recipes.genevar.base_models import base_fitted, whole_model
from genviz.recipes.genevar.generated_rows import Case
from genviz.recipes.genevar.genevar_cost import model_cost
from genviz.recipes.genevar.options import ModelOptions, options_of
from genviz.recipes.genevar.profile_rows import evenly, rows_of
from genviz.recipes.recipe import Row
from genviz.recipes.seen_by import gate, seen_by_genevar
from genviz.train.device import resolve_device

if TYPE_CHECKING:
    from anndata import AnnData

BASE = "condition and tokenizer"


class SharedBase:
    """Half of an experiment: rows and models, its first round, and its costs."""

    options: ClassVar[type[ModelOptions]] = ModelOptions
    prior: ClassVar[bool] = True

    def check(self, setting: Setting, row: Row) -> None:
        """Read the row's options, and have ready what they need."""
        self.ready(options_of(self.options, setting, row))

    def ready(self, options: ModelOptions) -> None:
        """Refuse what options ask for and is not here: a package, weights.

        Parameters
        ----------
        options
            Of a row.
        """

    def look(self, options: ModelOptions, training: AnnData, held: AnnData) -> None:
        """Refuse rows that could not be scored in the end, before anything is trained on them.

        Parameters
        ----------
        options
            Of a row.
        training, held
            Rows of either side.
        """

    def shared(self, setting: Setting, rows: Sequence[Row]) -> Sequence[str]:
        """Condition and tokenizer."""
        return [BASE] if rows else []

    def make_shared(self, setting: Setting, part: str, seed: int) -> None:
        """Train condition and tokenizer, from one seed for all."""
        if part != BASE:
            raise UsageError(f"Expected the shared part {BASE!r}; got {part!r}.")
        options = options_of(self.options, setting, setting.recipe.measured(setting.size)[0])
        training, _ = self.rows(setting, options)
        base_fitted(setting, options, training)

    def rows(self, setting: Setting, options: ModelOptions) -> tuple[AnnData, AnnData]:
        """Training rows, and the held-out ones that are scored.

        Parameters
        ----------
        setting, options
            Of the row.
        """
        config = options.config()
        training, held = rows_of(setting.data, config.tokenizer.size_px + 2 * config.views.margin_px)
        held = evenly(held, options.n_held)
        self.look(options, training, held)
        return training, held

    def case(self, setting: Setting, options: ModelOptions, seed: int) -> Case:
        """Read the rows, train what is not there yet, and refuse held-out rows that were seen.

        Parameters
        ----------
        setting, options
            Of the row.
        seed
            Of flow and prior.

        Raises
        ------
        UsageError
            For held-out rows that leak.
        """
        training, held = self.rows(setting, options)
        if options.ablation:
            fitted = load_fitted(whole_model(setting, options, training, seed, prior=self.prior))
        else:
            fitted = base_fitted(setting, options, training)
        gate(held, seen_by_genevar(fitted, held))
        return Case(training, held, fitted.to(resolve_device(setting.device)))

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
