"""Space Ranger folders (Visium) to AnnData."""

from __future__ import annotations

import io
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from PIL import Image

from genviz import __version__
from genviz._errors import DataError, FileFormatError, UsageError
from genviz._keys import Files, Obs, Obsm, Uns
from genviz.core.counts import first_names
from genviz.core.geometry import fit_grid
from genviz.io.files.opening import AnyPath, existing, read_text_bytes, reading
from genviz.io.library import attach_slide, make_entry, write_record
from genviz.io.slides.slide import open_slide
from genviz.io.spots.placement import check_inside, resolutions_apart
from genviz.io.spots.tenx import TenxMatrix, read_tenx_h5, read_tenx_mtx

logger = logging.getLogger("genviz")

SPOT_DIAMETER_UM = 55.0
PITCH_UM = 100.0
# One array column is half a pitch, one array row the height of a triangle of spots.
GRID_STEP_UM = (PITCH_UM / 2, PITCH_UM * float(np.sqrt(3)) / 2)
# Space Ranger's spot_diameter_fullres spans "a theoretical 65 um spot" (its manual), not the 55 um
# that are printed.
_SCALEFACTOR_SPOT_UM = 65.0

_MATRICES = (
    "filtered_feature_bc_matrix.h5",
    "filtered_feature_bc_matrix",
    "raw_feature_bc_matrix.h5",
    "raw_feature_bc_matrix",
    "raw_probe_bc_matrix.h5",
)
_COLUMNS = ["barcode", Obs.IN_TISSUE, "array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres"]


def read_visium(
    path: AnyPath,
    image: AnyPath | None = None,
    *,
    section: str | None = None,
    mpp: float | None = None,
    coordinates: bool = True,
) -> AnnData:
    """Read a Space Ranger output folder of any version: counts, positions, overviews, scale factors.

    The resolution comes from the 100 um pitch of the array (robust fit of pixel to array positions). Space
    Ranger's ``spot_diameter_fullres`` spans a theoretical 65 um spot and is only used where the fit is
    impossible.

    Parameters
    ----------
    path
        Folder with ``filtered_feature_bc_matrix.h5`` (or its folder, or the raw or probe matrix: probes are
        summed to genes) and ``spatial/``.
    image
        Full-resolution image that was given to Space Ranger; its folder does not hold it. Needed for tiles.
    section
        Name of the section; by default the library in the matrix, else the folder's name.
    mpp
        Micrometres per pixel of the full-resolution image, when it is known better.
    coordinates
        False reads the counts alone, from folders without ``spatial/``.

    Returns
    -------
    AnnData
        Rows are barcodes under tissue; ``X`` raw counts, float32 CSR; ``var["gene_ids"]``;
        ``obsm["spatial"]`` (x, y); ``obs``: library_id, in_tissue, array_x (column), array_y (row);
        ``uns["spatial"][section]``.

    Raises
    ------
    UsageError
        When the folder is not there.
    FileFormatError
        When a file is absent, truncated or damaged.
    DataError
        When no barcode has a position.
    """
    folder = existing(path, "a Space Ranger output folder", folder=True)
    counted, source = _read_matrix(folder)
    name = section or counted.library or folder.resolve().name
    record = {
        "reader": "read_visium",
        "platform": "visium",
        "whole_transcriptome": True,
        "version": __version__,
        "matrix": source,
    }
    if not coordinates:
        adata = _counts_alone(counted, name)
        write_record(adata, name, record)
        return adata
    spatial = folder / Files.VISIUM_FOLDER
    if not spatial.is_dir():
        raise FileFormatError(
            f"Expected positions and images in {spatial}; the folder is absent. Copy the whole Space Ranger "
            "output, or read the counts alone with coordinates=False."
        )
    table = _read_positions(spatial)
    adata, record["barcodes_without_position"] = _assemble(counted, table, name)
    factors = _read_scalefactors(spatial)
    resolution, record["mpp_from"], doubt = _resolution(table, factors, mpp, name)
    entry = make_entry(
        mpp=resolution, spot_diameter_um=SPOT_DIAMETER_UM, pitch_um=PITCH_UM, grid_step_um=GRID_STEP_UM
    )
    entry[Uns.SCALEFACTORS] = {**entry[Uns.SCALEFACTORS], **factors}
    _attach_overviews(entry, spatial)
    doubts = [doubt, None if image is None else _attach_image(entry, image, adata, name)]
    for text in filter(None, doubts):
        warnings.warn(text, stacklevel=2)
    adata.uns[Uns.SPATIAL] = {name: entry}
    write_record(adata, name, record)
    return adata


def _counts_alone(counted: TenxMatrix, name: str) -> AnnData:
    adata = AnnData(
        X=counted.matrix, obs=pd.DataFrame(index=counted.barcodes.astype(object)), var=counted.var
    )
    adata.obs[Obs.LIBRARY] = pd.Categorical([name] * adata.n_obs)
    return adata


def _read_matrix(folder: Path) -> tuple[TenxMatrix, str]:
    for name in _MATRICES:
        path = folder / name
        if path.is_file():
            return read_tenx_h5(path), name
        if path.is_dir():
            return read_tenx_mtx(path), name
    raise FileFormatError(
        f"Expected {_MATRICES[0]} in {folder}; found none of {', '.join(_MATRICES)}. Point to the outs/ "
        "folder."
    )


