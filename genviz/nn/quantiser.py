"""Vector quantisation: nearest code, straight-through gradient, and four ways to learn the codes.

Shape legend: B tiles, D length of a code, H x W grid of cells, N = H W, M = B N vectors, K codes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, mse_loss, normalize

MODES = ("gradient", "gradient_l2", "ema", "ema_revive")
_SMALL = 1e-5
_ROUNDS = 10  # of k-means
_REVIVED = 0.3  # count of a revived code, in means: unused, it is dead again after some forty steps


def nearest(z_MD: Tensor, codes_KD: Tensor) -> Tensor:
    """Index (M,) of the nearest code by Euclidean distance, in float32: bfloat16 breaks ties wrongly."""
    with torch.autocast(z_MD.device.type, enabled=False):
        score_MK = z_MD.float() @ codes_KD.float().T - 0.5 * codes_KD.float().square().sum(1)
        return score_MK.argmax(1)


def kmeans(z_MD: Tensor, n_codes: int) -> Tensor:
    """Codes (K, D) by k-means with a k-means++ start; draws from torch's global generator."""
    first = torch.randint(len(z_MD), (1,), device=z_MD.device)
    codes_KD = z_MD[first]
    distance_M = (z_MD - codes_KD).square().sum(1)
    while len(codes_KD) < n_codes:
        # Identical vectors leave nothing at a distance: any of them will do.
        chosen = torch.multinomial(distance_M + _SMALL * (distance_M.mean() + _SMALL), 1)
        codes_KD = torch.cat([codes_KD, z_MD[chosen]])
        distance_M = torch.minimum(distance_M, (z_MD - z_MD[chosen]).square().sum(1))
    for _ in range(_ROUNDS):
        count_K, sum_KD = _members(z_MD, nearest(z_MD, codes_KD), n_codes)
        codes_KD = torch.where(count_K[:, None] > 0, sum_KD / count_K.clamp(min=1)[:, None], codes_KD)
    return codes_KD


