"""What a run would do and cost, without data and without starting it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from genviz._errors import UsageError
from genviz.recipes.checks import check_data, options_read
from genviz.recipes.cost import Cost
from genviz.recipes.devices import DEVICES
from genviz.recipes.experiment import Setting, experiment
from genviz.recipes.recipe import Recipe


def dry_run(
    recipe: Recipe,
    size: str,
    *,
    rows: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    on: str | None = None,
) -> dict[str, Any]:
    """Count steps, operations, hours and disk of a run.

    Parameters
    ----------
    recipe, size, rows, seeds
        As in `run_recipe`.
    on
        Device of `genviz.recipes.devices.DEVICES`; default the size's own.

    Returns
    -------
    ``{recipe, size, device, seeds, data, rows: [{row, title, steps, flops, hours, parameters, disk}], total}``; hours
    of one device, all seeds together.

    Raises
    ------
    UsageError
        For an unknown size, row or device, and for options or data that a run would refuse, as far as that is known
        without data, packages and weights.
    """
    told = recipe.size(size)
    device = on or told.device
    if device not in DEVICES:
        raise UsageError(f"Expected a device out of {', '.join(DEVICES)}; got {device!r}.")
    n_seeds = len(told.seeds if seeds is None else seeds)
    chosen = recipe.measured(told, rows)
    check_data(told)
    # Shared parts are borne by the rows that are run, whichever the size has.
    setting = Setting(recipe, replace(told, rows=tuple(row.name for row in chosen)), Path())
    asked = experiment(recipe.kind)
    costs = []
    for row in chosen:
        with options_read(told, row):
            costs.append((row, asked.cost(setting, row).times(n_seeds)))
    total = sum((cost for _, cost in costs), Cost())
    return {
        "recipe": recipe.name,
        "size": size,
        "device": device,
        "seeds": n_seeds,
        "data": dict(told.data),
        "rows": [{"row": row.name, "title": row.title} | _told(cost, device) for row, cost in costs],
        "total": _told(total, device),
    }


def _told(cost: Cost, device: str) -> dict[str, Any]:
    return vars(cost) | {"hours": cost.hours(device)}


def dry_run_text(found: dict[str, Any]) -> str:
    """The same as a table for people."""
    data = found["data"]
    lines = [
        f"{found['recipe']} at {found['size']}: {len(found['rows'])} rows, {found['seeds']} seeds, data {data['name']}"
        + (f" ({', '.join(data['sections'])})" if data.get("sections") else ""),
        f"{'row':<34} {'parameters':>10} {'steps':>9} {'FLOP':>8} {'hours':>8} {'disk':>8}",
    ]
    total = {"title": "together"} | found["total"]
    lines += [_line(row) for row in (*found["rows"], total)]
    lines.append(
        f"Hours are of one {found['device']} at {DEVICES[found['device']] / 1e12:g} TFLOP/s in use, one after another; "
        "with a Dask client, rows run side by side. Reading data and features is not counted. Nothing was started."
    )
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['title'][:34]:<34} {_short(row['parameters']):>10} {_short(row['steps']):>9} {row['flops']:>8.1e} "
        f"{row['hours']:>8.2f} {_short(row['disk'], 'B'):>8}"
    )


def _short(number: float, unit: str = "") -> str:
    """A number as people say it: 27.3 M."""
    for letter, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.1f} {letter}{unit}"
    return f"{number:.0f} {unit}".strip()
