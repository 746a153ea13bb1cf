"""Seconds a tile of GeneVAR on this machine, part by part, against the floor of its arithmetic.

Shape legend: N tiles at once, Z width of the condition, E length of a code, G x G latent grid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from genviz import metrics
from genviz._settings import settings
from genviz.core.keyed import row_key
from genviz.io.files.atomic import atomic_write_json
from genviz.io.files.output import check_writable_file
from genviz.metrics import Score
from genviz.models.arguments import check_seed
from genviz.models.genevar.prior.drawing import INJECTION, scale_keys
from genviz.models.genevar.prior.network import ScalePrior
from genviz.models.genevar.prior.rule import SampleRule, sample_rule
from genviz.models.genevar.prior.sampler import sample
from genviz.nn.image_coder import count_parameters
from genviz.nn.keyed_noise import noise_keys
from genviz.recipes.genevar.networks import Networks, networks
from genviz.recipes.genevar.training_bench import training_scores
from genviz.recipes.timing import Seconds, batch_sizes, flops_of, least, matmul_rate, timed
from genviz.train.device import resolve_device

Work = Callable[[], object]


@dataclass(frozen=True)
class _Part:
    """One part of generating some tiles: what to run, and FLOP of them all; 0 where they do not decide its time."""

    work: Work
    flops: float = 0.0


def bench_genevar(
    json_file: Path,
    preset: str,
    batches: Sequence[str],
    *,
    seed: int = 0,
    device: str = "auto",
    repeats: int = 2,
    train: bool = False,
) -> str:
    """Time the parts of generation, random weights and guidance, in single precision, one batch at a time.

    Parameters
    ----------
    json_file
        Receives, in the schema of `metrics.scores_to_json`: ``parameters_<network>``; ``matmul_gflops`` of a plain
        product; for each part of ``condition``, ``transformer``, ``masks`` (where the preset has them), ``decode`` and
        for their ``total``, ``<part>_b<batch>_`` ``seconds_per_tile`` (best of the repeats) and
        ``cpu_seconds_per_tile``; where arithmetic is what counts, also ``gflop_per_tile`` and ``share``, that of the
        matrix product's rate which is reached.
    preset
        "nano", "mini", "paper".
    batches
        Tiles at once, whole numbers as text.
    seed
        Of weights and draws.
    device
        Where to compute.
    repeats
        Runs of each part; a first one that is not counted comes before them.
    train
        Also time steps of training; see `training_scores`.

    Returns
    -------
    The same as text.

    Raises
    ------
    UsageError
        For batches that cannot be.
    """
    check_seed(seed)
    check_writable_file(json_file)
    sizes = batch_sizes(batches)
    place = resolve_device(device)
    made = networks(preset, place, seed=seed)
    scores = {
        f"parameters_{name}": Score(float(count_parameters(network)), n=1)
        for name, network in made.by_name().items()
    }
    rate = matmul_rate(place)
    scores["matmul_gflops"] = Score(rate / 1e9, n=1, note="2048 x 2048, single precision")
    rule = sample_rule("paper" if preset == "paper" else "mini")
    for size in tqdm(sizes, desc="benchmark", unit="batch", disable=not settings.progress):
        parts = _parts(made, rule, size, seed)
        scores |= _scores(_timed(parts, place, repeats), parts, size, rate, place)
    if train:
        scores |= training_scores(made, repeats=repeats)
    machine = {"threads": torch.get_num_threads(), "torch": torch.__version__, "device": place.type}
    document = metrics.scores_to_json(scores) | {"preset": preset, "machine": machine}
    atomic_write_json(json_file, document)
    return "\n".join(f"{name:<44} {score.value:>12.4g}  {score.note}" for name, score in scores.items())


def transformer_flops(prior: ScalePrior, n_sequences: int) -> float:
    """FLOP of one tile through the transformer, every position once, no more pairs than are visible.

    Linear layers of the blocks 24 D^2 a position and block, adaptive layer norm 12 D^2 a sequence and block, attention
    4 D a visible pair and block, the head 2 D V a position. Maps and condition are projected once for all sequences.

    Parameters
    ----------
    prior
        Gives the sizes.
    n_sequences
        2 with guidance, else 1.
    """
    layout, width, depth = prior.layout, prior.config.width, prior.config.depth
    n = layout.n_positions
    pairs = sum(length * layout.before(k + 1) for k, length in enumerate(layout.lengths, start=1))
    linear = depth * 24 * width**2 * n + 2 * width * prior.n_codes * n
    modulation = (12 * depth + 4) * width**2
    inputs = 2 * width * (prior.code_dim * (n - layout.lengths[0]) + prior.cond_dim)
    return float(n_sequences * (linear + modulation + 4 * width * depth * pairs) + inputs)


def _parts(made: Networks, rule: SampleRule, size: int, seed: int) -> dict[str, _Part]:
    """What generating `size` tiles consists of."""
    prior, tokenizer = made.prior, made.tokenizer
    generator = torch.Generator().manual_seed(0)
    z_NZ = torch.randn(size, prior.cond_dim, generator=generator).to(made.device)
    grid = tokenizer.config.scales[-1]
    f_NEGG = torch.randn(size, tokenizer.config.code_dim, grid, grid, generator=generator).to(made.device)
    keys = [row_key(seed, "", str(row), "bench") for row in range(size)]
    profiles = made.profiles.take(np.arange(size) % len(made.profiles))

    def transform() -> object:
        return made.conditioner.transform(profiles)

    def draw() -> object:
        return sample(prior, tokenizer.quantiser, z_NZ, rule, keys, batch_size=size)

    def decode() -> object:
        return tokenizer.decode(f_NEGG)

    floor = size * transformer_flops(prior, 2 if rule.cfg else 1)
    parts = {"condition": _Part(transform), "transformer": _Part(draw, floor)}
    if made.injector is not None:
        masks = _masking(made, f_NEGG, z_NZ, noise_keys(keys).to(made.device))
        parts["masks"] = _Part(masks, flops_of(masks))
    return parts | {"decode": _Part(decode, flops_of(decode))}


def _masking(made: Networks, f_NEGG: torch.Tensor, z_NZ: torch.Tensor, key_N: torch.Tensor) -> Work:
    """Masks (and refined maps) of all injected scales."""
    inject, prior, quantiser = made.injector, made.prior, made.tokenizer.quantiser
    assert inject is not None
    given_N = torch.ones(len(z_NZ), dtype=torch.bool, device=z_NZ.device)
    scales = range(prior.first_injected, prior.layout.n_scales + 1)

    @torch.no_grad()
    def work() -> object:
        return [
            inject(k, quantiser.next_input(f_NEGG, k), f_NEGG, z_NZ, given_N, scale_keys(key_N, INJECTION, k))
            for k in scales
        ]

    return work


def _timed(parts: dict[str, _Part], device: torch.device, repeats: int) -> dict[str, Seconds]:
    """Least seconds of each part, the parts taking turns."""
    runs: dict[str, list[Seconds]] = {name: [] for name in parts}
    for _ in range(repeats + 1):
        for name, part in parts.items():
            runs[name].append(timed(part.work, device)[1])
    return {name: least(found[1:]) for name, found in runs.items()}


def _scores(
    times: dict[str, Seconds], parts: dict[str, _Part], size: int, rate: float, device: torch.device
) -> dict[str, Score]:
    scores = {}
    flops = {name: part.flops for name, part in parts.items()}
    flops["total"] = sum(flops.values())
    total = Seconds(*(sum(column) for column in zip(*times.values(), strict=True)))
    for part, seconds in (times | {"total": total}).items():
        name = f"{part}_b{size}"
        scores[f"{name}_seconds_per_tile"] = Score(seconds.wall / size, n=size)
        scores[f"{name}_cpu_seconds_per_tile"] = Score(seconds.cpu / size, n=size)
        if flops[part]:
            note = "of the rate of a plain matrix product"
            scores[f"{name}_gflop_per_tile"] = Score(flops[part] / size / 1e9, n=size)
            scores[f"{name}_share"] = Score(flops[part] / rate / seconds.on(device), n=size, note=note)
    return scores
