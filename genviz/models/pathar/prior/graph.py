"""The step loop as CUDA graphs: the host hands over a few dozen steps at a time and waits for none of them.

All tensors that steps share keep their place (`Drawing`, `PriorCache`), slots and windows are fixed numbers, and the
noise is a hash, so that a captured run of steps can be replayed for the next batch as it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import torch


class GraphedParts:
    """Runs parts in order: as they are the first time, captured as CUDA graphs from the second time on.

    Parameters
    ----------
    parts
        Functions without arguments, that read and write tensors in place and never ask the device for a value.
        Running one again on the same contents must write the same again.
    """

    def __init__(self, parts: Sequence[Callable[[], None]]) -> None:
        self.parts = tuple(parts)
        self.warm = False
        self.graphs: list[torch.cuda.CUDAGraph] = []

    def __call__(self) -> None:
        """Run all parts."""
        if not self.warm:
            self._warm_up()
            self.warm = True
            return
        if not self.graphs:
            self._capture()
        for graph in self.graphs:
            graph.replay()

    def _warm_up(self) -> None:
        """Run on a side stream, as capturing does, so that libraries make their workspaces there."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for part in self.parts:
                part()
        torch.cuda.current_stream().wait_stream(stream)

    def _capture(self) -> None:
        # One pool: graphs are replayed in the order of their capture, and no part keeps what it allocates.
        pool = torch.cuda.graph_pool_handle()
        graphs = []
        for part in self.parts:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=pool):
                part()
            graphs.append(graph)
        self.graphs = graphs


class Kept:
    """What the last call on a GPU made, so that the next one of its kind replays graphs at once.

    A copy of it is empty: graphs hold addresses.

    Attributes
    ----------
    lock
        To be held from `get` until the results are copied out: all threads that draw share the buffers of what is kept.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.key: tuple[Any, ...] = ()
        self.value: Any = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Kept:
        return Kept()

    def __reduce__(self) -> tuple[type[Kept], tuple[()]]:
        return Kept, ()

    def get(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """Give what is kept under a key, or forget it and make anew.

        Parameters
        ----------
        key
            All that the thing depends on.
        make
            Makes it.
        """
        if self.value is None or self.key != key:
            self.value = None  # before the next is made: both may not fit
            self.value, self.key = make(), key
        return self.value
