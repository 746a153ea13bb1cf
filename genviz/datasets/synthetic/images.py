"""Phantom fields of view with known nuclei, as rows."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from genviz import __version__
from genviz._errors import UsageError
from genviz._keys import Obs, Obsm, Uns
from genviz.core.counts import first_names
from genviz.core.keyed import row_generator
from genviz.datasets.synthetic.instances import grow_nuclei
from genviz.datasets.synthetic.modalities import MODALITIES
from genviz.datasets.synthetic.slide import MARK
from genviz.io.library import write_record

_LEAST_SIZE = 32


def phantom_nuclei(n_images: int, labels: Sequence[str] | None, size_px: int, seed: int) -> AnnData:
    """Images and instance masks, ``n_images`` of each label, one row each.

    Parameters
    ----------
    n_images
        Of each label.
    labels
        Some of ``MODALITIES``; all, if left out.
    size_px
        Side of an image.
    seed
        The same seed gives the same images; an image does not depend on how many others there are.

    Raises
    ------
    UsageError
        For labels that do not exist, or sizes that cannot be.
    """
    kinds = list(MODALITIES) if labels is None else list(labels)
    if strangers := [kind for kind in kinds if kind not in MODALITIES]:
        raise UsageError(f"Expected labels of {', '.join(MODALITIES)}; got {first_names(strangers)}.")
    if n_images < 1 or not kinds:
        raise UsageError(f"Expected at least one image and label; got n_images={n_images}, labels={kinds}.")
    if size_px < _LEAST_SIZE:
        raise UsageError(f"Expected size_px of {_LEAST_SIZE} or more; got {size_px}.")
    label_N = [kind for kind in kinds for _ in range(n_images)]
    name_N = [f"{kind}-{i}" for kind in kinds for i in range(n_images)]
    tiles_NHW3 = np.empty((len(name_N), size_px, size_px, 3), np.uint8)
    masks_NHW = np.empty((len(name_N), size_px, size_px), np.uint16)
    for row, (kind, name) in enumerate(zip(label_N, name_N, strict=True)):
        modality = MODALITIES[kind]
        nuclei = grow_nuclei(row_generator(seed, "", name, "phantom nuclei"), size_px, modality.crowd)
        tiles_NHW3[row] = modality.paint(row_generator(seed, "", name, "phantom looks"), nuclei)
        masks_NHW[row] = nuclei.labels_HW
    columns = {
        Obs.LABEL: pd.Categorical(label_N, categories=kinds),
        Obs.SCENE: pd.Categorical(name_N),
        Obs.HEIGHT: size_px,
        Obs.WIDTH: size_px,
        Obs.N_NUCLEI: masks_NHW.reshape(len(name_N), -1).max(axis=1).astype(np.int64),
    }
    adata = AnnData(obs=pd.DataFrame(columns, index=pd.Index(name_N, dtype=object)))
    adata.obsm[Obsm.TILES], adata.obsm[Obsm.MASKS] = tiles_NHW3, masks_NHW
    write_record(adata, "phantom", {"reader": "phantom", "masks": "instances", "version": __version__})
    facts = {Uns.SYNTHETIC: True, "made_by": MARK, "version": __version__, "seed": seed}
    adata.uns[Uns.GENVIZ][Uns.SYNTHETIC] = json.dumps(facts | {"kind": "nuclei", "size_px": size_px})
    return adata
