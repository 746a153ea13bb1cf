"""Pairs of images and masks as a raw data set of nnU-Net v2: the outside judge of synthetic pairs.

Shape legend: N rows; H, W pixel rows and columns; 3 RGB.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Obsm, Uns
from genviz.core.arguments import check_adata
from genviz.core.counts import check_names, first_names
from genviz.io.files.atomic import atomic_dir
from genviz.io.files.output import AnyPath
from genviz.io.library import is_synthetic

if TYPE_CHECKING:
    from anndata import AnnData

_NAME = re.compile(r"Dataset\d{3}_\w+")


def export_nnunet(adata: AnnData, folder: AnyPath, *, key: str = "", test: AnnData | None = None) -> Path:
    """Write ``imagesTr/<case>_0000.png``, ``labelsTr/<case>.png`` (0 background, 1 nucleus) and ``dataset.json``.

    Reads ``obsm["tiles"]``, ``obsm["masks"]``, or with `key` ``obsm["<key>"]``, ``obsm["<key>_mask"]``. Cases are
    called after their rows, characters that file names do not bear replaced. PNGs of generated or procedural
    images say ``synthetic=True`` in their text.

    Parameters
    ----------
    adata
        Training pairs, real or generated. Join several sets before (`anndata.concat`).
    folder
        New folder; its name must be as nnU-Net wants it, ``Dataset501_nuclei``.
    key
        Result key of generated pairs.
    test
        Real pairs to predict: ``imagesTs`` and, for scoring, ``labelsTs``.

    Returns
    -------
    The folder.

    Raises
    ------
    UsageError
        For another folder name, or a folder that holds files.
    MissingKeyError
        Without images or masks.
    DataError
        For rows whose file names would be equal.
    """
    check_adata(adata)
    target = Path(folder)
    if not _NAME.fullmatch(target.name):
        raise UsageError(f"Expected a folder named like Dataset501_nuclei; got {target.name!r}. Rename it.")
    with atomic_dir(target) as work:
        _write(adata, work, "Tr", key)
        if test is not None:
            _write(test, work, "Ts", "")
        description = {
            "channel_names": {"0": "R", "1": "G", "2": "B"},
            "labels": {"background": 0, "nucleus": 1},
            "numTraining": adata.n_obs,
            "file_ending": ".png",
        }
        (work / "dataset.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    return target


def _write(adata: AnnData, folder: Path, part: str, key: str) -> None:
    tiles_key, mask_key = (Obsm.image(key), Obsm.mask(key)) if key else (Obsm.TILES, Obsm.MASKS)
    for name in (tiles_key, mask_key):
        if name not in adata.obsm:
            raise MissingKeyError(
                f"Expected obsm['{name}']; found {first_names(list(adata.obsm), 8) or 'nothing'}. Give key=."
            )
    check_names(list(adata.obs_names), "rows")
    cases = [re.sub(r"[^A-Za-z0-9.-]+", "-", str(name)) for name in adata.obs_names]
    if len(set(cases)) < len(cases):
        raise DataError("Expected row names that stay different as file names. Rename the rows.")
    info = PngInfo()
    if key or is_synthetic(adata):
        info.add_text(Uns.SYNTHETIC, "True")
    images, labels = folder / f"images{part}", folder / f"labels{part}"
    images.mkdir()
    labels.mkdir()
    for i, case in enumerate(cases):  # a row at a time: tiles may be a lazy array
        tile_HW3 = np.asarray(adata.obsm[tiles_key][i], np.uint8)
        mask_HW = (np.asarray(adata.obsm[mask_key][i]) != 0).astype(np.uint8)
        Image.fromarray(tile_HW3).save(images / f"{case}_0000.png", pnginfo=info)
        Image.fromarray(mask_HW).save(labels / f"{case}.png", pnginfo=info)
