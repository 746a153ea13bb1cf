"""Independent jobs in order, on this machine or on the Dask cluster that the user started."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

Result = TypeVar("Result")


def active_client() -> Any | None:
    """The Dask client of this session, if the user started one; None within a job of a cluster.

    A job that waited for other jobs of its cluster would hold the thread that they need.
    """
    if "distributed" not in sys.modules:
        return None  # nobody can have started one
    from dask.distributed import default_client, get_worker

    try:
        get_worker()
    except ValueError:
        pass
    else:
        return None
    try:
        return default_client()
    except ValueError:
        return None


def in_order(
    work: Callable[..., Result],
    shared: Any,
    jobs: Iterable[tuple[Any, ...]],
    *,
    client: Any | None,
    ahead: int | None = None,
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
    ahead
        Jobs a thread of the cluster that are sent before their results are asked for: bounds what arguments and results
        take. None sends all at once, for results that are small or jobs of very different length.
    """
    if client is None:
        for job in jobs:
            yield work(shared, *job)
        return
    # A key of its own: one that was let go a moment ago must not be taken for this one.
    (there,) = client.scatter([shared], broadcast=True, hash=False)
    waiting, futures = iter(jobs), deque[Any]()
    try:
        while True:
            # Asked each time: workers come and go.
            room = None if ahead is None else max(1, ahead * sum(client.nthreads().values()) - len(futures))
            futures.extend(client.submit(work, there, *job, pure=False) for job in islice(waiting, room))
            if not futures:
                return
            yield futures[0].result()
            futures.popleft()  # what was taken need not stay in the cluster
    finally:
        client.cancel(list(futures))
