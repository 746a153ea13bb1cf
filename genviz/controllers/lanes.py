"""Long work beside the front end: one thread, and in each lane only the newest task counts."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

_log = logging.getLogger("genviz")


T = TypeVar("T")


class Cancelled(Exception):
    """Raised inside work that nobody waits for any more."""


@dataclass(eq=False)
class Task:
    """One piece of work, as the work itself sees it.

    Attributes
    ----------
    lane
        What it is about; a newer task of the same lane replaces it.
    work
        Called with the task; its return value goes to `done`.
    done, failed, progress
        Called from the working thread. `failed` gets the error, a `Cancelled` included; `progress` a share in 0 to 1
        and a word. Exactly one of `done` and `failed` is called.
    partial
        When somebody stops it, what it has by then is its answer: the work looks at `stopped`. Otherwise a stop is a
        cancel.
    """

    lane: str
    work: Callable[[Task], Any]
    done: Callable[[Any], None]
    failed: Callable[[BaseException], None]
    progress: Callable[[float, str], None] = lambda share, word: None
    partial: bool = False
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _woken: threading.Event = field(default_factory=threading.Event)

    def report(self, share: float, word: str = "") -> None:
        """Tell how far the work is, and stop it here if it was cancelled.

        Raises
        ------
        Cancelled
            Nobody waits for it any more.
        """
        self.check()
        self.progress(share, word)

    def check(self) -> None:
        """Stop here if the work was cancelled.

        Raises
        ------
        Cancelled
            Nobody waits for it any more.
        """
        if self._cancelled.is_set():
            raise Cancelled(self.lane)

    def cancel(self) -> None:
        """Ask the work to stop at its next `report` or `check`; its result is dropped in any case."""
        self._cancelled.set()
        self._woken.set()

    @property
    def stopped(self) -> bool:
        """Whether to end now with what there is."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Ask the work to end early: with what it has, or with nothing where it cannot answer in part."""
        if not self.partial:
            self.cancel()
        self._stopped.set()
        self._woken.set()

    def aside(self, work: Callable[[], T]) -> T | None:
        """Do what cannot be interrupted in a thread of its own, and leave it there when told to stop.

        Parameters
        ----------
        work
            Reads something; goes on to its end unheard when it is left.

        Returns
        -------
        What it found; None when told to stop before.

        Raises
        ------
        Cancelled
            Nobody waits for it any more.
        """
        found: Future[T] = Future()

        def run() -> None:
            try:
                found.set_result(work())
            except BaseException as error:
                found.set_exception(error)
            self._woken.set()

        self._woken.clear()
        if not (self.stopped or self._cancelled.is_set()):
            threading.Thread(target=run, name=f"genviz {self.lane}", daemon=True).start()
            self._woken.wait()
        self.check()
        return found.result() if found.done() else None


class Lanes:
    """Runs tasks one after the other in a thread of its own; models are not shared between threads.

    Fifty moves of a slider submit fifty tasks of one lane: the one that runs is told to stop, those that wait are
    dropped, the last one is done.
    """

    def __init__(self, name: str = "genviz") -> None:
        self._name = name
        self._queue: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._newest: dict[str, Task] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, task: Task) -> Task:
        """Queue a task; others of its lane are cancelled. After `close` it is cancelled itself."""
        with self._lock:
            if not self._closed:
                if older := self._newest.get(task.lane):
                    older.cancel()
                self._newest[task.lane] = task
                self._queue.put(task)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                    self._thread.start()
                return task
        task.cancel()
        self._tell(task.failed, Cancelled(task.lane))
        return task

    def cancel(self, lane: str | None = None) -> None:
        """Cancel what runs or waits in a lane; in all lanes by default."""
        for task in self._tasks(lane):
            task.cancel()

    def stop(self, lane: str) -> None:
        """Stop what runs or waits in a lane, see `Task.stop`."""
        for task in self._tasks(lane):
            task.stop()

    def _tasks(self, lane: str | None) -> list[Task]:
        with self._lock:
            return [task for name, task in self._newest.items() if lane in (None, name)]

    def close(self) -> None:
        """Cancel everything, for good; the thread ends when the task that runs has heard of it."""
        with self._lock:
            self._closed = True
            self._queue.put(None)
        self.cancel()

    def _run(self) -> None:
        while (task := self._queue.get()) is not None:
            try:
                task.check()
                value = task.work(task)
                task.check()
            except BaseException as error:
                self._tell(task.failed, error)
            else:
                self._tell(task.done, value)
            with self._lock:
                if self._newest.get(task.lane) is task:
                    del self._newest[task.lane]

    @staticmethod
    def _tell(listener: Callable[[Any], None], what: Any) -> None:
        """A listener that fails must not end the thread that others wait for."""
        try:
            listener(what)
        except Exception:
            _log.exception("A view could not be told of a result.")
