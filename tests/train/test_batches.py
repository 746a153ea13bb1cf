"""Batches: complete, in an order that belongs to (seed, epoch)."""

from __future__ import annotations

import torch

from genviz.train.batches import KeyedBatches

ROWS = torch.arange(10)


def order(batches: KeyedBatches, epoch: int = 0) -> list[int]:
    batches.set_epoch(epoch)
    return torch.cat([rows for rows, _ in batches]).tolist()


def test_every_row_comes_once_and_columns_stay_together():
    batches = KeyedBatches((ROWS, 10 * ROWS), 5, seed=3)
    assert len(batches) == 2
    for rows, tens in batches:
        assert len(rows) == 5 and torch.equal(tens, 10 * rows)
    assert sorted(order(batches)) == list(range(10))


def test_the_order_is_keyed_by_seed_and_epoch():
    batches = KeyedBatches((ROWS, ROWS), 5, seed=3)
    orders = [order(batches, epoch) for epoch in range(4)]
    assert len({tuple(found) for found in orders}) == 4
    assert order(KeyedBatches((ROWS, ROWS), 5, seed=3), 2) == orders[2]
    assert order(KeyedBatches((ROWS, ROWS), 5, seed=4), 2) != orders[2]


def test_reading_one_epoch_does_not_disturb_torch():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    order(KeyedBatches((ROWS, ROWS), 5))
    assert torch.equal(torch.rand(1), expected)


def test_a_last_partial_batch_is_dropped_in_training_only():
    assert [len(rows) for rows, _ in KeyedBatches((ROWS, ROWS), 4)] == [4, 4]
    kept = KeyedBatches((ROWS, ROWS), 4, shuffle=False)
    assert [len(rows) for rows, _ in kept] == [4, 4, 2] and len(kept) == 3
    assert order(kept) == list(range(10))


def test_few_rows_are_one_batch():
    batches = KeyedBatches((ROWS, ROWS), 64)
    assert len(batches) == 1 and sorted(order(batches)) == list(range(10))
