"""What data sets there are, what of them is here, and how to get the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from genviz.datasets import bulk_sets, tile_sets
from genviz.datasets.file_status import FileStatus, statuses
from genviz.datasets.hub_sets import fetch_hub_set, hub_files, is_hub_set
from genviz.datasets.image_sets import KIND, fetch_image_set, homes
from genviz.datasets.image_sets_merged import MergedSet
from genviz.datasets.image_sets_unpacked import section_folder
from genviz.io.fetching.download import fetch_files, located
from genviz.io.fetching.licences import gate, is_accepted, is_non_commercial
from genviz.io.fetching.manifests import Manifest, load_manifest, manifest_names
from genviz.io.gdc.listing import is_here


@dataclass(frozen=True)
class DataSet:
    """One data set of the catalogue.

    Attributes
    ----------
    name, title, kind, licence, citation
        What it is and whom to thank; `kind` is ``spatial``, ``nuclei``, ``bulk`` or ``tiles``.
    sections
        Names of its sections.
    n_files, n_here
        Files it consists of, and how many of them lie in ``$GENVIZ_DATA`` or the cache.
    sections_here
        Sections whose counts, spots and image are all here; of HEST-1k counts and patches.
    non_commercial
        Whether its licence forbids commercial use.
    gate
        Page where its authors ask for consent first; "" for none.
    accepted
        Whether its licence was accepted with this cache; where it asks for that.
    """

    name: str
    title: str
    kind: str
    licence: str
    citation: str
    sections: tuple[str, ...]
    n_files: int
    n_here: int
    sections_here: tuple[str, ...]
    non_commercial: bool
    gate: str
    accepted: bool


def fetch(
    name: str,
    *,
    sections: Iterable[str] | None = None,
    roles: Iterable[str] | None = None,
    accept_licence: bool = False,
) -> dict[str, dict[str, Path]]:
    """Get files of a data set: from ``$GENVIZ_DATA``, else the cache, else downloaded and checked.

    Licence, what it forbids, citation and size go to the log before a download.

    Parameters
    ----------
    name
        A data set of `list`.
    sections
        Which sections, of bulk cohorts which cases (TCGA-05-4244); everything, if left out.
    roles
        Which kinds of files (``counts``, ``spots``, ``image``, ``labels``, ``annotation``); all, if left out.
        Sets of images with masks come whole. Of bulk cohorts ``profiles`` and ``slides``; profiles, if left out. Of
        HEST-1k ``counts``, ``patches``, ``metadata`` and ``image``; all but the slides, if left out.
    accept_licence
        Agree to the licence. Non-commercial and gated data sets are only downloaded after that; it is remembered in
        the cache. Files that are here need none.

    Returns
    -------
    Section → role → path. Files of no section are under "". Sets of images with masks have folders: ``images``,
    ``labels`` and the file ``index``, or ``folder``, which `io.read_image_masks` reads. Bulk cohorts have ``folder``,
    which `io.read_gdc` reads, and ``sheet``.

    Raises
    ------
    UsageError
        For a data set or section that does not exist, or without consent to a licence that asks for it.
    DownloadError
        When files cannot be had; it names the ways out.
    """
    manifest, consent = load_manifest(name), accept_licence
    names, kinds = _listed(sections), _listed(roles)
    if manifest.kind == KIND:
        return fetch_image_set(manifest, names, accept_licence=consent)
    if manifest.kind == bulk_sets.KIND:
        return bulk_sets.fetch_bulk_set(manifest, names, kinds, accept_licence=consent)
    if is_hub_set(manifest):
        return fetch_hub_set(manifest, names, kinds, accept_licence=consent)
    files = manifest.select(names, kinds)
    found = fetch_files(manifest, files, accept_licence=consent)
    paths: dict[str, dict[str, Path]] = {}
    for file in files:
        paths.setdefault(file.section, {})[file.role] = found[file.local]
    return paths


def verify(name: str, *, sections: Iterable[str] | None = None) -> Sequence[FileStatus]:
    """Check every file of a data set that is here against its manifest; nothing is downloaded.

    Parameters
    ----------
    name
        A data set of `list`.
    sections
        Which sections; everything, if left out.
    """
    return statuses(load_manifest(name), _listed(sections))


def list() -> Sequence[DataSet]:  # noqa: A001 -- read as datasets.list()
    """Data sets that genviz knows, and how much of each is here (by name; `verify` looks at the bytes)."""
    return [_summary(load_manifest(name)) for name in manifest_names()]


def _listed(sections: Iterable[str] | None) -> Sequence[str] | None:
    return None if sections is None else [sections] if isinstance(sections, str) else [*sections]


def _summary(manifest: Manifest) -> DataSet:
    n_files, n_here, complete = _amounts(manifest)
    return DataSet(
        name=manifest.name,
        title=manifest.title,
        kind=manifest.kind,
        licence=manifest.licence,
        citation=manifest.citation,
        sections=tuple(section.name for section in manifest.sections),
        n_files=n_files,
        n_here=n_here,
        sections_here=complete,
        non_commercial=is_non_commercial(manifest),
        gate=gate(manifest),
        accepted=is_accepted(manifest),
    )


def _amounts(manifest: Manifest) -> tuple[int, int, tuple[str, ...]]:
    """Number of files, of those here, and the complete sections."""
    names = tuple(section.name for section in manifest.sections)
    if "merged" in manifest.facts:
        merged = MergedSet(manifest)
        there = [
            sum((home / p / f"{n}.png").is_file() for p, n in merged.files()) for _, home in homes(manifest)
        ]
        return len(merged.files()), max(there), ()
    if "unpacked" in manifest.facts:
        parts = set(manifest.facts["unpacked"]["needs"])
        complete = tuple(n for n in names if any(section_folder(h, n, parts) for _, h in homes(manifest)))
        return len(manifest.files), len(complete), complete
    if manifest.kind == tile_sets.KIND:
        complete = tuple(name for name in names if tile_sets.tile_place(manifest, name))
        return len(manifest.files), len(complete), complete
    if manifest.kind == bulk_sets.KIND and (known := bulk_sets.listing_of(manifest)):
        _, home, listing = known
        return len(listing.files), sum(is_here(home, file) for file in listing.files), ()
    files = hub_files(manifest) if is_hub_set(manifest) else manifest.files
    here = {file.local for file in files if located(manifest, file)}
    needed = ("counts", "patches") if is_hub_set(manifest) else ("counts", "spots", "image")
    lacking = {file.section for file in files if file.role in needed and file.local not in here}
    return len(files), len(here), tuple(name for name in names if name not in lacking)
