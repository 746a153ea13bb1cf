"""Tile features of all rows: pixels in, one row of numbers out, kept in ``obsm`` with how they were made."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from genviz._errors import DataError, UsageError
from genviz._keys import Obs, Obsm, Uns
from genviz._settings import settings
from genviz.features.encoder import Encoder
from genviz.features.registry import get_encoder
from genviz.features.stain import fit_normaliser
from genviz.io.library import library_of_rows, mpp_of, positions
from genviz.io.slides.reading import slide_of
from genviz.io.spots.placement import refuse_resolution
from genviz.io.tile_recipe import read_recipe
from genviz.pp.feature_cache import cache_file, read_cached, write_cached
from genviz.pp.stain_pixels import stain_pixels, tile_pixels

if TYPE_CHECKING:
    from anndata import AnnData

log = logging.getLogger("genviz")

Features = NDArray[np.float32]


def embed(
    adata: AnnData,
    encoder: str | Encoder = "morphology",
    *,
    stain: str | None = "macenko_glass",
    ring: str | None = "mean",
    pitch_um: float = 200.0,
    device: str = "auto",
    key_added: str | None = None,
) -> None:
    """Compute tile features for all rows, from slides or from stored tiles.

    On slides a row's features come from the pixels around its centre alone: the ring of neighbours is cut
    from the image, and the stain is estimated from the whole slide, so it never matters which other rows are
    there. Results are cached by slide, positions and recipe.

    Reads ``obsm["spatial"]`` and ``uns["spatial"]``, or ``obsm["tiles"]``. Writes float32
    ``obsm["X_<encoder>"]`` (``X_<encoder>_tile`` for stored tiles, which have no surroundings) and
    ``uns["genviz"]["features"][<encoder>]``, one JSON string.

    Parameters
    ----------
    adata
        Rows on slides (see `tile`) or with stored tiles; changed in place.
    encoder
        ``"morphology"`` (no weights), a name of `features.registry` (``"uni"``, ``"conch"``, ``"dinov2"``,
        ``"resnet50"``; extra ``encoders``), or an object like these.
    stain
        Normalisation of each slide: ``"macenko_glass"`` (Macenko's after the density of glass is taken off, which
        travels best between stains), ``"macenko"`` as published, ``"reinhard"``; None leaves the colours.
    ring
        ``"mean"``: own features and the mean of eight places around; ``"each"``: own, then each of the eight
        (for ``neighbours="attention"``); None: own only.
    pitch_um
        Distance of the ring, micrometres.
    device
        Where a network encoder computes: ``auto``, ``cpu``, ``cuda``, ``mps``.
    key_added
        Replaces ``<encoder>`` in the keys.

    Raises
    ------
    UsageError
        For an unknown encoder, stain or ring.
    MissingKeyError, DataError
        Without positions, resolution or slide; for a resolution that the spot pitch contradicts; for a slide
        without enough tissue to estimate its stains from.
    """
    if isinstance(encoder, str):
        encoder = get_encoder(encoder, ring=ring, pitch_um=pitch_um, device=device)
    stored = Obsm.TILES in adata.obsm
    make = _from_tiles if stored else _from_slides
    names, features_NF, record = make(adata, encoder, stain)
    name = key_added or (f"{encoder.name}_tile" if stored else encoder.name)
    adata.obsm[Obsm.features(name)] = features_NF
    record |= {
        "n_features": features_NF.shape[1],
        "n_own": sum("@ring" not in name for name in names),
        "names_digest": hashlib.sha256(json.dumps(names).encode()).hexdigest(),
        "names": names,
    }
    adata.uns.setdefault(Uns.GENVIZ, {}).setdefault(Uns.FEATURES, {})[name] = json.dumps(record)


def _from_slides(
    adata: AnnData, encoder: Encoder, stain: str | None
) -> tuple[list[str], Features, dict[str, Any]]:
    """Features section by section."""
    libraries, xy_px = library_of_rows(adata), positions(adata)
    if not len(libraries):
        raise DataError("Expected at least one row to embed; got none. Is the section empty?")
    for library in dict.fromkeys(libraries):
        refuse_resolution(adata, library)
    features_NF: Features | None = None
    names: list[str] = []
    slides: dict[str, Any] = {}
    with tqdm(total=len(libraries), desc="embedding", unit="spot", disable=not settings.progress) as bar:
        for library in dict.fromkeys(libraries):
            rows = libraries == library
            names, values, slides[library] = _section(adata, library, xy_px[rows], encoder, stain, bar)
            if features_NF is None:
                features_NF = np.empty((len(libraries), values.shape[1]), np.float32)
            features_NF[rows] = values
    assert features_NF is not None
    return names, features_NF, encoder.recipe() | {"stain": stain or "none", "slides": slides}


def _section(
    adata: AnnData, library: str, xy_px: NDArray[np.float64], encoder: Encoder, stain: str | None, bar: Any
) -> tuple[list[str], Features, dict[str, Any]]:
    """One section, from the cache where it was embedded before."""
    slide, mpp = slide_of(adata, library), mpp_of(adata, library)
    normaliser = fit_normaliser(stain, stain_pixels(slide, mpp) if stain else None)
    facts = {"sha256": slide.sha256, "mpp": mpp, "stain": normaliser.to_dict()}
    file = cache_file(encoder.recipe(), facts, xy_px)
    cached = read_cached(file)
    if cached is not None:
        bar.update(len(xy_px))
        log.debug("Features of section %s read from %s", library, file)
        return *cached, facts
    names, features_NF = encoder.encode(
        slide.read, xy_px, mpp=mpp, normaliser=normaliser, n_workers=settings.n_workers, on_rows=bar.update
    )
    write_cached(file, names, features_NF)
    return names, features_NF, facts


def _from_tiles(
    adata: AnnData, encoder: Encoder, stain: str | None
) -> tuple[list[str], Features, dict[str, Any]]:
    """Features of the pixels in ``obsm["tiles"]``; the stain is estimated from all tiles of a section."""
    recipe = read_recipe(adata)
    if recipe is None or recipe.mpp is None:
        raise UsageError(
            f"Expected the resolution of the tiles in obsm['{Obsm.TILES}']; it is not recorded. "
            "Write it with genviz.io.tile_recipe.write_recipe(adata, TileRecipe(size_px=..., mpp=...))."
        )
    stored_NHW3 = adata.obsm[Obsm.TILES]
    sections = library_of_rows(adata) if Obs.LIBRARY in adata.obs else np.full(adata.n_obs, "")
    features_NF: Features | None = None
    names: list[str] = []
    stains: dict[str, Any] = {}
    for section in dict.fromkeys(sections):
        rows = np.flatnonzero(sections == section)
        tiles_NHW3 = np.asarray(stored_NHW3[rows])
        normaliser = fit_normaliser(stain, tile_pixels(tiles_NHW3) if stain else None)
        names, values = encoder.encode_tiles(tiles_NHW3, mpp=recipe.mpp, normaliser=normaliser)
        if features_NF is None:
            features_NF = np.empty((len(sections), values.shape[1]), np.float32)
        features_NF[rows] = values
        stains[section] = normaliser.to_dict()
    if features_NF is None:
        raise DataError("Expected at least one row to embed; got none. Is the section empty?")
    made = encoder.recipe() | {"ring": "none", "pitch_um": 0.0, "stain": stain or "none"}
    return names, features_NF, made | {"tile_stains": stains}
