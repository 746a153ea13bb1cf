"""The section that ablations of GeneVAR are measured on.

Shape legend: N rows, L tokens, I width of the condition, D statistics of a tile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genviz.core.keyed import row_key
from genviz.io.weights.keyed_tensors import tensors_digest
from genviz.metrics import TissueStandard
from genviz.models.genevar.codec import MPP
from genviz.models.genevar.conditions import told_by
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.fitted import Fitted
from genviz.models.genevar.tile_windows import centre_tiles, windows_of
from genviz.models.genevar.training.data import TrainingData
from genviz.models.genevar.training.token_views import whole_views
from genviz.nn.keyed_noise import noise_keys

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class HeldOut:
    """The test section.

    Attributes
    ----------
    adata
        Rows.
    libraries, names
        Section and name of each.
    s_NL, x_NI
        Tokens of the middle tiles, and inputs of the condition from whole profiles.
    standard
        Of the tissue statistics, from the middle tiles of the training rows.
    real_ND
        Statistics of the real middle tiles.
    training
        Statistics of the real tiles of each training section.
    digest
        Of rows and pixels.
    """

    adata: AnnData
    libraries: tuple[str, ...]
    names: tuple[str, ...]
    s_NL: Tensor
    x_NI: Tensor
    standard: TissueStandard
    real_ND: NDArray[np.float64]
    training: Mapping[str, NDArray[np.float64]]
    digest: str

    def keys(self, seed: int, draw: int) -> Tensor:
        """Noise keys of the rows, for the masks of a likelihood."""
        pairs = zip(self.libraries, self.names, strict=True)
        return noise_keys([row_key(seed, library, name, f"likelihood {draw}") for library, name in pairs])


def held_out(fitted: Fitted, test: AnnData, config: GeneVARConfig, data: TrainingData) -> HeldOut:
    """Read the test section.

    Parameters
    ----------
    fitted
        Condition and tokenizer.
    test
        Rows.
    config
        Sizes of windows.
    data
        Training rows, whose real tiles are the standard.
    """
    own = windows_of(test, config.tokenizer.size_px, mpp=fitted.facts.get(MPP))
    profiles = told_by(fitted, test).profiles  # only genes that the condition uses need to be there
    s_NL, x_NI = whole_views(fitted.fitted_conditioner(), fitted.trained_tokenizer(), own, profiles)
    size = config.tokenizer.size_px
    tiles, own_tiles = (centre_tiles(windows, range(len(windows)), size) for windows in (data.windows, own))
    standard = TissueStandard.of(tiles)
    measured_ND, sections = standard.measure(tiles), np.array(data.windows.libraries)
    return HeldOut(
        test,
        own.libraries,
        own.names,
        s_NL.long(),
        x_NI,
        standard,
        standard.measure(own_tiles),
        {name: measured_ND[sections == name] for name in dict.fromkeys(sections.tolist())},
        own.digest() + tensors_digest({"inputs": x_NI}),
    )


@torch.no_grad()
def latents(fitted: Fitted, s_BL: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """f_{k-1}, f_k and r_k of tokens.

    Parameters
    ----------
    fitted
        With the tokenizer.
    s_BL
        Tokens.
    k
        Scale, from 1.
    """
    quantiser = fitted.trained_tokenizer().quantiser
    before_BDGG = quantiser.embed_sum(s_BL, k - 1)
    return before_BDGG, quantiser.embed_sum(s_BL, k), quantiser.next_input(before_BDGG, k)
