"""What data sets there are, what of them is here, and how to get the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from genviz.datasets import bulk_sets
from genviz.datasets.image_sets import KIND, fetch_image_set, homes
from genviz.datasets.image_sets_merged import MergedSet
from genviz.datasets.image_sets_unpacked import section_folder
from genviz.io.download import cached_place, fetch_files, local_places
from genviz.io.gdc_listing import is_here, md5_is_right
from genviz.io.gdc_sheet import PROFILE_TYPE
from genviz.io.manifests import DataFile, Manifest, load_manifest, manifest_names
from genviz.io.recognise import how_recognised, is_authentic


@dataclass(frozen=True)
class DataSet:
    """One data set of the catalogue.

    Attributes
    ----------
    name, title, kind, licence, citation
        What it is and whom to thank.
    sections
        Names of its sections.
    n_files, n_here
        Files it consists of, and how many of them lie in ``$GENVIZ_DATA`` or the cache.
    sections_here
        Sections whose counts, spots and image are all here.
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


@dataclass(frozen=True)
class FileStatus:
    """What was found of one file.

    Attributes
    ----------
    local
        Its name in the data set's folder.
    status
        ``ok``, ``absent`` or ``wrong`` (there, with other bytes).
    place
        ``GENVIZ_DATA``, ``cache`` or "".
    path
        Where it lies; None when absent.
    checked_by
        ``sha256``, ``git blob id``, ``md5`` (files of the GDC), or ``pixel sha256``: of decoded pixels, where bytes
        depend on an encoder.
    """

    local: str
    status: str
    place: str
    path: Path | None
    checked_by: str


def fetch(
    name: str, *, sections: Iterable[str] | None = None, roles: Iterable[str] | None = None
) -> dict[str, dict[str, Path]]:
    """Get files of a data set: from ``$GENVIZ_DATA``, else the cache, else downloaded and checked.

    Parameters
    ----------
    name
        A data set of `list`.
    sections
        Which sections, of bulk cohorts which cases (TCGA-05-4244); everything, if left out.
    roles
        Which kinds of files (``counts``, ``spots``, ``image``, ``labels``, ``annotation``); all, if left out.
        Sets of images with masks come whole. Of bulk cohorts ``profiles`` and ``slides``; profiles, if left out.

    Returns
    -------
    Section → role → path. Files of no section are under "". Sets of images with masks have folders: ``images``,
    ``labels`` and the file ``index``, or ``folder``, which `io.read_image_masks` reads. Bulk cohorts have ``folder``,
    which `io.read_gdc` reads, and ``sheet``.

    Raises
    ------
    UsageError
        For a data set or section that does not exist.
    DownloadError
        When files cannot be had; it names the ways out.
    """
    manifest = load_manifest(name)
    if manifest.kind == KIND:
        return fetch_image_set(manifest, _listed(sections))
    if manifest.kind == bulk_sets.KIND:
        return bulk_sets.fetch_bulk_set(manifest, _listed(sections), _listed(roles))
    files = manifest.select(_listed(sections), roles)
    found = fetch_files(manifest, files)
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
    manifest = load_manifest(name)
    if "merged" in manifest.facts:
        return _merged_status(MergedSet(manifest))
    if manifest.kind == bulk_sets.KIND:
        return _bulk_status(manifest, _listed(sections))
    return [_status(manifest, file) for file in manifest.select(_listed(sections))]


def list() -> Sequence[DataSet]:  # noqa: A001 -- read as datasets.list()
    """Data sets that genviz knows, and how much of each is here (by name; `verify` looks at the bytes)."""
    return [_summary(load_manifest(name)) for name in manifest_names()]


def _bulk_status(manifest: Manifest, cases: Sequence[str] | None) -> Sequence[FileStatus]:
    """Listed profiles, and slides that are here; nothing before the GDC was asked for them."""
    known = bulk_sets.listing_of(manifest)
    if known is None:
        return []
    place, home, listing = known
    found = []
    for file in listing.files:
        path = home / file.local
        if path.is_file():
            status = "ok" if md5_is_right(path, file) else "wrong"
            found.append(FileStatus(file.local, status, place, path, "md5"))
        elif file.data_type == PROFILE_TYPE:
            found.append(FileStatus(file.local, "absent", "", None, "md5"))
    wanted = None if cases is None else {file.local for file in listing.files if file.case in cases}
    return [status for status in found if wanted is None or status.local in wanted]


def _listed(sections: Iterable[str] | None) -> Sequence[str] | None:
    return None if sections is None else [sections] if isinstance(sections, str) else [*sections]


def _summary(manifest: Manifest) -> DataSet:
    here = {file.local for file in manifest.files if _place(manifest, file)}
    n_files, n_here = len(manifest.files), len(here)
    if "merged" in manifest.facts:
        merged = MergedSet(manifest)
        n_files = len(merged.files())
        n_here = max(
            sum((home / p / f"{n}.png").is_file() for p, n in merged.files()) for _, home in homes(manifest)
        )
    if manifest.kind == bulk_sets.KIND and (known := bulk_sets.listing_of(manifest)):
        _, home, listing = known
        n_files, n_here = len(listing.files), sum(is_here(home, file) for file in listing.files)
    needed = ("counts", "spots", "image")
    names = tuple(section.name for section in manifest.sections)
    complete = tuple(
        name for name in names if all(file.local in here for file in manifest.select([name], needed))
    )
    if "unpacked" in manifest.facts:
        parts = set(manifest.facts["unpacked"]["needs"])
        complete = tuple(n for n in names if any(section_folder(h, n, parts) for _, h in homes(manifest)))
        n_here = len(complete)
    return DataSet(
        name=manifest.name,
        title=manifest.title,
        kind=manifest.kind,
        licence=manifest.licence,
        citation=manifest.citation,
        sections=names,
        n_files=n_files,
        n_here=n_here,
        sections_here=complete,
    )


def _place(manifest: Manifest, file: DataFile) -> tuple[str, Path] | None:
    places = [("GENVIZ_DATA", path) for path in local_places(manifest, file)]
    places += [("cache", cached_place(manifest, file))]
    return next(((where, path) for where, path in places if path.is_file()), None)


def _status(manifest: Manifest, file: DataFile) -> FileStatus:
    found = _place(manifest, file)
    if found is None:
        return FileStatus(file.local, "absent", "", None, how_recognised(file))
    status = "ok" if is_authentic(found[1], file) else "wrong"
    return FileStatus(file.local, status, found[0], found[1], how_recognised(file))


def _merged_status(merged: MergedSet) -> Sequence[FileStatus]:
    """Every image and label, by its pixels, in the first place that has a file of the set."""
    places = homes(merged.manifest)
    found = []
    for part, name in merged.files():
        local = f"{part}/{name}.png"
        place, home = next(((w, h) for w, h in places if (h / local).is_file()), ("", None))
        status = "absent" if home is None else "ok" if merged.right(home, part, name) else "wrong"
        path = None if home is None else home / local
        found.append(FileStatus(local, status, place, path, "pixel sha256"))
    return found
