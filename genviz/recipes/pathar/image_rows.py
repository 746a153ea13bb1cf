"""Images with masks that PathAR's recipes read: training and held-out rows of one data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from genviz import datasets, io, pp
from genviz._errors import DataError, UsageError
from genviz._keys import Obs, Obsm
from genviz.metrics.image_set import ImageSet, image_set
from genviz.models.declaration import TRAIN
from genviz.recipes.data_files import PHANTOM
from genviz.recipes.pathar.pairs import with_nuclei

if TYPE_CHECKING:
    from anndata import AnnData

DSB = "dsb2018"
_KNOWN = {"name", "sections", "labels", "held", "label_key", "n_images", "size_px"}
_HELD = "val"
_PHANTOM_IMAGES, _EVERY = 12, 4  # images a label, of which every fourth is held out
# Labels of data sets → what the papers call them, for names of scores.
MODALITIES = {"brightfield_cytology": "cytology"}


def modality(label: str) -> str:
    """The end of the names of a label's scores."""
    return MODALITIES.get(label, label).replace(" ", "_").replace("-", "_").lower()


def images_of(data: Mapping[str, Any], size_px: int = 0) -> tuple[AnnData, AnnData]:
    """Training rows and held-out rows, both with ``split`` set to ``train`` and ``val``.

    Parameters
    ----------
    data
        ``name``: ``phantom`` (``n_images`` a label, ``size_px``), ``dsb2018``, another set of images with masks
        (``sections`` of it). ``labels``: only these. ``held``: value of ``obs["split"]`` that is held out ("val"); all
        else is trained on. ``label_key``: column of ``obs`` that is taken for the label.
    size_px
        Images with a shorter side are enlarged to it; 0 leaves all as they are.

    Raises
    ------
    UsageError
        For an unknown entry.
    DataError
        When nothing is held out, or nothing left.
    """
    if unknown := sorted(set(data) - _KNOWN):
        raise UsageError(f"Expected data of {', '.join(sorted(_KNOWN))}; got {', '.join(unknown)}.")
    rows = _read(data)
    if "label_key" in data:
        rows.obs[Obs.LABEL] = rows.obs[str(data["label_key"])].astype(str)
    if "labels" in data:
        rows = rows[rows.obs[Obs.LABEL].astype(str).isin(data["labels"]).to_numpy()].copy()
    held = (rows.obs[Obs.SPLIT].astype(str) == str(data.get("held", _HELD))).to_numpy()
    if held.all() or not held.any():
        raise DataError(
            f"Expected images to train on and held-out ones with split {data.get('held', _HELD)!r} in "
            f"{data['name']}; got {int((~held).sum())} and {int(held.sum())}."
        )
    rows.obs[Obs.SPLIT] = np.where(held, _HELD, TRAIN)
    if size_px:
        rows = enlarged(rows, size_px)
    return rows[~held].copy(), rows[held].copy()


def _read(data: Mapping[str, Any]) -> AnnData:
    name = str(data["name"])
    if name == PHANTOM:
        rows = datasets.phantom(
            "nuclei",
            n_images=int(data.get("n_images", _PHANTOM_IMAGES)),
            labels=data.get("labels"),
            size_px=int(data.get("size_px", 64)),
        )
        number = np.array([int(str(row).rpartition("-")[2]) for row in rows.obs_names])
        rows.obs[Obs.SPLIT] = np.where(number % _EVERY == _EVERY - 1, _HELD, TRAIN)
        return rows
    if name == DSB:
        return datasets.dsb2018(None, data.get("labels"))
    found = datasets.fetch(name, sections=data.get("sections"))
    parts = [io.read_image_masks(one["folder"]) for one in found.values()]
    return parts[0] if len(parts) == 1 else ad.concat(parts, merge="same", uns_merge="same")


