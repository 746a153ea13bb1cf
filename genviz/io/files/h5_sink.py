"""Writing HDF5 without letting it see a failure of the disk.

On a full disk HDF5 loses track of its own objects: it prints a page of errors and may crash the process when it
ends. So it writes through a Python file that notes the first failure (a Ctrl-C included), keeps what follows in
memory so that HDF5 can finish in peace, and is asked afterwards.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO, FileIO
from pathlib import Path
from types import FrameType

import h5py


class _Sink:
    """What h5py asks of a file object: the disk, and after a failure memory."""

    def __init__(self, file: FileIO) -> None:
        self.failure: BaseException | None = None
        self.stopped = False
        self._now: FileIO | BytesIO = file

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._now.seek(offset, whence)

    def tell(self) -> int:
        return self._now.tell()

    def read(self, size: int = -1) -> bytes:  # how h5py recognises a file object
        return self._now.read(size) or b""

    def readinto(self, buffer: memoryview) -> int:
        return self._now.readinto(buffer) or 0

    def write(self, data: memoryview) -> int:
        start, done = self._now.tell(), 0
        view = memoryview(data).cast("B")
        try:
            if self.stopped and self.failure is None:
                raise KeyboardInterrupt
            while done < len(view):  # the disk may take a part
                done += self._now.write(view[done:]) or 0
        except BaseException as err:
            self._to_memory(err)
            self._now.seek(start)
            self._now.write(view)
        return len(view)

    def truncate(self, size: int) -> int:
        try:
            return self._now.truncate(size)
        except BaseException as err:
            self._to_memory(err)
            return self._now.truncate(size)

    def flush(self) -> None:
        self._now.flush()

    def _to_memory(self, err: BaseException) -> None:
        self.failure = err
        self._now.seek(0)
        self._now = BytesIO(self._now.read())


@contextmanager
def h5_file(path: Path) -> Iterator[h5py.File]:
    """Write an HDF5 file; a failure of the disk is raised as itself, once the file is closed.

    Parameters
    ----------
    path
        The file, replaced if it is there.

    Raises
    ------
    OSError
        What the disk said first.
    """
    with FileIO(path, "w+") as file:
        sink = _Sink(file)
        with _stopped_outside(sink), h5py.File(sink, "w") as opened:
            yield opened
        if sink.failure is not None:
            raise sink.failure


@contextmanager
def _stopped_outside(sink: _Sink) -> Iterator[None]:
    """Let no Ctrl-C through while HDF5 waits for a call of the sink: it would lose track and crash the process.

    It is noted as the failure instead, and the next write begins to go to memory. Elsewhere it is raised as ever.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return

    def heed(number: int, frame: FrameType | None) -> None:
        sink.stopped = True  # what is raised in a callback of a weak reference is lost
        if frame is None or frame.f_code.co_filename != __file__:
            signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, heed)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if sink.stopped and sink.failure is None:
            sink.failure = KeyboardInterrupt()
