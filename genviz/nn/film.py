"""FiLM: scale and shift of hidden features by an identity, starting as the identity map.

Perez et al. 2018, "FiLM: Visual Reasoning with a General Conditioning Layer".
Shape legend: P positions, E identity width, D features; leading axes are free.
"""

from __future__ import annotations

from torch import Tensor, nn


class FiLM(nn.Module):
    """``h (1 + gamma(e)) + beta(e)`` with gamma = beta = 0, bit for bit, before training.

    Parameters
    ----------
    n_identity
        Width of the identity, E.
    width
        Width of the modulated features, D.
    """

    def __init__(self, n_identity: int, width: int) -> None:
        super().__init__()
        hidden = max(1, width // 2)
        self.hidden = nn.Linear(n_identity, hidden)
        self.out = nn.Linear(hidden, 2 * width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def modulation(self, identity_PE: Tensor) -> tuple[Tensor, Tensor]:
        """Give gamma and beta; they depend on weights only and can be kept at inference.

        Parameters
        ----------
        identity_PE
            Identity of each position.

        Returns
        -------
        gamma, beta
            (P, D) each: the halves of ``Linear(ReLU(Linear(e)))``.
        """
        gamma_PD, beta_PD = self.out(self.hidden(identity_PE).relu()).chunk(2, dim=-1)
        return gamma_PD, beta_PD

    def forward(self, hidden_PD: Tensor, identity_PE: Tensor) -> Tensor:
        """Modulate hidden features by the identities of their positions, ``h (1 + gamma(e)) + beta(e)``.

        Parameters
        ----------
        hidden_PD
            Hidden features (..., P, D).
        identity_PE
            Identity of each position.

        Returns
        -------
        (..., P, D).
        """
        gamma_PD, beta_PD = self.modulation(identity_PE)
        return hidden_PD * (1 + gamma_PD) + beta_PD
