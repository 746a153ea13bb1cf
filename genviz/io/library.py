"""The section entry ``uns["spatial"][library_id]``: made by readers, asked by everybody else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Obs, Obsm, Uns
from genviz.core.counts import first_names

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.io.slides.slide import Slide

HIRES_PX = 2000  # longest side of the stored overview, as Space Ranger's hires image


def make_entry(
    *,
    mpp: float,
    spot_diameter_um: float,
    pitch_um: float | None = None,
    grid_step_um: tuple[float, float] | None = None,
    slide: Slide | None = None,
) -> dict[str, Any]:
    """Write squidpy's dictionary of one section, with resolution and source image.

    Parameters
    ----------
    mpp
        Micrometres per full-resolution pixel.
    spot_diameter_um
        Diameter of a spot, micrometres.
    pitch_um
        Distance of neighbouring spots, when they lie on a grid.
    grid_step_um
        Micrometres per step of ``array_x`` and of ``array_y``; on Visium's hexagonal array (50, 86.6).
    slide
        The full-resolution image; its overview is stored, its pixels are not.

    Returns
    -------
    ``images``, ``scalefactors``, ``metadata``, ``mpp`` and, when known, ``pitch_um``,
    ``grid_step_um`` and ``image_shape`` (height, width).
    """
    entry: dict[str, Any] = {
        Uns.IMAGES: {},
        Uns.SCALEFACTORS: {Uns.SPOT_DIAMETER: float(spot_diameter_um / mpp)},
        Uns.METADATA: {},
        Uns.MPP: float(mpp),
    }
    if pitch_um is not None:
        entry[Uns.PITCH] = float(pitch_um)
    if grid_step_um is not None:
        entry[Uns.GRID_STEP] = np.array(grid_step_um, dtype=np.float64)
    if slide is not None:
        attach_slide(entry, slide)
    return entry


def attach_slide(entry: dict[str, Any], slide: Slide) -> None:
    """Write a slide's overview, shape, path and checksum into a section entry, in place."""
    image, scale = slide.thumbnail(HIRES_PX)
    entry[Uns.IMAGES][Uns.HIRES] = image
    entry[Uns.SCALEFACTORS][Uns.HIRES_SCALE] = float(scale)
    entry[Uns.IMAGE_SHAPE] = np.array([slide.height, slide.width], dtype=np.int64)
    entry[Uns.METADATA][Uns.SOURCE_IMAGE] = str(slide.path)
    entry[Uns.METADATA][Uns.SOURCE_SHA256] = slide.sha256


def libraries(adata: AnnData) -> list[str]:
    """Sections that the rows belong to, in order of first appearance.

    Reads ``obs["library_id"]``; without it, the only key of ``uns["spatial"]``.

    Raises
    ------
    MissingKeyError
        When neither tells.
    """
    return list(pd.unique(library_of_rows(adata)))


def library_of_rows(adata: AnnData) -> np.ndarray:
    """Section of each row, object array of str (n_obs,)."""
    if Obs.LIBRARY in adata.obs:
        column = adata.obs[Obs.LIBRARY]
        if column.isna().any():
            raise DataError(
                f"Expected a section in obs['{Obs.LIBRARY}'] of each row; {int(column.isna().sum())} have "
                "none, "
                f"{first_names(list(adata.obs_names[column.isna()]))}. Fill the column."
            )
        return np.asarray(column.astype(str).to_numpy(object))
    known = list(adata.uns.get(Uns.SPATIAL, {}))
    if len(known) == 1:
        return np.full(adata.n_obs, known[0], dtype=object)
    raise MissingKeyError(
        f"Expected obs['{Obs.LIBRARY}'], the section of each row; it is absent and uns['{Uns.SPATIAL}'] "
        "names "
        f"{len(known)} sections. Write the column, or read the data with genviz.io."
    )


def entry_of(adata: AnnData, library: str) -> dict[str, Any]:
    """The dictionary ``uns["spatial"][library]``.

    Raises
    ------
    MissingKeyError
        When the section has none.
    """
    spatial = adata.uns.get(Uns.SPATIAL, {})
    if library not in spatial:
        raise MissingKeyError(
            f"Expected uns['{Uns.SPATIAL}']['{library}'] with the section's image and resolution; found "
            f"{first_names(list(spatial)) or 'nothing'}. Read the section with genviz.io, or write the entry."
        )
    entry: dict[str, Any] = spatial[library]
    return entry


def mpp_of(adata: AnnData, library: str) -> float:
    """Micrometres per full-resolution pixel of a section.

    Raises
    ------
    MissingKeyError
        When it is not recorded.
    DataError
        When it is not a positive number.
    """
    entry = entry_of(adata, library)
    if Uns.MPP not in entry:
        raise MissingKeyError(
            f"Expected uns['{Uns.SPATIAL}']['{library}']['{Uns.MPP}'], micrometres per pixel; it is absent. "
            "Write it, or read the section with mpp=."
        )
    mpp = float(entry[Uns.MPP])
    if not (np.isfinite(mpp) and mpp > 0):
        raise DataError(
            f"Expected a resolution above 0 micrometres per pixel for section {library!r}; got {mpp}."
        )
    return mpp


def positions(adata: AnnData) -> np.ndarray:
    """Centres (x, y) of all rows, float64 (n_obs, 2), full-resolution pixels.

    Raises
    ------
    MissingKeyError
        Without ``obsm["spatial"]``.
    DataError
        When it is not two finite columns.
    """
    if Obsm.SPATIAL not in adata.obsm:
        raise MissingKeyError(
            f"Expected obsm['{Obsm.SPATIAL}'], the centre (x, y) of each row in pixels; it is absent. "
            "Read the data with genviz.io, or write the array."
        )
    xy = np.asarray(adata.obsm[Obsm.SPATIAL], dtype=np.float64)
    if xy.ndim != 2 or xy.shape[1] != 2:
        raise DataError(
            f"Expected obsm['{Obsm.SPATIAL}'] of shape ({adata.n_obs}, 2), (x, y) in pixels; got {xy.shape}."
        )
    bad = ~np.isfinite(xy).all(axis=1)
    if bad.any():
        raise DataError(
            f"Expected finite positions in obsm['{Obsm.SPATIAL}']; {int(bad.sum())} rows have none: "
            f"{first_names(list(adata.obs_names[bad]))}. Drop or correct those rows."
        )
    return xy


def write_record(adata: AnnData, library: str, record: dict[str, Any]) -> None:
    """Keep what a reader knows about a section in ``uns["genviz"]["reader"]`` (one JSON string)."""
    records = read_records(adata)
    records[library] = record
    adata.uns.setdefault(Uns.GENVIZ, {})[Uns.READER] = json.dumps(records)


def read_records(adata: AnnData) -> dict[str, dict[str, Any]]:
    """What the readers recorded, by section; empty for data that genviz did not read."""
    text = adata.uns.get(Uns.GENVIZ, {}).get(Uns.READER)
    records: dict[str, dict[str, Any]] = json.loads(text) if text else {}
    return records


def is_synthetic(adata: AnnData) -> bool:
    """Whether any of the rows were drawn by a program, as `datasets.phantom` marks its own.

    Reads ``uns["genviz"]["synthetic"]``; where sections with different marks were joined, the truth columns in
    ``obs``, which stay with the rows.
    """
    return Uns.SYNTHETIC in adata.uns.get(Uns.GENVIZ, {}) or bool(
        Obs.PHANTOM_DEPTH in adata.obs and adata.obs[Obs.PHANTOM_DEPTH].notna().any()
    )
