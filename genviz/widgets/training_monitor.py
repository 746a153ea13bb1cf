"""`TrainingMonitor`: watch a training in the notebook, and end it cleanly."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import traitlets

from genviz._errors import UsageError
from genviz._lazy import require
from genviz.controllers.training.controller import Training
from genviz.controllers.training.record import sheet
from genviz.pl.colours import CATEGORIES, EXPRESSION
from genviz.pl.training_figure import training_curves
from genviz.train.observing import Pictures
from genviz.widgets.messages import Answer, Asked, Handler, jpeg
from genviz.widgets.view import View

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_PUSH_EVERY_S = 0.3
_PRESSING = {"begin", "state", "pictures"}
_REAL = {"tile", "nuclei"}  # rows of pictures that are not made by the model


class TrainingMonitor(View):
    """Live curves, use of the codebook and pictures of a training, with a button that ends it cleanly.

    ``monitor.start(...)`` trains in a thread: the notebook stays usable and *Stop* ends the training after the batch
    that runs. Or ``with TrainingMonitor(): model.train(...)``, which keeps the cell busy as always: curves come as they
    do otherwise, and the kernel's interrupt button does what *Stop* does, which a busy kernel would not hear.

    A stopped training is one that was interrupted by Ctrl-C: finished epochs are in its ``out_dir``, ``resume=True``
    goes on to the same result. What is trained does not depend on being watched; but other work with torch in the
    same kernel meanwhile shares its random state with a training in a thread.

    Parameters
    ----------
    model
        A model of `gv.models` that was not loaded; a run folder, whose logs are shown; or nothing, to watch whatever
        is trained in the ``with`` block.
    every
        Pictures (reconstructions, or tiles generated for held-out rows) every so many epochs; 0: none.

    Attributes
    ----------
    stage
        Name of the stage that is shown; "" follows the training.
    log_scale
        Losses on a logarithmic axis.

    Examples
    --------
    >>> monitor = gv.widgets.TrainingMonitor(model)
    >>> monitor.start(out_dir="runs/genevar")
    >>> monitor
    >>> monitor.wait()
    """

    scripts = ("chart", "training_monitor")
    styles = ("chart", "training_monitor")

    every = traitlets.Int(5, min=0).tag(sync=True)
    stage = traitlets.Unicode("").tag(sync=True)
    log_scale = traitlets.Bool(False).tag(sync=True)
    # Traits, not answers: a kernel that trains does not answer, and these are drawn as they arrive.
    _record = traitlets.Dict().tag(sync=True)
    _shown = traitlets.Dict().tag(sync=True)
    _sheet = traitlets.Bytes(b"").tag(sync=True)

    def __init__(self, model: Any = None, *, every: int = 5) -> None:
        if isinstance(every, bool) or not isinstance(every, int) or every < 0:
            raise UsageError(f"Expected every as a number of epochs from 0; got {every!r}.")
        self.training = Training(model, every)
        super().__init__(every=every, _record=self._told())
        self._pushing = threading.Lock()
        self._pushed, self._late = 0.0, False
        self._watching: list[AbstractContextManager[None]] = []
        self.training.changed = self._changed

    # ---- a training

    def start(self, **arguments: Any) -> Self:
        """Train the model in a thread, and return at once.

        Parameters
        ----------
        **arguments
            Of the model's ``train``: give ``out_dir`` to be able to go on after a stop. With ``resume=True`` the
            epochs before are shown too.

        Returns
        -------
        The monitor, to be shown as the cell's value.

        Raises
        ------
        UsageError
            Without a model, or while it trains.
        """
        self.training.start(**arguments)
        return self

    def stop(self) -> None:
        """Ask the training to end after the batch that runs, as by Ctrl-C."""
        self.training.stop()

    def wait(self, timeout: float | None = None) -> Any:
        """Wait for the end of what was started.

        Parameters
        ----------
        timeout
            Seconds; None waits as long as it takes.

        Returns
        -------
        The trained model.

        Raises
        ------
        UsageError
            When nothing was started, or the time is up.
        TrainingStopped
            When the training was stopped, by the button or the kernel's interrupt: what ``train`` raises then.
        Exception
            What ``train`` raised.
        """
        return self.training.wait(timeout)

    @property
    def running(self) -> bool:
        """Whether a training goes on."""
        return self.training.running

    @property
    def table(self) -> pd.DataFrame:
        """All metrics so far: columns ``stage``, ``epoch``, ``metric``, ``value``."""
        return self.training.record.table()

    def __enter__(self) -> Self:
        if self.training.running:
            raise UsageError("Expected a monitor of no training; this one still watches one. Make another.")
        shown_by = require("ipywidgets.widgets.interaction", extra="notebook", purpose="show a monitor")
        shown_by.display(self)  # IPython's, which no notebook is without
        self._watching.append(self.training.watching())
        self._watching[-1].__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watching.pop().__exit__(kind, error, trace)

    # ---- a view

    def handlers(self) -> Mapping[str, Handler]:
        """``stop``; ``samples`` of a stage (its place) and an epoch."""
        return {"stop": self._answer_stop, "samples": self._samples}

    def page_questions(self) -> Iterable[tuple[str, Asked]]:
        """All pictures that were kept."""
        for place, stage in enumerate(self.training.record.stages):
            for epoch in sorted(stage.pictures):
                yield "samples", {"stage": place, "epoch": epoch}

    def to_figure(self) -> go.Figure:
        """All curves as they are now, stage after stage."""
        return training_curves(self.training.told()["stages"])

    def state(self) -> dict[str, Any]:
        """As of every view; pictures are answers there."""
        return {name: value for name, value in super().state().items() if name != "_sheet"}

    def to_html(self, path: Any, *, title: str | None = None) -> Path:
        """Write the curves and pictures as they are now as a page.

        Parameters
        ----------
        path, title
            As of every view.

        Returns
        -------
        The file.
        """
        self._push()
        return super().to_html(path, title=title or "Training")

    # ---- inside

    def _answer_stop(self, _: Asked) -> Answer:
        self.stop()
        return Answer({"state": self.training.state})

    def _samples(self, asked: Asked) -> Answer:
        stages = self.training.record.stages
        place, epoch = asked.get("stage"), asked.get("epoch")
        if not isinstance(place, int) or not 0 <= place < len(stages) or epoch not in stages[place].pictures:
            raise UsageError(f"Expected a stage and an epoch with pictures; got {place!r} and {epoch!r}.")
        pictures = stages[place].pictures[epoch]
        return Answer(_rows(pictures), pictures={"sheet": jpeg(sheet(pictures), 90)})

    @traitlets.observe("every")
    def _every_changed(self, _: Any) -> None:
        self.training.record.every = self.every

    def _told(self) -> dict[str, Any]:
        return self.training.told() | {"scale": list(EXPRESSION), "kinds": list(CATEGORIES[:6])}

    def _changed(self, what: str) -> None:
        """Something is new, said in the thread that trains; several changes a second go to the front end as one."""
        if what == "pictures":
            self._show_newest()
        if what in _PRESSING or time.monotonic() - self._pushed > _PUSH_EVERY_S:
            self._push()
        elif not self._late:
            self._late = True
            timer = threading.Timer(_PUSH_EVERY_S, self._push)
            timer.daemon = True
            timer.start()

    def _push(self) -> None:
        with self._pushing:
            self._late, self._pushed = False, time.monotonic()
            self._record = self._told()

    def _show_newest(self) -> None:
        stages = self.training.record.stages
        place = len(stages) - 1
        epoch = max(stages[place].pictures)
        pictures = stages[place].pictures[epoch]
        with self.hold_sync():
            self._sheet = jpeg(sheet(pictures), 88)
            self._shown = {"stage": place, "epoch": epoch, **_rows(pictures)}


def _rows(pictures: Pictures) -> dict[str, Any]:
    """What the rows of a sheet are."""
    n = max(len(tiles) for tiles in pictures.values())
    return {"rows": [[name, name not in _REAL] for name in pictures], "n": n}
