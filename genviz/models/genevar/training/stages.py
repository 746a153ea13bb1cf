"""All stages of a training in order, each resumable, each handed over as soon as it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from genviz._errors import GenvizError, UsageError
from genviz.io.weights.keyed_tensors import tensors_digest
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.fitted import FLOW, TOKENIZER, Fitted
from genviz.models.genevar.training.condition import train_condition
from genviz.models.genevar.training.data import TrainingData
from genviz.models.genevar.training.flow import train_flow
from genviz.models.genevar.training.prior import train_prior
from genviz.models.genevar.training.tokenizer import train_tokenizer
from genviz.models.genevar.training_range import training_range
from genviz.train.run_options import RunOptions

PARTS = ("vae", "tokenizer", "meanflow", "prior")
"""Stages in order. "vae" fits the condition, of whatever kind it is."""
STAGES = (*PARTS, "all")

Keep = Callable[[str, Fitted], None]


def train(
    config: GeneVARConfig,
    data: TrainingData,
    stage: str,
    options: RunOptions,
    *,
    facts: dict[str, Any] | None = None,
    fitted: Fitted | None = None,
    keep: Keep | None = None,
) -> Fitted | None:
    """Train the stages asked for; None when interrupted.

    Parameters
    ----------
    config, data
        What to train on what.
    stage
        One of `STAGES`; single ones take what came before from `fitted`.
    options
        Seed, device, bound on epochs, run folder: each stage has a folder of its own name inside.
    facts
        JSON values recorded with the model.
    fitted
        Model whose earlier stages are there already.
    keep
        Called with the stage's name and the model after each stage.

    Raises
    ------
    UsageError
        For an unknown stage, one without the stages before it, or "meanflow" with ``refine=False``.
    """
    if stage not in STAGES:
        raise UsageError(f"Expected stage out of {', '.join(STAGES)}; got {stage!r}.")
    if stage == "meanflow" and not config.refine:
        raise UsageError("Expected refine=True with stage='meanflow': this configuration has no flow.")
    wanted = [part for part in (PARTS if stage == "all" else (stage,)) if part != "meanflow" or config.refine]
    model = Fitted(config, list(data.genes)) if fitted is None or stage == "all" else fitted
    rows = [*data.windows.names, *(() if data.unpaired is None else data.unpaired.names)]
    model = replace(
        model,
        config=config,
        facts=model.facts | (facts or {}),
        training_rows=list(dict.fromkeys([*model.training_rows, *rows])),
        sha256=None,
        format=None,
    )
    _insist_on_genes(model, data)
    for part in wanted:
        with _enough_memory(part):
            found = _STEPS[part](model, data, options.inside(part))
        if found is None:
            return None
        # Anew after each stage: with a projection, codes are what the prior's training made of them.
        bounds = options.bounds(found.facts, part)
        model = replace(found, span=training_range(found, data.profiles), facts=found.facts | bounds)
        if keep is not None:
            keep(part, model)
    return model


def _condition(model: Fitted, data: TrainingData, options: RunOptions) -> Fitted | None:
    conditioner = train_condition(model.config.condition, data, options)
    if conditioner is None:
        return None
    # What was trained under another condition does not go with this one.
    return replace(
        model, genes=list(data.genes), conditioner=conditioner, flow=None, prior=None, head=nn.Identity()
    )


def _tokenizer(model: Fitted, data: TrainingData, options: RunOptions) -> Fitted | None:
    validation = None if data.validation is None else data.validation.windows
    tokenizer = train_tokenizer(model.config.tokenizer, data.all_windows, options, validation=validation)
    if tokenizer is None:
        return None
    facts = model.facts | {TOKENIZER: tensors_digest(tokenizer.state_dict())}
    return replace(model, tokenizer=tokenizer, flow=None, prior=None, facts=facts)


def _flow(model: Fitted, data: TrainingData, options: RunOptions) -> Fitted | None:
    flow = train_flow(model.config, model.fitted_conditioner(), model.trained_tokenizer(), data, options)
    if flow is None:
        return None
    return replace(
        model, flow=flow, prior=None, facts=model.facts | {FLOW: tensors_digest(flow.state_dict())}
    )


def _prior(model: Fitted, data: TrainingData, options: RunOptions) -> Fitted | None:
    conditioner, tokenizer = model.fitted_conditioner(), model.trained_tokenizer()
    flow = model.trained_flow() if model.config.injects else None
    best: dict[str, float] = {}
    found = train_prior(model.config, conditioner, tokenizer, flow, data, options, best=best)
    if found is None:
        return None
    prior, head = found
    return replace(model, prior=prior, head=head, facts=model.facts | {"best": best})


_STEPS = {"vae": _condition, "tokenizer": _tokenizer, "meanflow": _flow, "prior": _prior}


def _insist_on_genes(model: Fitted, data: TrainingData) -> None:
    if model.conditioner is not None and model.genes != list(data.genes):
        raise UsageError(
            f"Expected the {len(model.genes)} genes that the condition was fitted on, in their order; got "
            f"{len(data.genes)} others. Fit the condition again, with stage='vae'."
        )


@contextmanager
def _enough_memory(part: str) -> Iterator[None]:
    """Say what to do when a GPU is full; another batch is another recipe, so it is not changed silently."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as err:
        raise GenvizError(
            f"Expected room on the GPU for a batch while the stage {part!r} is trained; it is full. Halve the "
            "batch_size of that part, or take a smaller preset or device='cpu'."
        ) from err
