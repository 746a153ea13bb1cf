"""The base of every live view: state in traits, data by question and answer, long work beside the kernel."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from genviz._errors import GenvizError, UsageError
from genviz.controllers.lanes import Cancelled, Lanes, Task
from genviz.train.device import accelerator_status
from genviz.widgets.messages import Answer, Asked, Handler, Later
from genviz.widgets.scripts import script, style

if TYPE_CHECKING:
    from os import PathLike

    import plotly.graph_objects as go

_log = logging.getLogger("genviz")
_INTERNAL = {"_esm", "_css", "_anywidget_id", "_still"}


class View(anywidget.AnyWidget):
    """A live view in the notebook.

    A subclass names its scripts and answers questions; the same scripts run in a page without a kernel, where the
    answers were written beside them.

    Attributes
    ----------
    scripts, styles
        Names of the files in ``js`` and ``css`` beyond the shared ones, in order of use.
    """

    scripts: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()

    _footer = traitlets.Unicode().tag(sync=True)
    _still = traitlets.CBytes(b"").tag(
        sync=True
    )  # the last picture, for a notebook reopened without a kernel

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "scripts" in cls.__dict__:  # not the class that anywidget derives for each instance
            cls._esm = script(*cls.scripts)
            cls._css = style(*cls.styles)

    def __init__(self, **state: Any) -> None:
        self.lanes = Lanes(type(self).__name__)
        super().__init__(_footer=accelerator_status(), **state)
        self._handlers = self.handlers()
        self.on_msg(self._receive)

    # ---- what a subclass gives

    def handlers(self) -> Mapping[str, Handler]:
        """Questions by name, and who answers them."""
        raise NotImplementedError

    def page_questions(self) -> Iterable[tuple[str, Asked]]:
        """The questions whose answers a page without a kernel carries."""
        raise NotImplementedError

    def to_figure(self) -> go.Figure:
        """The present state as a still figure."""
        raise NotImplementedError

    # ---- what every view can do

    def to_html(self, path: str | PathLike[str], *, title: str | None = None) -> Path:
        """Write a page that works without a kernel and without a network.

        Parameters
        ----------
        path
            File to write, at once or not at all.
        title
            Of the page; default the view's name.

        Returns
        -------
        The file.
        """
        from genviz.widgets.page import write_page

        return write_page(self, path, title or type(self).__name__)

    def ask(self, what: str, asked: Asked | None = None) -> Answer:
        """Answer a question here and now, long work included.

        Parameters
        ----------
        what
            Name of the question.
        asked
            What it is asked with.

        Raises
        ------
        UsageError
            Nobody answers questions of this name.
        """
        answer = self._handler(what)(asked or {})
        if isinstance(answer, Later):
            return answer.work(Task(answer.lane, answer.work, done=_ignore, failed=_ignore))
        return answer

    def tell(self, event: str, answer: Answer | None = None) -> None:
        """Send the front end an event that it did not ask for.

        Parameters
        ----------
        event
            Its name.
        answer
            What comes with it.
        """
        body, buffers = (answer or Answer()).packed()
        self.send({"event": event, **body}, buffers)

    def state(self) -> dict[str, Any]:
        """The traits that the front end sees, without its code."""
        return {name: getattr(self, name) for name in self.trait_names(sync=True) if _public(name)}

    def close(self) -> None:
        """End the view and its thread."""
        if "lanes" in self.__dict__:  # not when making the view failed
            self.lanes.close()
        super().close()

    # ---- messages

    def _handler(self, what: str) -> Handler:
        if what not in self._handlers:
            raise UsageError(f"Expected a question of {', '.join(sorted(self._handlers))}; got {what!r}.")
        return self._handlers[what]

    def _receive(self, _: Any, content: dict[str, Any], buffers: list[Any]) -> None:
        """Answer a message; whatever goes wrong is shown in the view, never lost."""
        number = content.get("id")
        if "cancel" in content:
            for lane in (content["cancel"], _own(content.get("of"), content["cancel"])):
                self.lanes.stop(lane)
            return
        try:
            answer = self._handler(content.get("ask", ""))(content.get("with", {}))
        except Exception as error:
            self._fail(number, error)
            return
        if isinstance(answer, Answer):
            self._reply(number, answer)
            return
        self.send({"id": number, "progress": 0.0, "word": "waiting"})
        self.lanes.submit(
            Task(
                answer.lane if answer.deed else _own(content.get("of"), answer.lane),
                answer.work,
                done=lambda found: self._reply(number, found),
                failed=lambda error: self._fail(number, error),
                progress=lambda share, word: self.send({"id": number, "progress": share, "word": word}),
                partial=answer.partial,
            )
        )

    def _reply(self, number: str | None, answer: Answer) -> None:
        body, buffers = answer.packed()
        self.send({"id": number, **body}, buffers)

    def _fail(self, number: str | None, error: BaseException) -> None:
        if isinstance(error, Cancelled):
            self.send({"id": number, "cancelled": True})
            return
        if not isinstance(error, GenvizError):
            _log.error("A view could not answer.", exc_info=error)
        self.send({"id": number, "error": str(error) or type(error).__name__, "kind": type(error).__name__})


def _public(name: str) -> bool:
    return (
        name not in _INTERNAL
        and not name.startswith(("_model", "_view", "_dom", "_property"))
        and name
        not in {
            "comm",
            "layout",
            "tabbable",
            "tooltip",
        }
    )


def _own(display: str | None, lane: str) -> str:
    """The lane of one display of a view; a widget may be shown twice."""
    return f"{display}/{lane}"


def _ignore(_: Any) -> None:
    """Nobody listens."""
