"""Tile features of all rows: pixels in, one row of numbers out, kept in ``obsm`` with how they were made."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from genviz._errors import DataError, UsageError
from genviz._keys import Obs, Obsm, Uns
from genviz._settings import settings
from genviz.core.arguments import check_adata
from genviz.features.encoder import Encoder
from genviz.features.registry import get_encoder
from genviz.features.stain import Normaliser, fit_normaliser
from genviz.io.cluster import active_client, in_order
from genviz.io.library import library_of_rows, mpp_of, positions
from genviz.io.slides.of_section import slide_of
from genviz.io.slides.slide import Slide
from genviz.io.spots.placement import refuse_resolution
from genviz.io.tile_recipe import read_recipe
from genviz.pp.feature_cache import cache_file, read_cached, write_cached
from genviz.pp.stain_pixels import stain_pixels, tile_pixels

if TYPE_CHECKING:
    from anndata import AnnData

log = logging.getLogger("genviz")

Features = NDArray[np.float32]

_ROWS_THERE = 512  # of a part on a cluster: many batches of a network, and few pixels measured for two parts
_TILES = 128  # of a part
_BYTES_THERE = 8_000_000  # of the pixels of a part that travels: Dask warns of more than 10 MB
_AHEAD = 2  # parts a thread of a cluster that are sent before they are asked for


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
        ``"morphology"`` (no weights), a name of `features.registry` (``"uni"``, ``"virchow"``, ``"gigapath"``,
        ``"conch"``, ``"dinov2"``, ``"resnet50"``; extra ``encoders``), or an object like these.
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
    check_adata(adata)
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
        for section, found, values in _sections(adata, libraries, xy_px, encoder, stain, bar):
            names = found
            if features_NF is None:
                features_NF = np.empty((len(libraries), values.shape[1]), np.float32)
            features_NF[libraries == section.library] = values
            slides[section.library] = section.facts
    assert features_NF is not None
    seen = [float(side) for side in getattr(encoder, "windows_um", ())]  # an encoder of your own need not say
    told = {"windows_um": seen, "stain": stain or "none", "slides": slides}
    return names, features_NF, encoder.recipe() | told


@dataclass(frozen=True)
class _Section:
    """One section, ready to be embedded; its parts are done on their own."""

    library: str
    slide: Slide
    mpp: float
    normaliser: Normaliser
    facts: dict[str, Any]
    xy_px: NDArray[np.float64]
    file: Path
    cached: tuple[list[str], Features] | None

    @classmethod
    def of(
        cls, adata: AnnData, library: str, xy_px: NDArray[np.float64], encoder: Encoder, stain: str | None
    ) -> _Section:
        """Fit the stain and look into the cache."""
        slide, mpp = slide_of(adata, library), mpp_of(adata, library)
        normaliser = fit_normaliser(stain, stain_pixels(slide, mpp) if stain else None)
        facts = {"sha256": slide.sha256, "mpp": mpp, "stain": normaliser.to_dict()}
        file = cache_file(encoder.recipe(), facts, xy_px)
        return cls(library, slide, mpp, normaliser, facts, xy_px, file, read_cached(file))

    def parts(self, size: int) -> list[NDArray[np.intp]]:
        """Rows done together, those beside each other: they look at the same pixels."""
        order = np.lexsort((self.xy_px[:, 0], self.xy_px[:, 1]))
        return [order[start : start + size] for start in range(0, len(order), size)]


def _sections(
    adata: AnnData,
    libraries: NDArray[Any],
    xy_px: NDArray[np.float64],
    encoder: Encoder,
    stain: str | None,
    bar: Any,
) -> Iterator[tuple[_Section, list[str], Features]]:
    """Features of every section, from the cache where it was embedded before.

    With an active `dask.distributed.Client` parts of sections are embedded there, and slides read.
    """
    client = active_client()
    begun: deque[tuple[_Section, NDArray[np.intp] | None, bool]] = deque()

    def jobs() -> Iterator[tuple[Slide, NDArray[np.float64], float, Normaliser]]:
        for library in dict.fromkeys(libraries):
            section = _Section.of(adata, library, xy_px[libraries == library], encoder, stain)
            if section.cached is not None:
                begun.append((section, None, True))
                continue
            # Here all rows at once: neighbours share what was measured, and the encoder has threads.
            parts = section.parts(_ROWS_THERE) if client else [np.arange(len(section.xy_px))]
            for k, part in enumerate(parts):
                begun.append((section, part, k == len(parts) - 1))
                yield section.slide, section.xy_px[part], section.mpp, section.normaliser

    work = _part if client else partial(_part, n_workers=settings.n_workers, on_rows=bar.update)
    values_NF: Features | None = None
    found = in_order(work, _settled(encoder) if client else encoder, jobs(), client=client, ahead=_AHEAD)
    for names, values in found:
        while begun[0][1] is None:
            yield _known(begun.popleft()[0], bar)
        section, part, last = begun.popleft()
        if values_NF is None:
            values_NF = np.empty((len(section.xy_px), values.shape[1]), np.float32)
        values_NF[part] = values
        if client:
            bar.update(len(values))
        if last:
            write_cached(section.file, names, values_NF)
            yield section, names, values_NF
            values_NF = None
    for section, _, _ in begun:
        yield _known(section, bar)


def _part(
    encoder: Encoder,
    slide: Slide,
    xy_px: NDArray[np.float64],
    mpp: float,
    normaliser: Normaliser,
    *,
    n_workers: int = 1,
    on_rows: Callable[[int], object] = lambda n: None,
) -> tuple[list[str], Features]:
    """Names and features of some rows of a section."""
    return encoder.encode(
        slide.read, xy_px, mpp=mpp, normaliser=normaliser, n_workers=n_workers, on_rows=on_rows
    )


def _known(section: _Section, bar: Any) -> tuple[_Section, list[str], Features]:
    """A section from the cache."""
    assert section.cached is not None
    bar.update(len(section.xy_px))
    log.debug("Features of section %s read from %s", section.library, section.file)
    return section, *section.cached


def _settled(encoder: Encoder) -> Encoder:
    """The encoder as it travels: a network computes on the kind of device that it is on here, as its recipe says."""
    from genviz.features.timm_encoder import TimmEncoder  # torch: not for morphology here

    if isinstance(encoder, TimmEncoder) and encoder.device == "auto":
        return replace(encoder, device=next(encoder.network.parameters()).device.type)
    return encoder


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
        names, values = _of_tiles(encoder, tiles_NHW3, recipe.mpp, normaliser)
        if features_NF is None:
            features_NF = np.empty((len(sections), values.shape[1]), np.float32)
        features_NF[rows] = values
        stains[section] = normaliser.to_dict()
    if features_NF is None:
        raise DataError("Expected at least one row to embed; got none. Is the section empty?")
    made = encoder.recipe() | {"ring": "none", "pitch_um": 0.0, "stain": stain or "none"}
    pixels = {"size_px": [int(side) for side in stored_NHW3.shape[1:3]], "mpp": recipe.mpp}
    return names, features_NF, made | {"tiles": pixels, "tile_stains": stains}


def _of_tiles(
    encoder: Encoder, tiles_NHW3: NDArray[np.uint8], mpp: float, normaliser: Normaliser
) -> tuple[list[str], Features]:
    """Names and features of the tiles of a section, part by part."""
    client = active_client() if len(tiles_NHW3) > _TILES else None
    size = _TILES if client is None else max(1, min(_TILES, _BYTES_THERE // tiles_NHW3[0].nbytes))
    starts = range(0, len(tiles_NHW3), size)
    jobs = ((tiles_NHW3[start : start + size], mpp, normaliser) for start in starts)
    found = in_order(
        _part_of_tiles, _settled(encoder) if client else encoder, jobs, client=client, ahead=_AHEAD
    )
    names: list[str] = []
    values: list[Features] = []
    off = not settings.progress or len(starts) < 2
    with tqdm(total=len(tiles_NHW3), desc="embedding", unit="tile", disable=off) as bar:
        for said, part in found:
            names = said
            values.append(part)
            bar.update(len(part))
    return names, np.concatenate(values)


def _part_of_tiles(
    encoder: Encoder, tiles_NHW3: NDArray[np.uint8], mpp: float, normaliser: Normaliser
) -> tuple[list[str], Features]:
    """Names and features of some tiles."""
    return encoder.encode_tiles(tiles_NHW3, mpp=mpp, normaliser=normaliser)
