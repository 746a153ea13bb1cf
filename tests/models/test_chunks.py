"""Batches of one size, and what happens when a GPU has no room for them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genviz.models.chunks import CHUNK, by_chunks, halving, rows_at_once


def test_chunks_cover_every_row_once():
    for n in (1, 15, 16, 17, 40):
        seen = []
        found = by_chunks(lambda a, b, s=seen: s.append(len(a)) or a + b, np.arange(n), np.arange(n) * 10)
        np.testing.assert_array_equal(found, np.arange(n) * 11)
        assert set(seen) == {CHUNK}


def test_a_batch_that_does_not_fit_is_halved_and_no_row_is_done_twice(caplog):
    def work(start, size):
        if size > (2 if start else 4):
            raise torch.cuda.OutOfMemoryError("too large")
        return range(start, start + size)

    assert [list(part) for part in halving(work, 7, 8)] == [[0, 1, 2, 3], [4, 5], [6, 7]]
    assert [record.message for record in caplog.records] == [
        "Out of GPU memory with 8 rows a batch; going on with 4.",
        "Out of GPU memory with 4 rows a batch; going on with 2.",
    ]


def test_one_row_that_does_not_fit_is_an_error():
    def work(start, size):
        raise torch.cuda.OutOfMemoryError("too large")

    with pytest.raises(torch.cuda.OutOfMemoryError):
        halving(work, 3, 4)


@pytest.mark.parametrize(("n_rows", "size"), [(1, 1), (2, 2), (3, 4), (9, 16), (500, 16)])
def test_few_rows_are_drawn_in_a_small_batch(n_rows, size):
    assert rows_at_once(torch.device("cpu"), n_rows) == size
