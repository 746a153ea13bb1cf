"""Manifests: what a public data set consists of, where each file comes from, and how it is recognised.

One TOML file a data set in ``data_manifests/``. Every file has a URL and a SHA-256, a git blob id (the
SHA-1 by which git names a file) or an MD5; ``verified = true`` says that whoever wrote the manifest had the
bytes, computed the SHA-256 and found the blob id as listed. Data sets whose files a server lists (tables
``[gdc]``, ``[hub]``) name none here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import genviz
from genviz._errors import DataError, UsageError

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class DataFile:
    """One file of a data set.

    Attributes
    ----------
    path
        Where the data set's own repository has it.
    local
        Where it lies under the data set's folder, in ``$GENVIZ_DATA`` and in the cache.
    url
        Where it is downloaded from.
    role
        ``counts``, ``spots``, ``image``, ``patches``, ``metadata``, ``labels``, ``annotation``, ``archive`` or
        ``readme``.
    section
        Section it belongs to; "" for none.
    sha256, git_blob, md5
        How its bytes are recognised, the first that is known; "" is not known.
    size
        Bytes, where known.
    verified
        Whether SHA-256 and git blob id were both computed from the bytes, and the latter is the listed one.
    """

    path: str
    local: str
    url: str
    role: str
    section: str = ""
    sha256: str = ""
    git_blob: str = ""
    md5: str = ""
    size: int | None = None
    verified: bool = False


@dataclass(frozen=True)
class Section:
    """One section: its name, patient, and the facts that its manifest records about it."""

    name: str
    patient: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Panel:
    """A named list of genes that comes with a data set: a text file, one symbol a line."""

    name: str
    file: str
    note: str


@dataclass(frozen=True)
class Manifest:
    """A data set as its manifest describes it.

    Attributes
    ----------
    name, title, kind, licence, citation
        What it is and whom to thank; `kind` is ``spatial``, ``nuclei``, ``bulk`` or ``tiles``.
    files, sections, panels
        What it consists of.
    facts
        Everything else in the file: source, mpp rule, notes.
    folder
        Folder of the manifest, which `Panel.file` is relative to.
    """

    name: str
    title: str
    kind: str
    licence: str
    citation: str
    files: tuple[DataFile, ...]
    sections: tuple[Section, ...]
    panels: tuple[Panel, ...]
    facts: Mapping[str, Any]
    folder: Path

    def section(self, name: str) -> Section:
        """The section of this name, or an error that lists those there are."""
        found = {section.name: section for section in self.sections}
        if name not in found:
            raise UsageError(
                f"Expected a section of {self.name}; got {name!r}. There are: {', '.join(found)}."
            )
        return found[name]

    def select(
        self, sections: Iterable[str] | None = None, roles: Iterable[str] | None = None
    ) -> list[DataFile]:
        """Files of some sections (all files if left out) with some roles (all if left out)."""
        names = None if sections is None else {self.section(name).name for name in sections}
        kinds = None if roles is None else set(roles)
        return [
            file
            for file in self.files
            if (names is None or file.section in names) and (kinds is None or file.role in kinds)
        ]


def manifest_folder() -> Path:
    """Folder of the manifests: in the installed package, or beside it in a checkout."""
    package = Path(genviz.__file__).parent
    shipped = package / "_share" / "data_manifests"
    return shipped if shipped.is_dir() else package.parent / "data_manifests"


def manifest_names() -> list[str]:
    """Names of the data sets that genviz knows."""
    return sorted(path.stem for path in manifest_folder().glob("*.toml"))


def load_manifest(name: str) -> Manifest:
    """Read the manifest of a data set.

    Parameters
    ----------
    name
        One of `manifest_names`, or the path of a TOML file of the same form.

    Raises
    ------
    UsageError
        When there is none.
    DataError
        When an entry cannot be trusted: paths that leave the folder, checksums that are none.
    """
    file = Path(name) if name.endswith(".toml") else manifest_folder() / f"{name}.toml"
    if not file.is_file() or not (name.endswith(".toml") or name in manifest_names()):
        raise UsageError(
            f"Expected the name of a data set; got {name!r}. There are: {', '.join(manifest_names())}."
        )
    try:
        return _manifest(tomllib.loads(file.read_text("utf-8")), file.parent)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as err:
        raise DataError(
            f"Expected a manifest in {file}; it cannot be read ({type(err).__name__}: {err}). "
            "Reinstall genviz, or correct the file."
        ) from err


def _manifest(entry: dict[str, Any], folder: Path) -> Manifest:
    named = ("name", "title", "kind", "licence", "citation")
    sections = tuple(
        Section(item.pop("name"), item.pop("patient"), item) for item in entry.pop("sections", [])
    )
    files = tuple(_file(item) for item in entry.pop("files"))
    panels = tuple(
        Panel(item["name"], safe_path(item["file"]), item.get("note", "")) for item in entry.pop("panels", [])
    )
    _check_unique(files)
    known = {section.name for section in sections} | {""}
    if strangers := sorted({file.section for file in files} - known):
        raise DataError(f"Expected files of listed sections; the manifest also names {', '.join(strangers)}.")
    return Manifest(
        **{key: str(entry.pop(key)) for key in named},
        files=files,
        sections=sections,
        panels=panels,
        facts=entry,
        folder=folder,
    )


def _file(item: dict[str, Any]) -> DataFile:
    file = DataFile(**item)
    safe_path(file.path)
    safe_path(file.local)
    if urlsplit(file.url).scheme not in ("http", "https"):
        raise DataError(
            f"Expected an http(s) address of {file.path}; got {file.url!r}. Correct the manifest."
        )
    for digest, form in ((file.sha256, _SHA256), (file.git_blob, _SHA1), (file.md5, _MD5)):
        if digest and not form.fullmatch(digest):
            raise DataError(
                f"Expected a checksum of {file.path} in hex; got {digest!r}. Correct the manifest."
            )
    if not (file.sha256 or file.git_blob or file.md5):
        raise DataError(
            f"Expected a sha256, a git_blob or an md5 of {file.path}; it has none. Correct the manifest."
        )
    if file.verified and not file.sha256:
        raise DataError(f"Expected a sha256 of {file.path}, which is marked verified; it has none.")
    return file


def safe_path(path: str) -> str:
    """The relative path, refused when it could leave its folder on any system.

    Raises
    ------
    DataError
        For absolute paths, drives, ``..``, backslashes, control characters and empty parts.
    """
    parts = path.split("/")
    plain = bool(path) and not re.search(r'[\\:*?"<>|\x00-\x1f]', path)
    if not plain or PurePosixPath(path).is_absolute() or any(part in ("", ".", "..") for part in parts):
        raise DataError(f"Expected a file name inside the data set's folder; got {path!r}. It is refused.")
    return path


def _check_unique(files: Iterable[DataFile]) -> None:
    seen: set[str] = set()
    for file in files:
        if file.local.lower() in seen:
            raise DataError(f"Expected each file once; {file.local} is listed twice. Correct the manifest.")
        seen.add(file.local.lower())
