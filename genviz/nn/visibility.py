"""Which row of a two-stream sequence holds what, predicts what, and sees which rows.

A sequence over N cells holds a label, N structure tokens s_1..s_N and N appearance tokens a_1..a_N. With plain
next-token reading no mask can keep appearance out of the structure predictions while appearance sees its own past:
s_{i+1} would be read at the row that holds a_i. So the default layout delays appearance by one row:

- row S_j (j = 0..N) holds the label (j = 0) or s_j, predicts s_{j+1}, and sees S_0..S_j;
- row A_j (j = 0..N-1) holds a begin token (j = 0) or a_j, predicts a_{j+1}, and sees S_0..S_{j+1} and A_0..A_j.

Then every hidden state of S_j is a function of the label and s_1..s_j alone, by induction over the layers.
Shape legend: L rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from genviz._errors import UsageError

ARRANGEMENTS = ("concatenated", "back_to_back", "paired", "paper")


@dataclass(frozen=True)
class RowLayout:
    """Rows of one sequence.

    Attributes
    ----------
    n_cells
        N.
    delayed
        Whether appearance is delayed by one row, as above; otherwise each row predicts the next row's token.
    holds_L
        int64, what a row holds: 0 the label, 1..N a structure token, N + 1 the begin token, N + 2..2N + 1 an
        appearance token.
    predicts_L
        int64, what a row predicts: 0..N-1 the structure token of that cell, N..2N-1 the appearance token of a cell,
        -1 nothing.
    visible_LL
        bool, which key rows (columns) a query row sees.
    """

    n_cells: int
    delayed: bool
    holds_L: Tensor
    predicts_L: Tensor
    visible_LL: Tensor

    @property
    def held_cell_L(self) -> Tensor:
        """Cell of the token that a row holds; -1 for label and begin."""
        n = self.n_cells
        cell_L = torch.where(self.holds_L > n, self.holds_L - n - 2, self.holds_L - 1)
        return cell_L.clamp_min(-1)

    @property
    def target_cell_L(self) -> Tensor:
        """Cell of the token that a row predicts; where it predicts nothing, the held one."""
        return torch.where(self.predicts_L >= 0, self.predicts_L % self.n_cells, self.held_cell_L)

    def rows_predicting(self, stream: int) -> Tensor:
        """Rows that predict structure (0) or appearance (1), by cell; empty when the stream is not predicted.

        Parameters
        ----------
        stream
            0 or 1.
        """
        chosen_L = (self.predicts_L // self.n_cells == stream) & (self.predicts_L >= 0)
        rows = chosen_L.nonzero().flatten()
        return rows[self.predicts_L[rows].argsort()]

    def rearranged(self, order_L: Tensor) -> RowLayout:
        """Give the same rows in another order.

        Parameters
        ----------
        order_L
            int64 permutation: old index of each new row.
        """
        visible_LL = self.visible_LL[order_L][:, order_L]
        return RowLayout(
            self.n_cells, self.delayed, self.holds_L[order_L], self.predicts_L[order_L], visible_LL
        )


def row_layout(
    n_cells: int,
    order: str = "interleaved",
    visibility: str = "asymmetric",
    appearance_sees: str = "prefix",
    arrangement: str = "concatenated",
) -> RowLayout:
    """Lay out the rows of one sequence.

    Parameters
    ----------
    n_cells
        N.
    order
        "interleaved", "s_then_a", "a_then_s", "a_only" (also a single stream v_1..v_N). All but the first are plain
        causal sequences, whatever `visibility`.
    visibility
        For interleaved sequences. "asymmetric": the delayed layout. "causal": label, s_1, a_1, ..., each row sees all
        before it. "leaky_literal": the same rows, those that predict structure see no appearance keys; it leaks.
    appearance_sees
        "prefix", or "full": rows A_j see all of S. In the delayed layout only.
    arrangement
        Order of the rows of the delayed layout, which changes nothing but speed: "concatenated" (S_0..S_N,
        A_0..A_{N-1}), "back_to_back" (S_N..S_0, A_0..A_{N-1}), "paired" (S_0, S_1, A_0, S_2, A_1, ...),
        "paper" (label, begin, s_1, a_1, s_2, a_2, ..., s_N).

    Raises
    ------
    UsageError
        For a name that is none of these.
    """
    if order == "interleaved" and visibility == "asymmetric":
        return _delayed(n_cells, appearance_sees).rearranged(_order(n_cells, arrangement))
    return _plain(n_cells, order, visibility)


def _delayed(n: int, appearance_sees: str) -> RowLayout:
    """S_0..S_N, A_0..A_{N-1}."""
    s, a = torch.arange(n + 1), torch.arange(n)
    if appearance_sees == "full":
        a_sees_s = torch.ones(n, n + 1, dtype=torch.bool)
    elif appearance_sees == "prefix":
        a_sees_s = s[None, :] <= a[:, None] + 1
    else:
        raise UsageError(f"Expected appearance_sees='prefix' or 'full'; got {appearance_sees!r}.")
    top = torch.cat([s[None, :] <= s[:, None], torch.zeros(n + 1, n, dtype=torch.bool)], dim=1)
    bottom = torch.cat([a_sees_s, a[None, :] <= a[:, None]], dim=1)
    holds = torch.cat([s, n + 1 + a])
    predicts = torch.cat([s, n + a])
    predicts[n] = -1  # S_N: a key only
    return RowLayout(n, True, holds, predicts, torch.cat([top, bottom]))


def _order(n: int, arrangement: str) -> Tensor:
    s, a = torch.arange(n + 1), n + 1 + torch.arange(n)
    if arrangement == "concatenated":
        return torch.cat([s, a])
    if arrangement == "back_to_back":
        return torch.cat([s.flip(0), a])
    if arrangement == "paired":
        return torch.cat([s[:1], torch.stack([s[1:], a], dim=1).flatten()])
    if arrangement == "paper":
        return torch.cat([s[:1], a[:1], torch.stack([s[1:-1], a[1:]], dim=1).flatten(), s[-1:]])
    raise UsageError(f"Expected an arrangement out of {', '.join(ARRANGEMENTS)}; got {arrangement!r}.")


def _plain(n: int, order: str, visibility: str) -> RowLayout:
    """One sequence after the label, each row predicting the token of the next."""
    s, a = torch.arange(n), n + torch.arange(n)
    sequences = {
        "interleaved": torch.stack([s, a], dim=1).flatten(),
        "s_then_a": torch.cat([s, a]),
        "a_then_s": torch.cat([a, s]),
        "a_only": a,
    }
    if order not in sequences:
        raise UsageError(f"Expected an order out of {', '.join(sequences)}; got {order!r}.")
    predicts = sequences[order]
    held = predicts[:-1]
    holds = torch.cat([torch.zeros(1, dtype=torch.int64), torch.where(held < n, held + 1, held + 2)])
    visible = torch.ones(len(predicts), len(predicts), dtype=torch.bool).tril()
    if order == "interleaved" and visibility == "leaky_literal":
        visible &= ~((predicts < n)[:, None] & (holds > n)[None, :])
    elif visibility not in ("asymmetric", "causal"):
        raise UsageError(
            f"Expected visibility 'asymmetric' or 'causal' with order {order!r}; got {visibility!r}."
        )
    return RowLayout(n, False, holds, predicts, visible)
