"""Does a prediction survive another laboratory's stain? Held-out sections are re-stained and predicted again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import tifffile
from numpy.typing import NDArray

from genviz import metrics, pp
from genviz._keys import Uns
from genviz.features.optical_density import optical_density, rgb_of_density, unmix
from genviz.features.stain import MacenkoNormaliser
from genviz.io.files.atomic import atomic_path
from genviz.io.library import attach_slide, entry_of, libraries, mpp_of
from genviz.io.slides.of_section import slide_of
from genviz.io.slides.slide import open_slide
from genviz.models import GenAR
from genviz.pp.stain_pixels import stain_pixels
from genviz.recipes.genar.crossval import Folds
from genviz.recipes.genar.held_out import without_counts

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.metrics import Score

_STRIPE = 1024  # pixel rows re-stained at once


@dataclass(frozen=True)
class Staining:
    """A synthetic change of stain and scanner.

    Attributes
    ----------
    amounts
        Factors on hematoxylin and eosin.
    turn
        Rotation of the stain vectors in optical density, radians: of hematoxylin towards eosin, and of eosin away.
    tint
        Optical density that glass and scanner add to red, green and blue.
    basis
        Stain vectors to use instead of the slide's own; they are turned too.
    """

    amounts: tuple[float, float]
    turn: tuple[float, float]
    tint: tuple[float, float, float]
    basis: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None


STAININGS = {
    "pale and blue": Staining((0.7, 0.75), (-0.12, 0.10), (0.06, 0.03, 0.0)),
    "strong and pink": Staining((1.25, 1.4), (0.10, 0.10), (0.0, 0.02, 0.05)),
    # The vectors of Ruifrok and Johnston (2001), far from those of a scanner's sRGB.
    "textbook colours": Staining(
        (1.0, 1.0), (0.0, 0.0), (0.0, 0.0, 0.0), ((0.650, 0.704, 0.286), (0.072, 0.990, 0.105))
    ),
    # A stress test: stains 12 degrees apart (23 in the scans), where unmixing amplifies noise twice as much.
    "nearly one colour": Staining((1.25, 1.4), (0.10, -0.08), (0.0, 0.02, 0.05)),
}


def restain(slide_path: Path, mpp: float, staining: Staining, target: Path) -> None:
    """Write a re-stained copy of a slide as a tiled TIFF.

    Parameters
    ----------
    slide_path, mpp
        The slide and its resolution.
    staining
        What to change.
    target
        The TIFF to write.
    """
    slide = open_slide(slide_path)
    own = MacenkoNormaliser.fit(stain_pixels(slide, mpp))
    basis = _turned(np.array(staining.basis or own.basis, np.float32), staining.turn)
    whole_HW3 = np.empty((slide.height, slide.width, 3), np.uint8)
    for top in range(0, slide.height, _STRIPE):
        rgb_HW3 = slide.read(0, top, slide.width, min(_STRIPE, slide.height - top))
        density = optical_density(rgb_HW3.reshape(-1, 3))
        amounts = unmix(density, own.basis)
        rest = density - amounts @ own.basis
        changed = (amounts * np.array(staining.amounts, np.float32)) @ basis + rest
        changed += np.array(staining.tint, np.float32)
        whole_HW3[top : top + _STRIPE] = rgb_of_density(changed).reshape(rgb_HW3.shape)
    with atomic_path(target) as working:
        tifffile.imwrite(
            working,
            whole_HW3,
            tile=(512, 512),
            photometric="rgb",
            compression="jpeg",
            compressionargs={"level": 95},
        )


def _turned(basis: NDArray[np.float32], angles: tuple[float, float]) -> NDArray[np.float32]:
    """Rotate both vectors within their plane."""
    first = basis[0] / np.linalg.norm(basis[0])
    second = basis[1] - (basis[1] @ first) * first
    plane = np.stack([first, second / np.linalg.norm(second)])
    at = np.arctan2(basis @ plane[1], basis @ plane[0]) + np.array(angles)
    return (np.stack([np.cos(at), np.sin(at)], axis=1) @ plane).astype(np.float32)


def run_restain(
    folds: Folds, folder: Path, *, stain: str | None = "macenko_glass", seed: int = 0
) -> Mapping[str, dict[str, Score]]:
    """Leave one section out; predict it as scanned and in every synthetic staining.

    Parameters
    ----------
    folds
        Sections with counts, slides and no features yet needed.
    folder
        Receives the re-stained slides.
    stain
        Normalisation of `pp.embed`.
    seed
        Seed of the models.

    Returns
    -------
    ``as scanned`` and each staining → scores over all sections.
    """
    genes = list(folds.genes)
    predicted: dict[str, list[AnnData]] = {"as scanned": [], **{name: [] for name in STAININGS}}
    for train, held in folds.parts():
        pp.embed(train, stain=stain)
        GenAR.setup_anndata(train, genes=genes)
        model = GenAR(train).train(seed=seed)
        bare = without_counts(held)
        for name in predicted:
            rows = bare if name == "as scanned" else on_restained(bare, name, folder)
            pp.embed(rows, stain=stain)
            predicted[name].append(model.predict(rows, seed=seed))
    found = {}
    for name, parts in predicted.items():
        joined = ad.concat(parts, merge="same")
        found[name] = metrics.expression(folds.adata[joined.obs_names], joined, genes=genes)
    return found


def on_restained(adata: AnnData, name: str, folder: Path) -> AnnData:
    """The same rows on a re-stained copy of their slide."""
    rows = adata.copy()
    (library,) = libraries(rows)
    target = folder / f"{library}-{name.replace(' ', '_')}.tif"
    if not target.exists():
        restain(slide_of(rows, library).path, mpp_of(rows, library), STAININGS[name], target)
    entry = dict(entry_of(rows, library))
    entry = {key: dict(value) if hasattr(value, "items") else value for key, value in entry.items()}
    attach_slide(entry, open_slide(target))
    rows.uns[Uns.SPATIAL] = {library: entry}
    return rows
