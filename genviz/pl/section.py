"""One section as a figure sees it: spots in micrometres and the tissue image behind them."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from genviz._errors import GenvizError, MissingKeyError, UsageError
from genviz._keys import Obs, Obsm, Uns
from genviz.core.arguments import check_adata
from genviz.io.library import is_synthetic
from genviz.io.slides.of_section import slide_of
from genviz.io.slides.stored_image import stored_rgb
from genviz.pl.house_style import warning

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class Backdrop:
    """The tissue image of a section, ready to embed.

    Attributes
    ----------
    uri
        JPEG as a data URI.
    width_um, height_um
        Extent of the image; its top left corner is the origin.
    """

    uri: str
    width_um: float
    height_um: float


@dataclass(frozen=True)
class Section:
    """Spots of one library.

    Attributes
    ----------
    library
        Library id.
    rows
        Row indices of the section in the AnnData it was taken from.
    xy_um
        Spot centres, float (n, 2), micrometres from the image's top left corner.
    diameter_um
        Spot diameter.
    mpp
        Micrometres per full-resolution pixel.
    backdrop
        Tissue image, or None when neither the slide nor a thumbnail is at hand.
    synthetic
        Whether the tissue was drawn by a program.
    """

    library: str
    rows: NDArray[np.intp]
    xy_um: NDArray[np.float64]
    diameter_um: float
    mpp: float
    backdrop: Backdrop | None
    synthetic: bool

    @property
    def heading(self) -> str:
        """The section in a title, in plotly's HTML; drawn tissue is named so."""
        return f"section {html.escape(self.library)}" + (
            f" · {warning('synthetic tissue')}" if self.synthetic else ""
        )


def libraries(adata: AnnData) -> list[str]:
    """Library ids in order of appearance."""
    if Obs.LIBRARY in adata.obs:
        return [str(name) for name in adata.obs[Obs.LIBRARY].astype(str).unique()]
    return [str(name) for name in adata.uns.get(Uns.SPATIAL, {})][:1]


def section_of(adata: AnnData, library: str | None = None, *, max_px: int = 1400) -> Section:
    """Take one section out of an AnnData.

    Parameters
    ----------
    adata
        Reads ``obsm["spatial"]``, ``uns["spatial"]``, ``obs["library_id"]``.
    library
        Library id; may be omitted when there is only one.
    max_px
        Longer side of the embedded image.

    Raises
    ------
    UsageError
        Several sections and none named, or an unknown name.
    MissingKeyError
        No coordinates or no micrometres per pixel.
    """
    check_adata(adata)
    names = libraries(adata)
    if library is None:
        if len(names) != 1:
            raise UsageError(
                f"Expected one section, found {len(names)}: {', '.join(names)}. Pass library=<one of them>."
            )
        library = names[0]
    if library not in names:
        raise UsageError(f"Expected a section of this object ({', '.join(names)}), got {library!r}.")
    if Obsm.SPATIAL not in adata.obsm:
        raise MissingKeyError(
            f"Expected spot centres in obsm[{Obsm.SPATIAL!r}], found none. Read the data with gv.io.read_*."
        )
    info = adata.uns.get(Uns.SPATIAL, {}).get(library, {})
    mpp = info.get(Uns.MPP)
    if mpp is None:
        raise MissingKeyError(
            f"Expected uns['spatial'][{library!r}][{Uns.MPP!r}] (micrometres per pixel), found none. "
            "Set it, or read the section again with mpp=..."
        )
    rows = np.arange(adata.n_obs)
    if Obs.LIBRARY in adata.obs:
        rows = np.flatnonzero(adata.obs[Obs.LIBRARY].astype(str).to_numpy() == library)
    xy_um = np.asarray(adata.obsm[Obsm.SPATIAL], dtype=np.float64)[rows] * float(mpp)
    diameter_px = float(info.get(Uns.SCALEFACTORS, {}).get(Uns.SPOT_DIAMETER, 100.0 / float(mpp)))
    return Section(
        library=library,
        rows=rows,
        xy_um=xy_um,
        diameter_um=diameter_px * float(mpp),
        mpp=float(mpp),
        backdrop=_backdrop(adata, library, info, float(mpp), max_px),
        synthetic=is_synthetic(adata),
    )


def _backdrop(adata: AnnData, library: str, info: dict[str, Any], mpp: float, max_px: int) -> Backdrop | None:
    """The stored thumbnail if there is one, else one read from the slide, else None."""
    stored = info.get(Uns.IMAGES, {}).get(Uns.HIRES)
    if stored is not None:
        image = stored_rgb(stored)
        scale = float(info[Uns.SCALEFACTORS][Uns.HIRES_SCALE])
    else:
        try:
            image, scale = slide_of(adata, library).thumbnail(max_px)
        except GenvizError:  # none recorded, moved away, damaged: maps are drawn without it
            return None
    height, width = image.shape[:2]
    return Backdrop(jpeg_uri(image, max_px), width / scale * mpp, height / scale * mpp)


def jpeg_uri(image_HW3: NDArray[np.uint8], max_px: int, quality: int = 82) -> str:
    """Encode an image as a JPEG data URI, its longer side at most ``max_px`` pixels."""
    picture = Image.fromarray(image_HW3[..., :3])
    picture.thumbnail((max_px, max_px))
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