def enlarged(rows: AnnData, size_px: int) -> AnnData:
    """Images whose shorter side is below `size_px` enlarged to it: bilinear, masks by the nearest pixel.

    Parameters
    ----------
    rows
        Images with masks; padded ones with ``obs`` height and width.
    size_px
        Least side.

    Returns
    -------
    The rows themselves when all are large enough, else a copy with arrays in memory.
    """
    side = np.shape(rows.obsm[Obsm.TILES])[1:3]
    height, width = (
        rows.obs[key].to_numpy(int) if key in rows.obs else np.full(rows.n_obs, extent)
        for key, extent in ((Obs.HEIGHT, side[0]), (Obs.WIDTH, side[1]))
    )
    small = np.flatnonzero(np.minimum(height, width) < size_px)
    if not len(small):
        return rows
    scale = np.maximum(1.0, size_px / np.minimum(height, width))
    new = np.ceil(np.stack([height, width], axis=1) * scale[:, None] - 1e-9).astype(int)
    frame = np.maximum(new.max(axis=0), side)
    tiles = np.zeros((rows.n_obs, *frame, 3), np.uint8)
    masks = np.zeros((rows.n_obs, *frame), np.uint16)
    for row in range(rows.n_obs):
        image = np.asarray(rows.obsm[Obsm.TILES][row])[: height[row], : width[row]]
        mask = np.asarray(rows.obsm[Obsm.MASKS][row])[: height[row], : width[row]]
        h, w = new[row]
        tiles[row, :h, :w], masks[row, :h, :w] = _resized(image, mask, (int(h), int(w)))
    found = rows.copy()
    found.obsm[Obsm.TILES], found.obsm[Obsm.MASKS] = tiles, masks
    found.obs[Obs.HEIGHT], found.obs[Obs.WIDTH] = new[:, 0], new[:, 1]
    return found


def _resized(
    image_HW3: NDArray[np.uint8], mask_HW: NDArray[Any], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    if image_HW3.shape[:2] == size:
        return image_HW3, mask_HW.astype(np.uint16)
    x_13HW = torch.from_numpy(np.moveaxis(image_HW3, -1, 0)[None].astype(np.float32))
    m_11HW = torch.from_numpy(mask_HW[None, None].astype(np.float32))
    image = interpolate(x_13HW, size, mode="bilinear", align_corners=False)[0].permute(1, 2, 0)
    mask = interpolate(m_11HW, size, mode="nearest")[0, 0]
    return image.round().clamp(0, 255).byte().numpy(), mask.numpy().astype(np.uint16)


def real_crops(rows: AnnData, size_px: int, labels: tuple[str, ...] = ()) -> ImageSet:
    """Crops with nuclei, of some labels.

    Parameters
    ----------
    rows
        Whole images.
    size_px
        Side of a crop.
    labels
        Of these; all by default.
    """
    found = with_nuclei(image_set(pp.crops(rows, size_px)))
    return found.rows(np.isin(found.needed("labels").astype(str), labels)) if labels else found


def both_sides(
    train: AnnData, val: AnnData, size_px: int, labels: tuple[str, ...] = (), *, least: int = 1
) -> tuple[ImageSet, ImageSet]:
    """Crops with nuclei of training and of held-out images; asked before anything is trained on them.

    Parameters
    ----------
    train, val
        Whole images.
    size_px, labels
        See `real_crops`.
    least
        Crops of each scored label that either side needs.

    Raises
    ------
    DataError
        When a label has fewer.
    """
    real, held = (real_crops(rows, size_px, labels) for rows in (train, val))
    counts = {
        label: tuple(int((one.needed("labels") == label).sum()) for one in (real, held))
        for label in labels or held.label_names
    }
    if not counts or min(map(min, counts.values())) < least:
        told = ", ".join(f"{a} and {b} of {label}" for label, (a, b) in counts.items()) or "none held out"
        raise DataError(
            f"Expected at least {least} crops with nuclei of every scored label among training and among held-out "
            f"images; got {told}. Name other labels, or read more images."
        )
    return real, held
