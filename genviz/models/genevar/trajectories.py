"""Where the flow takes noise: end points of its trajectories on real tiles, as arrays.

Shape legend: N rows, D length of a code, G x G latent grid, F = D G², Z condition, n x n cells of scale k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genviz._errors import UsageError
from genviz.core.keyed import row_generator
from genviz.models.chunks import by_chunks
from genviz.models.genevar.codec import tile_tokens
from genviz.models.genevar.conditions import conditions, told_by
from genviz.models.genevar.fitted import TOKENIZER, Fitted
from genviz.models.pixels import to_images

if TYPE_CHECKING:
    from anndata import AnnData

Float = NDArray[np.float32]

_ROWS = 64


@dataclass(frozen=True)
class FlowInputs:
    """What every flow is given of the same rows, in units of the latents.

    Attributes
    ----------
    k
        Scale, from 1.
    before_NF, f_NF
        f_{k-1}, all that r_k is made of, and the real f_k.
    r_NDnn
        r_k.
    eps_NDGG
        Noise, keyed by row.
    z_NZ
        Conditions.
    """

    k: int
    before_NF: Float
    f_NF: Float
    r_NDnn: Tensor
    eps_NDGG: Tensor
    z_NZ: Tensor

    @classmethod
    def of(cls, fitted: Fitted, adata: AnnData, k: int | None, seed: int) -> FlowInputs:
        """Encode the rows' tiles and profiles, and draw their noise.

        Parameters
        ----------
        fitted
            Model with a flow.
        adata
            Rows with profiles, and tiles or places on slides.
        k
            Scale; None: the last.
        seed
            Of the noise.

        Raises
        ------
        UsageError
            Without a flow, or for a scale that has nothing before it.
        """
        fitted.trained_flow()
        quantiser, scales = fitted.trained_tokenizer().quantiser, fitted.config.tokenizer.scales
        k = len(scales) if k is None else k
        if isinstance(k, bool) or not isinstance(k, int) or not 2 <= k <= len(scales):
            raise UsageError(
                f"Expected a scale from 2 to {len(scales)}, the number of scales; got {k!r}. The first has no map "
                "before it."
            )
        profiles = told_by(fitted, adata).profiles
        s_NL = torch.from_numpy(tile_tokens(fitted, adata).astype(np.int64)).to(fitted.device)
        with torch.no_grad():
            before_NDGG, f_NDGG = quantiser.embed_sum(s_NL, k - 1), quantiser.embed_sum(s_NL, k)
            r_NDnn = quantiser.next_input(before_NDGG, k)
        shape = tuple(f_NDGG.shape[1:])
        eps = np.stack([
            row_generator(seed, library, name, "trajectory").standard_normal(shape, np.float32)
            for library, name in zip(profiles.libraries, profiles.names, strict=True)
        ])  # fmt: skip
        return cls(
            k, flat(before_NDGG), flat(f_NDGG), r_NDnn.cpu(), torch.from_numpy(eps),
            torch.from_numpy(conditions(fitted, profiles)),
        )  # fmt: skip

    @property
    def start_NF(self) -> Float:
        """The noise."""
        return flat(self.eps_NDGG)


def endpoints(fitted: Fitted, inputs: FlowInputs, order: NDArray[np.intp] | None = None) -> Float:
    """Where the flow arrives, (N, F), in units of the deviation of the latents.

    Parameters
    ----------
    fitted
        The model.
    inputs
        Of the rows.
    order
        Whose condition each row is told; None: its own.
    """
    flow = fitted.trained_flow().eval()
    z_NZ = inputs.z_NZ if order is None else inputs.z_NZ[torch.from_numpy(order)]
    found = []
    for start in range(0, len(z_NZ), _ROWS):
        rows = slice(start, start + _ROWS)
        eps_BDGG, r_BDnn, z_BZ = (x[rows].to(fitted.device) for x in (inputs.eps_NDGG, inputs.r_NDnn, z_NZ))
        with torch.no_grad():
            found.append(flow.predict(eps_BDGG, r_BDnn, z_BZ, inputs.k) / flow.scale)
    return flat(torch.cat(found))


def frames(
    fitted: Fitted, inputs: FlowInputs, end_NF: Float, shares_S: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Tiles (N, S, H, W, 3) along the straight lines that one step takes from noise to its ends.

    Parameters
    ----------
    fitted
        The model that `endpoints` was asked.
    inputs
        Of the rows.
    end_NF
        Where the flow arrives.
    shares_S
        Shares of the way, 0 (noise) to 1 (end).
    """
    tokenizer, shape = fitted.trained_tokenizer(), inputs.eps_NDGG.shape[1:]
    scale = float(fitted.trained_flow().scale)

    def work(start_BF: Float, end_BF: Float) -> NDArray[np.uint8]:
        found = []
        for share in shares_S:
            at_BF = torch.from_numpy(((1 - share) * start_BF + share * end_BF).astype(np.float32))
            f_BDGG = scale * at_BF.unflatten(1, tuple(shape)).to(fitted.device)
            found.append(to_images(tokenizer.decode(f_BDGG)))
        return np.stack(found, axis=1)

    return by_chunks(work, inputs.start_NF, end_NF)


def check_same_space(first: Fitted, other: Fitted, name: str, adata: AnnData, inputs: FlowInputs) -> None:
    """Refuse a flow that cannot be given the same r_k and z.

    Parameters
    ----------
    first, other
        Models.
    name
        Of `other`, for the message.
    adata, inputs
        Rows, and what `first` made of them.

    Raises
    ------
    UsageError
        For another tokenizer or another condition.
    """
    other.trained_flow()
    ours, theirs = (fitted.facts.get(TOKENIZER) for fitted in (first, other))
    if ours != theirs or first.config.tokenizer.scales != other.config.tokenizer.scales:
        raise UsageError(
            f"Expected flows over one tokenizer; {name!r} has another one ({theirs!r}, not {ours!r}). Train both flows "
            "in copies of one run folder."
        )
    z_NZ = conditions(other, told_by(other, adata).profiles)
    if z_NZ.shape != tuple(inputs.z_NZ.shape) or not np.allclose(z_NZ, inputs.z_NZ.numpy(), atol=1e-4):
        raise UsageError(
            f"Expected flows that are told the same; {name!r} has another condition. Train both on one condition."
        )


def flat(x_NDGG: Tensor) -> Float:
    """Rows of numbers, (N, F)."""
    found: Float = x_NDGG.flatten(1).float().cpu().numpy()
    return found
