"""What the hub told of a data set's files, kept beside them: a download goes on with the same commit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from genviz._errors import DataError
from genviz.io.atomic import atomic_write_json
from genviz.io.hub import HubFile

LISTING = "listing.json"
_FORMAT = 1


@dataclass(frozen=True)
class HubListing:
    """Files of one commit of a repository.

    Attributes
    ----------
    repository, commit
        What was asked about.
    files
        Path → file, as far as they were asked for.
    """

    repository: str
    commit: str
    files: Mapping[str, HubFile]

    def with_files(self, files: Sequence[HubFile]) -> HubListing:
        """The same commit with more files."""
        return HubListing(self.repository, self.commit, {**self.files, **{file.path: file for file in files}})


def read_hub_listing(folder: Path) -> HubListing | None:
    """The listing of a folder; None where there is none.

    Raises
    ------
    DataError
        When it is damaged, or of a newer version.
    """
    place = folder / LISTING
    if not place.is_file():
        return None
    try:
        told = json.loads(place.read_bytes())
        newer = int(told["format"]) > _FORMAT
        files = {entry["path"]: HubFile(**entry) for entry in told["files"]}
        found = HubListing(told["repository"], told["commit"], files)
    except (ValueError, KeyError, TypeError) as err:
        raise DataError(
            f"Expected a listing of the hub's files in {place}; it is damaged ({type(err).__name__}). Remove it: the "
            "next fetch asks the hub again."
        ) from err
    if newer:
        raise DataError(f"Expected a listing of format {_FORMAT} or older in {place}. Update genviz.")
    return found


def write_hub_listing(folder: Path, listing: HubListing) -> None:
    """Keep a listing beside the files."""
    entries = [asdict(listing.files[path]) for path in sorted(listing.files)]
    told = {"format": _FORMAT, "repository": listing.repository, "commit": listing.commit}
    time = datetime.now(UTC).isoformat(timespec="seconds")
    atomic_write_json(folder / LISTING, {**told, "time": time, "files": entries})
