"""Processes side by side on this machine, when no cluster was started outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from genviz.models.cluster import active_client


@contextmanager
def workers_of(n: int) -> Iterator[None]:
    """Start n worker processes of one thread each, and end them; nothing is started for one, or beside a client.

    Parameters
    ----------
    n
        Jobs side by side.
    """
    if n == 1 or active_client() is not None:
        yield
        return
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=n, threads_per_worker=1, dashboard_address=None, memory_limit=0) as cluster,
        Client(cluster),
    ):
        yield
