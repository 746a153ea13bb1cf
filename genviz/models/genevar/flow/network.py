"""The causal MeanFlow network Phi: from noise to the latents of a scale, given those before and RNA.

Time 1 is noise and time 0 is data. The network works in units of `Flow.scale`, the standard deviation of the latents,
so that noise and data are of one size. Shape legend: B tiles, D length of a code, G x G latent grid, n x n cells of
scale k, Z length of the condition, L = G², C features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from genviz._errors import UsageError
from genviz.models.genevar.flow.block import FlowBlock, TimeEmbedding
from genviz.models.genevar.flow.config import FlowConfig
from genviz.nn.grid_resizing import resize, resizing
from genviz.nn.meanflow import Velocity, integrate

_BETAS = (0.9, 0.95)
_SMALL = 0.02


class Flow(nn.Module):
    """Transformer over the latent grid; zero before training, when a prediction is its noise.

    Parameters
    ----------
    config
        Architecture and ablations.
    cond_dim
        Length of the conditioning vector, Z.
    code_dim
        D.
    scales
        Cells a side of each scale; the last is G. Scales are numbered from 1.
    velocity_scale
        Factor of velocities in sampling, see `CounterfactualConfig.velocity_scale`.

    Attributes
    ----------
    scale
        Standard deviation of the latents f_K, set by `start` and kept in the state.

    Raises
    ------
    UsageError
        For training scales that there are not.
    """

    scale: Tensor

    def __init__(
        self,
        config: FlowConfig,
        cond_dim: int,
        code_dim: int,
        scales: Sequence[int],
        *,
        velocity_scale: float = 1.0,
    ) -> None:
        super().__init__()
        if any(k > len(scales) for k in config.train_scales):
            raise UsageError(f"Expected train_scales up to {len(scales)}; got {config.train_scales}.")
        self.config, self.scales, self.code_dim = config, tuple(scales), code_dim
        self.velocity_scale = velocity_scale
        width, self.grid = config.width, self.scales[-1]
        self.register_buffer("scale", torch.ones(()))
        for k, n in enumerate(self.scales, start=1):
            self.register_buffer(f"up_{k}", resizing(n, self.grid, config.mod_upsample), persistent=False)
            self.register_buffer(f"down_{k}", resizing(self.grid, n, "area"), persistent=False)
        self.latents_in = nn.Linear(code_dim, width)
        self.before_in = nn.Linear(code_dim, width)
        self.condition_in = nn.Linear(cond_dim, width) if config.use_z else None
        self.null_Z = nn.Parameter(torch.zeros(cond_dim)) if config.use_z else None
        self.position_CL = nn.Parameter(torch.empty(width, self.grid**2))
        self.level = nn.Embedding(len(self.scales), width) if config.level_embed else None
        self.time_t = TimeEmbedding(config.time_features, width)
        self.time_2 = TimeEmbedding(config.time_features, width)
        self.blocks = nn.ModuleList(
            FlowBlock(width, config.n_heads, cross_attn=config.cross_attn, literal=config.eq8 == "literal")
            for _ in range(config.n_layers)
        )
        self.last_modulation = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, code_dim)
        self._initialise()

    def _initialise(self) -> None:
        """Xavier for linear maps, small tables; modulations are zero already, and so the output is made."""
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear) and not name.endswith(("by_tile.linear", "by_position.linear")):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=_SMALL)
        nn.init.normal_(self.position_CL, std=_SMALL)
        for head in (self.last_modulation, self.out):
            nn.init.zeros_(head.weight)

    @torch.no_grad()
    def start(self, f_BDGG: Tensor) -> None:
        """Measure the scale of the latents.

        Parameters
        ----------
        f_BDGG
            f_K of training tiles.
        """
        self.scale.copy_(f_BDGG.float().std())

    # ------------------------------------------------------------------ network

    def up(self, r_BDnn: Tensor, k: int) -> Tensor:
        """r_k brought to the latent grid, (B, D, G, G)."""
        return resize(r_BDnn, self.get_buffer(f"up_{k}"))

    def down(self, f_BDGG: Tensor, k: int) -> Tensor:
        """Means over the cells of scale k, (B, D, n, n)."""
        return resize(f_BDGG, self.get_buffer(f"down_{k}"))

    def forward(
        self,
        x_BDGG: Tensor,
        r_BDnn: Tensor,
        z_BZ: Tensor | None,
        t_B: Tensor,
        r_B: Tensor,
        k: int,
        kernel: str = "sdpa",
    ) -> Tensor:
        """Average velocity u(x, t, r) of the path from time t to time r, (B, D, G, G).

        Parameters
        ----------
        x_BDGG, r_BDnn
            State at time t and r_k, both in units of `scale`.
        z_BZ
            Standardised condition; None: the null vector for all.
        t_B, r_B
            Times, ``0 <= r <= t <= 1``.
        k
            Scale, from 1.
        kernel
            Of attention, see `genviz.nn.kernel_attention.attend`.

        Raises
        ------
        UsageError
            When r_k is not of scale k.
        """
        if r_BDnn.shape[-1] != self.scales[k - 1]:
            raise UsageError(
                f"Expected r_k of {self.scales[k - 1]} cells a side at scale {k}; got {r_BDnn.shape[-1]}."
            )
        time_BC = self._times(t_B, r_B, k)
        tile_B1C = (time_BC if self.condition_in is None else time_BC + self._condition(z_BZ))[:, None]
        position_LC = self.position_CL.T
        position_BLC = position_LC + time_BC[:, None]
        if self.config.rk_mod:
            position_BLC = position_BLC + self.before_in(_rows(self.up(r_BDnn, k)))
        other_BMC = self._keys(r_BDnn, k)
        h_BLC = self.latents_in(_rows(x_BDGG)) + position_LC
        for block in self.blocks:
            h_BLC = block(h_BLC, tile_B1C, position_BLC, other_BMC, kernel=kernel)
        scale_B1C, shift_B1C = self.last_modulation(nn.functional.silu(tile_B1C)).chunk(2, dim=-1)
        h_BLC = (1 + scale_B1C) * layer_norm(h_BLC, h_BLC.shape[-1:], eps=1e-6) + shift_B1C
        u_BLD: Tensor = self.out(h_BLC)
        return u_BLD.transpose(1, 2).unflatten(2, (self.grid, self.grid)).to(x_BDGG.dtype)

    def _times(self, t_B: Tensor, r_B: Tensor, k: int) -> Tensor:
        second_B = t_B - r_B if self.config.time_cond == "t_and_gap" else r_B
        time_BC: Tensor = self.time_t(t_B) + self.time_2(second_B)
        return time_BC if self.level is None else time_BC + self.level.weight[k - 1]

    def _condition(self, z_BZ: Tensor | None) -> Tensor:
        assert self.condition_in is not None and self.null_Z is not None
        out_BC: Tensor = self.condition_in(self.null_Z[None] if z_BZ is None else z_BZ)
        return out_BC

    def _keys(self, r_BDnn: Tensor, k: int) -> Tensor:
        """Features of the cells of r_k, (B, n², C)."""
        position_1CGG = self.position_CL.unflatten(1, (self.grid, self.grid))[None]
        keys_BMC: Tensor = self.before_in(_rows(r_BDnn)) + _rows(self.down(position_1CGG, k))
        return keys_BMC

    # ------------------------------------------------------------------ predictions

    def velocity(self, r_BDnn: Tensor, z_BZ: Tensor | None, k: int, kernel: str = "sdpa") -> Velocity:
        """The network as a function of state and times, for `genviz.nn.meanflow`.

        Parameters
        ----------
        r_BDnn, z_BZ, k, kernel
            As in `forward`.
        """

        def u(x_BDGG: Tensor, t_B: Tensor, r_B: Tensor, rows: slice) -> Tensor:
            z_part = None if z_BZ is None else z_BZ[rows]
            return self(x_BDGG, r_BDnn[rows], z_part, t_B, r_B, k, kernel)

        return u

    def one_step(self, eps_BDGG: Tensor, r_BDnn: Tensor, z_BZ: Tensor | None, k: int) -> Tensor:
        """Latents f_k ``scale (eps - u(eps, 1, 0))`` in their own units.

        Parameters
        ----------
        eps_BDGG
            Standard normal noise.
        r_BDnn
            r_k, in its own units.
        z_BZ, k
            As in `forward`.
        """
        return self.n_step(eps_BDGG, r_BDnn, z_BZ, k, 1)

    def n_step(
        self,
        eps_BDGG: Tensor,
        r_BDnn: Tensor,
        z_BZ: Tensor | None,
        k: int,
        n_steps: int,
        *,
        instant: bool = False,
        grad_last: bool = False,
    ) -> Tensor:
        """Latents f_k in several steps.

        Parameters
        ----------
        eps_BDGG, r_BDnn, z_BZ, k
            As in `one_step`.
        n_steps, instant, grad_last
            See `genviz.nn.meanflow.integrate`.
        """
        network = self.velocity(r_BDnn / self.scale, z_BZ, k)

        def u(x_BDGG: Tensor, t_B: Tensor, r_B: Tensor, rows: slice) -> Tensor:
            return self.velocity_scale * network(x_BDGG, t_B, r_B, rows)

        return self.scale * integrate(u, eps_BDGG, n_steps, instant=instant, grad_last=grad_last)

    def predict(
        self, eps_BDGG: Tensor, r_BDnn: Tensor, z_BZ: Tensor | None, k: int, *, grad_last: bool = False
    ) -> Tensor:
        """Latents f_k in the way that the flow was trained for: `predictor` and `steps` of its options.

        Parameters
        ----------
        eps_BDGG, r_BDnn, z_BZ, k
            As in `one_step`; with ``predictor="regress"`` the noise is not looked at.
        grad_last
            See `genviz.nn.meanflow.integrate`.
        """
        if self.config.predictor == "regress":
            # No noise, and time 0 twice: the network's velocity is then -f.
            zeros_B = eps_BDGG.new_zeros(len(eps_BDGG))
            u_BDGG = self(torch.zeros_like(eps_BDGG), r_BDnn / self.scale, z_BZ, zeros_B, zeros_B, k)
            return -self.velocity_scale * self.scale * u_BDGG
        instant = self.config.predictor == "flow"
        return self.n_step(eps_BDGG, r_BDnn, z_BZ, k, self.config.steps, instant=instant, grad_last=grad_last)

    # ------------------------------------------------------------------ training

    def drop_condition(self, z_BZ: Tensor | None, generator: torch.Generator | None = None) -> Tensor | None:
        """In training, replace the condition of some rows by the null vector.

        Parameters
        ----------
        z_BZ
            Conditions.
        generator
            Where the choice comes from; None: torch's own.
        """
        if z_BZ is None or self.null_Z is None or not (self.training and self.config.z_dropout):
            return z_BZ
        drawn_B1 = torch.rand(len(z_BZ), 1, generator=generator, device=z_BZ.device)
        return torch.where(drawn_B1 < self.config.z_dropout, self.null_Z, z_BZ)

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """Groups for AdamW (0.9, 0.95): matrices decay; tables, null vector and biases do not.

        Parameters
        ----------
        lr, weight_decay
            Of all groups; of the matrices.
        """
        matrices = [module.weight for module in self.modules() if isinstance(module, nn.Linear)]
        taken = {id(parameter) for parameter in matrices}
        rest = [parameter for parameter in self.parameters() if id(parameter) not in taken]
        return [
            {"params": matrices, "lr": lr, "betas": _BETAS, "weight_decay": weight_decay},
            {"params": rest, "lr": lr, "betas": _BETAS, "weight_decay": 0.0},
        ]


def _rows(x_BDHW: Tensor) -> Tensor:
    """Cells as rows of features, (B, H W, D)."""
    return x_BDHW.flatten(2).transpose(1, 2)
