"""Do rows lie where they should on their slide? Outside the image, x and y swapped, wrong resolution.

Checks return what is suspicious as text, so that the public call that runs them can warn in its own name;
what cannot be meant at all is raised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError
from genviz._keys import Obs, Obsm, Uns
from genviz.core.counts import first_names
from genviz.core.geometry import fit_grid
from genviz.io.library import entry_of, library_of_rows, mpp_of, positions
from genviz.io.tissue import share_on, tissue_mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from genviz.io.slides.slide import Slide

_THUMBNAIL_PX = 1024
_OUTSIDE = 0.1  # share of rows outside the image from which the section is refused
MPP_TOLERANCE = 0.1
_HOPELESS = 1.5  # times too large or small: no rounding, no other scanner setting
_SURE = 3.0  # standard errors of McNemar's test
_MOSTLY_ON_TISSUE = 0.5


def check_section(adata: AnnData, library: str, slide: Slide) -> list[str]:
    """Run all checks of one section.

    Returns
    -------
    One sentence for each thing that looks wrong.

    Raises
    ------
    DataError
        When a tenth or more of the rows lie outside the image.
    """
    rows = library_of_rows(adata) == library
    xy, names = positions(adata)[rows], list(adata.obs_names[rows])
    doubts = (
        check_inside(xy, (slide.width, slide.height), names, library),
        check_tissue(xy, slide, library),
        check_resolution(adata, library, slide),
    )
    return [doubt for doubt in doubts if doubt]


def check_inside(
    xy: NDArray[np.float64], size: tuple[int, int], names: Sequence[str], library: str
) -> str | None:
    """Row centres must lie on the image: a few outside are doubtful, many an error.

    Parameters
    ----------
    xy
        (n, 2) centres, full-resolution pixels.
    size
        (width, height) of the image.
    names
        Row names, for the message.
    library
        Section, for the message.

    Raises
    ------
    DataError
        When a tenth or more lie outside.
    """
    outside = np.asarray(~((xy >= 0) & (xy < np.array(size))).all(axis=1))
    if not outside.any():
        return None
    named = first_names([n for n, out in zip(names, outside, strict=True) if out], 3)
    found = (
        f"{int(outside.sum())} of {len(xy)} rows of section {library!r} lie outside its image of "
        f"{size[0]} x {size[1]} pixels"
    )
    if outside.mean() < _OUTSIDE:
        return f"{found} ({named}); their tiles are white there. Drop them if they are not meant."
    swapped = ((xy[:, ::-1] >= 0) & (xy[:, ::-1] < np.array(size))).all(axis=1).mean()
    hint = " With x and y exchanged all would lie inside: swap the columns." if swapped == 1 else ""
    raise DataError(
        f"Expected positions in pixels of the full-resolution image; {found} ({named}).{hint} "
        "Check that image, positions and resolution belong together."
    )


def check_tissue(xy: NDArray[np.float64], slide: Slide, library: str) -> str | None:
    """Warn when rows lie on tissue more often with x and y exchanged, or mostly miss it.

    The two orders are compared on the same rows by McNemar's statistic (b - c) / sqrt(b + c), with b and c
    the rows on tissue in one order only; beyond 3 the exchange is reported with both shares.
    """
    thumbnail, scale = slide.thumbnail(_THUMBNAIL_PX)
    mask = tissue_mask(thumbnail)
    if mask is None or not len(xy):
        return None
    as_given, exchanged = share_on(mask, xy * scale), share_on(mask, xy[:, ::-1] * scale)
    only_exchanged, only_given = int((exchanged & ~as_given).sum()), int((as_given & ~exchanged).sum())
    disagree = only_exchanged + only_given
    shares = (
        f"{as_given.mean():.0%} of rows lie on tissue as given, {exchanged.mean():.0%} with x and y exchanged"
    )
    if disagree and (only_exchanged - only_given) / np.sqrt(disagree) > _SURE:
        return (
            f"Positions of section {library!r} look swapped: {shares}. Expected (x, y) = (column, row) in "
            f"obsm['{Obsm.SPATIAL}']; exchange the two columns."
        )
    if as_given.mean() < _MOSTLY_ON_TISSUE:
        return (
            f"Most rows of section {library!r} miss the tissue: {shares}. Check that image and positions "
            "belong together "
            "and are in pixels of the full-resolution image."
        )
    return None


def check_resolution(adata: AnnData, library: str, slide: Slide | None = None) -> str | None:
    """Warn when the stated mpp is over 10 % from what the spot pitch, or else the slide's metadata, says."""
    stated = mpp_of(adata, library)
    if (measured := pitch_mpp(adata, library)) is not None:
        return resolutions_apart(stated, measured, f"the spot pitch of section {library!r}")
    if slide is not None and slide.mpp is not None:
        return resolutions_apart(stated, slide.mpp, f"the metadata of {slide.path.name}")
    return None


def refuse_resolution(adata: AnnData, library: str) -> None:
    """Refuse a stated mpp that the spot pitch contradicts beyond doubt; features made at it would be of nothing.

    Raises
    ------
    DataError
        When the two differ more than 1.5 times.
    """
    stated, measured = mpp_of(adata, library), pitch_mpp(adata, library)
    if measured is not None and not 1 / _HOPELESS <= stated / measured <= _HOPELESS:
        raise DataError(
            f"Expected a resolution near {measured:.4g} um/px for section {library!r}, as its spot pitch says; got "
            f"mpp = {stated:.4g}. Correct mpp, or leave it out to have it taken from the pitch (if the spots are "
            "not as far apart as on the usual array, read the section with pitch_um=)."
        )


def pitch_mpp(adata: AnnData, library: str) -> float | None:
    """Micrometres per pixel that the spot grid implies; None for rows on no grid, or on one line of it."""
    step = entry_of(adata, library).get(Uns.GRID_STEP)
    if step is None or not {Obs.ARRAY_X, Obs.ARRAY_Y} <= set(adata.obs):
        return None
    rows = library_of_rows(adata) == library
    grid = adata.obs.loc[rows, [Obs.ARRAY_X, Obs.ARRAY_Y]].to_numpy(float)
    try:
        fit = fit_grid(positions(adata)[rows], grid)
    except DataError:
        return None
    return float(np.sqrt(np.prod(step))) / fit.px_per_step


def resolutions_apart(stated: float, measured: float, by: str) -> str | None:
    """Sentence that says so when two resolutions differ by more than 10 %."""
    if abs(stated / measured - 1) <= MPP_TOLERANCE:
        return None
    return (
        f"Stated resolution of {stated:.4g} um/px, but {by} says {measured:.4g} um/px. Tiles would cover the "
        "wrong area; "
        "correct mpp."
    )
