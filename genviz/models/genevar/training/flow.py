"""Third stage: the flow, on stored tokens of paired rows and of their degraded versions."""

from __future__ import annotations

import logging

import torch

from genviz.core.keyed import row_key
from genviz.io.weights.keyed_tensors import tensors_digest
from genviz.models.genevar.condition.conditioner import Conditioner
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.fitted import new_flow
from genviz.models.genevar.flow.network import Flow
from genviz.models.genevar.flow.task import FlowTask
from genviz.models.genevar.tokenizer.network import Tokenizer
from genviz.models.genevar.training.data import TrainingData
from genviz.models.genevar.training.flow_check import FlowCheck
from genviz.models.genevar.training.token_views import code_views, token_views, whole_views
from genviz.train.averaging import fit_averaged
from genviz.train.batches import KeyedBatches
from genviz.train.callbacks import EpochMeasures
from genviz.train.run_options import RunOptions

log = logging.getLogger("genviz")

TOKENS = "tokens.safetensors"
_START_TILES = 1024
_CHECKED_TILES = 64


def train_flow(
    config: GeneVARConfig,
    conditioner: Conditioner,
    tokenizer: Tokenizer,
    data: TrainingData,
    options: RunOptions,
) -> Flow | None:
    """Train the flow; None when interrupted.

    Parameters
    ----------
    config
        Of all parts.
    conditioner, tokenizer
        Of the stages before; not changed.
    data
        Training rows, of which the paired ones are used. With validation rows, errors of predictions beside those of
        copying are logged each epoch; nothing is chosen by them.
    options
        Seed, device, folder.
    """
    counterfactuals, recipe, seed = config.counterfactuals, options.bounded(config.flow), options.seed
    code_MI = code_views(conditioner, data.profiles, config.views.flow, seed)
    options.claim({
        "flow": recipe.to_dict(),
        "counterfactuals": counterfactuals.to_dict(),
        "views": config.views.to_dict(),
        "first_scale": first_scale(config),
        "tokenizer": tensors_digest(tokenizer.state_dict()),
        "condition": tensors_digest({"codes": code_MI}),
        "data": data.digest(),
    })  # fmt: skip
    views = token_views(
        tokenizer, data.windows, config.views.flow, seed=seed, device=options.device, against=counterfactuals,
        file=None if options.folder is None else options.folder / TOKENS,
    )  # fmt: skip
    if (
        counterfactuals.degraded
        and counterfactuals.source == "other_wsi"
        and len(set(data.windows.slides)) < 2
    ):
        log.warning(
            "All rows are of one slide: there is no other whose degraded tiles could be pushed away from."
        )
    slide_M = torch.from_numpy(data.windows.slide_numbers()).repeat(config.views.flow)
    columns = [views["tokens"], code_MI, slide_M]
    columns += [views["degraded"]] if "degraded" in views else []
    with torch.random.fork_rng():
        torch.manual_seed(row_key(seed, "", "flow", "start") % 2**63)
        flow = new_flow(config, conditioner)
    # Rows come section by section: the first ones would measure the first section alone.
    some = torch.linspace(0, len(code_MI) - 1, min(_START_TILES, len(code_MI))).long()
    flow.start(tokenizer.quantiser.embed_sum(views["tokens"][some]))
    task = FlowTask(flow, tokenizer.quantiser, counterfactuals, first_scale=first_scale(config))
    batches = KeyedBatches(columns, recipe.batch_size, seed=seed, per_epoch=config.views.per_epoch)
    fit = options.fit(recipe, "flow")
    measures = []
    if data.validation is not None:
        rows = data.validation
        known = whole_views(conditioner, tokenizer, rows.windows, rows.profiles, _CHECKED_TILES)
        measures.append(EpochMeasures(FlowCheck(*known)))
    if not fit_averaged(task, batches, fit, recipe.ema_decay, measures=measures):
        return None
    return flow.requires_grad_(False).eval()


def first_scale(config: GeneVARConfig) -> int:
    """First scale whose input is masked, K_m; beside a plain prior the last one, of which trajectories are shown.

    Parameters
    ----------
    config
        Of all parts.
    """
    return len(config.tokenizer.scales) + 1 - max(config.prior.n_inject, 1)
