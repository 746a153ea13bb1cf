"""Blocks of rows one after the other, with a bar: on this machine, or on the Dask cluster of the session.

A block is a whole number of the batches that a call computes with, so that a row's result is the same bit for bit
wherever its block is computed, on machines of one kind.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import torch
from tqdm.auto import tqdm

from genviz._settings import settings
from genviz.io.cluster import active_client, in_order

_ROWS = 32  # of a block on a CPU: many workers share few rows, and a bar moves
_BATCHES_ELSEWHERE = 16
_AHEAD = 2  # blocks a thread of a cluster: one that is computed, one that waits for it or is waited for
_DELAY = 1.0  # seconds: a call that ends before shows no bar

Part = TypeVar("Part")


class Networks(Protocol):
    """What blocks are computed with."""

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        ...

    def to(self, device: torch.device) -> Any:
        """Move them, in place."""
        ...


def rows_a_block(device: torch.device, batch: int) -> int:
    """Rows of a block: whole batches.

    Parameters
    ----------
    device
        Where blocks are computed.
    batch
        Rows computed at once.
    """
    return batch * (max(1, _ROWS // batch) if device.type == "cpu" else _BATCHES_ELSEWHERE)


def parts_of(n_rows: int, size: int) -> list[slice]:
    """Rows block by block.

    Parameters
    ----------
    n_rows
        All of them.
    size
        Of a block; the last may have fewer.
    """
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


def in_blocks(
    work: Callable[..., Part],
    networks: Networks,
    jobs: Iterable[tuple[Any, ...]],
    rows: Sequence[int],
    bar: str | Callable[[int], object],
    *,
    unit: str = "tile",
) -> Iterator[Part]:
    """Yield ``work(networks, *job)`` of block after block.

    With an active `dask.distributed.Client` blocks are computed there. One block alone is computed here: sending the
    networks takes longer, and somebody may be waiting.

    Parameters
    ----------
    work
        A function of a module, so that it can travel.
    networks
        What all blocks need; it travels once.
    jobs
        Arguments of each block, made when they are needed.
    rows
        Rows of each block.
    bar
        Label of a bar, or what to call with the number of rows that were just done.
    unit
        What the bar counts.
    """
    client = active_client() if len(rows) > 1 else None
    found = _computed(work, networks, jobs, client)
    if not isinstance(bar, str):
        yield from _told(found, rows, bar)
    elif len(rows) < 2:
        yield from found
    else:
        shown = settings.progress
        with tqdm(total=sum(rows), desc=bar, unit=unit, delay=_DELAY, disable=not shown) as moving:
            yield from _told(found, rows, moving.update)


def _computed(
    work: Callable[..., Part], networks: Networks, jobs: Iterable[tuple[Any, ...]], client: Any | None
) -> Iterator[Part]:
    if client is None:
        return in_order(work, networks, jobs, client=None)
    sent = ((work, *job) for job in jobs)
    return in_order(_there, _Sent(networks), sent, client=client, ahead=_AHEAD)


def _told(found: Iterator[Part], rows: Sequence[int], advance: Callable[[int], object]) -> Iterator[Part]:
    for part, n in zip(found, rows, strict=True):
        advance(n)
        yield part


class _Sent:
    """Networks on their way: as CPU tensors, which every machine can read, then on the device they came from."""

    def __init__(self, networks: Networks) -> None:
        self.networks = networks

    def __getstate__(self) -> tuple[str, Networks]:
        kind = self.networks.device.type
        here = self.networks if kind == "cpu" else copy.deepcopy(self.networks).to(torch.device("cpu"))
        return kind, here

    def __setstate__(self, state: tuple[str, Networks]) -> None:
        kind, self.networks = state
        there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if there.get(kind, False):
            self.networks.to(torch.device(kind))


def _there(sent: _Sent, work: Callable[..., Part], *job: Any) -> Part:
    return work(sent.networks, *job)
