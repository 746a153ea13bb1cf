"""Multi-head attention whose kernel is chosen call by call, because not every kernel has a forward derivative.

Shape legend: B rows, L queries, M keys, H heads, C channels of a head, D = H C features.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from genviz._errors import UsageError

KERNELS = ("math", "manual", "sdpa")
"""Torch's plain kernel, products written out (both have forward derivatives), and whatever kernel is fastest."""


def attend(query_BHLC: Tensor, key_BHMC: Tensor, value_BHMC: Tensor, kernel: str = "sdpa") -> Tensor:
    """``softmax(Q K^T / sqrt(C)) V``, (B, H, L, C).

    Parameters
    ----------
    query_BHLC, key_BHMC, value_BHMC
        Heads.
    kernel
        Out of `KERNELS`. Under `torch.func.jvp` only "math" and "manual" work.

    Raises
    ------
    UsageError
        For another kernel.
    """
    if kernel == "manual":
        score_BHLM = query_BHLC @ key_BHMC.transpose(-1, -2) * query_BHLC.shape[-1] ** -0.5
        return score_BHLM.softmax(dim=-1).to(value_BHMC.dtype) @ value_BHMC
    if kernel == "math":
        # Chosen here, inside the forward pass, so that it also holds for calls within a transform.
        with sdpa_kernel(SDPBackend.MATH):
            return scaled_dot_product_attention(query_BHLC, key_BHMC, value_BHMC)
    if kernel == "sdpa":
        return scaled_dot_product_attention(query_BHLC, key_BHMC, value_BHMC)
    raise UsageError(f"Expected a kernel out of {', '.join(map(repr, KERNELS))}; got {kernel!r}.")


class KernelAttention(nn.Module):
    """Attention of positions to themselves, or to others (`crossed`): 4 D² weights and 4 D biases.

    Parameters
    ----------
    width, n_heads
        D and H, a divisor of D.
    crossed
        Keys and values come from a second sequence.
    """

    def __init__(self, width: int, n_heads: int, *, crossed: bool = False) -> None:
        super().__init__()
        self.n_heads, self.crossed = n_heads, crossed
        if crossed:
            self.query = nn.Linear(width, width)
            self.key_value = nn.Linear(width, 2 * width)
        else:
            self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, h_BLD: Tensor, other_BMD: Tensor | None = None, *, kernel: str = "sdpa") -> Tensor:
        """Attend.

        Parameters
        ----------
        h_BLD
            Features of the positions that ask.
        other_BMD
            Features that are looked at; only with `crossed`.
        kernel
            See `attend`.

        Returns
        -------
        (B, L, D).
        """
        if self.crossed:
            assert other_BMD is not None
            heads = (*self._heads(self.query(h_BLD), 1), *self._heads(self.key_value(other_BMD), 2))
        else:
            heads = self._heads(self.qkv(h_BLD), 3)
        query_BHLC, key_BHMC, value_BHMC = heads
        mixed_BHLC = attend(query_BHLC, key_BHMC, value_BHMC, kernel)
        out_BLD: Tensor = self.out(mixed_BHLC.transpose(1, 2).flatten(2))
        return out_BLD

    def _heads(self, joined_BLE: Tensor, n: int) -> tuple[Tensor, ...]:
        """Part n (B, H, L, C) from side by side features (B, L, n D)."""
        return joined_BLE.unflatten(-1, (n, self.n_heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
