"""The prior of PathAR: one transformer over a label, structure tokens and appearance tokens.

It factorises ``p(S, A | c) = prod_i p(s_i | s_<i, c) prod_i p(a_i | s_<=i, a_<i, c)``. How rows are laid out so that
structure cannot see appearance is told in `genviz.nn.visibility`. Shape legend: B sequences, N cells, L rows,
D features, K codes of a stream.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, embedding

from genviz._errors import UsageError
from genviz.models.pathar.prior.block import PriorBlock
from genviz.models.pathar.prior.config import PriorConfig
from genviz.models.pathar.prior.graph import Kept
from genviz.nn.masked_attention import window_biases, windows_of
from genviz.nn.parameter_groups import parameter_groups
from genviz.nn.rope import grid_rotation
from genviz.nn.visibility import RowLayout, row_layout

_SMALL = 64  # rows under which cutting the mask into windows does not pay


class Prior(nn.Module):
    """Autoregressive transformer over both token streams.

    Parameters
    ----------
    config
        Architecture and ablations.
    n_labels
        Labels of images; one more, the null label, is learned for guidance.
    grid
        Rows and columns of cells, N in all.
    structure_codes, appearance_codes
        Sizes of the two vocabularies.
    n_organs
        Organs whose learned vectors are added to the label's; 0 leaves organs out.

    Raises
    ------
    UsageError
        Without structure codes, unless the order is "a_only"; for
        ``appearance_input="previous_and_structure"`` where an appearance row may not know the next structure
        token.
    """

    rotation_2L2C: Tensor
    visible_LL: Tensor
    holds_L: Tensor
    structure_rows: Tensor
    appearance_rows: Tensor
    label_row: Tensor

    def __init__(
        self,
        config: PriorConfig,
        *,
        n_labels: int,
        grid: tuple[int, int],
        structure_codes: int,
        appearance_codes: int,
        n_organs: int = 0,
    ) -> None:
        super().__init__()
        self.config, self.grid, self.n_cells = config, grid, grid[0] * grid[1]
        self.n_labels, self.n_organs = n_labels, n_organs
        self.appearance_codes = appearance_codes
        self.structure_codes = 0 if config.order == "a_only" else structure_codes
        if config.order != "a_only" and structure_codes < 1:
            raise UsageError(
                f"Expected structure codes with order={config.order!r}; got none. A tokenizer of one stream needs "
                "order='a_only'."
            )
        width = config.width
        self.use_layout(
            row_layout(self.n_cells, config.order, config.visibility, config.appearance_sees, "back_to_back")
        )
        self.label_in = nn.Embedding(n_labels + 1, width)
        self.organ_in = nn.Embedding(n_organs + 1, width) if n_organs else None
        self.begin_in = nn.Embedding(1, width) if self.layout.delayed else None
        self.appearance_in = nn.Embedding(appearance_codes, width)
        self.appearance_out = nn.Linear(width, appearance_codes, bias=False)
        # A null stream has no tables, so that a model of one stream holds nothing that it does not use.
        self.structure_in = nn.Embedding(self.structure_codes, width) if self.structure_codes else None
        self.structure_out = (
            nn.Linear(width, self.structure_codes, bias=False) if self.structure_codes else None
        )
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            PriorBlock(width, config.n_heads, config.dropout) for _ in range(config.n_layers)
        )
        self.norm = nn.LayerNorm(width, bias=False)
        if config.appearance_input != "previous" and not self.layout.delayed:
            raise UsageError(
                "Expected order='interleaved' and visibility='asymmetric' with "
                f"appearance_input={config.appearance_input!r}; elsewhere it would show a row what it predicts."
            )
        self.kept_sampler = Kept()
        self._initialise()

    def use_layout(self, layout: RowLayout) -> None:
        """Compute with the rows in another order; the model stays the same function.

        Parameters
        ----------
        layout
            Rows of the same cells, predicting the same tokens from the same past.
        """
        self.layout = layout
        buffers = {
            "rotation_2L2C": self.rotation(layout),
            "visible_LL": layout.visible_LL,
            "holds_L": layout.holds_L,
            "structure_rows": layout.rows_predicting(0),
            "appearance_rows": layout.rows_predicting(1),
            "label_row": (layout.holds_L == 0).nonzero().flatten(),
        }
        for name, value in buffers.items():
            self.register_buffer(name, value, persistent=False)
        self.windows = windows_of(layout.visible_LL, 4 if len(layout.holds_L) >= _SMALL else 1)

    def rotation(self, layout: RowLayout) -> Tensor:
        """Cosines and sines of each row's query and key, (2, L, 2, C).

        Parameters
        ----------
        layout
            Rows.
        """
        n_channels = self.config.width // self.config.n_heads
        queries = layout.target_cell_L if self.config.rope_query == "target" else layout.held_cell_L
        turned = [grid_rotation(cell_L, self.grid, n_channels) for cell_L in (queries, layout.held_cell_L)]
        return torch.stack(turned, dim=2)

    def _initialise(self) -> None:
        """Linear maps by their fan-in, smaller where they add to the residual stream; output heads zero."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=(3 * module.in_features) ** -0.5)
            elif isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
        for block in self.modules():
            if isinstance(block, PriorBlock):
                with torch.no_grad():
                    block.out.weight.mul_((2 * len(self.blocks)) ** -0.5)
                    block.down.weight.mul_((2 * len(self.blocks)) ** -0.5)
        for head in (self.structure_out, self.appearance_out):
            if head is not None:
                nn.init.zeros_(head.weight)

    @property
    def null_label(self) -> int:
        """Label that says nothing; with organs, organ `n_organs` says nothing."""
        return self.n_labels

    def forward(
        self, s_BN: Tensor, a_BN: Tensor, label_B: Tensor, organ_B: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predict every token from its past, teacher-forced.

        Parameters
        ----------
        s_BN, a_BN
            Tokens, raster order. Of a model of one stream, `s_BN` is not looked at.
        label_B
            Labels, `null_label` for none.
        organ_B
            Organs, ``n_organs`` for unknown; None: unknown for all.

        Returns
        -------
        structure logits, appearance logits
            (B, N, K) each; (B, 0, 0) for a stream that is not modelled.
        """
        h_BLD = self.hidden(s_BN, a_BN, label_B, organ_B)
        appearance = self.appearance_out(h_BLD.index_select(1, self.appearance_rows))
        if self.structure_out is None:
            return appearance[:, :0, :0], appearance
        return self.structure_out(h_BLD.index_select(1, self.structure_rows)), appearance

    def hidden(self, s_BN: Tensor, a_BN: Tensor, label_B: Tensor, organ_B: Tensor | None = None) -> Tensor:
        """Hidden features (B, L, D) of the layout's rows, after the last norm.

        Parameters
        ----------
        s_BN, a_BN, label_B, organ_B
            As in `forward`.
        """
        h_BLD = self.dropout(self._embed(s_BN, a_BN, label_B, organ_B))
        biases = window_biases(self.visible_LL, self.windows, h_BLD.dtype)
        for block in self.blocks:
            h_BLD = block(h_BLD, self.rotation_2L2C, biases, self.windows)
        out: Tensor = self.norm(h_BLD)
        return out

    def label_vectors(self, label_B: Tensor, organ_B: Tensor | None = None) -> Tensor:
        """Input of the label row, (B, D).

        Parameters
        ----------
        label_B, organ_B
            As in `forward`.
        """
        h_BD: Tensor = self.label_in(label_B.long())
        if self.organ_in is not None:
            organ_B = torch.full_like(label_B, self.n_organs) if organ_B is None else organ_B
            h_BD = h_BD + self.organ_in(organ_B.long())
        return h_BD

    def _embed(self, s_BN: Tensor, a_BN: Tensor, label_B: Tensor, organ_B: Tensor | None) -> Tensor:
        """Look up all rows at once in one table, so that no vector is moved after its lookup."""
        weights = [module.weight for module in (self.begin_in, self.structure_in) if module is not None]
        n_begin = int(self.begin_in is not None)
        bank_BM = torch.zeros(len(a_BN), 2 * self.n_cells + 2, dtype=torch.int64, device=a_BN.device)
        if self.structure_in is not None:
            bank_BM[:, 1 : self.n_cells + 1] = s_BN + n_begin
        bank_BM[:, self.n_cells + 2 :] = a_BN + (n_begin + self.structure_codes)
        held_BL = bank_BM.index_select(1, self.holds_L)
        h_BLD = embedding(held_BL, torch.cat([*weights, self.appearance_in.weight]))
        label_B1D = self.label_vectors(label_B, organ_B)[:, None]
        h_BLD = h_BLD.index_copy(1, self.label_row, label_B1D)
        if self.config.appearance_input == "previous_and_structure" and self.structure_in is not None:
            h_BLD = h_BLD.index_add(1, self.appearance_rows, self.structure_in(s_BN.long()))
        return h_BLD

    def log_prob_tokens(
        self, s_BN: Tensor, a_BN: Tensor, label_B: Tensor, organ_B: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Log-probability of each token given its past, nats.

        Parameters
        ----------
        s_BN, a_BN, label_B, organ_B
            As in `forward`.

        Returns
        -------
        structure, appearance
            (B, N) each; (B, 0) for a stream that is not modelled.
        """
        logits = self(s_BN, a_BN, label_B, organ_B)
        structure, appearance = (
            -cross_entropy(logits_BNK.float().transpose(1, 2), token_BN.long(), reduction="none")
            if logits_BNK.shape[1]
            else logits_BNK.new_zeros(len(logits_BNK), 0, dtype=torch.float32)
            for logits_BNK, token_BN in zip(logits, (s_BN, a_BN), strict=True)
        )
        return structure, appearance

    def log_prob(self, s_BN: Tensor, a_BN: Tensor, label_B: Tensor, organ_B: Tensor | None = None) -> Tensor:
        """Log-probability of whole sequences given their labels, nats, (B,).

        Parameters
        ----------
        s_BN, a_BN, label_B, organ_B
            As in `forward`.
        """
        structure_BN, appearance_BN = self.log_prob_tokens(s_BN, a_BN, label_B, organ_B)
        return structure_BN.sum(dim=1) + appearance_BN.sum(dim=1)

    def loss(
        self, s_BN: Tensor, a_BN: Tensor, label_B: Tensor, organ_B: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean cross-entropy of structure plus that of appearance (Eq. 15), nats a token.

        In training, labels (and organs with them) are replaced by null at the rate `label_dropout`, drawn from
        torch's generator; so are organs alone, so that a label is learned without its organ, too.

        Parameters
        ----------
        s_BN, a_BN, label_B, organ_B
            As in `forward`.

        Returns
        -------
        loss
            Scalar.
        parts
            ``nll`` (the loss), ``nll_structure``, ``nll_appearance``.
        """
        if self.training and self.config.label_dropout:
            dropped_B = torch.rand(len(label_B), device=label_B.device) < self.config.label_dropout
            label_B = label_B.masked_fill(dropped_B, self.null_label)
            if organ_B is not None:
                alone_B = torch.rand(len(organ_B), device=organ_B.device) < self.config.label_dropout
                organ_B = organ_B.masked_fill(dropped_B | alone_B, self.n_organs)
        logits = self(s_BN, a_BN, label_B, organ_B)
        structure, appearance = (
            cross_entropy(logits_BNK.float().flatten(0, 1), token_BN.long().flatten())
            if logits_BNK.shape[1]
            else logits_BNK.new_zeros((), dtype=torch.float32)
            for logits_BNK, token_BN in zip(logits, (s_BN, a_BN), strict=True)
        )
        loss = structure + appearance
        parts = {"nll": loss, "nll_structure": structure, "nll_appearance": appearance}
        return loss, {name: value.detach() for name, value in parts.items()}

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """Groups for AdamW (0.9, 0.95), matrices decayed, tables and norms not; or the blocks' matrices for Muon.

        Parameters
        ----------
        lr, weight_decay
            Of all groups, or of all but Muon's; of the matrices.
        """
        hidden = [module.weight for module in self.blocks.modules() if isinstance(module, nn.Linear)]
        heads = [head.weight for head in (self.structure_out, self.appearance_out) if head is not None]
        return parameter_groups(
            self, hidden, heads, lr=lr, weight_decay=weight_decay, matrix_lr=self.config.matrix_lr
        )
