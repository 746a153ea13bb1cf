"""Residual quantisation from coarse to fine with one codebook (Tian et al. 2024), always in float32.

Shape legend: B tiles, D length of a code, G x G latent grid, K scales of n_k x n_k cells, N = n_k^2, L = sum of all N,
M = B L, V codes. Scales are numbered from 1, as in the papers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, interpolate, mse_loss

from genviz._errors import UsageError
from genviz.nn.quantiser import kmeans, nearest

MODES = ("gradient", "ema", "ema_revive")
_SMALL = 1e-5
_REVIVED = 0.3  # count of a revived code, in means: it has some two hundred steps to find users
_START_ROUNDS = 2
_START_VECTORS = 32768


class MultiScaleQuantiser(nn.Module):
    """Tokens of K scales whose contributions add up to the latents.

    The residual is pooled to n_k x n_k cells by area, each cell takes its nearest code, and what the codes of a scale
    contribute is taken off before the next: ``C_k(s) = (1 - w) U(e_s) + w conv_k(U(e_s))``, U bicubic to G x G.

    Codes learned by gradient are pulled by the loss. Moving means (EMA) follow the pooled residuals of all scales that
    chose them; the centroid is the right one only while the convolutions stay close to the identity, where they begin.

    Parameters
    ----------
    scales
        Cells a side of each scale, rising; the last is the latent grid G.
    n_codes, code_dim
        V and D.
    n_phi, phi_weight
        Number of convolutions that the scales share, each taking the one nearest in depth; their weight w. A weight of
        0 leaves them out.
    mode
        One of `MODES`; "ema_revive" also replaces codes that hardly any cell uses by pooled residuals of the batch,
        drawn in proportion to their squared distance from their code.
    decay
        Of the moving means.
    revive_below
        A code whose moving count is below this share of the mean is dead.
    commitment
        Weight of the commitment loss.

    Attributes
    ----------
    reviving
        False leaves dead codes dead: late in training a moved code has no time to be learned by the decoder.

    Raises
    ------
    UsageError
        For scales that do not rise, or an unknown mode.
    """

    count_V: Tensor
    sum_VD: Tensor

    def __init__(
        self,
        scales: Sequence[int],
        n_codes: int,
        code_dim: int,
        *,
        n_phi: int = 4,
        phi_weight: float = 0.5,
        mode: str = "ema_revive",
        decay: float = 0.99,
        revive_below: float = 0.03,
        commitment: float = 0.25,
    ) -> None:
        super().__init__()
        self.scales = checked_scales(scales)
        if mode not in MODES:
            raise UsageError(f"Expected mode out of {', '.join(map(repr, MODES))}; got {mode!r}.")
        self.mode, self.decay, self.revive_below, self.commitment = mode, decay, revive_below, commitment
        self.phi_weight, self.reviving = phi_weight, True
        codes_VD = torch.empty(n_codes, code_dim).uniform_(-1 / n_codes, 1 / n_codes)
        self.codes_VD = nn.Parameter(codes_VD, requires_grad=mode == "gradient")
        self.register_buffer("count_V", torch.ones(n_codes))
        self.register_buffer("sum_VD", codes_VD.clone())
        self.phi_of = shared_layers(len(self.scales), n_phi)
        self.phi = nn.ModuleList(_unchanging(code_dim) for _ in range(n_phi if phi_weight else 0))

    # ------------------------------------------------------------------ geometry

    @property
    def grid(self) -> int:
        """Cells a side of the latents, G."""
        return self.scales[-1]

    @property
    def n_tokens(self) -> int:
        """Tokens of a tile, L."""
        return sum(n * n for n in self.scales)

    def split(self, s_BL: Tensor) -> tuple[Tensor, ...]:
        """Tokens scale by scale, each (B, N)."""
        return s_BL.split([n * n for n in self.scales], dim=1)

    # ------------------------------------------------------------------ tokens to latents

    def contribution(self, s_BN: Tensor, k: int) -> Tensor:
        """What tokens of scale k add to the latents: C_k(s_k), (B, D, G, G).

        Parameters
        ----------
        s_BN
            Tokens of that scale, any integer type.
        k
            Scale, from 1.
        """
        n = self.scales[k - 1]
        rows_BND = embedding(s_BN.long(), self.codes_VD)
        return self.spread(rows_BND.unflatten(1, (n, n)).permute(0, 3, 1, 2), k)

    def spread(self, q_BDnn: Tensor, k: int) -> Tensor:
        """Cells of scale k over the latent grid: bicubic, then the convolution of that scale."""
        up_BDGG = q_BDnn
        if q_BDnn.shape[-1] != self.grid:
            up_BDGG = interpolate(q_BDnn, size=(self.grid, self.grid), mode="bicubic")
        if not self.phi_weight:
            return up_BDGG
        with torch.autocast(up_BDGG.device.type, enabled=False):
            mixed_BDGG: Tensor = self.phi[self.phi_of[k - 1]](up_BDGG)
        return torch.lerp(up_BDGG, mixed_BDGG, self.phi_weight)

    def sums(self, s_BL: Tensor) -> Iterator[Tensor]:
        """Running sums f_1 ... f_K, each (B, D, G, G)."""
        f_BDGG = self._nothing(len(s_BL))
        for k, s_BN in enumerate(self.split(s_BL), start=1):
            f_BDGG = f_BDGG + self.contribution(s_BN, k)
            yield f_BDGG

    @torch.no_grad()
    def embed_sum(self, s_BL: Tensor, upto: int | None = None) -> Tensor:
        """Latents f_k (B, D, G, G) of the tokens of the first `upto` scales, by default of all.

        Bit for bit what `forward` gave: the same sums in the same order.
        """
        f_BDGG = self._nothing(len(s_BL))
        for k, s_BN in enumerate(self.split(s_BL)[:upto], start=1):
            f_BDGG = f_BDGG + self.contribution(s_BN, k)
        return f_BDGG

    def _nothing(self, n_tiles: int) -> Tensor:
        return self.codes_VD.new_zeros(n_tiles, self.codes_VD.shape[1], self.grid, self.grid)

    def next_input(self, f_BDGG: Tensor, k: int) -> Tensor:
        """Input r_k (B, D, n_k, n_k) of scale k: f_{k-1} pooled by area."""
        return pooled(f_BDGG, self.scales[k - 1])

    @torch.no_grad()
    def inputs(self, s_BL: Tensor) -> list[Tensor]:
        """Inputs r_2 ... r_K that lead to these tokens (teacher forcing)."""
        coarser = zip(range(2, len(self.scales) + 1), self.sums(s_BL), strict=False)
        return [self.next_input(f_BDGG, k) for k, f_BDGG in coarser]

    # ------------------------------------------------------------------ latents to tokens

    @torch.no_grad()
    def encode(self, f_BDGG: Tensor) -> Tensor:
        """Tokens int64 (B, L), scale by scale, each in raster order."""
        return torch.cat([s_BN for _, s_BN, _ in self._descend(f_BDGG.float())], dim=1)

    def forward(self, f_BDGG: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Quantise; in training, moving means take a step.

        Parameters
        ----------
        f_BDGG
            Latents.

        Returns
        -------
        f_K with the gradient of the latents (B, D, G, G); tokens int64 (B, L); losses ``codes``, the mean over scales
        of ``|f_k - sg(f)|^2``, and ``commitment``, that of ``|sg(f_k) - f|^2`` times its weight.
        """
        f_BDGG = f_BDGG.float()
        sum_BDGG = torch.zeros_like(f_BDGG)
        rows, tokens = [], []
        codes, commitment = f_BDGG.new_zeros(()), f_BDGG.new_zeros(())
        for rows_BND, s_BN, added_BDGG in self._descend(f_BDGG):
            sum_BDGG = sum_BDGG + added_BDGG
            codes = codes + mse_loss(sum_BDGG, f_BDGG.detach())
            commitment = commitment + mse_loss(f_BDGG, sum_BDGG.detach())
            rows.append(rows_BND)
            tokens.append(s_BN)
        s_BL = torch.cat(tokens, dim=1)
        if self.training and self.mode != "gradient":
            self._follow(torch.cat(rows, dim=1).flatten(0, 1), s_BL.flatten())
        losses = {
            "codes": codes / len(self.scales),
            "commitment": self.commitment * commitment / len(self.scales),
        }
        # The difference is zero: what the decoder sees is what it will see of stored tokens, to the bit.
        return sum_BDGG.detach() + (f_BDGG - f_BDGG.detach()), s_BL, losses

    def _descend(self, f_BDGG: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Scale by scale: pooled residual (B, N, D), its tokens (B, N), their contribution (B, D, G, G)."""
        left_BDGG = f_BDGG.detach()
        for k, n in enumerate(self.scales, start=1):
            rows_BND = _rows(pooled(left_BDGG, n))
            s_BN = nearest(rows_BND.flatten(0, 1), self.codes_VD.detach()).view(len(f_BDGG), n * n)
            added_BDGG = self.contribution(s_BN, k)
            left_BDGG = left_BDGG - added_BDGG.detach()
            yield rows_BND, s_BN, added_BDGG

    # ------------------------------------------------------------------ codes

    @torch.no_grad()
    def start(self, f_BDGG: Tensor) -> None:
        """Begin at the k-means of the pooled residuals of all scales; draws from torch's global generator.

        What is left for a fine scale depends on the codes of the coarse ones, so the residuals are first those of
        perfect codes, then those of the codes found.

        Parameters
        ----------
        f_BDGG
            Latents of some tiles.
        """
        f_BDGG = f_BDGG.float()
        rows_MD = self._unquantised(f_BDGG)
        for turn in range(_START_ROUNDS):
            if turn:
                rows_MD = torch.cat([rows_BND.flatten(0, 1) for rows_BND, _, _ in self._descend(f_BDGG)])
            some = torch.randperm(len(rows_MD), device=rows_MD.device)[:_START_VECTORS]
            self.codes_VD.copy_(kmeans(rows_MD[some], len(self.codes_VD)))
        self.count_V.fill_(1.0)
        self.sum_VD.copy_(self.codes_VD)

    def _unquantised(self, f_BDGG: Tensor) -> Tensor:
        """Pooled residuals (M, D) if every cell had a code of its own."""
        rows = []
        for k, n in enumerate(self.scales, start=1):
            cells_BDnn = pooled(f_BDGG, n)
            rows.append(_rows(cells_BDnn).flatten(0, 1))
            f_BDGG = f_BDGG - self.spread(cells_BDnn, k)
        return torch.cat(rows)

    @torch.no_grad()
    def _follow(self, rows_MD: Tensor, index_M: Tensor) -> None:
        """Moving means of all scales at once: ``n <- decay n + (1 - decay) count``, the same for sums."""
        v, d = self.codes_VD.shape
        ones_M = rows_MD.new_ones(len(rows_MD))  # bincount would wait for the device
        scale = v / len(rows_MD)  # counts in units of the mean: no matter how large a batch is
        count_V = rows_MD.new_zeros(v).index_add_(0, index_M, ones_M)
        sum_VD = rows_MD.new_zeros(v, d).index_add_(0, index_M, rows_MD)
        self.count_V.lerp_(scale * count_V, 1 - self.decay)
        self.sum_VD.lerp_(scale * sum_VD, 1 - self.decay)
        if self.mode == "ema_revive" and self.reviving:
            dead_V = self.count_V < self.revive_below
            error_M = (rows_MD - self.codes_VD[index_M]).square().sum(1)
            drawn_VD = rows_MD[_draw(error_M + _SMALL, v)]
            self.count_V.copy_(torch.where(dead_V, _REVIVED, self.count_V))
            self.sum_VD.copy_(torch.where(dead_V[:, None], _REVIVED * drawn_VD, self.sum_VD))
        mean_VD = self.sum_VD / self.count_V.clamp(min=_SMALL)[:, None]
        # Below that a mean would fade to zero: a code that nothing uses stays where it is.
        self.codes_VD.copy_(torch.where(self.count_V[:, None] > _SMALL, mean_VD, self.codes_VD))


def checked_scales(scales: Sequence[int]) -> tuple[int, ...]:
    """Give scales as a tuple.

    Raises
    ------
    UsageError
        Unless they rise, from at least 1.
    """
    found = tuple(int(n) for n in scales)
    if not found or found[0] < 1 or any(b <= a for a, b in pairwise(found)):
        raise UsageError(f"Expected rising scales from 1, such as (1, 2, 4, 8); got {found}.")
    return found


def shared_layers(n_scales: int, n_layers: int) -> tuple[int, ...]:
    """Which of some layers each scale takes: the nearest of evenly spread depths, 1 / 3n from either end.

    Exact, because the published ten scales and four layers hold two ties; the deeper layer takes them.
    """
    if n_layers < 2 or n_scales < 2:
        return (0,) * n_scales
    end = Fraction(1, 3 * n_layers)
    depths = [end + (1 - 2 * end) * Fraction(layer, n_layers - 1) for layer in range(n_layers)]
    along = [Fraction(k, n_scales - 1) for k in range(n_scales)]
    return tuple(min(range(n_layers), key=lambda layer: (abs(depths[layer] - at), -layer)) for at in along)


def pooled(f_BDGG: Tensor, n: int) -> Tensor:
    """Means over n x n equal areas, (B, D, n, n)."""
    return f_BDGG if f_BDGG.shape[-1] == n else interpolate(f_BDGG, size=(n, n), mode="area")


def _draw(weight_M: Tensor, n: int) -> Tensor:
    """Indices of `n` draws in proportion to weights, with replacement, and without waiting for the device."""
    edge_M = weight_M.cumsum(0)
    at_n = torch.rand(n, device=edge_M.device) * edge_M[-1]
    return torch.searchsorted(edge_M, at_n).clamp(max=len(edge_M) - 1)


def _rows(f_BDnn: Tensor) -> Tensor:
    """Cells as vectors (B, N, D), in raster order."""
    return f_BDnn.flatten(2).transpose(1, 2)


def _unchanging(channels: int) -> nn.Conv2d:
    """A 3x3 convolution that begins as the identity."""
    layer = nn.Conv2d(channels, channels, 3, padding=1)
    nn.init.dirac_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
