"""Long work beside the front end: one thread, and in each lane only the newest task counts."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_log = logging.getLogger("genviz")


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
    """

    lane: str
    work: Callable[[Task], Any]
    done: Callable[[Any], None]
    failed: Callable[[BaseException], None]
    progress: Callable[[float, str], None] = lambda share, word: None
    _cancelled: threading.Event = field(default_factory=threading.Event)

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

    def submit(self, task: Task) -> Task:
        """Queue a task; others of its lane are cancelled."""
        with self._lock:
            if older := self._newest.get(task.lane):
                older.cancel()
            self._newest[task.lane] = task
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
        self._queue.put(task)
        return task

    def cancel(self, lane: str | None = None) -> None:
        """Cancel what runs or waits in a lane; in all lanes by default."""
        with self._lock:
            for name, task in self._newest.items():
                if lane in (None, name):
                    task.cancel()

    def close(self) -> None:
        """Cancel everything and end the thread after the task that runs."""
        self.cancel()
        with self._lock:
            if self._thread is not None:
                self._queue.put(None)
                self._thread = None

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
