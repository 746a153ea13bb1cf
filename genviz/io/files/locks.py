"""One training a run folder at a time, told by a lock that ends with the process that holds it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from genviz._errors import UsageError
from genviz.io.files.output import AnyPath, explained, parents, real_path

log = logging.getLogger("genviz")

TRAINING = ".training.lock"
"""In a run folder, while something trains there."""


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
            except NotImplementedError:  # some network drives know no locks
                log.warning("%s cannot be locked: see that nothing else trains there.", folder)
                yield
                return
        stack.callback(_leave, lock, file)
        yield


def _leave(lock: FileLock, file: Path) -> None:
    if lock.lock_counter == 1:
        with suppress(OSError):  # Windows keeps open files
            file.unlink()  # while it is held: whoever waits for this file sees that it has no name any more
    lock.release()
