"""In which order rows go through the prior, and where their keys and values are kept.

Structure never depends on appearance, so any order in which a row comes after the rows that it sees draws from the
same law: cell by cell, all structure first, or both at once, S_i together with A_{i-1}, which halves the steps.

Cache of the delayed layout: row S_j is kept in slot N - j and row A_j in slot N + 1 + j, back to back. Then S_i sees
slots N - i to N, and A_{i-1} slots N - i to N + i: one run each, so nothing is masked out or copied, and the run of
A_{i-1} holds that of S_i. Shape legend: M rows of a step, W slots of its window.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from genviz._errors import UsageError
from genviz.nn.masked_attention import mask_bias
from genviz.nn.visibility import RowLayout

SAMPLERS = ("paired", "interleaved", "two_phase", "naive")


@dataclass(frozen=True)
class Step:
    """Rows that go through the prior together.

    Attributes
    ----------
    rows
        Numbers of the rows in the layout.
    slots
        Where their keys and values are written, in the same order.
    window
        Slots that they see.
    bias_MW
        Minus infinity for slots of the window that a row must not see; None: all see all.
    """

    rows: tuple[int, ...]
    slots: slice
    window: slice
    bias_MW: Tensor | None = None


@dataclass(frozen=True)
class Schedule:
    """Steps over the rows of one layout.

    Attributes
    ----------
    layout
        The rows' meaning.
    n_slots
        Size of the cache.
    steps
        In order.
    """

    layout: RowLayout
    n_slots: int
    steps: tuple[Step, ...]

    def targets(self, step: Step) -> list[tuple[int, int, int]]:
        """Tokens that a step predicts: (place of the row in the step, stream, cell).

        Parameters
        ----------
        step
            One of `steps`.
        """
        predicts = [int(self.layout.predicts_L[row]) for row in step.rows]
        return [(m, *divmod(p, self.layout.n_cells)) for m, p in enumerate(predicts) if p >= 0]


def make_schedule(
    layout: RowLayout, sampler: str, *, structure_only: bool = False, structure_given: bool = False
) -> Schedule:
    """Choose the steps that draw all tokens of a layout.

    Parameters
    ----------
    layout
        The delayed layout, concatenated, or a plain one.
    sampler
        Out of `SAMPLERS`; "naive" has no cache, its order is "interleaved". Where a name does not fit, the order that
        does is taken: plain layouts have one, their own; when structure is given, or appearance sees all of it, that
        is "two_phase".
    structure_only
        Draw no appearance.
    structure_given
        Structure is known before.

    Raises
    ------
    UsageError
        For an unknown sampler, or structure alone where it depends on appearance or is not modelled.
    """
    if sampler not in SAMPLERS:
        raise UsageError(f"Expected a sampler out of {', '.join(SAMPLERS)}; got {sampler!r}.")
    steps = _delayed(layout, sampler, structure_given) if layout.delayed else _plain(layout)
    schedule = Schedule(layout, len(layout.holds_L), steps)
    if not structure_only:
        return schedule
    return Schedule(layout, layout.n_cells + 1, _structure_steps(schedule))


def _structure_steps(schedule: Schedule) -> tuple[Step, ...]:
    layout = schedule.layout
    if layout.delayed:
        return tuple(_structure_step(layout.n_cells, j) for j in range(layout.n_cells))
    if layout.rows_predicting(0).tolist() != list(range(layout.n_cells)):
        raise UsageError("Expected a prior whose structure does not depend on appearance, to draw it alone.")
    return schedule.steps[: layout.n_cells]


def _structure_step(n: int, j: int) -> Step:
    return Step((j,), slice(n - j, n - j + 1), slice(n - j, n + 1))


def _delayed(layout: RowLayout, sampler: str, structure_given: bool) -> tuple[Step, ...]:
    n = layout.n_cells
    sees_all = bool(layout.visible_LL[n + 1, n])  # A_0 sees S_N
    structure = [_structure_step(n, j) for j in range(n + 1)]
    appearance = [
        Step((n + 1 + j,), slice(n + 1 + j, n + 2 + j), slice(0 if sees_all else n - j - 1, n + 2 + j))
        for j in range(n)
    ]
    if structure_given or sampler == "two_phase" or (sees_all and n > 1):
        return (*structure, *appearance)
    if sampler in ("interleaved", "naive"):
        pairs = zip(structure[1:], appearance, strict=True)
        return (structure[0], *(step for pair in pairs for step in pair))
    visible_2W = torch.ones(2, 2 * n + 1, dtype=torch.bool)
    visible_2W[0, n + 1 :] = False
    bias_2W = mask_bias(visible_2W, torch.float32)
    both = [
        Step((i, n + i), slice(n - i, n + i + 1, 2 * i), window, bias_2W[:, window])
        for i, window in ((i, slice(n - i, n + i + 1)) for i in range(1, n + 1))
    ]
    return (structure[0], *both)


def _plain(layout: RowLayout) -> tuple[Step, ...]:
    """Row t in slot t."""
    bias_LL = mask_bias(layout.visible_LL, torch.float32)
    return tuple(
        Step(
            (t,),
            slice(t, t + 1),
            slice(0, t + 1),
            None if layout.visible_LL[t, : t + 1].all() else bias_LL[t : t + 1, : t + 1],
        )
        for t in range(len(layout.holds_L))
    )


def trim(schedule: Schedule, known_2N: Tensor, *, to_end: bool) -> tuple[tuple[Step, ...], Schedule]:
    """Take off steps that draw nothing: those before the first unknown token, and those after the last one.

    Parameters
    ----------
    schedule
        Steps.
    known_2N
        bool: tokens of structure and appearance that are known for all sequences.
    to_end
        Keep the steps after the last unknown token, for their tokens' log-probabilities.

    Returns
    -------
    before
        Steps whose rows can go through the prior all at once.
    rest
        Steps to go through one by one.
    """
    draws = [
        any(not known_2N[stream, cell] for _, stream, cell in schedule.targets(step))
        for step in schedule.steps
    ]
    first = draws.index(True) if any(draws) else len(draws)
    last = len(draws) if to_end or not any(draws) else len(draws) - draws[::-1].index(True)
    return schedule.steps[:first], Schedule(schedule.layout, schedule.n_slots, schedule.steps[first:last])
