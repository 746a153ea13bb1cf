"""How the condition moves with single genes, all reads of a row held as they are.

Shape legend: N rows, U used genes, Z length of the condition, S linear read-outs of it.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz.models.genevar.condition.conditioner import Conditioner, PcaConditioner
from genviz.models.genevar.condition.profiles import Profiles
from genviz.models.genevar.condition.vae import VaeConditioner

Floats = NDArray[np.float64]

KINDS = ("pca", "vae")


def code_slopes(conditioner: Conditioner, profiles: Profiles) -> Floats:
    """Mean over rows of the derivative of the code with respect to log2 of each used gene, (U, Z).

    A gene enters as ``log1p(scale x / depth)`` or ``log2(1 + x)``, so that the slope is that of a doubling where it is
    expressed and 0 where it is not. The depth is held: its column is 0.

    Parameters
    ----------
    conditioner
        Of kind "pca" (linear in the logarithms) or "vae" (by its own derivatives).
    profiles
        Rows.

    Raises
    ------
    UsageError
        For another kind.
    """
    if not isinstance(conditioner, PcaConditioner | VaeConditioner):
        raise UsageError(
            f"Expected a condition of kind {' or '.join(KINDS)}, which has a derivative by genes; this model's is "
            f"{conditioner.config.kind!r}."
        )
    weight_NU = _log_slopes(conditioner, profiles)
    slopes_UZ: Floats = np.zeros((weight_NU.shape[1], conditioner.cond_dim))
    n = conditioner.config.n_latent
    if isinstance(conditioner, PcaConditioner):
        slopes_UZ[:, :n] = weight_NU.mean(axis=0)[:, None] * conditioner.components_ZU.T
        return slopes_UZ
    scaler = conditioner.scaler
    x_NU = torch.from_numpy(scaler.standardised(profiles, conditioner.config)).requires_grad_()
    mean_NZ, _ = conditioner.network.encode(x_NU)
    for z in range(n):
        # Rows do not see one another: one backward pass gives every row's own derivative.
        (slope_NU,) = torch.autograd.grad(mean_NZ[:, z].sum(), x_NU, retain_graph=z + 1 < n)
        by_log_NU = slope_NU.double().numpy() / (scaler.std_U * conditioner.std_Z[z])
        slopes_UZ[:, z] = (weight_NU * by_log_NU).mean(axis=0)
    return slopes_UZ


def mean_logs(conditioner: PcaConditioner | VaeConditioner, profiles: Profiles) -> Floats:
    """Mean of the logarithms of the used genes over rows, (U,): by it genes of equal expression are found.

    Parameters
    ----------
    conditioner, profiles
        As for `code_slopes`.
    """
    means_U: Floats = conditioner.scaler.logs(profiles, conditioner.config).astype(np.float64).mean(axis=0)
    return means_U


def _log_slopes(conditioner: PcaConditioner | VaeConditioner, profiles: Profiles) -> Floats:
    """Derivative of each logarithm, as it enters, with respect to log2 of the gene, (N, U)."""
    logs_NU = conditioner.scaler.logs(profiles, conditioner.config).astype(np.float64)
    if conditioner.config.units == "counts":
        # log1p(a): a / (1 + a) of the natural logarithm of a.
        return np.log(2) * -np.expm1(-logs_NU)
    return 1 - np.exp2(-logs_NU)
