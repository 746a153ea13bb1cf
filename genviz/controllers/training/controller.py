"""A training beside the notebook: started in a thread of its own, watched, and ended cleanly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genviz._errors import TrainingStopped, UsageError
from genviz.controllers.training.folder import read_run
from genviz.controllers.training.panels import panels, points, stage_help
from genviz.controllers.training.record import Record, seconds_in_words
from genviz.train.observing import observed_by

IDLE, RUNNING, STOPPING, STOPPED, FINISHED, FAILED, READ = (
    "idle", "running", "stopping", "stopped", "finished", "failed", "read"
)  # fmt: skip


class Training:
    """Watches trainings, of a model that it starts or of any within `watching`.

    Parameters
    ----------
    model
        With a method ``train``; or a run folder, whose logs are read; None watches only.
    every
        Pictures every so many epochs.

    Attributes
    ----------
    record
        What is known.
    state, message
        One of the words above, and a sentence about it.
    beside
        Whether it trains in a thread beside the notebook's cells.
    changed
        Called with a word whenever something is new, from the thread that trains.
    """

    def __init__(self, model: Any = None, every: int = 5) -> None:
        self.model, self.state, self.message = model, IDLE, ""
        self.beside = True
        self.changed: Callable[[str], None] = lambda what: None
        if isinstance(model, str | Path):
            self.model, self.state = None, READ
            self.message = f"Read from {Path(model).name}."
            self.record = read_run(Path(model).expanduser(), every)
        elif model is None or callable(getattr(model, "train", None)):
            self.record = Record(every)
        else:
            raise UsageError(
                f"Expected a model with a method train, a run folder, or nothing; got {type(model).__name__}."
            )
        self.record.changed = self._say
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._turning = threading.Lock()

    @property
    def running(self) -> bool:
        """Whether a training goes on."""
        return self.state in (RUNNING, STOPPING)

    def start(self, **arguments: Any) -> None:
        """Train in a thread.

        Parameters
        ----------
        **arguments
            Of the model's ``train``.

        Raises
        ------
        UsageError
            Without a model, or while one trains.
        """
        if self.model is None:
            raise UsageError(
                "Expected a model to train; this monitor has none. Make TrainingMonitor(model) first."
            )
        if self.running:
            raise UsageError("Expected a training that is over; this one still runs. Stop it, or wait().")
        out_dir = arguments.get("out_dir")
        if arguments.get("resume") and out_dir is not None and not self.record.stages:
            self._take_up(Path(out_dir))
        self._error, self.beside = None, True
        self._begin()
        self._thread = threading.Thread(
            target=self._train, args=(arguments,), name="genviz training", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Ask the training to end at its next batch, as by Ctrl-C; without one nothing happens."""
        if self._turn(STOPPING, "Stopping after this batch.", only_from=RUNNING):
            self.record.stop()

    def wait(self, timeout: float | None = None) -> Any:
        """Wait for the end, and give what ``train`` gives; Ctrl-C stops the training.

        Parameters
        ----------
        timeout
            Seconds; None waits as long as it takes.

        Raises
        ------
        UsageError
            When nothing was started, or the time is up.
        TrainingStopped
            When the training was stopped.
        """
        if self._thread is None:
            raise UsageError("Expected a training that was started; call start(...) first.")
        try:
            self._thread.join(timeout)
        except KeyboardInterrupt:
            self.stop()
            self._thread.join()
        if self._thread.is_alive():
            raise UsageError(f"Expected the training to end within {timeout} s; it still runs. Wait longer.")
        if self._error is not None:
            raise self._error
        return self.model

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every training within, in this thread."""
        self.beside = False
        self._begin()
        try:
            with observed_by(self.record):
                yield
        except BaseException as error:
            self._end(error)
            raise
        self._end(None)

    def told(self) -> dict[str, Any]:
        """Everything to be drawn, as plain JSON."""
        stages = []
        for stage in list(self.record.stages):
            at = points(stage)
            left = stage.seconds_left if self.running else None
            stages.append({
                "name": stage.name,
                "help": stage_help(stage.name),
                "n_epochs": stage.n_epochs,
                "epochs": [stage.epochs[i] for i in at],
                "step": stage.step,
                "n_steps": stage.n_steps,
                "left": None if left is None else seconds_in_words(left),
                "pictures": sorted(stage.pictures),
                "panels": [
                    {
                        "title": panel.title,
                        "unit": panel.unit,
                        "help": panel.help,
                        "ordered": panel.ordered,
                        "curves": [[one.label, one.values, one.validation] for one in panel.curves],
                    }
                    for panel in panels(stage)
                ],
            })  # fmt: skip
        return {
            "model": "" if self.model is None else type(self.model).__name__,
            "state": self.state,
            "message": self.message,
            "beside": self.beside,
            "stages": stages,
        }

    def _train(self, arguments: dict[str, Any]) -> None:
        try:
            with observed_by(self.record):
                self.model.train(**arguments)
        except BaseException as error:
            self._error = error
            self._end(error)
        else:
            self._end(None)

    def _take_up(self, folder: Path) -> None:
        """Show what the run has done already, if it can be read."""
        try:
            before = read_run(folder, self.record.every)
        except (UsageError, OSError):
            return
        self.record.stages = before.stages

    def _begin(self) -> None:
        self.record.restart()
        self._turn(RUNNING, "Preparing.")

    def _end(self, error: BaseException | None) -> None:
        if error is None:
            self._turn(FINISHED, "")
        elif isinstance(error, TrainingStopped):
            self._turn(STOPPED, str(error))
        elif isinstance(error, KeyboardInterrupt):
            self._turn(STOPPED, "Stopped.")
        else:
            self._turn(FAILED, str(error) or type(error).__name__)

    def _turn(self, state: str, message: str, *, only_from: str | None = None) -> bool:
        """Go to a state; a training that ends in its thread is not taken back to stopping by a late click."""
        with self._turning:
            if only_from not in (None, self.state):
                return False
            self.state, self.message = state, message
        self._say("state")
        return True

    def _say(self, what: str) -> None:
        if what == "begin" and self.state == RUNNING:
            self.message = ""
        self.changed(what)
