"""The ablations of GeneVAR on one tokenizer and one condition: which runs there are, and each as a JSON record.

Configurations that are equal are trained once and answer for every name. What is told of a run is in
`ablation_scores`, the tables are in `ablation_tables`.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from genviz._errors import DataError
from genviz.io.files.atomic import atomic_write_json
from genviz.io.weights.parts import config_digest
from genviz.metrics import Score, scores_to_json
from genviz.models.genevar.ablations import ablation, complete
from genviz.models.genevar.codec import MPP
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.fitted import TOKENIZER, Fitted
from genviz.models.genevar.presets import Changes, changed
from genviz.models.genevar.rows import SECTIONS
from genviz.models.genevar.training.data import training_data
from genviz.recipes.genevar.ablation_flows import flow_scores
from genviz.recipes.genevar.ablation_rows import HeldOut, held_out
from genviz.recipes.genevar.ablation_runs import Runs
from genviz.recipes.genevar.ablation_scores import mask_scores, prior_scores, reference_scores

if TYPE_CHECKING:
    from anndata import AnnData

log = logging.getLogger("genviz")

BUDGET: dict[str, dict[str, Any]] = {
    "prior": {"depth": 3, "width": 128, "n_heads": 4, "batch_size": 16, "max_epochs": 4, "unpaired": 0.0},
    "flow": {"width": 64, "n_layers": 2, "lr": 1e-3, "max_epochs": 6},
    "views": {"flow": 3, "paired": 12, "per_epoch": 1600},
}
"""Of every run: 400 steps of 16 tiles for a prior, 300 of 32 for a flow, both a third of mini's size or less."""

NAMES = (
    "abl/a4_rcm", "abl/c1_var", "abl/f2_random", "abl/f3_edist", "abl/a1_mf", "abl/a2_mf_rna", "abl/a3_mf_ci",
    "abl/c2_vit", "abl/c3_fm", "abl/c4_rcm", "abl/f1_none", "abl/f4_grad", "abl/x_input_rk", "abl/x_input_fhat",
    "abl/x_input_both", "abl/x_train_self", "abl/x_train_oracle", "abl/x_train_prev",
)  # fmt: skip
"""All names, the most telling first: what is stopped early has those of every table but one."""

_MORE: dict[str, Changes] = {
    "abl/x_train_prev": {"mask": {"train_target": "prev", "infer_target": "prev"}},
    # 25 steps as published, each of them twice a mask, would cost five runs; see the error of 25 steps beside it.
    "abl/c3_fm": {"flow": {"steps": 5}},
}
_MATCHED = "abl/f2_random"
_MASK_TRAINED = ("abl/a4_rcm", "abl/x_train_oracle", "abl/x_train_prev")  # asked with every mask of sampling
REFERENCE = "reference"


@dataclass(frozen=True)
class Setting:
    """What all runs share.

    Attributes
    ----------
    fitted
        Condition and tokenizer; neither has seen the test section.
    base
        Configuration that ablations change.
    runs
        Trainings.
    held
        The test section.
    records
        Folder of the records.
    """

    fitted: Fitted
    base: GeneVARConfig
    runs: Runs
    held: HeldOut
    records: Path

    @property
    def digest(self) -> str:
        """Of what decides results beside name and seed."""
        told = {
            "base": self.base.to_dict(),
            TOKENIZER: str(self.fitted.facts.get(TOKENIZER, "")),
            "training": self.runs.data.digest(),
            "held_out": self.held.digest,
        }
        return config_digest(told)


def setting(
    fitted: Fitted,
    training: AnnData,
    test: AnnData,
    *,
    records: Path,
    work: Path,
    budget: Changes = BUDGET,
    device: torch.device | None = None,
) -> Setting:
    """Read all rows into memory, and tokens of the test section.

    Parameters
    ----------
    fitted
        A model with condition and tokenizer, trained on `training`.
    training, test
        Rows with counts and tiles (or slides), of other sections.
    records, work
        Folder of the records; folder of tokens and unfinished trainings, which may be deleted afterwards.
    budget
        Changes of all configurations: sizes and lengths.
    device
        Where to train and to measure; default the CPU.

    Raises
    ------
    DataError
        When the condition, the tokenizer or a run would be trained on the test section.
    """
    base = changed(complete(fitted.config), budget)
    mpp = fitted.facts.get(MPP)
    data = training_data(training, fitted.genes, base, mpp=mpp)
    held = held_out(fitted, test, base, data)
    seen = set(fitted.facts.get(SECTIONS, [])) | set(data.windows.libraries)
    if both := sorted(seen & set(held.libraries)):
        raise DataError(
            f"Expected a test section that nothing was trained on; {', '.join(both)} is among the training rows. "
            "Name another, or take a model that has not seen it."
        )
    return Setting(fitted, base, Runs(fitted, data, work, device or torch.device("cpu")), held, records)


