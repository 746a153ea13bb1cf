"""The tokens of one batch while they are drawn: what rows hold, how a prediction becomes a token.

Shape legend: B rows of the batch, R sequences (B, or 2 B with guidance: label, then null label), N cells, D features,
K codes; the first axis of ``(2, N, B)`` is structure, appearance.
"""

from __future__ import annotations

import torch
from torch import Tensor

from genviz.models.pathar.prior.network import Prior
from genviz.models.pathar.prior.rule import SampleRule
from genviz.nn.keyed_noise import position_keys
from genviz.nn.packed_linear import packed_linear
from genviz.nn.token_picking import pick_tokens, token_log_prob
from genviz.nn.visibility import RowLayout


class Drawing:
    """State of a batch, in tensors that keep their place in memory.

    Parameters
    ----------
    prior
        The prior.
    layout
        Meaning of rows.
    rule
        How tokens are drawn.
    n_rows
        B.
    log_prob
        Keep the log-probability of each token under the prior, without guidance and filters.
    """

    def __init__(
        self, prior: Prior, layout: RowLayout, rule: SampleRule, n_rows: int, *, log_prob: bool
    ) -> None:
        device, n = prior.visible_LL.device, prior.n_cells
        self.prior, self.rule, self.n_rows = prior, rule, n_rows
        self.n_halves = 2 if rule.guided else 1
        self.holds, self.predicts = layout.holds_L.tolist(), layout.predicts_L.tolist()
        # A stream that is not modelled is predicted by no row.
        heads = (prior.structure_out or prior.appearance_out, prior.appearance_out)
        self.heads = [packed_linear(head.weight, self.n_halves * n_rows) for head in heads]
        self.adds_structure = prior.config.appearance_input == "previous_and_structure"
        self.token_2NB = torch.zeros(2, n, n_rows, dtype=torch.int64, device=device)
        self.known_2NB = torch.zeros(2, n, n_rows, dtype=torch.bool, device=device)
        self.key_B = torch.zeros(n_rows, dtype=torch.int64, device=device)
        self.label_RD = prior.norm.weight.new_zeros(self.n_halves * n_rows, prior.config.width)
        self.log_prob_2NB = torch.zeros(2, n, n_rows, device=device) if log_prob else None

    def load(
        self, label_B: Tensor, organ_B: Tensor | None, key_B: Tensor, token_2NB: Tensor, known_2NB: Tensor
    ) -> None:
        """Begin a batch.

        Parameters
        ----------
        label_B, organ_B
            As `Prior.forward`.
        key_B
            Noise keys.
        token_2NB, known_2NB
            Tokens to keep, and which these are.
        """
        self.label_RD.copy_(self.label_vectors(label_B, organ_B))
        self.key_B.copy_(key_B)
        self.token_2NB.copy_(token_2NB)
        self.known_2NB.copy_(known_2NB)

    def label_vectors(self, label_B: Tensor, organ_B: Tensor | None) -> Tensor:
        """Inputs of the label row of every sequence, (R, D).

        Parameters
        ----------
        label_B, organ_B
            As `Prior.forward`.
        """
        label_BD = self.prior.label_vectors(label_B, organ_B)
        if self.n_halves == 1:
            return label_BD
        return torch.cat(
            [label_BD, self.prior.label_vectors(torch.full_like(label_B, self.prior.null_label))]
        )

    def inputs(self, rows: tuple[int, ...]) -> Tensor:
        """Look up what rows hold, (R, M, D).

        Parameters
        ----------
        rows
            Rows of the layout, whose tokens are drawn.
        """
        return self.embed(rows, self.label_RD, self.token_2NB)

    def embed(self, rows: tuple[int, ...], label_RD: Tensor, token_2NB: Tensor) -> Tensor:
        """Look up what rows of some sequences hold, (R, M, D).

        Parameters
        ----------
        rows
            Rows of the layout.
        label_RD
            From `label_vectors`.
        token_2NB
            Their tokens.
        """
        n, prior = self.prior.n_cells, self.prior
        h_RMD = label_RD.new_empty(len(label_RD), len(rows), label_RD.shape[1])
        h_PBMD = h_RMD.unflatten(0, (self.n_halves, -1))
        for m, row in enumerate(rows):
            held = self.holds[row]
            if held == 0:
                h_RMD[:, m] = label_RD
            elif held == n + 1 and prior.begin_in is not None:
                h_RMD[:, m] = prior.begin_in.weight
            elif held > n:
                h_PBMD[:, :, m] = prior.appearance_in(token_2NB[1, held - n - 2])
            elif prior.structure_in is not None:
                h_PBMD[:, :, m] = prior.structure_in(token_2NB[0, held - 1])
            if self.adds_structure and self.predicts[row] >= n and prior.structure_in is not None:
                h_PBMD[:, :, m] += prior.structure_in(token_2NB[0, self.predicts[row] - n])
        return h_RMD

    def logits(self, stream: int, h_RD: Tensor) -> Tensor:
        """Logits of a token, (R, K).

        Parameters
        ----------
        stream
            0 or 1.
        h_RD
            Hidden features of the row that predicts it.
        """
        return self.heads[stream](h_RD)

    def pick(self, stream: int, cell: int, h_RD: Tensor) -> None:
        """Draw a token, unless it is known.

        Parameters
        ----------
        stream
            0 or 1.
        cell
            Raster index.
        h_RD
            Hidden features of the row that predicts it.
        """
        logits_RK = self.logits(stream, h_RD)
        label_BK = logits_RK[: self.n_rows]
        null_BK = logits_RK[self.n_rows :] if self.n_halves == 2 else None
        key_B = position_keys(self.key_B, stream, cell)
        drawn_B = pick_tokens(label_BK, null_BK, self.rule.of(stream), key_B)
        token_B, known_B = self.token_2NB[stream, cell], self.known_2NB[stream, cell]
        token_B.copy_(torch.where(known_B, token_B, drawn_B))
        if self.log_prob_2NB is not None:
            self.log_prob_2NB[stream, cell] = token_log_prob(label_BK, token_B)
