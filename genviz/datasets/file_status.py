"""What is here of a data set's files, and whether their bytes are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genviz.datasets import bulk_sets, tile_sets
from genviz.datasets.hub_sets import hub_files, is_hub_set, is_listed
from genviz.datasets.image_sets import homes
from genviz.datasets.image_sets_merged import MergedSet
from genviz.datasets.image_sets_unpacked import section_folder
from genviz.io.fetching.download import located
from genviz.io.fetching.manifests import DataFile, Manifest
from genviz.io.fetching.recognise import how_recognised, is_authentic
from genviz.io.gdc.listing import md5_is_right
from genviz.io.gdc.sheet import PROFILE_TYPE


@dataclass(frozen=True)
class FileStatus:
    """What was found of one file.

    Attributes
    ----------
    local
        Its name in the data set's folder.
    status
        ``ok``, ``absent``, ``wrong`` (there, with other bytes) or ``unchecked``: there, and nobody has said which
        bytes it should have (unpacked archives, sets got by hand, samples the hub was not asked about).
    place
        ``GENVIZ_DATA``, ``cache`` or "".
    path
        Where it lies; None when absent.
    checked_by
        ``sha256``, ``git blob id``, ``md5``, or ``pixel sha256``: of decoded pixels, where bytes depend on an encoder;
        "" when unchecked.
    """

    local: str
    status: str
    place: str
    path: Path | None
    checked_by: str


def statuses(manifest: Manifest, sections: Sequence[str] | None) -> Sequence[FileStatus]:
    """Every file of some sections (all, if left out), in the way of the data set's kind.

    Parameters
    ----------
    manifest
        The data set.
    sections
        Of bulk cohorts cases; of sets of images that come whole without meaning.
    """
    if "merged" in manifest.facts:
        return _merged(MergedSet(manifest))
    if "by_hand" in manifest.facts:
        return _by_hand(manifest)
    if manifest.kind == bulk_sets.KIND:
        return _bulk(manifest, sections)
    if is_hub_set(manifest):
        roles = list(manifest.facts["hub"]["files"])
        return [_one(manifest, file) for file in _wanted(manifest, hub_files(manifest, sections, roles))]
    return [_unpacked(manifest, file) or _one(manifest, file) for file in manifest.select(sections)]


def _wanted(manifest: Manifest, files: Sequence[DataFile]) -> list[DataFile]:
    """Files that are fetched by default, and others where they are here."""
    usual = manifest.facts["hub"]["by_default"]
    return [file for file in files if file.role in usual or located(manifest, file)]


def _one(manifest: Manifest, file: DataFile) -> FileStatus:
    how = how_recognised(file) if is_listed(file) or file.md5 else ""
    found = located(manifest, file)
    if found is None:
        return FileStatus(file.local, "absent", "", None, how)
    if not how:
        return FileStatus(file.local, "unchecked", *found, how)
    return FileStatus(file.local, "ok" if is_authentic(found[1], file) else "wrong", *found, how)


def _unpacked(manifest: Manifest, file: DataFile) -> FileStatus | None:
    """An archive's section where it lies unpacked; None otherwise."""
    if file.role != "archive":
        return None
    if "unpacked" in manifest.facts:
        needs = set(manifest.facts["unpacked"]["needs"])
        for place, home in homes(manifest):
            if folder := section_folder(home, file.section, needs):
                return FileStatus(folder.name, "unchecked", place, folder, "")
    elif manifest.kind == tile_sets.KIND:
        found = tile_sets.tile_place(manifest, file.section)
        if found and found[1].is_dir():
            return FileStatus(found[1].name, "unchecked", *found, "")
    return None


def _by_hand(manifest: Manifest) -> Sequence[FileStatus]:
    """One entry for the whole folder: its authors publish no checksums."""
    for place, home in homes(manifest):
        if home.is_dir() and any(home.iterdir()):
            return [FileStatus(manifest.name, "unchecked", place, home, "")]
    return [FileStatus(manifest.name, "absent", "", None, "")]


def _bulk(manifest: Manifest, cases: Sequence[str] | None) -> Sequence[FileStatus]:
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


def _merged(merged: MergedSet) -> Sequence[FileStatus]:
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
