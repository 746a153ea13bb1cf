"""AnnData to SpatialData and back, losing nothing that the contract names.

Shapes: H, W rows and columns; 3 or C colour channels.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Files, Obs, Obsm, Uns
from genviz._lazy import require
from genviz.core.arguments import check_adata
from genviz.core.counts import first_names
from genviz.io.library import library_of_rows, positions

if TYPE_CHECKING:
    from anndata import AnnData
    from spatialdata import SpatialData

_PURPOSE = "exchange data with SpatialData"


def to_spatialdata(adata: AnnData) -> SpatialData:
    """Lay rows out as SpatialData elements.

    Each section becomes a circle for each row (named as the section, in full-resolution pixels) and its
    overviews (``<section>_hires_image``, ...), in a coordinate system of the section's name; the rows become
    the table ``table`` that annotates the circles. Rows without positions become a table alone.

    Parameters
    ----------
    adata
        Rows to lay out. Reads all slots; the object is not changed.

    Returns
    -------
    A new object in memory, which `from_spatialdata` reads back.

    Raises
    ------
    MissingDependencyError
        Without spatialdata (extra ``spatial``).
    MissingKeyError
        When rows have positions but a section has no entry with a spot diameter.
    DataError
        When two sections' names differ in signs alone that SpatialData does not accept.
    """
    check_adata(adata)
    spatialdata = require("spatialdata", extra="spatial", purpose=_PURPOSE)
    models = require("spatialdata.models", extra="spatial", purpose=_PURPOSE)
    table = adata.copy()
    if Obsm.SPATIAL not in adata.obsm:
        return spatialdata.SpatialData(tables={Files.SPATIALDATA_TABLE: models.TableModel.parse(table)})
    of_row = library_of_rows(adata)
    names = list(pd.unique(of_row))
    elements = _element_names(names)
    table.uns[Uns.SPATIAL] = {name: dict(entry) for name, entry in adata.uns.get(Uns.SPATIAL, {}).items()}
    shapes, images = {}, {}
    for name in names:
        rows = of_row == name
        shapes[elements[name]] = _circles(adata, name, rows)
        for key, image in dict(table.uns[Uns.SPATIAL][name].pop(Uns.IMAGES, {})).items():
            images[_image_name(elements[name], key)] = _image(adata, name, key, image)
    table.obs[Obs.REGION] = pd.Categorical([elements[name] for name in of_row])
    table.obs[Obs.INSTANCE] = table.obs_names.astype(str).to_numpy(object)
    parsed = models.TableModel.parse(
        table, region=list(elements.values()), region_key=Obs.REGION, instance_key=Obs.INSTANCE
    )
    return spatialdata.SpatialData(images=images, shapes=shapes, tables={Files.SPATIALDATA_TABLE: parsed})


def _element_names(libraries: list[str]) -> dict[str, str]:
    """Names that SpatialData accepts: letters, digits, dot, dash, underscore."""
    names = {
        library: re.sub(r"[^A-Za-z0-9._-]", "_", library).lstrip("_.") or "section" for library in libraries
    }
    if len(set(names.values())) < len(names):
        raise DataError(
            f"Expected section names that differ in letters and digits; got {first_names(libraries)}. Rename "
            "them."
        )
    return names


def _image_name(element: str, key: str) -> str:
    return f"{element}_{key}_image"


def _circles(adata: AnnData, library: str, rows: np.ndarray) -> Any:
    models = require("spatialdata.models", extra="spatial", purpose=_PURPOSE)
    transformations = require("spatialdata.transformations", extra="spatial", purpose=_PURPOSE)
    factors = adata.uns.get(Uns.SPATIAL, {}).get(library, {}).get(Uns.SCALEFACTORS, {})
    if Uns.SPOT_DIAMETER not in factors:
        raise MissingKeyError(
            f"Expected uns['{Uns.SPATIAL}']['{library}']['{Uns.SCALEFACTORS}']['{Uns.SPOT_DIAMETER}'] to "
            "draw rows as circles; "
            "it is absent. Read the section with genviz.io, or write it."
        )
    return models.ShapesModel.parse(
        positions(adata)[rows],
        geometry=0,
        radius=float(factors[Uns.SPOT_DIAMETER]) / 2,
        index=pd.Index(adata.obs_names[rows].astype(str), dtype=object),
        transformations={library: transformations.Identity()},
    )


def _image(adata: AnnData, library: str, key: str, image: Any) -> Any:
    models = require("spatialdata.models", extra="spatial", purpose=_PURPOSE)
    transformations = require("spatialdata.transformations", extra="spatial", purpose=_PURPOSE)
    factors = adata.uns[Uns.SPATIAL][library].get(Uns.SCALEFACTORS, {})
    scale = float(factors.get(_scale_key(key), 1.0))
    transformation = transformations.Scale([1 / scale, 1 / scale], axes=("x", "y"))
    return models.Image2DModel.parse(
        np.moveaxis(np.asarray(image), 2, 0), dims=("c", "y", "x"), transformations={library: transformation}
    )


def _scale_key(key: str) -> str:
    """Scale factor of an overview, as Space Ranger names it: tissue_<key>_scalef."""
    return Uns.HIRES_SCALE.replace(Uns.HIRES, key)


def from_spatialdata(sdata: SpatialData, table: str | None = None, *, mpp: float | None = None) -> AnnData:
    """Take the rows of a SpatialData table, with positions, sections and overviews as the contract asks.

    What `to_spatialdata` wrote comes back equal. Of other objects (spatialdata-io's Visium, for example)
    positions and spot diameters are taken from the shapes that the table annotates, overviews from images
    placed in the same coordinate system, and a full-resolution image on disk becomes the section's slide.

    Parameters
    ----------
    sdata
        Read or made by spatialdata.
    table
        Name of the table; may be left out when there is one.
    mpp
        Micrometres per pixel of the shapes' own frame, which SpatialData does not record.

    Raises
    ------
    UsageError
        When the table cannot be told.
    DataError
        When rows and shapes share no instance.
    """
    require("spatialdata", extra="spatial", purpose=_PURPOSE)
    tables = list(sdata.tables)
    if table is None and len(tables) == 1:
        table = tables[0]
    if table not in tables:
        raise UsageError(
            f"Expected table= to name one of {first_names(tables) or 'no tables'}; got {table!r}."
        )
    adata = sdata.tables[table].copy()
    attributes = adata.uns.pop(Files.SPATIALDATA_ATTRS, None)
    if attributes is None:
        return adata
    region_key, instance_key = attributes["region_key"], attributes["instance_key"]
    if region_key == Obs.REGION:
        _restore(adata, sdata)
        adata.obs = adata.obs.drop(columns=[Obs.REGION, Obs.INSTANCE])
        return adata
    _adopt(adata, sdata, region_key, instance_key, mpp)
    return adata


def _restore(adata: AnnData, sdata: SpatialData) -> None:
    """Put overviews back into the section entries."""
    elements = _element_names(list(pd.unique(library_of_rows(adata))))
    spatial = {name: dict(entry) for name, entry in adata.uns[Uns.SPATIAL].items()}
    for library, element in elements.items():
        pattern = re.compile(re.escape(element) + r"_(.+)_image")
        found = {match.group(1): name for name in sdata.images if (match := pattern.fullmatch(name))}
        spatial[library] = {
            Uns.IMAGES: {key: _pixels(sdata.images[name]) for key, name in found.items()},
            **spatial[library],
        }
    adata.uns[Uns.SPATIAL] = spatial


def _pixels(image: Any) -> np.ndarray:
    """Finest resolution of an image element as (H, W, C)."""
    if hasattr(image, "keys") and "scale0" in image:
        image = image["scale0"]["image"]
    return np.ascontiguousarray(
        np.moveaxis(np.asarray(image.data.compute() if hasattr(image.data, "compute") else image.data), 0, 2)
    )


def _adopt(adata: AnnData, sdata: SpatialData, region_key: str, instance_key: str, mpp: float | None) -> None:
    """Positions, diameter and images of rows that another tool laid out."""
    xy = np.full((adata.n_obs, 2), np.nan)
    spatial: dict[str, dict[str, Any]] = {}
    for region in pd.unique(adata.obs[region_key].astype(str)):
        rows = (adata.obs[region_key].astype(str) == region).to_numpy()
        shapes = sdata.shapes.get(region)
        if shapes is None:
            raise DataError(
                f"Expected shapes {region!r} that the table annotates; found "
                f"{first_names(list(sdata.shapes)) or 'none'}."
            )
        at = shapes.index.get_indexer(pd.Index(adata.obs.loc[rows, instance_key]))
        if (at < 0).any():
            raise DataError(
                f"Expected a shape in {region!r} for each of {rows.sum()} rows; {int((at < 0).sum())} have "
                "none."
            )
        centres = shapes.geometry.centroid
        xy[rows] = np.column_stack([centres.x, centres.y])[at]
        entry: dict[str, Any] = {Uns.IMAGES: {}, Uns.SCALEFACTORS: {}, Uns.METADATA: {}}
        if "radius" in shapes:
            entry[Uns.SCALEFACTORS][Uns.SPOT_DIAMETER] = float(2 * shapes["radius"].median())
        _adopt_images(entry, sdata, shapes)
        recorded = adata.uns.get(Uns.SPATIAL, {}).get(region, {})
        if mpp is not None or Uns.MPP in recorded:
            entry[Uns.MPP] = float(recorded[Uns.MPP] if mpp is None else mpp)
        spatial[region] = entry
    adata.obsm[Obsm.SPATIAL] = xy
    adata.obs[Obs.LIBRARY] = pd.Categorical(adata.obs[region_key].astype(str))
    adata.uns[Uns.SPATIAL] = spatial
    if any(Uns.MPP not in entry for entry in spatial.values()):
        warnings.warn(
            "SpatialData records no micrometres per pixel; give mpp= to cut tiles of a stated size.",
            stacklevel=3,
        )


def _adopt_images(entry: dict[str, Any], sdata: SpatialData, shapes: Any) -> None:
    """Overviews with their scale; an image in the shapes' own frame, kept on disk, is the slide."""
    between = require(
        "spatialdata.transformations", extra="spatial", purpose=_PURPOSE
    ).get_transformation_between_coordinate_systems
    for name, image in sdata.images.items():
        try:
            matrix = between(sdata, image, shapes).to_affine_matrix(("x", "y"), ("x", "y"))
        except (RuntimeError, ValueError):
            continue  # no coordinate system in common: another section's image
        scale = 1 / float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
        key = next((key for key in (Uns.HIRES, Uns.LOWRES) if key in name), None)
        if key is not None:
            entry[Uns.IMAGES][key] = _pixels(image)
            entry[Uns.SCALEFACTORS][_scale_key(key)] = scale
        elif abs(scale - 1) < 1e-6 and sdata.path is not None:
            entry[Uns.METADATA][Uns.SOURCE_IMAGE] = str(
                (sdata.path / Files.SPATIALDATA_IMAGES / name).resolve()
            )
