"""Opening input files: what is absent, truncated or of another kind gets one clear error."""

from __future__ import annotations

import gzip
import hashlib
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from os import PathLike, fspath
from pathlib import Path

from genviz._errors import FileFormatError, GenvizError, UsageError

AnyPath = str | PathLike[str]

# What readers of damaged bytes raise: h5py and PIL OSError, gzip EOFError and zlib.error, PIL
# SyntaxError, tifffile ValueError (TiffFileError), anndata and zarr KeyError, codecs RuntimeError.
DAMAGE = (
    OSError,
    EOFError,
    zlib.error,
    SyntaxError,
    ValueError,
    KeyError,
    RuntimeError,
    IndexError,
    struct.error,
)

_BLOCK = 1 << 22


def existing(path: AnyPath, what: str, *, folder: bool = False) -> Path:
    """Path of an input that must be there, user folder expanded.

    Parameters
    ----------
    path
        File or folder.
    what
        What it should be, for the message ("the counts table").
    folder
        Whether a folder is expected.

    Raises
    ------
    UsageError
        When nothing is there, or a file where a folder is expected (and the reverse).
    """
    found = Path(fspath(path)).expanduser()
    if not found.exists():
        raise UsageError(f"Expected {what} at {found}; nothing is there. Check the path.")
    if found.is_dir() != folder:
        raise UsageError(
            f"Expected {what} at {found}, a {'folder' if folder else 'file'}; it is a {_kind(found)}."
        )
    return found


def _kind(path: Path) -> str:
    return "folder" if path.is_dir() else "file"


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn what a decoder raises on damaged bytes into one FileFormatError with the way out.

    Parameters
    ----------
    path
        The file being read.
    what
        What it should hold ("a gzipped counts table").
    """
    try:
        yield
    except PermissionError as err:
        raise UsageError(
            f"Expected to read {what} from {path}; permission was denied. Check who may read it."
        ) from err
    except GenvizError:
        raise
    except DAMAGE as err:
        raise FileFormatError(
            f"Expected {what} in {path}; it is truncated, damaged or of another kind ({_reason(err)}). "
            "Copy or download the file again."
        ) from err


def _reason(err: BaseException) -> str:
    text = " ".join(str(err).split())
    return f"{type(err).__name__}: {text[:160]}" if text else type(err).__name__


def read_text_bytes(path: Path, what: str) -> bytes:
    """Read a whole text file, unpacking gzip by its first bytes, not by its name.

    Raises
    ------
    FileFormatError
        When the gzip stream is cut or its checksum is wrong, or the file is empty.
    """
    with reading(path, what):
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
        elif path.suffix == ".gz":
            raise FileFormatError(
                f"Expected {what}, gzipped, in {path}; it does not begin like a gzip file. Copy it again."
            )
    if not raw.strip():
        raise FileFormatError(f"Expected {what} in {path}; the file is empty. Copy or download it again.")
    return raw


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes; of a folder, of its files' relative names and bytes in sorted order.

    Computed once per process for each (path, size, time of change).
    """
    stamp = tuple(_stamp(p) for p in _files(path))
    return _sha256(path, stamp)


def _files(path: Path) -> list[Path]:
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=256)
def _sha256(path: Path, stamp: tuple[tuple[int, int], ...]) -> str:
    digest = hashlib.sha256()
    for file in _files(path):
        if path.is_dir():
            digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        with file.open("rb") as handle:
            while block := handle.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()
