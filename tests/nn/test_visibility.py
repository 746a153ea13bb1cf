"""Masks of every layout, as the rules of the delayed layout say."""

from __future__ import annotations

import pytest
import torch

from genviz._errors import UsageError
from genviz.nn.masked_attention import masked_attention, window_biases, windows_of
from genviz.nn.visibility import ARRANGEMENTS, row_layout

N = 7


def _name(layout, row):
    held, n = int(layout.holds_L[row]), layout.n_cells
    return ("S", held) if held <= n else ("A", held - n - 1)


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_rows_see_what_the_rules_say(arrangement):
    """Property 9: S_j sees S_0..S_j; A_j sees S_0..S_{j+1} and A_0..A_j."""
    layout = row_layout(N, arrangement=arrangement)
    for query, key in torch.cartesian_prod(torch.arange(2 * N + 1), torch.arange(2 * N + 1)).tolist():
        (q, i), (k, j) = _name(layout, query), _name(layout, key)
        expected = {"SS": j <= i, "SA": False, "AS": j <= i + 1, "AA": j <= i}[q + k]
        assert bool(layout.visible_LL[query, key]) == expected


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_number_of_visible_keys(arrangement):
    visible = row_layout(N, arrangement=arrangement).visible_LL
    assert int(visible.sum()) == (N + 1) * (N + 2) // 2 + (N * (N + 1) // 2 + N) + N * (N + 1) // 2
    full = row_layout(N, appearance_sees="full", arrangement=arrangement).visible_LL
    assert int(full.sum()) == (N + 1) * (N + 2) // 2 + N * (N + 1) + N * (N + 1) // 2


def test_paired_order_is_causal_without_structure_to_appearance():
    layout = row_layout(N, arrangement="paired")
    is_a = layout.holds_L > N
    expected = torch.ones(2 * N + 1, 2 * N + 1, dtype=torch.bool).tril() & ~(~is_a[:, None] & is_a[None, :])
    assert torch.equal(layout.visible_LL, expected)


def test_papers_order_has_one_entry_above_the_diagonal():
    layout = row_layout(N, arrangement="paper")
    above = layout.visible_LL.triu(1).nonzero()
    assert [_name(layout, row) for row, _ in above.tolist()] == [("A", j) for j in range(N)]
    assert [_name(layout, key) for _, key in above.tolist()] == [("S", j + 1) for j in range(N)]


@pytest.mark.parametrize(
    ("order", "visibility", "n_rows"),
    [
        ("interleaved", "causal", 2 * N),
        ("interleaved", "leaky_literal", 2 * N),
        ("s_then_a", "causal", 2 * N),
        ("a_then_s", "asymmetric", 2 * N),
        ("a_only", "causal", N),
    ],
)
def test_plain_rows_predict_the_next_rows_token(order, visibility, n_rows):
    layout = row_layout(N, order, visibility)
    assert len(layout.holds_L) == n_rows
    held = layout.holds_L[1:]
    assert torch.equal(layout.predicts_L[:-1], torch.where(held > N, held - 2, held - 1))
    causal = torch.ones(n_rows, n_rows, dtype=torch.bool).tril()
    if visibility == "leaky_literal":
        causal &= ~((layout.predicts_L < N)[:, None] & (layout.holds_L > N)[None, :])
    assert torch.equal(layout.visible_LL, causal)
    assert len(layout.rows_predicting(0)) == (0 if order == "a_only" else N)
    assert layout.predicts_L[layout.rows_predicting(1)].tolist() == list(range(N, 2 * N))


@pytest.mark.parametrize(
    "wrong",
    [{"order": "sideways"}, {"visibility": "blind"}, {"appearance_sees": "none"}, {"arrangement": "odd"},
     {"order": "a_only", "visibility": "leaky_literal"}],
)  # fmt: skip
def test_unknown_names_are_refused(wrong):
    with pytest.raises(UsageError, match="Expected"):
        row_layout(N, **wrong)


@pytest.mark.parametrize("n_windows", [1, 3, 4, 15])
@pytest.mark.parametrize("arrangement", ["concatenated", "back_to_back"])
def test_windows_change_nothing(arrangement, n_windows):
    visible = row_layout(N, arrangement=arrangement).visible_LL
    windows = windows_of(visible, n_windows)
    q, k, v = torch.randn(3, 2, 2, len(visible), 8, generator=torch.Generator().manual_seed(0)).unbind(0)
    found = masked_attention(q, k, v, window_biases(visible, windows, q.dtype), windows)
    score = (q @ k.transpose(-1, -2) / 8**0.5).masked_fill(~visible, float("-inf"))
    assert torch.allclose(found, score.softmax(-1) @ v, atol=1e-6)
    biases = window_biases(visible, windows, torch.bfloat16)
    rough = masked_attention(q.bfloat16(), k.bfloat16(), v.bfloat16(), biases, windows)
    assert torch.allclose(rough.float(), found, atol=3e-2)
    outside = torch.ones_like(visible)
    for window in windows:
        outside[window.queries, window.keys] = False
    assert not (visible & outside).any()