class VectorQuantiser(nn.Module):
    """A codebook (van den Oord et al. 2017): ``q = z + sg(C[argmin |z - C|] - z)``.

    Codes learned by gradient are pulled by ``|sg(z) - q|^2``; moving means (EMA) follow the vectors they serve. Both
    add ``commitment |z - sg(q)|^2``. All sums are in float32, also under autocast.

    Parameters
    ----------
    n_codes, code_dim
        K and D.
    mode
        One of `MODES`; "ema_revive" also replaces codes that hardly any vector uses by vectors of the
        batch, drawn in proportion to their squared distance from their code.
    decay
        Of the moving means.
    revive_below
        A code whose moving count is below this share of the mean is dead.
    commitment
        Weight of the commitment loss.
    """

    count_K: Tensor
    sum_KD: Tensor

    def __init__(
        self,
        n_codes: int,
        code_dim: int,
        *,
        mode: str = "ema_revive",
        decay: float = 0.97,
        revive_below: float = 0.1,
        commitment: float = 0.25,
    ) -> None:
        super().__init__()
        self.mode, self.decay, self.revive_below, self.commitment = mode, decay, revive_below, commitment
        codes_KD = torch.empty(n_codes, code_dim).uniform_(-1 / n_codes, 1 / n_codes)
        self.codes_KD = nn.Parameter(codes_KD, requires_grad=mode.startswith("gradient"))
        self.register_buffer("count_K", torch.ones(n_codes))
        self.register_buffer("sum_KD", codes_KD.clone())

    @property
    def moving(self) -> bool:
        """Whether codes are moving means."""
        return self.mode.startswith("ema")

    def codes(self) -> Tensor:
        """The codes (K, D) as they are compared and looked up."""
        return normalize(self.codes_KD, dim=1) if self.mode == "gradient_l2" else self.codes_KD

    @torch.no_grad()
    def start(self, z_MD: Tensor) -> None:
        """Begin at the k-means of real encoder outputs (moving means only: the published ways begin at random)."""
        if not self.moving:
            return
        self.codes_KD.copy_(kmeans(z_MD.float(), len(self.codes_KD)))
        self.count_K.fill_(1.0)
        self.sum_KD.copy_(self.codes_KD)

    def forward(self, z_BDHW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Quantise.

        Parameters
        ----------
        z_BDHW
            Encoder output.

        Returns
        -------
        Codes with straight-through gradient (B, D, H, W); indices int64 (B, N), row by row; loss.
        """
        z_MD = z_BDHW.float().permute(0, 2, 3, 1).flatten(0, 2)
        if self.mode == "gradient_l2":
            z_MD = normalize(z_MD, dim=1)
        index_M = nearest(z_MD.detach(), self.codes().detach())
        q_MD = embedding(index_M, self.codes())
        loss = self.commitment * mse_loss(z_MD, q_MD.detach())
        if not self.moving:
            loss = loss + mse_loss(q_MD, z_MD.detach())
        elif self.training:
            self._follow(z_MD.detach(), index_M)
        through_MD = z_MD + (q_MD - z_MD).detach()
        b, _, h, w = z_BDHW.shape
        return through_MD.view(b, h, w, -1).permute(0, 3, 1, 2), index_M.view(b, h * w), loss

    def encode(self, z_BDHW: Tensor) -> Tensor:
        """Indices only, int64 (B, N)."""
        z_MD = z_BDHW.float().permute(0, 2, 3, 1).flatten(0, 2)
        if self.mode == "gradient_l2":
            z_MD = normalize(z_MD, dim=1)
        return nearest(z_MD, self.codes()).view(len(z_BDHW), -1)

    def lookup(self, index_BN: Tensor, grid: tuple[int, int]) -> Tensor:
        """Codes of indices as a grid (B, D, H, W)."""
        return embedding(index_BN, self.codes()).unflatten(1, grid).permute(0, 3, 1, 2)

    @torch.no_grad()
    def _follow(self, z_MD: Tensor, index_M: Tensor) -> None:
        """Moving means: ``n <- decay n + (1 - decay) count``, the same for sums; codes are their ratio."""
        count_K, sum_KD = _members(z_MD, index_M, len(self.codes_KD))
        scale = len(self.codes_KD) / len(z_MD)  # counts in units of the mean: no matter how large a batch is
        self.count_K.lerp_(scale * count_K, 1 - self.decay)
        self.sum_KD.lerp_(scale * sum_KD, 1 - self.decay)
        if self.mode == "ema_revive":
            dead_K = self.count_K < self.revive_below
            # Vectors far from their code first: drawn evenly, most would be one more shade of empty background.
            error_M = (z_MD - self.codes_KD[index_M]).square().sum(1)
            drawn_KD = z_MD[torch.multinomial(error_M + _SMALL, len(dead_K), replacement=True)]
            self.count_K.copy_(torch.where(dead_K, _REVIVED, self.count_K))
            self.sum_KD.copy_(torch.where(dead_K[:, None], _REVIVED * drawn_KD, self.sum_KD))
        # A code that was not used for long stays where it is: a ratio of two vanishing numbers would draw it to zero.
        held_K1 = (self.count_K > _SMALL)[:, None]
        self.codes_KD.copy_(
            torch.where(held_K1, self.sum_KD / self.count_K.clamp(min=_SMALL)[:, None], self.codes_KD)
        )


def _members(z_MD: Tensor, index_M: Tensor, n_codes: int) -> tuple[Tensor, Tensor]:
    """Number and sum of the vectors of each code."""
    count_K = torch.bincount(index_M, minlength=n_codes).to(z_MD.dtype)
    # Adding rows up needs no one-hot matrix and is untouched by autocast.
    return count_K, z_MD.new_zeros(n_codes, z_MD.shape[1]).index_add_(0, index_M, z_MD)
