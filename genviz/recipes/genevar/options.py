"""Options of GeneVAR's recipes: those of a size with a row's laid over them, checked: no typo is passed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from genviz.models.genevar.ablations import ABLATIONS, ablation, complete
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.presets import changed, preset
from genviz.recipes.checks import FromZero, check_names, check_numbers, ranges_of
from genviz.recipes.experiment import Setting
from genviz.recipes.genevar.ablations import configurations
from genviz.recipes.recipe import Row

PREFIX = "abl/"
_PARTS = ("model", "budget")
_O = TypeVar("_O", bound="ModelOptions")


@dataclass(frozen=True)
class ModelOptions:
    """Which model a row is about.

    Attributes
    ----------
    preset, model
        Of condition and tokenizer, which all rows share; `model` is laid over the preset, part by part.
    budget
        Laid over the preset for flow and prior, part by part.
    ablation
        What the row changes, a name of `genviz.models.genevar.ablations.ABLATIONS` without ``abl/``; empty: no model.
    unpaired
        Tiles without a profile that the tokenizer is trained on beside, from each training slide.
    n_rows
        Training rows, for what a run costs.
    n_held
        Held-out rows that are scored, at most, evenly spaced; 0: all. Also counted for the cost, where it is not 0.
    """

    preset: str = "mini"
    model: Mapping[str, Any] = field(default_factory=dict)
    budget: Mapping[str, Any] = field(default_factory=dict)
    ablation: str = ""
    unpaired: FromZero = 0
    n_rows: FromZero = 0
    n_held: FromZero = 0

    def base(self) -> GeneVARConfig:
        """Configuration that rows change."""
        return changed(complete(preset(self.preset, self.model)), self.budget)

    def config(self) -> GeneVARConfig:
        """Configuration of the row."""
        if not self.ablation:
            return self.base()
        name = PREFIX + self.ablation
        if name not in ABLATIONS:
            return ablation(name, self.base())  # says which there are
        return configurations(self.base(), [name])[name]


def options_of(kind: type[_O], setting: Setting, row: Row) -> _O:
    """Read the options of one row.

    Parameters
    ----------
    kind
        `ModelOptions` or what an experiment makes of it.
    setting, row
        A row's entries win over the size's; `model` and `budget` option by option.

    Raises
    ------
    UsageError
        For an option that `kind` does not have, a number that it cannot have, or an ablation that there is not.
    """
    size, own = dict(setting.options), dict(row.options or {})
    check_names(size.keys() | own.keys(), [one.name for one in fields(kind)], f"the row {row.name}")
    told: dict[str, Any] = size | own
    for name in _PARTS:
        told[name] = _laid(size.get(name, {}), own.get(name, {}))
    check_numbers(told, ranges_of(kind), f"the row {row.name} and the size {setting.size.name}")
    for name, value in told.items():
        told[name] = tuple(value) if isinstance(value, list) else value
    found = kind(**told)
    found.config()
    return found


def _laid(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Parts of both, the second winning option by option."""
    return {
        part: {**under.get(part, {}), **over.get(part, {})}
        if part != "refine"
        else over.get(part, under[part])
        for part in {**under, **over}
    }
