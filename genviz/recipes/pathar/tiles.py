"""A few held-out tiles to look at: real nuclei where they are, drawn ones elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from genviz import datasets, pp
from genviz._errors import DownloadError
from genviz._keys import Obs

if TYPE_CHECKING:
    from anndata import AnnData

_LABELS = ("fluorescence", "histology")
_LEAST_NUCLEI = 4


def tiles_or_phantom(n: int = 6, *, size_px: int = 128, seed: int = 0) -> tuple[AnnData, str]:
    """`n` tiles of each of two labels, one an image, with at least four nuclei; and where they are from.

    Parameters
    ----------
    n
        Tiles of each label.
    size_px
        Side of a tile.
    seed
        Which ones.
    """
    try:
        images = datasets.dsb2018("val", list(_LABELS))
        source = "Tiles of held-out images of dsb2018."
    except DownloadError:
        images = datasets.phantom("nuclei", n_images=n, labels=list(_LABELS), size_px=2 * size_px, seed=seed)
        source = "Drawn (synthetic) tiles: the real nuclei are neither in $GENVIZ_DATA nor could they be downloaded."
    crops = pp.crops(images, size_px)
    crops = crops[(crops.obs[Obs.N_NUCLEI] >= _LEAST_NUCLEI).to_numpy()]
    order = np.random.default_rng(seed).permutation(crops.n_obs)
    first = crops.obs.iloc[order].drop_duplicates(Obs.SOURCE).groupby(Obs.LABEL, observed=True).head(n)
    chosen = [name for label in _LABELS for name in first.index[first[Obs.LABEL] == label]]
    return crops[chosen].copy(), source
