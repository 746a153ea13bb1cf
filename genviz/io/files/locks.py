"""Who works in a place: one process at a time, told by locks that end with the process that holds them."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from genviz._errors import UsageError
from genviz.io.files.output import AnyPath, explained, parents, real_path

log = logging.getLogger("genviz")

TRAINING = ".training.lock"
"""In a run folder, while something trains there."""
_BESIDE = ".lock"


@contextmanager
def training_in(folder: AnyPath | None) -> Iterator[None]:
    """Hold a run folder for one training; what the same thread does inside may hold it again.

    The folder is made if it is not there, and taken away if the block fails and leaves it empty. The lock file goes
    when the block ends; the one of a process that was killed stays and keeps nobody out.

    Parameters
    ----------
    folder
        Run folder; None: there is none, and nothing to hold.

    Raises
    ------
    UsageError
        When a training is running there.
    GenvizError
        When the folder cannot be made or written.
    """
    if folder is None:
        yield
        return
    target = real_path(folder)
    file = target / TRAINING
    lock = FileLock(file, is_singleton=True)  # one object for nested holds, which its counter tells apart
    with ExitStack() as stack:
        with explained(target):
            stack.enter_context(parents(file))
            try:
                lock.acquire(blocking=False)
            except Timeout as err:
                raise UsageError(
                    f"Expected a run folder for this training alone; a training is running in {folder}. Wait until "
                    "it ends, or choose another folder."
                ) from err
        stack.callback(_leave, lock, file)
        yield


def _leave(lock: FileLock, file: Path) -> None:
    if lock.lock_counter == 1:
        with suppress(OSError):  # Windows keeps open files
            file.unlink()  # while it is held: whoever waits for this file sees that it has no name any more
    lock.release()


@contextmanager
def owned(working: Path) -> Iterator[None]:
    """Mark a working folder as that of a living process, by a lock beside it that is there before the folder is.

    Parameters
    ----------
    working
        From `output.working_name`; gone when the block ends.
    """
    file = working.with_name(working.name + _BESIDE)
    lock = FileLock(file)
    lock.acquire()
    try:
        yield
    finally:
        _leave(lock, file)


def sweep(target: Path) -> None:
    """Delete working folders of a target whose processes were killed; what may be in use stays and is told.

    Parameters
    ----------
    target
        The folder that they were to become.
    """
    own = re.compile(
        rf"\.{re.escape(target.stem[:100])}\.[0-9a-f]{{12}}\.partial{re.escape(target.suffix[:20])}"
    )
    with suppress(OSError):  # a courtesy: what cannot be listed does not keep the new folder from its place
        names = {path.name for path in target.parent.iterdir()}
        folders = [name for name in names if own.fullmatch(name) and (target.parent / name).is_dir()]
        locks = [name for name in names if name.endswith(_BESIDE) and own.fullmatch(name[: -len(_BESIDE)])]
        for name in sorted(locks):
            _sweep_one(target.with_name(name))
        for name in sorted(set(folders) - {lock[: -len(_BESIDE)] for lock in locks}):
            log.warning(
                "%s may be left from a run that was killed: nothing says whether its process lives. Delete it if none "
                "does.", target.with_name(name),
            )  # fmt: skip


def _sweep_one(file: Path) -> None:
    lock = FileLock(file)
    try:
        lock.acquire(blocking=False)
    except Timeout:  # its process lives
        return
    try:
        shutil.rmtree(file.with_name(file.name[: -len(_BESIDE)]), ignore_errors=True)
    finally:
        _leave(lock, file)
