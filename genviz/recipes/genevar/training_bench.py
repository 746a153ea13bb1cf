"""Tiles a second of GeneVAR's stages of training, and what two of its savings are worth.

Shape legend: N tiles of a batch, H x W pixels, L tokens, R draws of V degraded variants, Z width of the condition.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from genviz.metrics import Score
from genviz.models.genevar.fitted import new_flow, new_prior
from genviz.models.genevar.flow.task import FlowTask
from genviz.models.genevar.tokenizer.network import Tokenizer
from genviz.models.genevar.tokenizer.sharpening import Sharpener
from genviz.models.genevar.training.flow import first_scale
from genviz.models.genevar.training.prior_task import PriorTask
from genviz.recipes.genevar.networks import Networks
from genviz.recipes.timing import Seconds, least, timed
from genviz.train.optimiser import optimiser_of

Step = Callable[[], object]


def training_scores(made: Networks, *, repeats: int = 2) -> dict[str, Score]:
    """Time a step of each stage with the preset's batch, on random tiles and tokens.

    Parameters
    ----------
    made
        The preset's networks; those that a stage trains are copied or made anew.
    repeats
        Counted runs of each step, the stages taking turns, after one that is not.

    Returns
    -------
    ``train_<stage>_tiles_per_second`` (best of the repeats) and ``..._cpu_seconds_per_tile`` for ``tokenizer``,
    ``sharpen``, ``meanflow``, ``meanflow_jvp_all`` (derivatives of all rows, not only where r < t), ``prior`` and
    ``prior_encoding`` (tokens made of the tiles of each batch, not read). Baselines are the stage without the saving.
    """
    steps = _steps(made)
    runs: dict[str, list[Seconds]] = {name: [] for name in steps}
    for _ in range(repeats + 1):
        for name, (_, step) in steps.items():
            runs[name].append(timed(step, made.device)[1])
    rates = {name: n / least(runs[name][1:]).wall for name, (n, _) in steps.items()}
    slower = {"meanflow": "meanflow_jvp_all", "prior": "prior_encoding"}
    scores = {}
    for name, (n, _) in steps.items():
        base = rates.get(slower.get(name, ""))
        note = f"baseline: {slower[name]}" if base else ""
        scores[f"train_{name}_tiles_per_second"] = Score(rates[name], n=n, baseline=base, note=note)
        scores[f"train_{name}_cpu_seconds_per_tile"] = Score(least(runs[name][1:]).cpu / n, n=n)
    return scores


def _steps(made: Networks) -> dict[str, tuple[int, Step]]:
    """Stage to tiles of a batch and one step of training."""
    config = made.config
    tokenizer = copy.deepcopy(made.tokenizer).requires_grad_(True).train()
    if config.tokenizer.codebook != "gradient":
        tokenizer.quantiser.codes_VD.requires_grad_(False)
    n = config.tokenizer.batch_size
    x_N3HW = _tiles(made, n)
    steps = {"tokenizer": (n, _step(tokenizer, config.tokenizer, (x_N3HW,)))}
    if config.tokenizer.gan_epochs:
        sharpener = Sharpener(copy.deepcopy(made.tokenizer))
        steps["sharpen"] = (n, lambda: sharpener.step(x_N3HW))
    return steps | _flow_steps(made) | _prior_steps(made)


def _flow_steps(made: Networks) -> dict[str, tuple[int, Step]]:
    config = made.config
    if not config.refine:
        return {}
    n, pushed = config.flow.batch_size, config.counterfactuals
    s_NL, z_NZ = _tokens(made.tokenizer, made.device, n), _conditions(made, n)
    slide_N = torch.arange(n, device=made.device) % 2
    batch: tuple[Tensor, ...] = (s_NL, z_NZ, slide_N)
    if pushed.degraded:
        others = [
            _tokens(made.tokenizer, made.device, n) for _ in range(pushed.n_draws * len(pushed.degraded))
        ]
        batch += (torch.stack(others, dim=1).unflatten(1, (pushed.n_draws, len(pushed.degraded))),)
    steps = {}
    for name, p_neq in (("meanflow", config.flow.p_neq), ("meanflow_jvp_all", 1.0)):
        options = replace(config.flow, p_neq=p_neq)
        flow = new_flow(replace(config, flow=options), made.conditioner)
        task = FlowTask(
            flow, copy.deepcopy(made.tokenizer.quantiser), pushed, first_scale=first_scale(config)
        )
        # One scale, the finest: which one is drawn would decide the time.
        task.train_scales = task.train_scales[-1:]
        steps[name] = (n, _step(task.to(made.device), options, batch))
    return steps


def _prior_steps(made: Networks) -> dict[str, tuple[int, Step]]:
    config, n = made.config, made.config.prior.batch_size
    prior, tokenizer = new_prior(config, made.conditioner), made.tokenizer
    task = PriorTask(prior, nn.Identity(), copy.deepcopy(tokenizer.quantiser), made.injector)
    batch = (
        _tokens(tokenizer, made.device, n),
        _conditions(made, n),
        torch.ones(n, dtype=torch.bool, device=made.device),
    )
    step = _step(task.to(made.device), config.prior, batch)
    x_N3HW = _tiles(made, n)

    def encoding() -> None:
        tokenizer.encode(x_N3HW)
        step()

    return {"prior": (n, step), "prior_encoding": (n, encoding)}


def _step(network: Any, recipe: Any, batch: tuple[Tensor, ...]) -> Step:
    """Loss, gradients, clipping, optimiser, as in a training."""
    optimiser = optimiser_of(network.train().parameter_groups(recipe.lr, recipe.weight_decay))
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]

    def step() -> None:
        optimiser.zero_grad()
        network.loss(*batch)[0].backward()
        nn.utils.clip_grad_norm_(learned, recipe.grad_clip)
        optimiser.step()

    return step


def _tiles(made: Networks, n: int) -> Tensor:
    size = made.config.tokenizer.size_px
    generator = torch.Generator().manual_seed(n)
    return (2 * torch.rand(n, 3, size, size, generator=generator) - 1).to(made.device)


def _tokens(tokenizer: Tokenizer, device: torch.device, n: int) -> Tensor:
    config = tokenizer.config
    generator = torch.Generator().manual_seed(n)
    return torch.randint(config.n_codes, (n, config.n_tokens), generator=generator).to(device)


def _conditions(made: Networks, n: int) -> Tensor:
    generator = torch.Generator().manual_seed(n)
    return torch.randn(n, made.conditioner.cond_dim, generator=generator).to(made.device)
