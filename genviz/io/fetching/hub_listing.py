"""What the hub told of a data set's files, kept beside them: a download goes on with the same commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from genviz.io.fetching.hub import HubFile
from genviz.io.fetching.kept_listing import read_kept, write_kept


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
    return read_kept(
        folder,
        "the hub",
        lambda told: HubListing(
            told["repository"], told["commit"], {entry["path"]: HubFile(**entry) for entry in told["files"]}
        ),
    )


def write_hub_listing(folder: Path, listing: HubListing) -> None:
    """Keep a listing beside the files."""
    entries = [asdict(listing.files[path]) for path in sorted(listing.files)]
    time = datetime.now(UTC).isoformat(timespec="seconds")
    told = {"repository": listing.repository, "commit": listing.commit, "time": time, "files": entries}
    write_kept(folder, told)