def configurations(base: GeneVARConfig, names: Sequence[str] = NAMES) -> dict[str, GeneVARConfig]:
    """Configuration of every name.

    Parameters
    ----------
    base
        What is not ablated.
    names
        Out of `NAMES`.
    """
    return {
        name: changed(base, _MORE[name])
        if name == "abl/x_train_prev"
        else changed(ablation(name, base), _MORE.get(name))
        for name in names
    }


def shared(configs: Mapping[str, GeneVARConfig]) -> dict[str, tuple[str, ...]]:
    """Names to train, each with all names whose configuration is the same, itself first."""
    found: dict[str, list[str]] = {}
    for name, config in configs.items():
        found.setdefault(config_digest(config.to_dict()), []).append(name)
    return {names[0]: tuple(names) for names in found.values()}


def run(told: Setting, seeds: Sequence[int], names: Sequence[str] = NAMES) -> list[Path]:
    """Train and measure what has no record yet; returns the new records.

    Parameters
    ----------
    told
        From `setting`.
    seeds
        Of views, start weights, order and draws; all names with the first seed come first.
    names
        Out of `NAMES`.

    Raises
    ------
    DataError
        When the folder holds records of another setting.
    """
    configs = configurations(told.base, names)
    groups = shared(configs)
    new = []
    if not _is_there(told, path := told.records / f"{REFERENCE}-0.json"):
        _write(told, path, REFERENCE, (REFERENCE,), 0, None, reference_scores(told.fitted, told.held))
        new.append(path)
    for seed in seeds:
        for name, labels in groups.items():
            path = told.records / f"{short(name)}-{seed}.json"
            if _is_there(told, path):
                continue
            begun = time.process_time()
            config, scores = measured(told, name, seed)
            _write(told, path, short(name), labels, seed, config, scores)
            told.runs.forget(short(name), seed)
            new.append(path)
            log.info("Ablation %s: %.0f s of processor time.", path.stem, time.process_time() - begun)
    return new


def short(name: str) -> str:
    """A name as records are called."""
    return name.removeprefix("abl/")


def measured(told: Setting, name: str, seed: int) -> tuple[GeneVARConfig, dict[str, Score]]:
    """Train and measure one run: its configuration as it was trained, and all that is told of it.

    Parameters
    ----------
    told
        From `setting`.
    name
        Out of `genviz.models.genevar.ablations.ABLATIONS`, or ``abl/x_train_prev``. The condition is that of `told`.
    seed
        Of views, start weights, order and draws.

    Returns
    -------
    The configuration, and ``flow_...``, ``map_...`` (see `flow_scores`), ``nll...``, ``fd``, ``r`` (see
    `prior_scores`); ``seconds_per_epoch`` of the prior's training where it was not resumed, see `Runs.seconds`.
    """
    config = configurations(told.base, [name])[name]
    scores: dict[str, Score] = {}
    flow = told.runs.flow(config, seed) if config.refine else None
    if flow is not None:
        scores |= flow_scores(told.fitted, flow, config, told.held, seed=seed)
    if name == _MATCHED and flow is not None:
        gradient = changed(config, {"mask": {"strategy": "gradient"}})
        scores["keep_rate"] = Score(told.runs.kept_share(flow, gradient, seed))
        config = changed(config, {"mask": {"keep_rate": scores["keep_rate"].value}})
    model = told.runs.prior(short(name), config, flow, seed)
    if (seconds := told.runs.seconds.get((short(name), seed))) is not None:
        scores["seconds_per_epoch"] = Score(seconds, n=config.prior.max_epochs)
    scores |= prior_scores(model, told.held, seed=seed)
    if name in _MASK_TRAINED and flow is not None:
        scores["keep_rate"] = Score(told.runs.kept_share(flow, config, seed))
        scores |= mask_scores(model, told.held, scores["keep_rate"].value, seed=seed)
    return config, scores


def _is_there(told: Setting, path: Path) -> bool:
    if not path.exists():
        return False
    if json.loads(path.read_text(encoding="utf-8")).get("setting") != told.digest:
        raise DataError(
            f"Expected records of this tokenizer, these rows and this budget in {path.parent}; {path.name} is of "
            "others. Give another folder."
        )
    return True


def _write(
    told: Setting,
    path: Path,
    name: str,
    labels: tuple[str, ...],
    seed: int,
    config: GeneVARConfig | None,
    scores: Mapping[str, Score],
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_json(
        path,
        scores_to_json(scores)
        | {
            "run": name,
            "labels": [short(label) for label in labels],
            "seed": seed,
            "setting": told.digest,
            "config": None if config is None else config.to_dict(),
        },
    )
