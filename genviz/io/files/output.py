"""Places for outputs: checked before long work, explained when they cannot be written."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from genviz._errors import GenvizError, UsageError

AnyPath = str | os.PathLike[str]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EBUSY, errno.EIO}
_ADVICE = "Choose another place, or change who may write there."
# h5py and safetensors hide the errno in the text of an error of their own.
_FULL_TEXT = ("No space left on device", "os error 28", "errno = 28", "errno = 27", "File too large")


def check_new_folder(path: AnyPath, *, allow_content: bool = False) -> None:
    """Refuse a place where a folder cannot be made without overwriting; to be called before long work.

    Parameters
    ----------
    path
        A folder that is absent or empty.
    allow_content
        Whether it may also hold files.

    Raises
    ------
    UsageError
        When it is a file, or holds files.
    """
    target = Path(path)
    if target.exists() and not target.is_dir():
        raise UsageError(f"Expected the name of a folder to write; {target} is a file. Choose another name.")
    if target.is_dir() and not allow_content and (names := sorted(p.name for p in target.iterdir())):
        raise UsageError(
            f"Expected a new or empty folder at {target}; it holds {len(names)} entries, among them "
            f"{names[0]!r}. Choose another folder, or empty this one."
        )


def check_writable(path: AnyPath) -> None:
    """Refuse an output file or folder that could not be written; to be called before long work.

    Raises
    ------
    GenvizError
        When nothing can be made at the place.
    """
    target = real_path(path)
    with explained(target), parents(target, keep=False):
        probe = working_name(target / "probe" if target.is_dir() else target)
        try:
            probe.touch(exist_ok=False)
        finally:
            probe.unlink(missing_ok=True)


def check_writable_file(path: AnyPath) -> None:
    """Refuse an output file that could not be written, or whose name is a folder's; to be called before long work.

    Raises
    ------
    UsageError
        When a folder is in the place, or a file where a folder above it should be.
    GenvizError
        When nothing can be made at the place.
    """
    target = real_path(path)
    with explained(target):
        check_no_folder(target)
    check_writable(target)


def check_no_folder(target: Path) -> None:
    """Refuse a folder in the place of a file.

    Raises
    ------
    UsageError
        When there is one.
    """
    if target.is_dir():
        raise UsageError(f"Expected the name of a file to write; {target} is a folder. Name a file in it.")


def real_path(path: AnyPath) -> Path:
    """The absolute path with the user folder expanded and links followed."""
    return Path(os.path.realpath(Path(path).expanduser()))


def working_name(target: Path) -> Path:
    """A hidden name that no other process takes; the suffix stays, because writers go by it."""
    return target.with_name(f".{target.stem[:100]}.{secrets.token_hex(6)}.partial{target.suffix[:20]}")


def flush(path: Path) -> None:
    """Force a file, or a folder's list of names, onto the disk."""
    if path.is_dir() and os.name == "nt":  # Windows opens no folders
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def parents(target: Path, *, keep: bool = True) -> Iterator[None]:
    """Make missing folders above the target; take them away again if the block fails (or `keep` is off).

    Raises
    ------
    UsageError
        When one of them is a file.
    """
    if file := next((above for above in target.parents if above.exists() and not above.is_dir()), None):
        raise UsageError(
            f"Expected a folder at {file} to write {target.relative_to(file)} in; it is a file. Choose another place."
        )
    missing = [folder for folder in target.parents if not folder.exists()]
    done = False
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
        done = keep
    finally:
        if not done:
            for folder in missing:
                with suppress(OSError):
                    folder.rmdir()


@contextmanager
def explained(target: Path, *, advice: str = _ADVICE) -> Iterator[None]:
    """Turn "no space" and "not allowed" into one error that says where and what to do.

    Parameters
    ----------
    target
        What the block writes; errors of other places pass.
    advice
        What to do when writing there is not allowed.
    """
    try:
        yield
    except GenvizError:
        raise
    except Exception as err:
        code = err.errno if isinstance(err, OSError) else None
        if code in _FULL or any(text in str(err) for text in _FULL_TEXT):
            kept = target.exists()
            left = "what was there before is untouched" if kept else "nothing was left under that name"
            raise GenvizError(
                f"Expected room to write {target}; the disk or quota is full. "
                f"Free space there or choose another place; {left}."
            ) from err
        if isinstance(err, OSError) and _refused(err, target):
            raise GenvizError(
                f"Expected to be allowed to write {target}; {os.strerror(err.errno or errno.EEXIST)}. {advice}"
            ) from err
        raise


def _refused(err: OSError, target: Path) -> bool:
    """Whether the target, or a folder above it, may not be made: other places are not blamed on it."""
    place = Path(str(err.filename or target))
    above = place in target.parents
    if not above and not place.is_relative_to(target.parent):
        return False
    # No folder can be made where there is no way to it, as in /proc.
    return err.errno in _REFUSED or isinstance(err, FileExistsError) or (above and err.errno == errno.ENOENT)
