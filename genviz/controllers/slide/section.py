"""One section as a view needs it: where its spots are, its image, and columns of ``obs`` over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from genviz._errors import DataError, FileFormatError, GenvizError, MissingKeyError, UsageError
from genviz._keys import Obs, Uns
from genviz.controllers.slide.pyramid import Pyramid
from genviz.io.library import library_of_rows, positions
from genviz.io.slides.levels import Pixels
from genviz.io.slides.of_section import slide_of
from genviz.io.slides.slide import MemorySlide
from genviz.io.slides.stored_image import stored_rgb
from genviz.pl.category_colours import known_colours

if TYPE_CHECKING:
    from anndata import AnnData

ALONE = "section"  # name of the only section of an object that names none
_USUAL_UM = 55.0  # diameter where neither object nor spacing tells
_MOST_CATEGORIES = 60


@dataclass(frozen=True)
class Spots:
    """The spots of a section.

    Attributes
    ----------
    xy
        Centres (x, y), float32 (n, 2), full-resolution pixels.
    diameter_px
        True diameter, full-resolution pixels.
    mpp
        Micrometres per full-resolution pixel; None where nobody recorded it.
    names
        Row names.
    rows
        Their rows in the object, intp (n,).
    """

    xy: NDArray[np.float32]
    diameter_px: float
    mpp: float | None
    names: list[str]
    rows: NDArray[np.intp]


@dataclass(frozen=True)
class Column:
    """A column of ``obs`` over the spots of a section.

    Attributes
    ----------
    name
        Of the column.
    codes
        int32 (n,), -1 where there is no value; None for numbers.
    names, colours
        Categories and their ``"#rrggbb"``; empty for numbers.
    values
        float32 (n,); None for categories.
    limits
        Colour limits of numbers, over all sections.
    """

    name: str
    codes: NDArray[np.int32] | None = None
    names: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    values: NDArray[np.float32] | None = None
    limits: tuple[float, float] = (0.0, 1.0)


def sections_of(adata: AnnData) -> NDArray[np.object_]:
    """Name of the section of each row; one name where the object names none."""
    try:
        return library_of_rows(adata)
    except MissingKeyError:
        if adata.uns.get(Uns.SPATIAL):
            raise
        return np.full(adata.n_obs, ALONE, dtype=object)


def spots_of(adata: AnnData, rows: NDArray[np.intp], library: str) -> Spots:
    """Spots of a section.

    Raises
    ------
    MissingKeyError
        Without coordinates.
    DataError
        Coordinates that are not two finite columns.
    """
    xy = positions(adata)[rows]
    entry = _entry(adata, library)
    mpp = float(entry[Uns.MPP]) if entry.get(Uns.MPP) else None
    if mpp is not None and not (np.isfinite(mpp) and mpp > 0):
        raise DataError(f"Expected micrometres per pixel above 0 for section {library!r}; got {mpp}.")
    diameter = entry.get(Uns.SCALEFACTORS, {}).get(Uns.SPOT_DIAMETER)
    if diameter is None or not float(diameter) > 0:
        diameter = _likely_diameter(xy, mpp)
    names = [str(name) for name in adata.obs_names[rows]]
    return Spots(xy.astype(np.float32), float(diameter), mpp, names, rows)


def _likely_diameter(xy: NDArray[np.float64], mpp: float | None) -> float:
    """Half the distance of neighbours; the usual size where there are none."""
    if len(xy) > 1:
        apart = float(np.median(cKDTree(xy).query(xy[:2000], k=2)[0][:, 1]))
        if apart > 0:
            return 0.5 * apart
    return _USUAL_UM / (mpp or 0.5)


def image_of(adata: AnnData, library: str) -> tuple[Pyramid | None, str]:
    """The image of a section as a pyramid, and a remark when it is not the slide itself."""
    try:
        return Pyramid(slide_of(adata, library)), ""
    except FileFormatError as error:
        reason = f"The slide cannot be read: {error}"
    except (MissingKeyError, UsageError):
        reason = "No slide is recorded for this section."
    except GenvizError:
        reason = "The slide of this section is not at hand."
    stored = _stored(adata, library)
    if stored is None:
        return None, f"{reason} Spots are drawn without tissue; read the section with image= to see it."
    return stored, f"{reason} Shown is the stored overview."


def overview_of(
    adata: AnnData, library: str, pyramid: Pyramid | None, most_px: int
) -> tuple[Pixels, float] | None:
    """A picture of the whole section, its longer side at most `most_px`, and full-resolution pixels per pixel of it.

    The stored overview is preferred where it is fine enough: it is in memory, a slide may first have to be decoded.
    """
    stored = _stored(adata, library)
    if stored is not None and (pyramid is None or max(stored.levels[0][:2]) >= 0.45 * most_px):
        pyramid = stored
    if pyramid is None:
        return None
    level = next((k for k, (h, w, _) in enumerate(pyramid.levels) if max(h, w) <= most_px), len(pyramid) - 1)
    height, width, downsample = pyramid.levels[level]
    return pyramid.region(level, 0, 0, width, height), downsample


def _stored(adata: AnnData, library: str) -> Pyramid | None:
    """The overview that the object itself holds."""
    entry = _entry(adata, library)
    for name, scale in ((Uns.HIRES, Uns.HIRES_SCALE), (Uns.LOWRES, Uns.LOWRES_SCALE)):
        image = entry.get(Uns.IMAGES, {}).get(name)
        factor = entry.get(Uns.SCALEFACTORS, {}).get(scale)
        if image is not None and factor and float(factor) > 0:
            return Pyramid(MemorySlide(stored_rgb(image)), 1.0 / float(factor))
    return None


def column_of(adata: AnnData, name: str, rows: NDArray[np.intp]) -> Column:
    """A column of ``obs`` over some rows.

    Raises
    ------
    UsageError
        No such column, or one that has no colours: free text with too many values.
    """
    if name not in adata.obs:
        raise UsageError(
            f"Expected a column of obs ({', '.join(map(str, adata.obs.columns))}); got {name!r}."
        )
    values = adata.obs[name]
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        return Column(name, values=numbers[rows].astype(np.float32), limits=_number_limits(numbers))
    if not isinstance(values.dtype, pd.CategoricalDtype):
        values = values.where(values.isna(), values.astype(str)).astype("category")
    if len(values.cat.categories) > _MOST_CATEGORIES:
        raise UsageError(
            f"Expected a column with at most {_MOST_CATEGORIES} categories; obs[{name!r}] has "
            f"{len(values.cat.categories)}. Take another column."
        )
    names = tuple(str(one) for one in values.cat.categories)
    colours = tuple(known_colours(adata.uns.get(Uns.colours(name)), len(names)))
    codes = np.asarray(values.cat.codes, dtype=np.int32)[rows]
    return Column(name, codes=codes, names=names, colours=colours)


def columns_to_show(adata: AnnData) -> list[str]:
    """Columns of ``obs`` that can be shown as colours."""
    found = []
    for name in adata.obs.columns:
        values = adata.obs[name]
        if pd.api.types.is_datetime64_any_dtype(values.dtype):
            continue
        if isinstance(values.dtype, pd.CategoricalDtype):
            few = len(values.cat.categories) <= _MOST_CATEGORIES
        elif pd.api.types.is_numeric_dtype(values.dtype):
            few = True
        else:
            few = values.astype(str).nunique() <= _MOST_CATEGORIES
        if few and name != Obs.LIBRARY:
            found.append(str(name))
    return found


def _number_limits(numbers: NDArray[np.float64]) -> tuple[float, float]:
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(q) for q in np.percentile(finite, (0.5, 99.5)))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _entry(adata: AnnData, library: str) -> dict[str, Any]:
    entry: dict[str, Any] = adata.uns.get(Uns.SPATIAL, {}).get(library, {})
    return entry
