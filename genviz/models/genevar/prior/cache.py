"""The next-scale prior one scale at a time, over keys and values that stay where they were written.

Shape legend: R sequences, N positions of a scale, L of all, D features, H heads, C channels of a head.
"""

from __future__ import annotations

from torch import Tensor

from genviz.models.genevar.prior.network import Modulation, ScalePrior
from genviz.nn.scale_attention import attend


class PriorCache:
    """Keys and values of every block, for a fixed number of sequences; the memory is taken once, at the first scale.

    Parameters
    ----------
    prior
        The prior.
    n_sequences
        R.
    """

    def __init__(self, prior: ScalePrior, n_sequences: int) -> None:
        config = prior.config
        shape = (n_sequences, config.n_heads, prior.layout.n_positions, config.width // config.n_heads)
        self.prior = prior
        self.layers = [_Layer(shape) for _ in prior.blocks]

    def advance(self, h_RND: Tensor, k: int, modulation: Modulation) -> Tensor:
        """Run a scale over itself and all coarser ones, whose turn has been; keep its keys and values.

        Parameters
        ----------
        h_RND
            Inputs of the scale's positions.
        k
            Scale, from 1.
        modulation
            From `ScalePrior.modulation`, made once for all scales.

        Returns
        -------
        Hidden features (R, N, D) after the last block, for `ScalePrior.logits`.
        """
        part = self.prior.layout.part(k)
        for layer in self.layers:
            layer.part = part
        return self.prior.run_blocks(h_RND, modulation, self.layers)


class _Layer:
    """One block's keys and values, (R, H, L, C) each, in the type that the block computes in."""

    key_RHLC: Tensor
    value_RHLC: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape, self.part, self.ready = shape, slice(0, 0), False

    def __call__(self, query_RHNC: Tensor, key_RHNC: Tensor, value_RHNC: Tensor) -> Tensor:
        """Write the scale's keys and values, attend over all so far: no mask, as all of them are visible."""
        if not self.ready:
            self.key_RHLC, self.value_RHLC = key_RHNC.new_empty(self.shape), value_RHNC.new_empty(self.shape)
            self.ready = True
        self.key_RHLC[:, :, self.part] = key_RHNC
        self.value_RHLC[:, :, self.part] = value_RHNC
        seen = slice(0, self.part.stop)
        return attend(query_RHNC, self.key_RHLC[:, :, seen], self.value_RHLC[:, :, seen])
