"""Last stage: the prior, on stored tokens of views with and without profiles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from genviz.core.keyed import row_key
from genviz.io.weights.keyed_tensors import tensors_digest
from genviz.models.genevar.condition.conditioner import Conditioner
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.fitted import new_prior
from genviz.models.genevar.flow.injector import FlowInjector
from genviz.models.genevar.flow.network import Flow
from genviz.models.genevar.prior.network import ScalePrior
from genviz.models.genevar.tokenizer.network import Tokenizer
from genviz.models.genevar.training.data import TrainingData
from genviz.models.genevar.training.prior_task import MixedBatches, PriorTask, share_of
from genviz.models.genevar.training.shown import generated
from genviz.models.genevar.training.token_views import code_views, token_views, whole_views
from genviz.train.averaging import fit_averaged
from genviz.train.batches import KeyedBatches
from genviz.train.run_options import RunOptions

TOKENS, UNPAIRED = "tokens.safetensors", "unpaired.safetensors"


def train_prior(
    config: GeneVARConfig,
    conditioner: Conditioner,
    tokenizer: Tokenizer,
    flow: Flow | None,
    data: TrainingData,
    options: RunOptions,
    *,
    best: dict[str, float] | None = None,
) -> tuple[ScalePrior, nn.Module] | None:
    """Train prior and head of the condition; None when interrupted.

    With validation rows the average of the best epoch is kept, by their cross-entropy under the true profile, and
    training stops when it stays behind; otherwise the last epoch's.

    Parameters
    ----------
    config
        Of all parts.
    conditioner, tokenizer, flow
        Of the stages before; not changed. `flow` is None exactly where ``config.injects`` is False.
    data
        Training rows.
    options
        Seed, device, folder.
    best
        Filled with the ``epoch`` that was kept and its ``nll``, with validation rows.
    """
    config = replace(config, prior=options.bounded(config.prior))
    recipe, seed = config.prior, options.seed
    code_MI = code_views(conditioner, data.profiles, config.views.paired, seed)
    options.claim(_run(config, tokenizer, flow, code_MI, data))
    batches = _batches(config, tokenizer, code_MI, data, options)
    with torch.random.fork_rng():
        torch.manual_seed(row_key(seed, "", "prior", "start") % 2**63)
        prior, head = new_prior(config, conditioner), conditioner.head()
    injector = None if flow is None else FlowInjector(flow, config.mask, recipe.masked_input)
    task = PriorTask(prior, head, tokenizer.quantiser, injector)
    fit = options.fit(recipe, "prior")
    validation = None if data.validation is None else _validation(conditioner, tokenizer, data.validation)
    shows = generated(conditioner, tokenizer, data.validation or data, seed)
    if not fit_averaged(task, batches, fit, recipe.ema_decay, validation=validation, best=best, shows=shows):
        return None
    return prior.requires_grad_(False).eval(), head.requires_grad_(False).eval()


def _run(
    config: GeneVARConfig, tokenizer: Tokenizer, flow: Flow | None, code_MI: Tensor, data: TrainingData
) -> dict[str, Any]:
    """What decides the result."""
    return {
        "prior": config.prior.to_dict(),
        "mask": config.mask.to_dict(),
        "views": config.views.to_dict(),
        "tokenizer": tensors_digest(tokenizer.state_dict()),
        "flow": None if flow is None else tensors_digest(flow.state_dict()),
        "condition": tensors_digest({"codes": code_MI}),
        "data": data.digest(),
        "validation": None if data.validation is None else data.validation.digest(),
    }


def _batches(
    config: GeneVARConfig, tokenizer: Tokenizer, code_MI: Tensor, data: TrainingData, options: RunOptions
) -> MixedBatches:
    """Tokens of all views, read or made, mixed."""

    def tokens(windows: Any, n_views: int, name: str) -> Tensor:
        file = None if options.folder is None else options.folder / name
        found = token_views(tokenizer, windows, n_views, seed=options.seed, device=options.device, file=file)
        return found["tokens"]

    recipe, unpaired_UL = config.prior, None
    n_unpaired = share_of(recipe.batch_size, recipe.unpaired)
    if data.unpaired is not None and n_unpaired:
        unpaired_UL = tokens(data.unpaired, config.views.unpaired, UNPAIRED)
    return MixedBatches(
        tokens(data.windows, config.views.paired, TOKENS),
        code_MI,
        unpaired_UL,
        batch_size=recipe.batch_size,
        n_unpaired=n_unpaired,
        seed=options.seed,
        per_epoch=config.views.per_epoch,
    )


def _validation(conditioner: Conditioner, tokenizer: Tokenizer, data: TrainingData) -> KeyedBatches:
    """Middle tiles and whole profiles of the rows to choose by."""
    s_NL, x_NI = whole_views(conditioner, tokenizer, data.windows, data.profiles)
    columns = [s_NL, x_NI, torch.ones(len(x_NI), dtype=torch.bool)]
    return KeyedBatches(columns, 64, shuffle=False)
