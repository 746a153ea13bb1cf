"""Sets of labelled tiles without nuclei or genes, as AnnData."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from anndata import AnnData

from genviz import __version__
from genviz._errors import DataError, DownloadError, UsageError
from genviz._keys import Obs, Obsm
from genviz.core.counts import first_names
from genviz.datasets.image_sets import homes
from genviz.io.fetching.download import located
from genviz.io.fetching.manifests import Manifest, Section, load_manifest
from genviz.io.image_masks.rows import PixelSource
from genviz.io.library import write_record
from genviz.io.tile_archive import lazy_tiles, list_tiles

KIND = "tiles"

_SLIDE = re.compile(r"TCGA-\w{2}-\w{4}(?:-\w+)*")
_PATIENT_CHARACTERS = len("TCGA-AA-3837")


def coad_msi(split: str | None = None, labels: Iterable[str] | str | None = None) -> AnnData:
    """Tiles of colorectal cancer by microsatellite status (Kather et al. 2019) that are on this machine.

    Nothing is downloaded. Training tiles were balanced by their authors; the parts were drawn by patient, which is
    checked.

    Parameters
    ----------
    split
        "train" (93,408 tiles) or "test" (98,904); both, if left out.
    labels
        Of "MSI" (instable or highly mutated) and "MSS" (stable); both, if left out.

    Returns
    -------
    AnnData
        One row a tile, without genes. ``obsm["tiles"]`` lazy uint8 (n, 224, 224, 3), read from the archives or from
        unpacked folders; ``obs``: label, split, patient (TCGA-AA-3837) and scene, the slide.

    Raises
    ------
    UsageError
        For a split or label that does not exist.
    DownloadError
        When archives are not here; it names the command that fetches them.
    DataError
        For tiles whose name has no patient, and patients on both sides of the split.
    """
    return _tiles(load_manifest("coad-msi"), split, labels)


def tile_place(manifest: Manifest, section: str) -> tuple[str, Path] | None:
    """Where the tiles of a section are: a folder that they were unpacked into, else the archive; by name."""
    for where, home in homes(manifest):
        for name in manifest.section(section).facts["folders"]:
            if (home / name).is_dir():
                return where, home / name
    (file,) = manifest.select([section], ["archive"])
    return located(manifest, file)


def _tiles(manifest: Manifest, split: str | None, labels: Iterable[str] | str | None) -> AnnData:
    wanted = None if labels is None else {labels} if isinstance(labels, str) else set(labels)
    for given, key in (({split} - {None}, "split"), (wanted or set(), "label")):
        known = {section.facts[key] for section in manifest.sections}
        if strangers := sorted(str(one) for one in given - known):
            raise UsageError(
                f"Expected a {key} of {manifest.name} ({', '.join(sorted(known))}); got {first_names(strangers)}."
            )
    chosen = [
        section
        for section in manifest.sections
        if split in (None, section.facts["split"]) and (wanted is None or section.facts["label"] in wanted)
    ]
    if not chosen:
        raise UsageError(f"Expected at least one label of {manifest.name}; got none.")
    size = int(manifest.facts["tiles"]["size_px"])
    rows, sources = _rows(manifest, chosen)
    adata = AnnData(obs=rows)
    adata.obsm[Obsm.TILES] = lazy_tiles(sources, size)
    record = {"reader": "coad_msi", "n_images": len(sources), "version": __version__}
    write_record(adata, manifest.name, {**record, "licence": manifest.licence})
    return adata


def _rows(manifest: Manifest, sections: Iterable[Section]) -> tuple[pd.DataFrame, list[PixelSource]]:
    names: list[str] = []
    sources: list[PixelSource] = []
    columns: dict[str, list[str]] = {key: [] for key in (Obs.LABEL, Obs.SPLIT, Obs.PATIENT, Obs.SCENE)}
    for section in sections:
        place = tile_place(manifest, section.name)
        if place is None:
            (file,) = manifest.select([section.name], ["archive"])
            raise DownloadError(
                f"Expected {file.local} of {manifest.name}; it is not on this machine. Run `genviz data fetch "
                f"{manifest.name} --sections {section.name}`, or set GENVIZ_DATA to a folder that has "
                f"{manifest.name}/{file.local}, packed or not."
            )
        for name, source in list_tiles(place[1]):
            slide = _slide(name, source)
            names.append(name)
            sources.append(source)
            values = (section.facts["label"], section.facts["split"], slide[:_PATIENT_CHARACTERS], slide)
            for key, value in zip(columns, values, strict=True):
                columns[key].append(value)
    rows = pd.DataFrame(columns, index=pd.Index(names, dtype=object)).astype("category")
    _check(rows, manifest.name)
    return rows, sources


def _slide(name: str, source: PixelSource) -> str:
    if not (found := _SLIDE.search(name)):
        raise DataError(
            f"Expected a TCGA slide in the name of {source.where} (blk-ABCDEFGHIJKL-TCGA-AA-3837-01Z-00-DX1.png); it "
            "has none, so nobody knows whose tile it is. Take the file away."
        )
    return found.group()


def _check(rows: pd.DataFrame, name: str) -> None:
    """Names once; a patient on one side and with one label."""
    if rows.index.has_duplicates:
        again = list(rows.index[rows.index.duplicated()].unique())
        raise DataError(
            f"Expected each tile of {name} once; {len(again)} occur twice: {first_names(again)}. Remove one copy."
        )
    for key, what in ((Obs.SPLIT, "side of the split"), (Obs.LABEL, "label")):
        sides = rows.groupby(Obs.PATIENT, observed=True)[key].nunique()
        if torn := list(sides.index[sides > 1]):
            raise DataError(
                f"Expected each patient of {name} on one {what}; {len(torn)} are on two: {first_names(torn)}. The "
                "files are not those of the record: download them again."
            )
