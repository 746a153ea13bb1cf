"""Undo, redo, and branches that stay."""

from __future__ import annotations

import pytest

from genviz._errors import UsageError
from genviz.controllers.history import History


def test_undo_and_redo():
    history = History("a")
    assert not history.undo() and not history.redo()
    history.push("b", "to b")
    history.push("c", "to c")
    assert history.undo() and history.state == "b"
    assert history.undo() and history.state == "a"
    assert history.redo() and history.redo() and history.state == "c"
    assert not history.redo()


def test_a_step_after_an_undo_opens_a_branch():
    history = History("a")
    history.push("b", "to b")
    history.undo()
    history.push("c", "to c")
    assert [(step.number, step.parent, step.state) for step in history.steps] == [
        (0, None, "a"),
        (1, 0, "b"),
        (2, 0, "c"),
    ]
    history.go(1)
    history.undo()
    assert history.redo() and history.state == "b"  # back along the branch that was left last


@pytest.mark.parametrize("number", [-1, 1, 99])
def test_a_step_that_is_not_there(number):
    with pytest.raises(UsageError, match="a step from 0 to 0"):
        History("a").go(number)
