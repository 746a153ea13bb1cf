"""HEST-1k samples (h5ad, patches in HDF5, metadata JSON, slide) to AnnData."""

from __future__ import annotations

import json
import logging
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask.array as da
import h5py
import numpy as np
import pandas as pd

from genviz import __version__
from genviz._errors import DataError, FileFormatError, UsageError
from genviz._keys import Files, Obs, Obsm, Uns
from genviz.core.counts import check_names, first_names
from genviz.io.files.opening import AnyPath, existing, reading
from genviz.io.h5ad import load_h5ad
from genviz.io.library import HIRES_PX, attach_slide, positions, write_record
from genviz.io.slides.slide import MemorySlide, open_slide
from genviz.io.spots.placement import check_inside

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger("genviz")

_PIXEL_SIZE = "pixel_size_um_estimated"
_BLOCK_BYTES = 1 << 25


def read_hest(
    h5ad: AnyPath,
    patches: AnyPath | None = None,
    image: AnyPath | None = None,
    *,
    metadata: AnyPath | None = None,
    mpp: float | None = None,
    section: str | None = None,
) -> AnnData:
    """Read a HEST sample, with its patches as tiles or its slide to cut tiles from.

    Parameters
    ----------
    h5ad
        ``st/<id>.h5ad``.
    patches
        ``patches/<id>.h5`` with ``img``, ``coords`` (top left corner) and ``barcode``. Joined by barcode;
        rows that HEST cut no patch for (off the tissue) are left out and reported. Pixels stay on disk until
        asked for.
    image
        ``wsis/<id>.tif``.
    metadata
        ``metadata/<id>.json``; found beside the folder of the h5ad when left out.
    mpp
        Micrometres per pixel of the slide; by default ``pixel_size_um_estimated`` of the h5ad or the
        metadata, else what the slide file says.
    section
        Name of the section; by default the file's stem.

    Returns
    -------
    AnnData
        ``obsm["spatial"]`` centres (x, y) in slide pixels; ``obsm["tiles"]`` lazy uint8 (n, H, W, 3) with
        patches; ``uns["spatial"][section]`` from HEST's ``uns["spatial"]["ST"]``, its overview as ``hires``.

    Raises
    ------
    UsageError
        When a file is not there, or the resolution is recorded nowhere.
    FileFormatError
        When a file is truncated, damaged or of another kind.
    DataError
        When patches and rows share no barcode, or duplicated genes or rows are found.
    """
    path = existing(h5ad, "a HEST h5ad file (st/)")
    adata = load_h5ad(path)
    name = section or path.stem
    check_names(list(adata.obs_names), "rows")
    if not adata.var_names.is_unique:
        repeated = adata.var_names[adata.var_names.duplicated()].unique()
        warnings.warn(
            f"{len(repeated)} genes of section {name!r} occur more than once and get numbers: "
            f"{first_names(list(repeated))}.",
            stacklevel=2,
        )
        adata.var_names_make_unique()
    record = {"reader": "read_hest", "platform": "hest", "whole_transcriptome": False, "version": __version__}
    slide = None if image is None else open_slide(image)
    resolution, record["mpp_from"] = _resolution(
        adata, path, metadata, mpp, None if slide is None else slide.mpp
    )
    entry = _entry(adata, resolution)
    adata.obs[Obs.LIBRARY] = pd.Categorical([name] * adata.n_obs)
    adata.uns[Uns.SPATIAL] = {name: entry}
    xy = positions(adata)
    if slide is not None:
        if doubt := check_inside(xy, (slide.width, slide.height), list(adata.obs_names), name):
            warnings.warn(doubt, stacklevel=2)
        attach_slide(entry, slide)
    if patches is not None:
        adata, record["rows_without_patch"] = _join_patches(adata, patches, resolution, name)
    write_record(adata, name, record)
    return adata


def _entry(adata: AnnData, mpp: float) -> dict[str, Any]:
    """HEST's section entry under the contract's names."""
    spatial = adata.uns.get(Uns.SPATIAL, {})
    if Obsm.SPATIAL not in adata.obsm or Files.HEST_LIBRARY not in spatial:
        raise FileFormatError(
            f"Expected a HEST sample with obsm['{Obsm.SPATIAL}'] and "
            f"uns['{Uns.SPATIAL}']['{Files.HEST_LIBRARY}']; found "
            f"{first_names(list(spatial)) or 'no section'}. Read other files with genviz.io.read_h5ad."
        )
    theirs = spatial[Files.HEST_LIBRARY]
    factors = {str(k): float(v) for k, v in theirs.get(Uns.SCALEFACTORS, {}).items()}
    images = dict(theirs.get(Uns.IMAGES, {}))
    if Files.HEST_IMAGE in images and Files.HEST_SCALE in factors:
        picture, shrink = MemorySlide(np.asarray(images.pop(Files.HEST_IMAGE))[..., :3]).thumbnail(HIRES_PX)
        images[Uns.HIRES], factors[Uns.HIRES_SCALE] = picture, factors.pop(Files.HEST_SCALE) * shrink
    return {Uns.IMAGES: images, Uns.SCALEFACTORS: factors, Uns.METADATA: {}, Uns.MPP: float(mpp)}


