"""Processes side by side on this machine, when no cluster was started outside."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from tqdm.auto import tqdm

from genviz.io.cluster import active_client

_PATIENCE_S, _AT_MOST_S = 1.0, 10.0
_STARTED: list[Any] = []
"""Clusters that were started here and have not been ended yet."""


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

    with _deaf_children():
        cluster = LocalCluster(
            n_workers=n,
            threads_per_worker=1,
            dashboard_address=None,
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        )
    _STARTED.append(cluster)
    with ExitStack() as stack:
        stack.callback(end_workers)
        client = Client(cluster)
        stack.callback(client.close)
        client.run(_own_lock)
        yield


def end_workers() -> None:
    """End the processes of `workers_of`, in the midst of a job too, and do not wait for what they do.

    What they write gets its name only when it is whole. A cluster that was started elsewhere is let be.
    """
    while _STARTED:
        cluster = _STARTED.pop()
        with suppress(TimeoutError):  # of workers that are ended in the midst of a job; it must not hide why
            cluster.sync(_end, list(cluster.workers.values()), callback_timeout=_AT_MOST_S)
            cluster.close(timeout=_AT_MOST_S)


async def _end(workers: list[Any]) -> None:
    """A worker is asked first, which one in the midst of a job does not hear; by itself Dask waits for it longer."""
    for worker in workers:
        worker.close_gracefully()  # none is started again
    # Their keepers are closed with the cluster; one whose own closing ran out of time would be waited for without end.
    ended = (worker.kill(timeout=_PATIENCE_S) for worker in workers)
    await asyncio.gather(*ended, return_exceptions=True)


def _own_lock() -> None:
    """One lock of progress bars a process: tqdm's own is shared with none, and left behind where one is ended."""
    tqdm.set_lock(threading.RLock())


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes that are started here do not hear Ctrl-C: their parent does, says so once, and ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers belong to the main thread
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
