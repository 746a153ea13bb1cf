"""Images with masks of their nuclei as AnnData: one row an image."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd
from anndata import AnnData

from genviz import __version__
from genviz._errors import DataError, UsageError
from genviz._keys import Obs, Obsm
from genviz.io.files.opening import AnyPath
from genviz.io.image_masks.layouts import list_pairs
from genviz.io.image_masks.rows import PairRow, known_values
from genviz.io.image_masks.scan import Look, are_binary, look_at_all
from genviz.io.image_masks.stack import ImageStack, MaskStack
from genviz.io.library import write_record

logger = logging.getLogger("genviz")

MaskKind = Literal["auto", "instances", "binary"]

_IN_MEMORY_BYTES = 256 << 20  # images and masks together; what is larger stays in its files
_BYTES_A_PIXEL = 5  # RGB and a 16-bit label
_COLUMNS = {
    "label": Obs.LABEL,
    "scene": Obs.SCENE,
    "split": Obs.SPLIT,
    "subtype": Obs.SUBTYPE,
    "organ": Obs.ORGAN,
}


def read_image_masks(
    source: AnyPath, *, label: str | None = None, masks: MaskKind = "auto", size_px: int | None = None
) -> AnnData:
    """Read images with masks of their nuclei, one row each.

    Every file is decoded once to check it and to count nuclei. Four layouts are recognised:

    - an ``index.csv`` with columns ``id`` and ``modality`` or ``label``, optionally subtype, split, scene and
      organ; files in ``images/`` and ``labels/`` or ``masks/``, or named by columns ``image`` and ``mask``;
    - a folder with ``images/`` and ``masks/`` (or ``labels/``), the same names in both; their sub-folders, if
      there are any, are the labels, else ``label=`` is;
    - folders of labels, each with ``images/`` and ``masks/``, or with these under ``train/``, ``val/``, ``test/``;
    - the folds of PanNuke (``images.npy``, ``masks.npy``, ``types.npy``), read memory-mapped: label histology,
      organ by type, folds 1, 2, 3 as split train, val, test.

    Grey images get three equal channels, of 16 bits the high byte is kept (value // 256; how many, is warned of and
    recorded), an opaque alpha channel is dropped.

    Parameters
    ----------
    source
        An index, or a folder.
    label
        Label of all rows, where the layout gives none.
    masks
        "instances": each value is a nucleus; "binary": each connected part is one; "auto": binary if all masks
        of the set know only one value, and that is 1, 255 or 65,535.
    size_px
        Side of the square frame that images are padded to; by default the largest height and width.

    Returns
    -------
    AnnData
        Without genes. ``obsm["tiles"]`` uint8 (n, H, W, 3); ``obsm["masks"]`` uint16 (n, H, W), instance labels,
        0 = background. Smaller images are padded with zeros at the right and the bottom. Above 256 MB both are
        dask arrays that read one image a chunk, else numpy. ``obs``: label; scene, split, subtype and organ where
        known; height and width, the true extent; n_nuclei. ``uns["genviz"]["reader"]``: layout, kind of masks, and
        n_16_bit, the number of images cut to 8 bits, where there are any.

    Raises
    ------
    UsageError
        When nothing is there, no layout fits, or no label is known.
    FileFormatError
        When a file is truncated, damaged or of another kind.
    DataError
        For images without mask or the reverse, other sizes, transparent pixels, masks with fractions or more than
        65,535 instances, repeated names, and scenes on both sides of a split.
    """
    if masks not in ("auto", "instances", "binary"):
        raise UsageError(f"Expected masks 'auto', 'instances' or 'binary'; got {masks!r}.")
    layout, name, rows = list_pairs(source, label)
    return pairs_to_rows(rows, {"layout": layout}, name=name, masks=masks, size_px=size_px)


def pairs_to_rows(
    rows: Sequence[PairRow],
    record: dict[str, Any],
    *,
    name: str,
    masks: MaskKind = "auto",
    size_px: int | None = None,
) -> AnnData:
    """Look at listed pairs and make them rows, as `read_image_masks` returns them.

    Parameters
    ----------
    rows
        Checked by `rows.check_rows`.
    record
        What to keep about them in ``uns``.
    name
        Name of the set, under which that is kept.
    masks, size_px
        As for `read_image_masks`.
    """
    looks = look_at_all(rows)
    binary = masks == "binary" or (masks == "auto" and are_binary(looks))
    frame = _frame(rows, looks, size_px)
    images = ImageStack(tuple(row.image for row in rows), frame)
    labels = MaskStack(tuple(row.mask for row in rows), frame, binary)
    small = len(rows) * frame[0] * frame[1] * _BYTES_A_PIXEL <= _IN_MEMORY_BYTES
    adata = AnnData(obs=_obs(rows, looks, binary))
    adata.obsm[Obsm.TILES] = images.in_memory() if small else images.lazy()
    adata.obsm[Obsm.MASKS] = labels.in_memory() if small else labels.lazy()
    kind = "binary" if binary else "instances"
    logger.info("%s: %d images, masks read as %s.", name, len(rows), kind)
    n_deep = sum(look.deep for look in looks)
    if n_deep:
        record = record | {"n_16_bit": n_deep}
        logger.warning(
            "%s: %d of %d images have 16 bits a channel; of these the high byte is kept (value // 256). Those that do "
            "not fill the range of 16 bits come out dark: scale them to 8 bits first.", name, n_deep, len(rows),
        )  # fmt: skip
    write_record(adata, name, {**record, "masks": kind, "n_images": len(rows), "version": __version__})
    return adata


def _frame(rows: Sequence[PairRow], looks: Sequence[Look], size_px: int | None) -> tuple[int, int]:
    height, width = max(look.height for look in looks), max(look.width for look in looks)
    if size_px is None:
        return height, width
    if max(height, width) > size_px:
        large = next(r.name for r, k in zip(rows, looks, strict=True) if max(k.height, k.width) > size_px)
        raise DataError(
            f"Expected images that fit a frame of size_px={size_px}; {large!r} does not, the largest are {width} "
            f"wide and {height} high. Leave size_px out and cut them with gv.pp.crops."
        )
    return size_px, size_px


def _obs(rows: Sequence[PairRow], looks: Sequence[Look], binary: bool) -> pd.DataFrame:
    """Texts as categories, "" as missing; columns that no row fills are left out."""
    obs = pd.DataFrame(index=pd.Index([row.name for row in rows], dtype=object))
    values = pd.DataFrame([known_values(row) for row in rows], index=obs.index)
    for field, key in _COLUMNS.items():
        if (values[field] != "").any():
            obs[key] = values[field].where(values[field] != "").astype("category")
    obs[Obs.HEIGHT] = [look.height for look in looks]
    obs[Obs.WIDTH] = [look.width for look in looks]
    obs[Obs.N_NUCLEI] = [look.n_parts if binary else look.n_labels for look in looks]
    return obs
