"""Legacy Spatial Transcriptomics sections (1k arrays, as HER2ST ships them) to AnnData."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from genviz import __version__
from genviz._errors import DataError, UsageError
from genviz._keys import Obs, Obsm, Uns
from genviz.core.counts import first_names
from genviz.core.geometry import fit_grid, mpp_from_pitch
from genviz.io.files.opening import AnyPath
from genviz.io.library import make_entry, write_record
from genviz.io.slides.slide import open_slide
from genviz.io.spots.placement import check_inside, resolutions_apart
from genviz.io.spots.st_tables import (
    GRID,
    PIXELS,
    CountTable,
    join_labels,
    read_count_table,
    read_label_table,
    read_spot_table,
)

logger = logging.getLogger("genviz")

SPOT_DIAMETER_UM = 100.0
_MANY_UNMATCHED = 0.05


def read_st(
    counts: AnyPath | None,
    spots: AnyPath,
    image: AnyPath | None = None,
    *,
    section: str,
    mpp: float | None = None,
    labels: AnyPath | None = None,
    pitch_um: float = 200.0,
) -> AnnData:
    """Read one legacy ST section: counts, spots, and optionally its H&E image and pathologist's labels.

    Rows are the spots that both tables name, ``XxY``, in the order of the spot table; they are joined by
    name. Spots without counts, and the reverse, are left out and reported.

    Parameters
    ----------
    counts
        Tab-separated spots x genes, gzipped or not, first header cell empty. None reads spots alone, to
        predict their counts.
    spots
        Spot table with columns x, y, pixel_x (column), pixel_y (row), and new_x, new_y for labels.
    image
        Full-resolution image (JPEG, PNG, TIFF, zarr). Its overview is stored and its path recorded.
    section
        Name of the section.
    mpp
        Micrometres per pixel. By default derived from the pitch: robust affine fit of measured pixel
        positions to grid coordinates (`core.geometry.mpp_from_pitch`).
    labels
        Label table; joined where its x, y equal new_x, new_y exactly.
    pitch_um
        Distance of neighbouring spots, micrometres.

    Returns
    -------
    AnnData
        ``X`` raw counts, float32 CSR ((n, 0) without counts); ``obsm["spatial"]`` measured centres (x, y) in
        pixels; ``obs``: library_id, array_x, array_y, label; ``uns["spatial"][section]``: overview,
        spot_diameter_fullres, mpp, pitch_um, source image; ``uns["genviz"]["reader"]``: what was left out.

    Raises
    ------
    UsageError
        When a file is not there.
    FileFormatError
        When a table or the image is truncated, damaged or of another kind.
    DataError
        For counts that are not raw counts, duplicated genes or spots, tables without a common spot, an
        empty section, or spots outside the image.
    """
    if not str(section):
        raise UsageError("Expected a name of the section in section=; got an empty one.")
    table = read_spot_table(spots)
    n_listed = len(table)
    counted = None if counts is None else read_count_table(counts)
    table, record, unmatched = _join(table, counted, str(section))
    adata = AnnData(X=_matrix(table, counted), obs=_obs(table, str(section)), var=_var(counted))
    adata.obsm[Obsm.SPATIAL] = table[PIXELS].to_numpy(np.float64)
    if labels is not None:
        label_table, unplaced = read_label_table(labels)
        adata.obs[Obs.LABEL] = join_labels(table, label_table)
        record["labels_without_place"] = unplaced
        _report_labels(adata, unplaced, str(section))
    resolution, source, doubts = _resolution(table, mpp, pitch_um, str(section))
    slide = None if image is None else open_slide(image)
    if slide is not None:
        size = slide.width, slide.height
        doubts.append(check_inside(adata.obsm[Obsm.SPATIAL], size, list(adata.obs_names), str(section)))
    for doubt in filter(None, [*unmatched, *doubts]):
        warnings.warn(doubt, stacklevel=2)
    step = (pitch_um, pitch_um)
    entry = make_entry(
        mpp=resolution, spot_diameter_um=SPOT_DIAMETER_UM, pitch_um=pitch_um, grid_step_um=step, slide=slide
    )
    adata.uns[Uns.SPATIAL] = {str(section): entry}
    write_record(adata, str(section), {"mpp_from": source, "n_listed": n_listed, **record})
    return adata


def read_counts(path: AnyPath) -> AnnData:
    """Read a legacy ST count table alone: what was measured at each spot, without places.

    Parameters
    ----------
    path
        Tab-separated spots x genes, gzipped or not, first header cell empty.

    Returns
    -------
    AnnData
        Rows ``XxY``; raw counts in ``X`` (float32 CSR).

    Raises
    ------
    FileFormatError, DataError
        For a damaged table, or values that are not raw counts.
    """
    table = read_count_table(path)
    obs = pd.DataFrame(index=pd.Index(table.spots, dtype=object))
    return AnnData(X=table.matrix, obs=obs, var=pd.DataFrame(index=pd.Index(table.genes, dtype=object)))


def _join(
    table: pd.DataFrame, counted: CountTable | None, section: str
) -> tuple[pd.DataFrame, dict[str, Any], list[str]]:
    """Rows of the spot table that have counts, the record of what was left out, and doubts about it."""
    record: dict[str, Any] = {
        "reader": "read_st",
        "platform": "st",
        "whole_transcriptome": True,
        "version": __version__,
    }
    if counted is None:
        return table, record, []
    known = table.index.isin(counted.spots)
    without_counts = list(table.index[~known])
    without_spot = list(counted.spots[~counted.spots.isin(table.index)])
    if not known.any():
        raise DataError(
            f"Expected counts and spots of section {section!r} to name the same spots; none of "
            f"{len(counted.spots)} "
            f"count rows ({first_names(list(counted.spots), 3)}) is among {len(table)} spots "
            f"({first_names(list(table.index), 3)}). "
            + (
                "The count table has spots in its columns: transpose it."
                if counted.genes.isin(table.index).any()
                else "Are the files of one section?"
            )
        )
    doubts = []
    for names, what in ((without_counts, "spots have no counts"), (without_spot, "count rows have no spot")):
        if names:
            message = f"Section {section!r}: {len(names)} {what} and are left out: {first_names(names)}."
            logger.info(message)
            if len(names) > _MANY_UNMATCHED * len(table):
                doubts.append(f"{message} Are the files of one section?")
    return (
        table[known],
        record | {"spots_without_counts": without_counts, "counts_without_spot": without_spot},
        doubts,
    )


def _matrix(table: pd.DataFrame, counted: CountTable | None) -> sparse.csr_matrix:
    if counted is None:
        return sparse.csr_matrix((len(table), 0), dtype=np.float32)
    return counted.matrix[counted.spots.get_indexer(table.index)]


def _var(counted: CountTable | None) -> pd.DataFrame:
    return pd.DataFrame(index=pd.Index([] if counted is None else counted.genes, dtype=object))


def _obs(table: pd.DataFrame, section: str) -> pd.DataFrame:
    columns = {
        Obs.LIBRARY: pd.Categorical([section] * len(table)),
        Obs.ARRAY_X: table[GRID[0]].to_numpy(),
        Obs.ARRAY_Y: table[GRID[1]].to_numpy(),
    }
    return pd.DataFrame(columns, index=table.index)


def _resolution(
    table: pd.DataFrame, mpp: float | None, pitch_um: float, section: str
) -> tuple[float, str, list[str | None]]:
    """Micrometres per pixel, where it comes from, and doubts: disagreement, mirrored axes."""
    if mpp is not None and not 0 < mpp < float("inf"):
        raise UsageError(f"Expected mpp above 0 micrometres per pixel; got {mpp!r}.")
    pixels, grid = table[PIXELS].to_numpy(float), table[GRID].to_numpy(float)
    try:
        derived = mpp_from_pitch(pixels, grid, pitch_um)
    except DataError:
        if mpp is None:
            raise
        return float(mpp), "stated", []
    doubts: list[str | None] = []
    if fit_grid(pixels, grid).mirrored:
        doubts.append(
            f"Pixel axes of section {section!r} are a mirror image of its grid: x and y look swapped in "
            "either x, y or "
            "pixel_x, pixel_y. Expected x and pixel_x to grow to the right, y and pixel_y downwards."
        )
    if mpp is None:
        return derived, "pitch", doubts
    doubts.append(resolutions_apart(float(mpp), derived, f"the spot pitch of section {section!r}"))
    return float(mpp), "stated", doubts


def _report_labels(adata: AnnData, unplaced: int, section: str) -> None:
    missing = int(adata.obs[Obs.LABEL].isna().sum())
    if missing or unplaced:
        logger.info(
            "Section %r: %d spots have no label; %d labels have no place.", section, missing, unplaced
        )
