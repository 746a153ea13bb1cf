"""Undo that forgets nothing: a step after an undo opens a branch beside the steps that were undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from genviz._errors import UsageError

State = TypeVar("State")


@dataclass(frozen=True)
class Step(Generic[State]):
    """One remembered state.

    Attributes
    ----------
    number
        Its number, in order of making; the start is 0.
    parent
        Number of the step it was made from; None for the start.
    name
        What was done, for people.
    state
        The state after it; treated as immutable.
    """

    number: int
    parent: int | None
    name: str
    state: State


class History(Generic[State]):
    """A tree of states with a place in it.

    Parameters
    ----------
    state
        The start.
    name
        Its name.
    """

    def __init__(self, state: State, name: str = "start") -> None:
        self.steps: list[Step[State]] = [Step(0, None, name, state)]
        self.at = 0
        self._newest_child: dict[int, int] = {}

    @property
    def state(self) -> State:
        """The present state."""
        return self.steps[self.at].state

    @property
    def can_redo(self) -> bool:
        """Whether `redo` leads anywhere."""
        return self.at in self._newest_child

    def push(self, state: State, name: str) -> Step[State]:
        """Make a step from here and go to it; what was undone stays as another branch."""
        step = Step(len(self.steps), self.at, name, state)
        self.steps.append(step)
        self._newest_child[self.at] = step.number
        self.at = step.number
        return step

    def undo(self) -> bool:
        """Go back one step; False at the start."""
        parent = self.steps[self.at].parent
        if parent is None:
            return False
        self._newest_child[parent] = self.at  # redo leads back here
        self.at = parent
        return True

    def redo(self) -> bool:
        """Go forward along the branch that was left last; False at its end."""
        if self.at not in self._newest_child:
            return False
        self.at = self._newest_child[self.at]
        return True

    def go(self, number: int) -> None:
        """Go to any step.

        Raises
        ------
        UsageError
            There is no such step.
        """
        if not 0 <= number < len(self.steps):
            raise UsageError(f"Expected a step from 0 to {len(self.steps) - 1}; got {number}.")
        self.at = number
