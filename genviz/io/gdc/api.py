"""The API of the Genomic Data Commons: which files a query finds, and their bytes.

https://docs.gdc.cancer.gov/API/Users_Guide: POST /files searches, POST /data sends several files as one tar archive,
GET /data/<id> one file, and goes on where it was cut.
"""

from __future__ import annotations

import functools
import hashlib
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from genviz._errors import DataError, DownloadError
from genviz.io.fetching.asking import CUT, PassingError, ask
from genviz.io.fetching.manifests import safe_path
from genviz.io.fetching.resuming import WrongBytesError

_FIELDS = (
    "file_id", "file_name", "md5sum", "file_size", "data_type", "experimental_strategy", "access",
    "cases.submitter_id", "cases.project.project_id", "cases.samples.submitter_id", "cases.samples.sample_type",
)  # fmt: skip
_PAGE = 1000
_TIMEOUT_S = 60.0
_BLOCK = 1 << 16
_EXPECTED = "Expected an answer of the GDC"
_CUT = (*CUT, tarfile.ReadError, EOFError, zlib.error)


@dataclass(frozen=True)
class GdcFile:
    """One file as the API describes it.

    Attributes
    ----------
    file_id, file_name, md5, size
        Its UUID, name, checksum and bytes.
    data_type
        "Gene Expression Quantification", "Slide Image".
    project, case, sample, sample_type
        Whose it is; several samples are parted by ", ".
    """

    file_id: str
    file_name: str
    md5: str
    size: int
    data_type: str
    project: str
    case: str
    sample: str
    sample_type: str

    @property
    def local(self) -> str:
        """Where the GDC's own client puts it: ``<file id>/<name>``."""
        return f"{self.file_id}/{self.file_name}"


def equal(**fields: str | Sequence[str]) -> dict[str, Any]:
    """A filter of the API: every named field has one of the given values; ``__`` in a name stands for a dot.

    Parameters
    ----------
    **fields
        Field → value or values.
    """
    parts = [
        {
            "op": "in",
            "content": {"field": name.replace("__", "."), "value": [v] if isinstance(v, str) else [*v]},
        }
        for name, v in fields.items()
    ]
    return {"op": "and", "content": parts}


def data_release(api: str) -> str:
    """Which release of the data the API serves ("Data Release 43.0 - ...").

    Parameters
    ----------
    api
        Address of the API.
    """
    return str(ask(lambda: _json("GET", f"{api}/status"), _EXPECTED).get("data_release", ""))


def find_files(api: str, filters: Mapping[str, Any]) -> list[GdcFile]:
    """All files that a filter finds, by file id.

    Parameters
    ----------
    api
        Address of the API.
    filters
        From `equal`.

    Raises
    ------
    DownloadError
        When the API cannot be reached or answers something else.
    DataError
        For file names that leave their folder.
    """
    found: list[GdcFile] = []
    while True:
        body = {
            "filters": filters,
            "fields": ",".join(_FIELDS),
            "format": "JSON",
            "size": _PAGE,
            "from": len(found),
            "sort": "file_id:asc",
        }
        answer = ask(functools.partial(_json, "POST", f"{api}/files", body), _EXPECTED)
        try:
            hits, total = answer["data"]["hits"], int(answer["data"]["pagination"]["total"])
            found += [_file(hit) for hit in hits]
        except DataError:
            raise
        except (KeyError, TypeError, ValueError, IndexError) as err:
            raise DownloadError(
                f"Expected the list of files of the GDC from {api}/files; got something else "
                f"({type(err).__name__}: {err}). Something on the way changes answers (a login page), or the API has "
                "changed: update genviz."
            ) from err
        if len(found) >= total or not hits:
            return found


