"""Ragged sums and softmaxes against plain loops."""

from __future__ import annotations

import torch

from genviz.nn.segments import segment_log_softmax, segment_max, segment_sum

INDEX = torch.tensor([2, 0, 2, 2, 3, 0])  # segment 1 is empty, 3 has one column
VALUES = torch.tensor([[1.0, -2.0, 3.0, 0.5, 7.0, 4.0], [0.0, 1.0, 0.0, 0.0, -1.0, 1.0]])


def test_sum_and_maximum():
    assert segment_sum(VALUES, INDEX, 4).tolist() == [[2.0, 0.0, 4.5, 7.0], [2.0, 0.0, 0.0, -1.0]]
    assert segment_max(VALUES, INDEX, 4).tolist() == [
        [4.0, -torch.inf, 3.0, 7.0],
        [1.0, -torch.inf, 0.0, -1.0],
    ]
    whole = VALUES.long()
    assert segment_sum(whole, INDEX, 4).dtype == torch.int64


def test_leading_axes_are_free():
    stacked = VALUES.expand(3, 2, 6)
    assert segment_sum(stacked, INDEX, 4).shape == (3, 2, 4)
    torch.testing.assert_close(segment_sum(stacked, INDEX, 4)[1], segment_sum(VALUES, INDEX, 4))


def test_log_softmax_equals_one_softmax_a_segment():
    found = segment_log_softmax(VALUES, INDEX, 4)
    for segment in (0, 2, 3):
        columns = segment == INDEX
        torch.testing.assert_close(found[:, columns], VALUES[:, columns].log_softmax(-1))
    torch.testing.assert_close(segment_sum(found.exp(), INDEX, 4)[:, [0, 2, 3]], torch.ones(2, 3))


def test_large_logits_neither_overflow_nor_lose_their_gradient():
    logits = torch.tensor([1000.0, 998.0, -1000.0, -1000.0], requires_grad=True)
    index = torch.tensor([0, 0, 1, 1])
    found = segment_log_softmax(logits, index, 2)
    torch.testing.assert_close(found[:2], torch.tensor([1000.0, 998.0]).log_softmax(-1))
    found[0].backward()
    share = torch.tensor([2.0, 0.0]).softmax(-1)
    torch.testing.assert_close(logits.grad, torch.tensor([1 - share[0], -share[1], 0.0, 0.0]))
