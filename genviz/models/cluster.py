"""Independent jobs in order, on this machine or on the Dask cluster that the user started."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

Result = TypeVar("Result")


def active_client() -> Any | None:
    """The Dask client of this session, if the user started one."""
    if "distributed" not in sys.modules:
        return None  # nobody can have started one
    from distributed import default_client

    try:
        return default_client()
    except ValueError:
        return None


def in_order(
    work: Callable[..., Result], shared: Any, jobs: Iterable[tuple[Any, ...]], *, client: Any | None
) -> Iterator[Result]:
    """Yield ``work(shared, *job)`` of job after job; what is not asked for any more is not computed.

    Parameters
    ----------
    work
        A function of a module, so that it can travel.
    shared
        What all jobs need; it travels once.
    jobs
        Arguments of each job.
    client
        From `active_client`; None computes here, each job when it is asked for.
    """
    if client is None:
        for job in jobs:
            yield work(shared, *job)
        return
    # A key of its own: one that was let go a moment ago must not be taken for this one.
    (there,) = client.scatter([shared], broadcast=True, hash=False)
    futures = [client.submit(work, there, *job, pure=False) for job in jobs]
    try:
        while futures:
            yield futures[0].result()
            del futures[0]  # what was taken need not stay in the cluster
    finally:
        client.cancel(futures)
