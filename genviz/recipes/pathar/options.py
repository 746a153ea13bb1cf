"""Options of PathAR's recipes: a row's laid over those of the size, checked, so that no typo is passed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, TypeVar

from genviz._errors import UsageError
from genviz.models.pathar.config import PathARConfig
from genviz.models.pathar.presets import preset
from genviz.models.pathar.prior.rule import SampleRule, sample_rule
from genviz.nn.token_picking import StreamRule
from genviz.recipes.checks import NOT_NEGATIVE, FromOne, check_names, check_numbers, ranges_of
from genviz.recipes.experiment import Setting
from genviz.recipes.recipe import Row

_JOINED = ("tokenizer", "prior")
_LISTS = {"labels", "other_rules"}
_O = TypeVar("_O", bound="ModelOptions")


@dataclass(frozen=True)
class ModelOptions:
    """Which model a row is about.

    Attributes
    ----------
    preset, tokenizer, prior
        As in `PathAR`; a row's tokenizer and prior are laid over the size's, entry by entry.
    label_weights
        As in `PathAR.train`; none: its default.
    model
        Folder or name of a trained model in place of a training; ``{seed}`` in it is the seed.
    per_label
        One model a label instead of one for all. Each has its share of the epoch's tiles, so that as many steps are
        made in all.
    labels
        Scored labels; none: all of the data.
    n_labels
        Labels of the data, for what a run costs.
    n
        Generated pairs a label.
    rule
        As in `PathAR.generate`, or a table of `StreamRule` for both streams; none: the model's own.
    """

    preset: str = "mini"
    tokenizer: Mapping[str, Any] = field(default_factory=dict)
    prior: Mapping[str, Any] = field(default_factory=dict)
    label_weights: Annotated[Mapping[str, float], NOT_NEGATIVE] = field(default_factory=dict)
    model: str = ""
    per_label: bool = False
    labels: tuple[str, ...] = ()
    n_labels: FromOne = 3
    n: FromOne = 200
    rule: str | Mapping[str, Any] | None = None

    def config(self) -> PathARConfig:
        """Configuration of the row's model, of one label's where there is one a label."""
        joint = preset(self.preset, tokenizer=self.tokenizer, prior=self.prior)
        if not self.per_label:
            return joint
        tokenizer = {"tiles_per_epoch": _share(joint.tokenizer.tiles_per_epoch, self.n_labels)}
        prior = {
            "views_per_epoch": _share(joint.prior.views_per_epoch, self.n_labels),
            "n_views": _share(joint.prior.n_views, self.n_labels),
        }
        return preset(self.preset, tokenizer={**self.tokenizer, **tokenizer}, prior={**self.prior, **prior})

    def sample_rule(self) -> str | SampleRule | None:
        """The rule for `PathAR.generate`."""
        if self.rule is None or isinstance(self.rule, str):
            return self.rule
        try:
            one = StreamRule(**self.rule)
        except TypeError as err:
            raise UsageError(f"Expected a rule of {_names(StreamRule)}; got {', '.join(self.rule)}.") from err
        return SampleRule(one, one)


def options_of(kind: type[_O], setting: Setting, row: Row) -> _O:
    """Read the options of one row.

    Parameters
    ----------
    kind
        `ModelOptions` or what an experiment makes of it.
    setting, row
        A row's entries win over the size's.

    Raises
    ------
    UsageError
        For an option that `kind` does not have, or a number that it cannot have.
    """
    size, own = dict(setting.options), dict(row.options or {})
    check_names(size.keys() | own.keys(), [one.name for one in fields(kind)], f"the row {row.name}")
    told = size | own
    for name in _JOINED:
        told[name] = {**size.get(name, {}), **own.get(name, {})}
    check_numbers(told, ranges_of(kind), f"the row {row.name} and the size {setting.size.name}")
    for name in _LISTS & told.keys():
        told[name] = tuple(told[name])
    found = kind(**told)
    found.config()  # these say what is wrong
    if isinstance(rule := found.sample_rule(), str):
        sample_rule(rule)
    return found


def _share(n: int, parts: int) -> int:
    return -(-n // parts)


def _names(kind: type) -> str:
    return ", ".join(one.name for one in fields(kind))