def _resolution(
    adata: AnnData, path: Path, metadata: AnyPath | None, mpp: float | None, embedded: float | None
) -> tuple[float, str]:
    beside = path.parent.parent / Files.HEST_METADATA / f"{path.stem}.json"
    stated = {"mpp": mpp, "h5ad": _find(dict(adata.uns), _PIXEL_SIZE)}
    if mpp is None and (metadata is not None or beside.is_file()):
        file = existing(metadata, "the HEST metadata") if metadata is not None else beside
        with reading(file, "HEST metadata as JSON"):
            stated["metadata"] = json.loads(file.read_text()).get(_PIXEL_SIZE)
    stated["slide"] = embedded
    for source, value in stated.items():
        if value is not None and 0 < float(value) < float("inf"):
            return float(value), source
    raise UsageError(
        f"Expected {_PIXEL_SIZE} in {path.name} or its metadata; found none. Give metadata= "
        f"(metadata/{path.stem}.json) or mpp=."
    )


def _find(tree: dict[str, Any], key: str) -> Any:
    """Value of a key anywhere in nested dictionaries; None when absent."""
    if key in tree:
        return tree[key]
    inner = (_find(dict(value), key) for value in tree.values() if hasattr(value, "keys"))
    return next((value for value in inner if value is not None), None)


@dataclass(frozen=True)
class _Patches:
    """Patches of an HDF5 file, read row by row; opened anew in each process and thread."""

    path: Path
    key: str

    def __call__(self, index: np.ndarray) -> np.ndarray:
        order = np.argsort(index)  # HDF5 selections must increase
        with reading(self.path, "HEST patches"), h5py.File(self.path, "r") as file:
            sorted_NHW3 = file[self.key][index[order]]
        patches_NHW3 = np.empty_like(sorted_NHW3)
        patches_NHW3[order] = sorted_NHW3
        return np.asarray(patches_NHW3[..., :3])


def _join_patches(adata: AnnData, patches: AnyPath, mpp: float, name: str) -> tuple[AnnData, list[str]]:
    """Rows that have a patch, with their patches lazily in ``obsm["tiles"]``."""
    path = existing(patches, "a HEST patch file (patches/)")
    with reading(path, "HEST patches"), h5py.File(path, "r") as file:
        if missing := {"img", "barcode"} - set(file):
            raise FileFormatError(
                f"Expected img, coords and barcode in {path}; {', '.join(sorted(missing))} absent. Is it a "
                "patch file?"
            )
        barcodes = pd.Index([_text(b) for b in np.asarray(file["barcode"]).ravel()])
        shape, dtype = file["img"].shape, file["img"].dtype
        corners = np.asarray(file["coords"], float) if "coords" in file else None
        size = _attribute(file, "patch_size_src")
    if len(barcodes) != shape[0] or len(shape) != 4 or shape[3] < 3 or dtype != np.uint8:
        raise FileFormatError(
            f"Expected uint8 patches (n, height, width, 3) with n barcodes in {path}; got {shape}, {dtype}, "
            f"{len(barcodes)}."
        )
    check_names(list(barcodes), "patches")
    at = barcodes.get_indexer(adata.obs_names)
    if (at < 0).all():
        raise DataError(
            f"Expected patches of the rows of section {name!r}; none of {len(barcodes)} barcodes "
            f"({first_names(list(barcodes), 2)}) is "
            f"among its rows ({first_names(list(adata.obs_names), 2)}). Are both files of one sample?"
        )
    without = list(adata.obs_names[at < 0])
    if without:
        logger.info(
            "Section %r: %d rows have no patch and are left out: %s.",
            name,
            len(without),
            first_names(without),
        )
    adata = adata[at >= 0].copy()
    _check_corners(positions(adata), corners, size, at[at >= 0], name)
    adata.obsm[Obsm.TILES] = _lazy(path, at[at >= 0], shape)
    return adata, without


def _lazy(path: Path, index: np.ndarray, shape: tuple[int, ...]) -> da.Array:
    height, width = shape[1:3]
    rows = da.from_array(index, chunks=max(1, _BLOCK_BYTES // (height * width * 3)))
    lazy: da.Array = da.map_blocks(
        _Patches(path.resolve(), "img"),
        rows,
        dtype=np.uint8,
        new_axis=[1, 2, 3],
        chunks=(rows.chunks[0], (height,), (width,), (3,)),
        meta=np.empty((0, 0, 0, 0), np.uint8),
    )
    return lazy


def _check_corners(
    xy: np.ndarray, corners: np.ndarray | None, size: float | None, at: np.ndarray, name: str
) -> None:
    """Patches are cut around the row's position; say so when their corners tell otherwise."""
    if corners is None or size is None:
        return
    off = np.abs(corners[at] + size / 2 - xy).max()
    if off > size / 2:
        warnings.warn(
            f"Patches of section {name!r} are up to {off:.0f} px from their rows' positions; expected them "
            "centred. "
            "Do patches and h5ad belong together?",
            stacklevel=4,
        )


def _attribute(file: h5py.File, key: str) -> float | None:
    for node in (file, file["img"], file.get("coords")):
        if node is not None and key in node.attrs:
            return float(np.ravel(node.attrs[key])[0])
    return float(np.ravel(file[key][()])[0]) if key in file else None


def _text(value: Any) -> str:
    return re.sub(r"\x00+$", "", value.decode() if isinstance(value, bytes) else str(value))
