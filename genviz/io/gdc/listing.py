"""What a query of the GDC found, kept beside the files: a download goes on with the same list, checked by MD5."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from genviz.io.fetching.kept_listing import read_kept, write_kept
from genviz.io.files.atomic import atomic_path
from genviz.io.gdc.api import GdcFile
from genviz.io.gdc.sheet import COLUMNS, PROFILE_TYPE, SLIDE_TYPE

SHEET = "gdc_sample_sheet.tsv"
_CATEGORIES = {PROFILE_TYPE: "Transcriptome Profiling", SLIDE_TYPE: "Biospecimen"}
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Listing:
    """Files of a cohort.

    Attributes
    ----------
    release
        Of the GDC's data ("Data Release 43.0 - ...").
    time
        When it was asked.
    files
        All profiles and slides.
    """

    release: str
    time: str
    files: tuple[GdcFile, ...]

    def of(self, data_type: str, cases: Iterable[str] | None = None) -> list[GdcFile]:
        """Files of one type, of some cases.

        Parameters
        ----------
        data_type
            As the GDC calls it.
        cases
            All, if left out.
        """
        wanted = None if cases is None else set(cases)
        return [f for f in self.files if f.data_type == data_type and (wanted is None or f.case in wanted)]


def new_listing(release: str, files: Iterable[GdcFile]) -> Listing:
    """A listing made now, its files in the order of cases."""
    ordered = tuple(sorted(files, key=lambda f: (f.case, f.data_type, f.sample, f.file_id)))
    return Listing(release, datetime.now(UTC).isoformat(timespec="seconds"), ordered)


def read_listing(folder: Path) -> Listing | None:
    """The listing of a folder; None where there is none.

    Raises
    ------
    DataError
        When it is damaged, or of a newer version.
    """
    return read_kept(
        folder,
        "the GDC",
        lambda told: Listing(
            told["release"], told["time"], tuple(GdcFile(**entry) for entry in told["files"])
        ),
    )


def write_listing(folder: Path, listing: Listing) -> None:
    """Keep a listing beside the files."""
    entries = [asdict(file) for file in listing.files]
    write_kept(folder, {"release": listing.release, "time": listing.time, "files": entries})


def write_sheet(folder: Path, listing: Listing) -> Path:
    """Write a sample sheet as the portal does: profiles that are here, and all slides of their cases.

    Parameters
    ----------
    folder
        Of the download.
    listing
        What there is.
    """
    here = [file for file in listing.of(PROFILE_TYPE) if is_here(folder, file)]
    cases = {file.case for file in here}
    rows = [*here, *listing.of(SLIDE_TYPE, cases)]
    lines = ["\t".join(COLUMNS), *("\t".join(_cells(file)) for file in rows)]
    with atomic_path(folder / SHEET) as working:
        working.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / SHEET


def is_here(folder: Path, file: GdcFile) -> bool:
    """Whether a file is there with all its bytes: it only got its name with the right MD5."""
    path = folder / file.local
    return path.is_file() and path.stat().st_size == file.size


def md5_is_right(path: Path, file: GdcFile) -> bool:
    """Whether a file has the bytes that the GDC names."""
    if path.stat().st_size != file.size:
        return False
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest() == file.md5


def _cells(file: GdcFile) -> Sequence[str]:
    category = _CATEGORIES.get(file.data_type, "")
    cells = (file.data_type, file.project, file.case, file.sample, file.sample_type)
    return file.file_id, file.file_name, category, *cells
