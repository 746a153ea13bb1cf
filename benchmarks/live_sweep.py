"""How quick `PerturbationSweep` is: from Run to the first tile, in the kernel and on the screen.

    python benchmarks/live_sweep.py --out benchmarks/results/live/sweep.json

Medians of 20, one thread, headless Chromium without a GPU, the model in the box.
"""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from shared.live import REPEATS, live_notebook, report

import genviz as gv
from genviz.controllers.sweep.controller import Sweeping, SweepRequest
from tests.widgets.test_perturbation_sweep_browser import ROWS, VIEW

CLICK = """() => new Promise((done) => {
  const began = performance.now();
  const large = () => document.querySelector(".gv-large");
  document.querySelector(".gv-run").click();
  let cleared = false;
  const look = () => {
    const empty = !large() || large().classList.contains("gv-missing");
    cleared = cleared || empty;
    if (cleared && !empty) return done(performance.now() - began);
    requestAnimationFrame(look);
  };
  look();
})"""


def kernel_times(repeats: int) -> list[float]:
    """Seconds from the call to the first tile, without a browser."""
    names: dict[str, Any] = {}
    exec(ROWS, names)
    sweeping = Sweeping(names["model"], names["adata"])
    gv.settings.progress = False
    found = []
    for seed in range(repeats + 1):
        start = time.perf_counter()
        under_way = sweeping.begin(
            SweepRequest(genes=("ERBB2",), rows=tuple(sweeping.first_rows()), seed=seed)
        )
        with closing(under_way.steps()) as steps:
            next(steps)
        found.append(time.perf_counter() - start)
    return found[1:]


def screen_times(repeats: int) -> list[float]:
    """Seconds from the click to the first tile on the canvas."""
    found = []
    with live_notebook(ROWS, VIEW, ready=".gv-run") as book:
        for _ in range(repeats + 1):
            found.append(book.page.evaluate(CLICK) / 1000)
            book.page.evaluate("() => document.querySelector('.gv-stop').click()")
            book.page.wait_for_function("() => document.querySelector('.gv-progress').hidden", timeout=60_000)
    return found[1:]


def measured(repeats: int) -> dict[str, float]:
    """Median and worst of both."""
    found: dict[str, float] = {"repeats": repeats}
    for name, measure in (("kernel", kernel_times), ("screen", screen_times)):
        seconds = measure(repeats)
        found[f"first_tile_{name}_median_s"] = round(statistics.median(seconds), 3)
        found[f"first_tile_{name}_worst_s"] = round(max(seconds), 3)
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    args = parser.parse_args()
    report(lambda: measured(args.repeats), args.out)


if __name__ == "__main__":
    main()
