"""Processes side by side on this machine, when no cluster was started outside."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

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

    with _deaf_children():
        cluster = LocalCluster(
            n_workers=n,
            threads_per_worker=1,
            dashboard_address=None,
            memory_limit=0,
            silence_logs=logging.ERROR,
        )
    client = Client(cluster)
    try:
        yield
    finally:
        client.close()
        with suppress(TimeoutError):  # of workers that are ended in the midst of a job; it must not hide why
            cluster.close()


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
