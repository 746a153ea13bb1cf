"""PathAR's generated images against real ones, as an experiment of recipes: one model a row and seed.

Options beside those of `ModelOptions`: see `GenerationOptions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from genviz import pp
from genviz._errors import UsageError
from genviz._keys import Obs
from genviz.metrics import Score
from genviz.metrics.image_set import ImageSet
from genviz.metrics.tiles.distances import fidelity
from genviz.models import PathAR
from genviz.models.pathar.prior.rule import sample_rule
from genviz.recipes.checks import check_extractor
from genviz.recipes.cost import Cost
from genviz.recipes.experiment import Setting, Table
from genviz.recipes.pathar.evaluation import codebooks, held_out, likelihood
from genviz.recipes.pathar.generated import MEAN, distances, diversities, empties, gaps, named, styles
from genviz.recipes.pathar.image_rows import both_sides, images_of
from genviz.recipes.pathar.options import ModelOptions, options_of
from genviz.recipes.pathar.pathar_cost import model_cost
from genviz.recipes.pathar.trained import Models, refuse_seen, size_of
from genviz.recipes.recipe import Row

if TYPE_CHECKING:
    from anndata import AnnData

_MEANS = f"_{MEAN}"
_WHAT = ("fd", "kid", "precision", "recall")
_LEAST = 5  # tiles of a label, for a distance


@dataclass(frozen=True)
class GenerationOptions(ModelOptions):
    """What is scored.

    Attributes
    ----------
    distances
        Score → ``<extractor>:<what>``, see `generated.distances`.
    masks
        Whether statistics may measure nuclei by the masks; rows without masks can only be compared without.
    style, usage, likelihood
        Whether these are scored.
    diversity
        ``lpips`` or an extractor; empty leaves it out.
    gap
        Extractor of `generated.gaps`; empty leaves it out.
    other_rules
        Names of further rules of sampling: their images are scored too, ``<score>_mean_<rule>``.
    """

    distances: Mapping[str, str] = field(default_factory=dict)
    masks: bool = True
    style: bool = False
    diversity: str = ""
    usage: bool = False
    likelihood: bool = False
    gap: str = ""
    other_rules: tuple[str, ...] = ()

    @property
    def least(self) -> int:
        """Real crops that a label needs."""
        return _LEAST if self.distances else 1


class Generation:
    """Train (or load) a row's model, generate, and score against held-out tiles."""

    def check(self, setting: Setting, row: Row) -> None:
        """Read the row's options, and have networks that score ready."""
        options = options_of(GenerationOptions, setting, row)
        for rule in options.other_rules:
            sample_rule(rule)
        asked = [one.partition(":") for one in options.distances.values()]
        if odd := sorted({what for _, _, what in asked} - set(_WHAT)):
            raise UsageError(
                f"Expected distances like 'statistics:fd', of {', '.join(_WHAT)}, in the row {row.name}; got "
                f"{', '.join(map(repr, odd))}."
            )
        for extractor in dict.fromkeys([*(one for one, _, _ in asked), options.gap, options.diversity]):
            if extractor == "lpips":
                fidelity("sample_similarity_lpips")
            elif extractor:
                check_extractor(extractor)

    def shared(self, setting: Setting, rows: Sequence[Row]) -> Sequence[str]:
        """The first row of each training that several stand on; none where no rows share one."""
        firsts: dict[str, str] = {}
        for row in rows:
            options = options_of(GenerationOptions, setting, row)
            if not options.model:
                firsts.setdefault(_trains(options), row.name)
        return list(firsts.values()) if len(firsts) < len(rows) else []

    def make_shared(self, setting: Setting, part: str, seed: int) -> None:
        """Train the tokenizers of the row `part`; the whole model where no row has a prior of its own."""
        row = next(row for row in setting.recipe.rows if row.name == part)
        options = options_of(GenerationOptions, setting, row)
        size_px = size_of(options, seed)
        train, val = images_of(setting.data, size_px)
        both_sides(train, val, size_px, options.labels, least=options.least)
        models = Models(setting.models, options, train, seed, setting.device)
        if any((other.options or {}).keys() & {"prior", "tokenizer"} for other in setting.recipe.rows):
            models.tokenizers()
        else:
            models.trained()

    def measure(self, setting: Setting, row: Row, seed: int) -> Table:
        """Train what is not there yet, and score it."""
        options = options_of(GenerationOptions, setting, row)
        size_px = size_of(options, seed)
        train, val = images_of(setting.data, size_px)
        real, held = both_sides(train, val, size_px, options.labels, least=options.least)
        models = Models(setting.models, options, train, seed, setting.device)
        refuse_seen(models.trained().values(), train, val)
        scores: dict[str, Score] = {}
        for rule in options.other_rules:
            other = Models(setting.models, replace(options, rule=rule), train, seed, setting.device)
            found = _scores_of(
                options, other.generate(options.n, options.labels), held, real, seed, setting.device
            )
            scores |= {
                f"{name}_{rule}": found[name]
                for name in found
                if name.endswith(_MEANS) and "floor" not in name
            }
        made = models.generate(options.n, options.labels)
        scores |= _scores_of(options, made, held, real, seed, setting.device)
        if options.usage or options.likelihood:
            scores |= _token_scores(options, models.trained(), val, seed)
        return {row.name: scores}

    def cost(self, setting: Setting, row: Row) -> Cost:
        """Both networks' training, and generation; features of tiles are not counted."""
        options = options_of(GenerationOptions, setting, row)
        others = [
            options_of(GenerationOptions, setting, other) for other in setting.recipe.measured(setting.size)
        ]
        shared = sum(_trains(other) == _trains(options) for other in others)
        same = sum(
            (_trains(o), o.config().prior) == (_trains(options), options.config().prior) for o in others
        )
        n = options.n * (1 + len(options.other_rules)) * (len(options.labels) or options.n_labels)
        return model_cost(options, n=n, shared=shared, shared_prior=same)


