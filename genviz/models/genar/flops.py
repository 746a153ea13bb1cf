"""What a prediction costs: floating-point operations by formula, and seconds by the clock.

One multiply-add is 2 FLOP. The floor of the transformer trunk is what the paper's hierarchy needs at least:
every group is one position, passed once (Part B.5 of the audit: 36.6 GFLOP a spot at the paper preset).
Shape legend: B rows, F features.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from genviz.models.genar.config import GenARConfig
from genviz.models.genar.network import GenARNetwork


def transformer_flops(config: GenARConfig, scales: Sequence[int], n_features: int) -> dict[str, float]:
    """Count FLOP per spot of one generated chain through the transformer trunk with a KV cache.

    Parameters
    ----------
    config
        Options width (D), n_layers, mlp_ratio (r), vocabulary (V).
    scales
        Groups of every level; their sum is the number of positions P.
    n_features
        Width of the condition, position included.

    Returns
    -------
    By part: ``linear`` P n_layers (8 + 4 r) D², ``attention`` n_layers 4 D sum_k (K_k * positions up to k),
    ``head`` 2 P D V (``readout`` 2 P D for a count tree), ``upsampling``, ``modulation``, ``condition``;
    ``floor`` is the sum of the first three, ``total`` of all. FiLM depends on weights only and is computed
    once a call.
    """
    width, layers, positions = config.width, config.n_layers, sum(scales)
    seen = np.cumsum(scales)
    flops = {
        "linear": positions * layers * (8 + 4 * config.mlp_ratio) * width**2,
        "attention": layers * 4 * width * float(np.dot(scales, seen)),
        "head": 2.0 * positions * width * (config.vocabulary or 1),
        "upsampling": 2.0 * sum(scales[:-1]) * width**2 if config.counts == "tokens" else 0.0,
        "modulation": 2.0 * (6 * layers + 2) * width**2,
        "condition": 2.0 * (n_features * width + width**2),
    }
    flops["floor"] = flops["linear"] + flops["attention"] + flops["head"]
    flops["total"] = sum(value for name, value in flops.items() if name != "floor")
    return flops


@dataclass(frozen=True)
class Timing:
    """Cost of generating one chain for each of `batch` spots.

    Attributes
    ----------
    batch, dtype
        Spots at a time; "float32" or "bfloat16" (matrix products in bfloat16 through autocast).
    seconds_per_spot, cpu_seconds_per_spot
        Wall time; time summed over all threads of this process. The best of the repeats.
    spots_per_second
        1 / seconds_per_spot.
    peak_gb
        Largest memory of this process so far, GB.
    """

    batch: int
    dtype: str
    seconds_per_spot: float
    cpu_seconds_per_spot: float
    spots_per_second: float
    peak_gb: float

    def to_dict(self) -> dict[str, float | int | str]:
        """Give a JSON-able dict."""
        return asdict(self)


def has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware; elsewhere bfloat16 is the slower way."""
    return bool(torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def measure(
    network: GenARNetwork, n_features: int, batch: int, *, dtype: str = "float32", repeats: int = 3
) -> Timing:
    """Time `GenARNetwork.sample` with one chain a spot (for tokens the most probable one) on random features.

    Parameters
    ----------
    network
        On the device to be timed.
    n_features
        F.
    batch
        B.
    dtype
        "float32" or "bfloat16".
    repeats
        Calls after one that warms up; the fastest counts.
    """
    device = next(network.parameters()).device
    x_BF = torch.randn(batch, n_features, device=device)
    xy_B2 = torch.rand(batch, 2, device=device) * 5000
    generators = [np.random.default_rng(row) for row in range(batch)]
    greedy = network.config.counts == "tokens"
    wall, cpu = [], []
    for _ in range(1 + repeats):
        start = time.perf_counter(), time.process_time()
        with torch.autocast(device.type, torch.bfloat16, enabled=dtype == "bfloat16"):
            network.sample(x_BF, xy_B2, generators, 1, greedy=greedy)
        wall.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
    seconds = min(wall[1:]) / batch
    return Timing(batch, dtype, seconds, min(cpu[1:]) / batch, 1 / seconds, _peak_gb())


def _peak_gb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e6)