def _read_positions(spatial: Path) -> pd.DataFrame:
    """Positions of all spots, indexed by barcode; with a header since Space Ranger 2, without one before."""
    for name in ("tissue_positions.csv", "tissue_positions_list.csv"):
        path = spatial / name
        if path.is_file():
            raw = read_text_bytes(path, "spot positions")
            with reading(path, "spot positions"):
                header = 0 if raw.startswith(b"barcode,") else None
                table = pd.read_csv(io.BytesIO(raw), header=header, names=_COLUMNS)
                numbers = table[_COLUMNS[1:]].astype(float)  # a cut last line leaves NaN, caught below
            if numbers.isna().to_numpy().any():
                raise FileFormatError(
                    f"Expected six columns in every row of {path}; some are empty. Copy the file again."
                )
            table[_COLUMNS[1:]] = numbers
            return table.set_index("barcode")
    raise FileFormatError(
        f"Expected tissue_positions.csv or tissue_positions_list.csv in {spatial}; both are absent."
    )


def _read_scalefactors(spatial: Path) -> dict[str, float]:
    path = spatial / "scalefactors_json.json"
    if not path.is_file():
        raise FileFormatError(
            f"Expected {path.name} in {spatial}; it is absent. Copy the whole Space Ranger output."
        )
    with reading(path, "scale factors as JSON"):
        return {
            str(k): float(v) for k, v in json.loads(path.read_text()).items() if isinstance(v, (int, float))
        }


def _assemble(counted: TenxMatrix, table: pd.DataFrame, name: str) -> tuple[AnnData, list[str]]:
    """Rows with counts, a position and tissue below, in the matrix's order."""
    known = counted.barcodes.isin(table.index)
    if not known.any():
        raise DataError(
            f"Expected barcodes of the matrix among the positions of section {name!r}; none of {len(known)} "
            "is there "
            f"({first_names(list(counted.barcodes), 2)}). Are matrix and spatial/ of one run?"
        )
    lost = list(counted.barcodes[~known])
    if lost:
        logger.info(
            "Section %r: %d barcodes have no position and are left out: %s.",
            name,
            len(lost),
            first_names(lost),
        )
    at = table.reindex(counted.barcodes[known])
    rows = np.flatnonzero(known)[(at[Obs.IN_TISSUE] > 0).to_numpy()]
    if not len(rows):
        raise DataError(
            f"Expected barcodes under tissue in section {name!r}; there is none. Check the tissue detection."
        )
    at = table.loc[counted.barcodes[rows]]
    obs = pd.DataFrame(
        {
            Obs.LIBRARY: pd.Categorical([name] * len(rows)),
            Obs.IN_TISSUE: at[Obs.IN_TISSUE].to_numpy().astype(np.int64),
            Obs.ARRAY_X: at["array_col"].to_numpy().astype(np.int64),
            Obs.ARRAY_Y: at["array_row"].to_numpy().astype(np.int64),
        },
        index=counted.barcodes[rows].astype(object),
    )
    adata = AnnData(X=counted.matrix[rows], obs=obs, var=counted.var)
    adata.obsm[Obsm.SPATIAL] = at[["pxl_col_in_fullres", "pxl_row_in_fullres"]].to_numpy(np.float64)
    return adata, lost


def _resolution(
    table: pd.DataFrame, factors: dict[str, float], mpp: float | None, name: str
) -> tuple[float, str, str | None]:
    if mpp is not None and not 0 < mpp < float("inf"):
        raise UsageError(f"Expected mpp above 0 micrometres per pixel; got {mpp!r}.")
    try:
        fit = fit_grid(table[["pxl_col_in_fullres", "pxl_row_in_fullres"]], table[["array_col", "array_row"]])
        derived, source = float(np.sqrt(np.prod(GRID_STEP_UM))) / fit.px_per_step, "pitch"
    except DataError:
        if Uns.SPOT_DIAMETER not in factors:
            raise
        derived, source = _SCALEFACTOR_SPOT_UM / factors[Uns.SPOT_DIAMETER], Uns.SPOT_DIAMETER
    if mpp is None:
        return derived, source, None
    return float(mpp), "stated", resolutions_apart(mpp, derived, f"the spot pitch of section {name!r}")


def _attach_overviews(entry: dict[str, Any], spatial: Path) -> None:
    """Store Space Ranger's overviews; transparent pixels become white."""
    for key, file in ((Uns.HIRES, "tissue_hires_image.png"), (Uns.LOWRES, "tissue_lowres_image.png")):
        path = spatial / file
        if path.is_file():
            with reading(path, "an overview image"), Image.open(path) as picture:
                rgba = Image.alpha_composite(
                    Image.new("RGBA", picture.size, "white"), picture.convert("RGBA")
                )
                entry[Uns.IMAGES][key] = np.asarray(rgba.convert("RGB"))


def _attach_image(entry: dict[str, Any], image: AnyPath, adata: AnnData, name: str) -> str | None:
    """Take the full-resolution image as the slide, and its overview instead of Space Ranger's."""
    slide = open_slide(image)
    doubt = check_inside(adata.obsm[Obsm.SPATIAL], (slide.width, slide.height), list(adata.obs_names), name)
    attach_slide(entry, slide)
    return doubt
