"""Seconds of a piece of work and of a plain matrix product, for benchmarks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from genviz._errors import UsageError

_GEMM = 2048

Result = TypeVar("Result")


class Seconds(NamedTuple):
    """Time of one run.

    Attributes
    ----------
    wall, cpu
        By the clock; of the processor, all threads together.
    """

    wall: float
    cpu: float

    def on(self, device: torch.device) -> float:
        """What to compare with a product's: on a CPU seconds of the processor, which neighbours change least.

        Parameters
        ----------
        device
            Where the work computes.
        """
        return self.cpu if device.type == "cpu" else self.wall


def timed(work: Callable[[], Result], device: torch.device) -> tuple[Result, Seconds]:
    """Run once; what came out, and the time to the end of what was given to the device.

    Parameters
    ----------
    work
        What is run.
    device
        Where it computes.
    """
    cpu, start = time.process_time(), time.perf_counter()
    result = work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return result, Seconds(time.perf_counter() - start, time.process_time() - cpu)


def least(runs: list[Seconds]) -> Seconds:
    """The least of each time: neighbours on the machine only ever add.

    Parameters
    ----------
    runs
        At least one.
    """
    return Seconds(min(run.wall for run in runs), min(run.cpu for run in runs))


def batch_sizes(batches: Sequence[str]) -> list[int]:
    """Read sizes of batches as the command line gives them.

    Parameters
    ----------
    batches
        Whole numbers as text.

    Raises
    ------
    UsageError
        For anything else.
    """
    if not batches or not all(text.strip().isdecimal() and int(text) > 0 for text in batches):
        raise UsageError(
            f"Expected whole numbers from 1, comma-separated; got {','.join(batches) or 'none'}."
        )
    return [int(text) for text in batches]


def matmul_rate(device: torch.device, repeats: int = 5) -> float:
    """FLOP a second of a plain square product in single precision, seconds as in `Seconds.on`.

    Parameters
    ----------
    device
        Where to compute.
    repeats
        Runs, after one that is not counted.
    """
    a, b = (torch.randn(_GEMM, _GEMM, device=device) for _ in range(2))
    runs = [timed(lambda: a @ b, device)[1] for _ in range(repeats + 1)]
    return 2.0 * _GEMM**3 / least(runs[1:]).on(device)


def flops_of(work: Callable[[], object]) -> float:
    """FLOP of the matrix products and convolutions of a run; one multiply-add is 2.

    Parameters
    ----------
    work
        What is run, once.
    """
    # Plain attention: fused kernels of the CPU are not counted.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())
