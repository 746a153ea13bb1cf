"""Whether a file's bytes are those a manifest names: SHA-256, the SHA-1 by which git names them, or MD5."""

from __future__ import annotations

import hashlib
from pathlib import Path

from genviz.io.fetching.manifests import DataFile
from genviz.io.files.opening import file_sha256

_BLOCK = 1 << 20


def git_blob_id(path: Path) -> str:
    """Git's name of a file's content: SHA-1 of ``blob <size>``, a zero byte and the bytes."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def file_md5(path: Path) -> str:
    """MD5 of a file's bytes; some archives publish nothing else."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def is_authentic(path: Path, file: DataFile) -> bool:
    """Whether a file has the bytes that the manifest names, by the strongest checksum it knows."""
    if file.size is not None and path.stat().st_size != file.size:
        return False
    if file.sha256:
        return file_sha256(path) == file.sha256
    return git_blob_id(path) == file.git_blob if file.git_blob else file_md5(path) == file.md5


def how_recognised(file: DataFile) -> str:
    """Name of the checksum that `is_authentic` uses."""
    return "sha256" if file.sha256 else "git blob id" if file.git_blob else "md5"
