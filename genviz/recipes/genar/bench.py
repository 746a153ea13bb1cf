"""Speed and memory of GenAR on this machine, against the floor of its arithmetic."""

from __future__ import annotations

import logging
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from genviz import metrics
from genviz._settings import settings
from genviz.core.gene_tree_fit import fit_gene_tree
from genviz.io.files.atomic import atomic_write_json
from genviz.io.files.output import check_writable_file
from genviz.metrics import Score
from genviz.models.arguments import check_seed
from genviz.models.genar.flops import Timing, has_bfloat16, measure, transformer_flops
from genviz.models.genar.presets import preset
from genviz.recipes.genar.untrained import untrained_network

log = logging.getLogger("genviz")

N_FEATURES = 1024  # what a pathology encoder gives; the published model's input
SPOTS = 500
PUBLISHED_CPU_SECONDS = 1.0  # the published code on the same work and another CPU (audit of commit 223a0a6)
_GEMM = 2048


def bench_genar(json_file: Path, *, seed: int = 0) -> str:
    """Measure the paper preset with one and 64 spots, single precision and bfloat16, and the mini preset.

    Parameters
    ----------
    json_file
        Receives the figures in the schema of `metrics.scores_to_json`: ``flops_per_spot_*``, and for each case
        ``<preset>_b<batch>_<dtype>_`` ``spots_per_second``, ``cpu_seconds_per_spot``, ``peak_gb``, ``ratio``
        (time over the time that the floor's FLOP take at this machine's own matrix product).
    seed
        Of weights and features.

    Returns
    -------
    The same as text.
    """
    check_seed(seed)
    check_writable_file(json_file)
    config = preset("paper")
    flops = transformer_flops(config, config.scales or (), N_FEATURES + 48)
    scores = {
        "flops_per_spot_floor": Score(
            flops["floor"], n=1, note="353 positions: linear layers, attention, head"
        ),
        "flops_per_spot_total": Score(flops["total"], n=1),
    }
    dtypes = ["float32", *(["bfloat16"] if has_bfloat16() else [])]
    cases = [("paper", batch, dtype) for dtype in dtypes for batch in (1, 64)]
    context = multiprocessing.get_context("spawn")
    for name, batch, dtype in tqdm(cases, desc="benchmark", unit="case", disable=not settings.progress):
        # A process a case: its peak memory is then its own.
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            timing, rate = pool.submit(_case, name, batch, dtype, seed).result()
        floor = flops["floor"] / rate
        scores |= _scores(f"{name}_b{batch}_{dtype}", timing, timing.seconds_per_spot / floor)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        scores["mini_seconds_for_500_spots"] = Score(
            pool.submit(_mini_seconds, seed).result(),
            n=SPOTS,
            note="256 joint samples of 200 genes a spot, 3 members",
        )
    machine = {"threads": torch.get_num_threads(), "torch": torch.__version__, "bfloat16": has_bfloat16()}
    atomic_write_json(json_file, metrics.scores_to_json(scores) | {"machine": machine})
    return "\n".join(f"{name:<42} {score.value:>12.4g}  {score.note}" for name, score in scores.items())


def _scores(name: str, timing: Timing, ratio: float) -> dict[str, Score]:
    n = timing.batch
    return {
        f"{name}_spots_per_second": Score(timing.spots_per_second, n=n),
        f"{name}_cpu_seconds_per_spot": Score(
            timing.cpu_seconds_per_spot,
            n=n,
            baseline=PUBLISHED_CPU_SECONDS,
            note="baseline: published code, another CPU, single precision",
        ),
        f"{name}_peak_gb": Score(timing.peak_gb, n=n, note="whole process"),
        f"{name}_ratio": Score(
            ratio, n=n, note="seconds over the floor's FLOP at this machine's matrix product"
        ),
    }


def _case(name: str, batch: int, dtype: str, seed: int) -> tuple[Timing, float]:
    """One case, and the FLOP a second of a plain matrix product in the same precision."""
    torch.manual_seed(seed)  # a process of its own
    network = untrained_network(preset(name), N_FEATURES)
    timing = measure(network, N_FEATURES, batch, dtype=dtype, repeats=3 if batch == 1 else 1)
    return timing, _matmul_rate(getattr(torch, dtype))


def _matmul_rate(dtype: torch.dtype) -> float:
    a, b = (torch.randn(_GEMM, _GEMM, dtype=dtype) for _ in range(2))
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * _GEMM**3 / min(seconds[1:])


def _mini_seconds(seed: int) -> float:
    """Predict 500 spots with the mini preset as a user does: samples, summaries, everything."""
    from genviz.models.genar.ensemble import Ensemble, SampleArgs
    from genviz.models.genar.prediction import predict_rows
    from genviz.models.genar.rows import Rows
    from genviz.models.genar.scaler import Scaler

    settings.progress = False
    torch.manual_seed(seed)
    config, n_features = preset("mini"), 380
    networks = [untrained_network(config, n_features) for _ in range(config.n_members)]
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(SPOTS, n_features)).astype(np.float32)
    library = np.full(SPOTS, "S", dtype=object)
    names = np.array([f"{i}x1" for i in range(SPOTS)], dtype=object)
    rows = Rows(features, rng.uniform(0, 5000, (SPOTS, 2)).astype(np.float32), library, names)
    tree = fit_gene_tree(rng.poisson(5.0, (80, 200)), [f"G{i}" for i in range(200)])
    ensemble = Ensemble(config, tree, Scaler.fit(features, library, "train"), networks)
    start = time.perf_counter()
    predict_rows(ensemble, rows, SampleArgs(seed=seed), 0.9, ())
    return time.perf_counter() - start
