"""Check an AnnData object against the contract: what is there, what is wrong, what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from genviz._errors import GenvizError
from genviz._keys import Layers, Obs, Obsm, Uns, Varm
from genviz.core.arguments import check_adata
from genviz.core.counts import check_counts, first_names
from genviz.io.image_masks.check import masks_faults
from genviz.io.library import entry_of, libraries, library_of_rows, mpp_of, positions
from genviz.io.spots.placement import check_resolution
from genviz.io.tile_recipe import read_recipe

if TYPE_CHECKING:
    from anndata import AnnData

Level = Literal["error", "warning", "note"]
COUNTS_SLOTS = ("X", f"layers['{Layers.COUNTS}']")  # where findings about counts are placed
_MPP_RANGE = (0.05, 20.0)
_SPLITS = {"train", "val", "test"}


@dataclass(frozen=True)
class Finding:
    """One thing to know about an object.

    Attributes
    ----------
    level
        "error": nothing can be relied on; "warning": some calls will refuse or mislead; "note": absent, and
        only some calls need it.
    where
        The slot.
    what
        What is wrong.
    todo
        What to do.
    """

    level: Level
    where: str
    what: str
    todo: str

    def __str__(self) -> str:
        return f"{self.level} in {self.where}: {self.what} {self.todo}"


def contract_report(adata: AnnData) -> list[Finding]:
    """Everything about an object that the contract asks for and it does not have, errors first.

    Reads all slots; writes nothing.

    Parameters
    ----------
    adata
        Any object, complete or not.

    Returns
    -------
    Findings; an empty list means that every call that needs counts, positions, tiles or resolution can run.
    """
    check_adata(adata)
    checks: tuple[Callable[[AnnData], Iterator[Finding]], ...] = (
        _names,
        _counts,
        _spatial,
        _sections,
        _resolution,
        _tiles,
        _masks,
        _tree,
        _split,
        _scenes,
        _storable,
    )
    findings = [finding for check in checks for finding in check(adata)]
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(findings, key=lambda finding: order[finding.level])


def _names(adata: AnnData) -> Iterator[Finding]:
    if not adata.n_obs:
        yield Finding("error", "obs", "There are no rows.", "Read a section that has spots.")
    for where, names in (("obs_names", adata.obs_names), ("var_names", adata.var_names)):
        if not names.is_unique:
            repeated = list(names[names.duplicated()].unique())
            yield Finding(
                "error",
                where,
                f"{len(repeated)} names occur more than once: {first_names(repeated)}.",
                f"Make them unique, for example with adata.{where}_make_unique().",
            )


def _counts(adata: AnnData) -> Iterator[Finding]:
    """A counts layer must hold counts; X may hold anything, but only counts are of use."""
    stored = Layers.COUNTS in adata.layers
    matrix = adata.layers[Layers.COUNTS] if stored else adata.X
    where = COUNTS_SLOTS[stored]
    if _is_image_set(adata):
        return
    if matrix is None or 0 in adata.shape:
        yield Finding("note", where, "There are no counts.", "Predicting needs none; training and scores do.")
        return
    try:
        check_counts(matrix, list(adata.obs_names), list(adata.var_names))
    except GenvizError as err:
        todo = (
            "Correct the layer."
            if stored
            else f"Put raw counts into layers['{Layers.COUNTS}'] before training."
        )
        if not stored and any(Layers.log2(name) in adata.layers for name in adata.layers):
            yield Finding("note", where, "A prediction: X holds expected, not measured counts.", "")
        else:
            yield Finding("error" if stored else "warning", where, str(err), todo)


def _spatial(adata: AnnData) -> Iterator[Finding]:
    if Obsm.SPATIAL not in adata.obsm:
        if _is_image_set(adata):
            return
        yield Finding(
            "note",
            f"obsm['{Obsm.SPATIAL}']",
            "There are no positions.",
            "Tiles and maps need them: (x, y) in pixels.",
        )
        return
    try:
        positions(adata)
    except GenvizError as err:
        yield Finding("error", f"obsm['{Obsm.SPATIAL}']", str(err), "")


def _sections(adata: AnnData) -> Iterator[Finding]:
    where = f"obs['{Obs.LIBRARY}']"
    if _is_image_set(adata) and Obsm.SPATIAL not in adata.obsm:
        return
    try:
        names = libraries(adata)
    except GenvizError as err:
        yield Finding("note" if Obsm.SPATIAL not in adata.obsm else "warning", where, str(err), "")
        return
    known = adata.uns.get(Uns.SPATIAL, {})
    unknown = [name for name in names if name not in known]
    if unknown and Obsm.SPATIAL in adata.obsm:
        yield Finding(
            "warning",
            f"uns['{Uns.SPATIAL}']",
            f"Sections without image and resolution: {first_names(unknown)}.",
            "Read them with genviz.io, or write their entries.",
        )


def _resolution(adata: AnnData) -> Iterator[Finding]:
    """mpp: there, plausible, and in agreement with the spot pitch; positions: on the image."""
    for name in _known_sections(adata):
        where = f"uns['{Uns.SPATIAL}'][{name!r}]"
        entry = entry_of(adata, name)
        try:
            mpp = mpp_of(adata, name)
        except GenvizError as err:
            yield Finding("warning", where, str(err), "")
            continue
        if not _MPP_RANGE[0] <= mpp <= _MPP_RANGE[1]:
            yield Finding(
                "warning", where, f"mpp = {mpp:g} um/px is far from any microscope's.", "Correct it."
            )
        if doubt := check_resolution(adata, name):
            yield Finding("warning", where, doubt, "")
        if Uns.IMAGE_SHAPE in entry:
            height, width = (int(n) for n in np.ravel(entry[Uns.IMAGE_SHAPE])[:2])
            xy = positions(adata)[library_of_rows(adata) == name]
            outside = int((~((xy >= 0) & (xy < [width, height])).all(axis=1)).sum())
            if outside:
                yield Finding(
                    "warning",
                    f"obsm['{Obsm.SPATIAL}']",
                    f"{outside} of {len(xy)} rows of section {name!r} lie outside its image of {width} x "
                    f"{height} pixels.",
                    "Check that positions are (x, y) in full-resolution pixels.",
                )


def _known_sections(adata: AnnData) -> list[str]:
    try:
        positions(adata)
        return [name for name in libraries(adata) if name in adata.uns.get(Uns.SPATIAL, {})]
    except GenvizError:
        return []  # reported by the checks above


def _tiles(adata: AnnData) -> Iterator[Finding]:
    try:
        read_recipe(adata)
    except GenvizError as err:
        yield Finding("error", f"uns['{Uns.GENVIZ}']['{Uns.TILES}']", str(err), "")
    if Obsm.TILES in adata.obsm:
        pixels = adata.obsm[Obsm.TILES]
        if len(pixels.shape) != 4 or pixels.shape[3] != 3 or pixels.dtype != np.uint8:
            yield Finding(
                "error",
                f"obsm['{Obsm.TILES}']",
                f"Expected uint8 (rows, height, width, 3); got {pixels.dtype} {pixels.shape}.",
                "Store 8-bit RGB pixels.",
            )


def _is_image_set(adata: AnnData) -> bool:
    """Rows that are images: they have neither genes nor a place on a slide."""
    return Obsm.TILES in adata.obsm and not adata.n_vars


def _masks(adata: AnnData) -> Iterator[Finding]:
    if Obsm.MASKS in adata.obsm:
        for what, todo in masks_faults(adata.obsm[Obsm.MASKS], adata.obsm.get(Obsm.TILES)):
            yield Finding("error", f"obsm['{Obsm.MASKS}']", what, todo)
    if Obsm.TILES in adata.obsm:
        frame = adata.obsm[Obsm.TILES].shape[1:3]
        for key, side in zip((Obs.HEIGHT, Obs.WIDTH), frame, strict=False):
            if key in adata.obs and not adata.obs[key].between(1, side).all():
                yield Finding(
                    "error",
                    f"obs['{key}']",
                    f"Expected 1 to {side} pixels, the size of the stored images; some rows say otherwise.",
                    "Write the true extent of each image.",
                )


def _tree(adata: AnnData) -> Iterator[Finding]:
    if Varm.GENE_TREE in adata.varm:
        groups = np.asarray(adata.varm[Varm.GENE_TREE])
        if groups.ndim != 2 or groups.dtype.kind not in "iu":
            yield Finding(
                "error",
                f"varm['{Varm.GENE_TREE}']",
                f"Expected integers (genes, scales); got {groups.dtype} {groups.shape}.",
                "Run gv.pp.gene_tree(adata) again.",
            )


def _split(adata: AnnData) -> Iterator[Finding]:
    if Obs.SPLIT in adata.obs:
        strange = sorted(set(adata.obs[Obs.SPLIT].dropna().astype(str)) - _SPLITS)
        if strange:
            yield Finding(
                "warning",
                f"obs['{Obs.SPLIT}']",
                f"Expected train, val and test; found {first_names(strange)}.",
                "Run gv.pp.split(adata, ...).",
            )


def _scenes(adata: AnnData) -> Iterator[Finding]:
    if Obs.SPLIT in adata.obs and Obs.SCENE in adata.obs:
        known = adata.obs[[Obs.SCENE, Obs.SPLIT]].dropna().astype(str)
        sides = known.groupby(Obs.SCENE)[Obs.SPLIT].nunique()
        torn = list(sides.index[sides > 1])
        if torn:
            yield Finding(
                "warning",
                f"obs['{Obs.SPLIT}']",
                f"{len(torn)} scenes straddle the split: {first_names(torn)}.",
                f"Run gv.pp.split(adata, group_key='{Obs.SCENE}').",
            )


def _storable(adata: AnnData) -> Iterator[Finding]:
    """Metadata in uns must come back from h5ad as it went in."""
    lost = list(_unstorable(dict(adata.uns), "uns"))
    if lost:
        yield Finding(
            "warning",
            "uns",
            f"An h5ad file does not keep {first_names(lost)}.",
            "Keep only text, numbers, arrays and dictionaries of those; write anything nested as one JSON "
            "string.",
        )


def _unstorable(value: Any, where: str) -> Iterator[str]:
    if hasattr(value, "items") and not hasattr(value, "dtype"):
        for key, inner in value.items():
            yield from _unstorable(inner, f"{where}[{key!r}]")
    elif value is None or isinstance(value, (list, tuple, set)):
        yield where