def fetch_bundle(
    api: str,
    files: Sequence[GdcFile],
    folder: Path,
    incoming: Path,
    progress: Callable[[int], object] = lambda _: None,
) -> None:
    """Get several files in one request; each gets its name when its MD5 is right, so nothing arrives twice.

    Parameters
    ----------
    api
        Address of the API.
    files
        Not there yet.
    folder
        Where ``<file id>/<name>`` is written.
    incoming
        Folder for what is not whole yet.
    progress
        Called with the number of bytes of each file that arrived.

    Raises
    ------
    DownloadError
        When files cannot be had, or come with other bytes, twice.
    """
    strange: dict[str, int] = {}

    def work() -> None:
        missing = {file.local: file for file in files if not (folder / file.local).is_file()}
        if not missing:
            return
        body = {"ids": [file.file_id for file in missing.values()]}
        with _answer("POST", f"{api}/data", body) as response:
            for local, part in _members(response, missing):
                file = missing[local]
                if _md5_of(part, incoming / f"{file.file_id}.partial") == file.md5:
                    target = folder / file.local
                    target.parent.mkdir(parents=True, exist_ok=True)
                    (incoming / f"{file.file_id}.partial").replace(target)
                    progress(file.size)
                    continue
                (incoming / f"{file.file_id}.partial").unlink()
                strange[local] = strange.get(local, 0) + 1
                if strange[local] == 2:
                    raise WrongBytesError(
                        f"Expected {local} with the MD5 that the GDC names; others came, twice. Something on the way "
                        "changes files (a proxy, a login page), or the file was replaced: remove the listing.json "
                        f"in {folder} to ask anew."
                    )
        if any(not (folder / local).is_file() for local in missing):
            raise PassingError("not all files came")

    ask(work, _EXPECTED, arrived=lambda: sum((folder / file.local).is_file() for file in files), cut=_CUT)


def _file(hit: Mapping[str, Any]) -> GdcFile:
    case = hit["cases"][0]
    samples = [sample for one in hit["cases"] for sample in one.get("samples", [])]
    file = GdcFile(
        file_id=str(hit["file_id"]),
        file_name=str(hit["file_name"]),
        md5=str(hit["md5sum"]),
        size=int(hit["file_size"]),
        data_type=str(hit["data_type"]),
        project=str(case["project"]["project_id"]),
        case=str(case["submitter_id"]),
        sample=", ".join(str(sample["submitter_id"]) for sample in samples),
        sample_type=", ".join(str(sample.get("sample_type", "")) for sample in samples),
    )
    if safe_path(file.local).count("/") != 1:
        raise DataError(f"Expected a plain file name from the GDC; got {file.local!r}. It is refused.")
    return file


def _members(response: requests.Response, wanted: Mapping[str, GdcFile]) -> Iterator[tuple[str, Any]]:
    """Files of the archive as they arrive; of one file alone the API sends the bytes as they are."""
    stream = _Stream(response)
    if len(wanted) == 1:
        yield next(iter(wanted)), stream
        return
    with tarfile.open(fileobj=stream, mode="r|*", bufsize=_BLOCK) as archive:  # type: ignore[call-overload]
        for member in archive:
            if member.isfile() and member.name in wanted:  # beside them MANIFEST.txt, annotations.txt
                part = archive.extractfile(member)
                assert part is not None
                yield member.name, part


class _Stream:
    """A response as a file that is read from its beginning to its end."""

    def __init__(self, response: requests.Response) -> None:
        self.blocks = response.iter_content(_BLOCK)
        self.rest = b""

    def read(self, size: int) -> bytes:
        # At most one block: waiting for more would lose what came before a connection was cut.
        self.rest = self.rest or next(self.blocks, b"")
        part, self.rest = self.rest[:size], self.rest[size:]
        return part


def _md5_of(part: Any, place: Path) -> str:
    """Write a file as it arrives; its MD5."""
    digest = hashlib.md5(usedforsecurity=False)
    with place.open("wb") as sink:
        while block := part.read(_BLOCK):
            digest.update(block)
            sink.write(block)
    return digest.hexdigest()


def _json(method: str, url: str, body: Mapping[str, Any] | None = None) -> Any:
    with _answer(method, url, body) as response:
        try:
            return response.json()
        except requests.exceptions.JSONDecodeError as err:
            raise DownloadError(
                f"Expected JSON from {url}; got {response.text[:60]!r}. Something on the way changes answers (a proxy, "
                "a login page)."
            ) from err


def _answer(method: str, url: str, body: Mapping[str, Any] | None = None) -> requests.Response:
    response = requests.request(
        method, url, json=body, headers={"Accept-Encoding": "identity"}, stream=True, timeout=_TIMEOUT_S
    )
    if response.status_code == 200:
        return response
    said = f"the server answered {response.status_code} {response.reason}"
    told = response.text[:200] if response.status_code < 500 else ""
    response.close()
    if response.status_code >= 500 or response.status_code == 429:
        raise PassingError(said)
    raise DownloadError(
        f"Expected an answer of the GDC at {url}; {said} ({told}). The file was withdrawn, or is not open to all."
    )