def _trains(options: ModelOptions) -> str:
    """What a row's first training is, as text: rows with the same one share it."""
    return f"{options.model} {options.config().tokenizer} {options.per_label} {options.label_weights}"


def _scores_of(
    options: GenerationOptions, made: ImageSet, held: ImageSet, real: ImageSet, seed: int, device: str
) -> dict[str, Score]:
    """Everything that is asked of images drawn by one rule."""
    scores = empties(made, seed=seed)
    if not options.masks:
        made, held, real = (replace(one, masks=None) for one in (made, held, real))
    scores |= distances(made, held, real, options.distances, seed=seed, device=device)
    if options.style:
        scores |= styles(made, held, real, seed=seed, device=device)
    if options.diversity:
        scores |= diversities(made, held, options.diversity, seed=seed, device=device)
    if options.gap:
        scores |= gaps(made, held, options.gap, device=device)
        floor = gaps(real, held, options.gap, device=device)
        means = {f"{name}_floor_{MEAN}": floor.get(f"{name}_{MEAN}") for name in ("gap", "spread")}
        scores |= {name: score for name, score in means.items() if score is not None}  # one label has no gap
    return scores


def _token_scores(
    options: GenerationOptions, models: Mapping[str, PathAR], val: AnnData, seed: int
) -> dict[str, Score]:
    """``usage_<stream>``; ``nats_<label>``: of all that the prior draws, nats a cell."""
    scores: dict[str, Score] = {}
    nats: dict[str, Score] = {}
    one = len({id(model) for model in models.values()}) == 1
    for label, model in models.items():
        rows = val if one else val[(val.obs[Obs.LABEL].astype(str) == label).to_numpy()].copy()
        held = held_out(model, pp.crops(rows, model.config.tokenizer.size_px), seed)
        if options.usage and one:
            found = codebooks(model, held)
            scores |= {
                name: s for name, s in found.items() if name in ("usage_structure", "usage_appearance")
            }
        if options.likelihood:
            found = likelihood(model, held, None)
            for own in models if one else (label,):
                nats |= _nats(found, own)
        if one:
            break
    return scores | named("nats", nats)


def _nats(found: Mapping[str, Score], label: str) -> dict[str, Score]:
    """Sum over the streams that were scored, nats a cell, of crops with nuclei."""
    parts = [
        score
        for stream in ("structure", "appearance")
        if (score := found.get(f"ce_{stream}_{label}") or found.get(f"ce_{stream}")) is not None
    ]
    if not parts or any(np.isnan(part.value) for part in parts):
        return {}
    return {label: Score(sum(part.value for part in parts), n=parts[0].n, note=f"{len(parts)} streams")}
