"""Rows of the prior a few at a time, over keys and values of earlier rows that stay where they were written.

Shape legend: R sequences (with guidance: those with a label, then the same with the null label), M rows of a step,
L rows at once, D features, H heads, C channels of a head.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import layer_norm, scaled_dot_product_attention

from genviz.models.pathar.prior.block import PriorBlock
from genviz.models.pathar.prior.network import Prior
from genviz.models.pathar.prior.schedules import Schedule, Step
from genviz.nn.masked_attention import masked_attention, window_biases, windows_of
from genviz.nn.packed_linear import packed_linear
from genviz.nn.rope import rotate


class _Layer:
    """A block's weights, packed for steps, and its keys and values (R, H, slots, C)."""

    def __init__(self, block: PriorBlock, n_sequences: int, n_slots: int, n_rows: int) -> None:
        self.block = block
        width = block.qkv.in_features
        like = block.qkv.weight
        shape = (n_sequences, block.n_heads, n_slots, width // block.n_heads)
        self.key_RHSC = torch.empty(shape, dtype=like.dtype, device=like.device)
        self.value_RHSC = torch.empty_like(self.key_RHSC)
        self.qkv, self.out, self.down = (
            packed_linear(linear.weight, n_rows) for linear in (block.qkv, block.out, block.down)
        )
        self.up_gelu = packed_linear(block.up.weight, n_rows, then_gelu=True)


class PriorCache:
    """A prior's blocks with a static cache.

    Parameters
    ----------
    prior
        Its weights are read now: a cache does not follow training.
    schedule
        Layout and number of slots.
    n_sequences
        R.

    Attributes
    ----------
    steps
        Those of the schedule, on the prior's device.
    """

    def __init__(self, prior: Prior, schedule: Schedule, n_sequences: int) -> None:
        self.width, self.n_heads = prior.config.width, prior.config.n_heads
        self.norm = prior.norm.weight.detach()
        self.layout = schedule.layout
        self.steps = tuple(
            step if step.bias_MW is None else replace(step, bias_MW=step.bias_MW.to(self.norm).contiguous())
            for step in schedule.steps
        )
        self.rotation_2L2C = prior.rotation(schedule.layout).to(self.norm)
        n_rows = n_sequences * max((len(step.rows) for step in schedule.steps), default=1)
        self.layers = [
            _Layer(block, n_sequences, schedule.n_slots, n_rows)
            for block in prior.blocks
            if isinstance(block, PriorBlock)
        ]

    def advance(self, h_RMD: Tensor, step: Step) -> Tensor:
        """Run the rows of one step, each over the step's window, and keep their keys and values.

        Parameters
        ----------
        h_RMD
            Inputs of the rows, overwritten.
        step
            Rows, slots, window.

        Returns
        -------
        Hidden features (R, M, D) after the last norm.
        """
        n_sequences, n_rows, width = h_RMD.shape
        # A slice where rows are evenly spaced, and a step's are: no index has to reach the device.
        spacing = step.rows[1] - step.rows[0] if n_rows > 1 else 1
        rows = slice(step.rows[0], step.rows[-1] + 1, spacing)
        cosine, sine = self.rotation_2L2C[:, rows].unsqueeze(-2)
        h_TD = h_RMD.view(-1, width)
        for layer in self.layers:
            normed_TD = layer_norm(h_TD, (width,), layer.block.norm_attention.weight)
            qkv_RM3HC = layer.qkv(normed_TD).view(n_sequences, n_rows, 3, self.n_heads, -1)
            query_key_RM2HC = rotate(qkv_RM3HC[:, :, :2], cosine, sine)
            layer.key_RHSC[:, :, step.slots] = query_key_RM2HC[:, :, 1].transpose(1, 2)
            layer.value_RHSC[:, :, step.slots] = qkv_RM3HC[:, :, 2].transpose(1, 2)
            mixed_RHMC = scaled_dot_product_attention(
                query_key_RM2HC[:, :, 0].transpose(1, 2),
                layer.key_RHSC[:, :, step.window],
                layer.value_RHSC[:, :, step.window],
                attn_mask=step.bias_MW,
            )
            h_TD += layer.out(mixed_RHMC.transpose(1, 2).reshape(-1, width))
            normed_TD = layer_norm(h_TD, (width,), layer.block.norm_mlp.weight)
            h_TD += layer.down(layer.up_gelu(normed_TD))
        return layer_norm(h_TD, (width,), self.norm).view_as(h_RMD)

    def prefill(self, h_QLD: Tensor, steps: tuple[Step, ...], to_RQ: tuple[Tensor, Tensor]) -> Tensor:
        """Run the rows of many steps at once and keep their keys and values.

        Parameters
        ----------
        h_QLD
            Inputs of all the steps' rows for Q sequences.
        steps
            The first steps of a schedule.
        to_RQ
            int64: sequences of the cache, and which of the Q each receives.

        Returns
        -------
        Hidden features (Q, L, D) after the last norm.
        """
        device = h_QLD.device
        rows = [row for step in steps for row in step.rows]
        slots = torch.tensor([slot for step in steps for slot in _numbers(step.slots)], device=device)
        visible_LL = self.layout.visible_LL[rows][:, rows]
        windows = windows_of(visible_LL, 4)
        biases = window_biases(visible_LL.to(device), windows, h_QLD.dtype)
        rotation_2L2C = self.rotation_2L2C[:, torch.tensor(rows, device=device)]
        receiver_R1, giver_R = to_RQ[0][:, None], to_RQ[1]
        for layer in self.layers:
            query, key, value = layer.block.heads(h_QLD, rotation_2L2C)
            layer.key_RHSC.transpose(1, 2)[receiver_R1, slots] = key.transpose(1, 2)[giver_R]
            layer.value_RHSC.transpose(1, 2)[receiver_R1, slots] = value.transpose(1, 2)[giver_R]
            mixed = masked_attention(query, key, value, biases, windows)
            h_QLD = h_QLD + layer.block.out(mixed.transpose(1, 2).flatten(2))
            h_QLD = h_QLD + layer.block.mlp(h_QLD)
        return layer_norm(h_QLD, (self.width,), self.norm)


def _numbers(part: slice) -> range:
    return range(part.start, part.stop, part.step or 1)
