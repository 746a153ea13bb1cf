"""Mini-batches of tensors in memory, in an order that depends on (seed, epoch) alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from genviz.core.keyed import row_generator


class Batches(Protocol):
    """What a training loop needs of its batches: their number, their tensors, and an order for each epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches come next."""
        ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]: ...


class EpochBatches:
    """Batches that depend on the epoch: what a trainer asks of them, once for all."""

    def __init__(self) -> None:
        self.epoch = 0
        # Lightning calls `set_epoch` of the sampler before each epoch, and asks for both names.
        self.sampler = self
        self.batch_sampler = None

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches come next.

        Parameters
        ----------
        epoch
            Number of the epoch, from 0; with the seed it decides the batches.
        """
        self.epoch = epoch


class KeyedBatches(EpochBatches):
    """Shuffled batches; the order of epoch e is the same in every run, resumed or not.

    Small data do not need worker processes: a batch is one gather.

    Parameters
    ----------
    tensors
        Equal first axes: the columns of a row.
    batch_size
        Rows a batch; a last partial batch is dropped unless it is the only one.
    seed
        Seed of the order.
    shuffle
        False gives the rows in order, the last batch partial.
    per_epoch
        Rows an epoch when shuffled, other ones each time; default all.
    """

    def __init__(
        self,
        tensors: Sequence[Tensor],
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        per_epoch: int | None = None,
    ) -> None:
        super().__init__()
        self.tensors = tuple(tensors)
        self.n_rows = len(self.tensors[0])
        self.batch_size = min(batch_size, self.n_rows)
        self.per_epoch = min(per_epoch or self.n_rows, self.n_rows)
        self.seed = seed
        self.shuffle = shuffle

    def __len__(self) -> int:
        if self.shuffle:
            return max(1, self.per_epoch // self.batch_size)
        return -(-self.n_rows // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        order = np.arange(self.n_rows)
        if self.shuffle:
            order = row_generator(self.seed, "", str(self.epoch), "order").permutation(self.n_rows)
        index = torch.from_numpy(order)
        for k in range(len(self)):
            rows = index[k * self.batch_size : (k + 1) * self.batch_size]
            yield tuple(tensor[rows] for tensor in self.tensors)
