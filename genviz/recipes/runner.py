"""Run a recipe: shared parts, then every variant with every seed, each a record; then the table and the figure.

A job that has its record is not run again, so a run that was stopped goes on with the same command. With a Dask client
the jobs of a round run on its workers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from genviz._errors import DataError, UsageError
from genviz.core.counts import first_names
from genviz.io.cluster import active_client, in_order
from genviz.io.files.output import check_writable
from genviz.io.machine import machine
from genviz.recipes.checks import check_data, options_read
from genviz.recipes.data_files import check_unchanged, data_files, hold_to_data
from genviz.recipes.diff import read_results
from genviz.recipes.experiment import Setting, experiment
from genviz.recipes.leakage import joined_reports, reports_heard
from genviz.recipes.recipe import Recipe, Row
from genviz.recipes.records import Record, is_done, write_record
from genviz.recipes.results import RESULTS, has_records, write_results
from genviz.recipes.workers import end_workers

log = logging.getLogger("genviz")

RECORDS = "records"
MODELS = "models"


def run_recipe(
    recipe: Recipe,
    size: str,
    out: Path,
    *,
    rows: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    models: Path | None = None,
    device: str = "auto",
) -> Path:
    """Run what has no record yet, and write results, table and figure of all that has.

    Parameters
    ----------
    recipe
        From `genviz.recipes.catalogue.recipe`.
    size
        ``nano``, ``mini`` or ``paper``.
    out
        Folder of the run: ``records/``, ``results.json``, ``table.md``, ``figure.html``.
    rows, seeds
        Only these of the size's; the table shows everything that has a record.
    models
        Folder of trained models; several recipes may share one. Default ``models`` in `out`.
    device
        Where to compute.

    Returns
    -------
    Path of ``results.json``.

    Raises
    ------
    UsageError
        For an unknown size or row, options or data that cannot be, or an `out` that is no folder.
    DataError
        When `out` holds records of another recipe, size or version of its options, or files of the data have other
        bytes than those that records or models were made from.
    """
    told = recipe.size(size)
    chosen = recipe.measured(told, rows)
    wanted = told.seeds if seeds is None else tuple(dict.fromkeys(seeds))
    check_data(told)
    if out.exists() and not out.is_dir():
        raise UsageError(f"Expected a folder for the run; {out} is a file. Choose another --out.")
    check_writable(out)
    _check_own(recipe, size, out)
    setting = Setting(recipe, told, models or out / MODELS, device)
    todo = [
        (row, seed)
        for seed in wanted
        for row in chosen
        if not is_done(out / RECORDS, row.name, seed, setting.digest(row, seed))
    ]
    for row in {row.name: row for row, _ in todo}.values():
        with options_read(
            told, row
        ):  # none that is wrong is left for the time when others have run for hours
            experiment(recipe.kind).check(setting, row)
    files = _hold_to_data(setting, out)
    log.info("%s at %s: %d of %d jobs to run.", recipe.name, size, len(todo), len(chosen) * len(wanted))
    try:
        _round(_make_shared, setting, out, _shared_jobs(setting, todo))
        _round(_measure, setting, out, todo)
    except BaseException as err:
        if isinstance(err, KeyboardInterrupt):
            end_workers()  # before records are counted: until then one more may be written
        kept = has_records(setting, out / RECORDS)
        if kept:  # what is done can be read
            write_results(setting, out, out / RECORDS, files)
        if isinstance(err, KeyboardInterrupt):
            raise KeyboardInterrupt(
                f"Stopped. {kept} {'record is' if kept == 1 else 'records are'} in {out}; the same command goes on "
                "from there."
            ) from err
        raise
    # Once more: jobs may have downloaded files, and somebody may have changed them in between.
    last = _hold_to_data(setting, out)
    check_unchanged(out, files, last)
    return write_results(setting, out, out / RECORDS, last)


def _hold_to_data(setting: Setting, out: Path) -> dict[str, str]:
    """Refuse records and models of other bytes than the data have; file → fingerprint of those of the run."""
    files = data_files(setting.data)
    hold_to_data(setting.models, files)
    return hold_to_data(out, files)


def _check_own(recipe: Recipe, size: str, out: Path) -> None:
    """Refuse a folder with another recipe's run: its results would be written over."""
    rows = {row.name for row in recipe.rows}
    strangers = [
        path.name for path in (out / RECORDS).glob("*.json") if path.stem.rpartition("-")[0] not in rows
    ]
    if (out / RESULTS).is_file():
        there = read_results(out)
        if (there["recipe"], there["size"]) != (recipe.name, size):
            strangers.append(f"{RESULTS} of {there['recipe']} at {there['size']}")
    if strangers:
        raise DataError(
            f"Expected a new folder, or a run of {recipe.name} at {size}; {out} holds {first_names(strangers)}. Choose "
            "another --out."
        )


def _shared_jobs(setting: Setting, todo: Sequence[tuple[Row, int]]) -> list[tuple[str, int]]:
    """Parts that the jobs to run stand on, each once."""
    asked = experiment(setting.recipe.kind)
    seeds = dict.fromkeys(seed for _, seed in todo)
    return [
        (part, seed)
        for seed in seeds
        for part in asked.shared(setting, [row for row, own in todo if own == seed])
    ]


def _round(work: Callable[..., str], setting: Setting, out: Path, jobs: Sequence[tuple[Any, int]]) -> None:
    """All jobs of one round, in order; the next round begins when all are done."""
    placed = [(out.absolute(), *job) for job in jobs]
    done = in_order(work, setting, placed, client=active_client())
    for n, said in enumerate(done, start=1):
        log.info("%d of %d: %s", n, len(placed), said)


def _make_shared(setting: Setting, out: Path, part: str, seed: int) -> str:
    """Job of the first round."""
    begun = time.perf_counter()
    experiment(setting.recipe.kind).make_shared(setting, part, seed)
    return f"{part}, seed {seed}: {time.perf_counter() - begun:.0f} s"


def _measure(setting: Setting, out: Path, row: Row, seed: int) -> str:
    """Job of the second round; its record is written where it ran, so nothing is lost on the way."""
    begun = time.perf_counter()
    with reports_heard() as reports:
        found = experiment(setting.recipe.kind).measure(setting, row, seed)
    seconds = time.perf_counter() - begun
    digest = setting.digest(row, seed)
    leakage = joined_reports(reports).stamp() if reports else {}
    write_record(out / RECORDS, Record(row.name, seed, digest, found, seconds, machine(), leakage))
    return f"{row.name}, seed {seed}: {seconds:.0f} s"
