"""Speed of PathAR's samplers on this machine, against each other in one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from tqdm.auto import tqdm

from genviz import metrics
from genviz._errors import UsageError
from genviz._settings import settings
from genviz.core.keyed import row_key
from genviz.io.files.atomic import atomic_write_json
from genviz.io.files.output import check_writable_file
from genviz.metrics import Score
from genviz.models.arguments import check_seed
from genviz.models.pathar.config import PathARConfig
from genviz.models.pathar.fitted import new_prior
from genviz.models.pathar.presets import preset as preset_config
from genviz.models.pathar.prior.network import Prior
from genviz.models.pathar.prior.rule import sample_rule
from genviz.models.pathar.prior.sampler import sample
from genviz.models.pathar.prior.schedules import SAMPLERS
from genviz.models.pathar.tokenizer.network import DualTokenizer
from genviz.nn.image_coder import count_parameters
from genviz.recipes.timing import Seconds, batch_sizes, least, timed
from genviz.train.device import resolve_device

RULE = "paper"
_LABELS = 3


def bench_pathar(
    json_file: Path,
    preset: str,
    batches: Sequence[str],
    samplers: Sequence[str],
    *,
    seed: int = 0,
    device: str = "auto",
    repeats: int = 2,
) -> str:
    """Time the samplers of a preset with random weights and guidance, one batch at a time.

    Parameters
    ----------
    json_file
        Receives, in the schema of `metrics.scores_to_json`, for each case ``<sampler>_b<batch>_`` ``seconds_per_pair``
        (tokens only, best of the repeats), ``cpu_seconds_per_pair``, ``ratio`` (of the time of the last sampler named
        to this one's), ``decode_b<batch>_seconds_per_pair``, and the numbers of parameters.
    preset
        "nano", "mini", "paper".
    batches
        Pairs at once, whole numbers as text.
    samplers
        Out of `SAMPLERS`.
    seed
        Of weights and draws.
    device
        Where to compute.
    repeats
        Runs of each case; a first one that is not counted comes before them.

    Returns
    -------
    The same as text.

    Raises
    ------
    UsageError
        For batches or samplers that cannot be.
    """
    check_seed(seed)
    check_writable_file(json_file)
    sizes = batch_sizes(batches)
    if not samplers or set(samplers) - set(SAMPLERS):
        raise UsageError(
            f"Expected samplers out of {', '.join(SAMPLERS)}; got {', '.join(samplers) or 'none'}."
        )
    place = resolve_device(device)
    tokenizer, prior = networks(preset_config(preset), place, seed=seed)
    scores = {
        "parameters_tokenizer": Score(float(count_parameters(tokenizer)), n=1),
        "parameters_prior": Score(float(count_parameters(prior)), n=1),
    }
    cases = [(sampler, size) for size in sizes for sampler in samplers]
    found = {}
    for sampler, size in tqdm(cases, desc="benchmark", unit="case", disable=not settings.progress):
        found[sampler, size] = fastest(drawing(prior, sampler, size, seed=seed), place, repeats)
    for sampler, size in cases:
        seconds, cpu = (value / size for value in found[sampler, size])
        base = found[samplers[-1], size][0] / size
        name = f"{sampler}_b{size}"
        scores |= {
            f"{name}_seconds_per_pair": Score(
                seconds, n=size, baseline=base, note=f"baseline: {samplers[-1]}"
            ),
            f"{name}_cpu_seconds_per_pair": Score(cpu, n=size),
            f"{name}_ratio": Score(base / seconds, n=size, note=f"times faster than {samplers[-1]}"),
        }
    for size in sizes:
        seconds, _ = fastest(decoding(tokenizer, size, place), place, repeats)
        scores[f"decode_b{size}_seconds_per_pair"] = Score(seconds / size, n=size, note="image and mask")
    machine = {"threads": torch.get_num_threads(), "torch": torch.__version__, "device": place.type}
    document = metrics.scores_to_json(scores) | {"preset": preset, "rule": RULE, "machine": machine}
    atomic_write_json(json_file, document)
    return "\n".join(f"{name:<40} {score.value:>12.4g}  {score.note}" for name, score in scores.items())


def networks(config: PathARConfig, device: torch.device, *, seed: int = 0) -> tuple[DualTokenizer, Prior]:
    """Both parts with random weights; heads too, so that tokens are drawn and not decided.

    Parameters
    ----------
    config
        Of both.
    device
        Where to compute.
    seed
        Of the weights.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        tokenizer = DualTokenizer(config.tokenizer)
        prior = new_prior(config.prior, tokenizer, _LABELS)
        for head in (prior.structure_out, prior.appearance_out):
            if head is not None:
                torch.nn.init.normal_(head.weight, std=0.1)
    return tokenizer.to(device).eval(), prior.to(device).eval()


def drawing(prior: Prior, sampler: str, size: int, *, seed: int = 0) -> Callable[[], object]:
    """Give what draws the tokens of a batch, with guidance.

    Parameters
    ----------
    prior
        Random weights will do.
    sampler, size
        Out of `SAMPLERS`; pairs at once.
    seed
        Of the draws.
    """
    labels = torch.arange(size) % _LABELS
    keys = [row_key(seed, "", str(row), "bench") for row in range(size)]
    rule = sample_rule(RULE)
    return lambda: sample(prior, labels, rule, keys, sampler=sampler, batch_size=size)


def decoding(tokenizer: DualTokenizer, size: int, device: torch.device) -> Callable[[], object]:
    """Give what decodes the images of a batch, and the masks where there are any.

    Parameters
    ----------
    tokenizer
        Random weights will do.
    size, device
        Pairs at once, and where.
    """
    grid = tokenizer.config.grid
    generator = torch.Generator().manual_seed(0)
    s_BN, a_BN = (
        torch.randint(n, (size, grid[0] * grid[1]), generator=generator).to(device)
        for n in (tokenizer.config.structure_codes, tokenizer.config.appearance_codes)
    )
    if not tokenizer.dual:
        return lambda: tokenizer.decode_image(None, a_BN, grid)
    return lambda: (tokenizer.decode_image(s_BN, a_BN, grid), tokenizer.decode_mask(s_BN, grid))


def fastest(work: Callable[[], object], device: torch.device, repeats: int) -> Seconds:
    """The least of the repeats, after one that is not counted.

    Parameters
    ----------
    work, device
        What is run where.
    repeats
        Runs that count.
    """
    return least([timed(work, device)[1] for _ in range(repeats + 1)][1:])
