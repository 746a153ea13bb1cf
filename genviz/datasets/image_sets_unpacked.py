"""A set that comes as one zip a section and is used unpacked."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from genviz._errors import DataError
from genviz.io.fetching.download import cache_folder, fetch_files
from genviz.io.fetching.manifests import Manifest, safe_path
from genviz.io.files.atomic import atomic_dir
from genviz.io.files.output import explained
from genviz.io.tile_archive import reading_zip

_BLOCK = 1 << 22


def unpacked_section(
    manifest: Manifest,
    section: str,
    places: Iterable[tuple[str, Path]],
    *,
    accept_licence: bool = False,
) -> Path:
    """Folder of one section, unpacked; the archive is fetched, unpacked and given up where it is not there yet.

    Parameters
    ----------
    manifest
        With a table ``[unpacked]`` whose ``needs`` names files that a complete section has.
    section
        Its name.
    places
        Where the set may lie.
    accept_licence
        Agree to the licence, where it asks for that.

    Raises
    ------
    UsageError
        Without consent to a licence that asks for it.
    DownloadError
        When the archive cannot be had.
    FileFormatError, DataError
        When it is damaged, or holds something else.
    """
    needs = set(manifest.facts["unpacked"]["needs"])
    for _, home in places:
        if found := section_folder(home, section, needs):
            return found
    home = cache_folder(manifest.name)
    (file,) = manifest.select([section], ["archive"])
    with explained(home):
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / f".{section}.lock"):
            if found := section_folder(home, section, needs):  # another process was faster
                return found
            archive = fetch_files(manifest, [file], accept_licence=accept_licence)[file.local]
            with atomic_dir(home / section, replace=True) as working:
                _unpack(archive, working)
                if not needs <= {path.name for path in working.rglob("*")}:
                    raise DataError(
                        f"Expected {', '.join(sorted(needs))} in {archive}; they are not all there. Download it again."
                    )
            if archive.is_relative_to(home):
                archive.unlink()
    return home / section


def section_folder(home: Path, section: str, needs: set[str]) -> Path | None:
    """The folder of a section in a place: ``fold1``, or ``Fold 1`` as archives name it; None if incomplete.

    Parameters
    ----------
    home
        Folder of the set.
    section
        Its name.
    needs
        Files that it must have, at any depth.
    """
    if not home.is_dir():
        return None
    for folder in sorted(home.iterdir()):
        same = folder.name.lower().replace(" ", "").replace("_", "") == section
        if same and folder.is_dir() and needs <= {path.name for path in folder.rglob("*.npy")}:
            return folder
    return None


def _unpack(archive: Path, folder: Path) -> None:
    """Write the members, without the one folder that is around all; names that leave the folder are refused."""
    with reading_zip(archive, "a zip archive"), zipfile.ZipFile(archive) as members:
        files = [item for item in members.infolist() if not item.is_dir() and "__MACOSX" not in item.filename]
        tops = {item.filename.partition("/")[0] for item in files}
        for item in files:
            name = item.filename.partition("/")[2] if len(tops) == 1 else item.filename
            target = folder / safe_path(name or item.filename)
            target.parent.mkdir(parents=True, exist_ok=True)
            with members.open(item) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, _BLOCK)
