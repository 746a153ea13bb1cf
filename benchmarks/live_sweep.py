"""Time from Run to the first tile of a sweep, in the kernel and on the screen; one thread.

``python benchmarks/live_sweep.py [out.json]``; needs weights in the box, Chromium, and nothing else running.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

RUNS = 20


def kernel_times() -> list[float]:
    """Seconds from the call to the first tile, without a browser."""
    from contextlib import closing

    import genviz as gv
    from genviz.controllers.sweep import Sweeping, SweepRequest

    names: dict[str, object] = {}
    exec(_rows(), names)
    sweeping = Sweeping(names["model"], names["adata"])  # type: ignore[arg-type]
    gv.settings.progress = False
    found = []
    for seed in range(RUNS + 1):
        start = time.perf_counter()
        under_way = sweeping.begin(
            SweepRequest(genes=("ERBB2",), rows=tuple(sweeping.first_rows()), seed=seed)
        )
        with closing(under_way.steps()) as steps:
            next(steps)
        found.append(time.perf_counter() - start)
    return found[1:]


def screen_times() -> list[float]:
    """Seconds from the click to the first tile on the canvas."""
    from playwright.sync_api import sync_playwright

    from tests.widgets.lab import QUIET, Lab, Notebook, chromium
    from tests.widgets.test_perturbation_sweep_browser import VIEW

    lab, found = Lab(Path(tempfile.mkdtemp())), []
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=list(QUIET))
            book = Notebook(browser.new_page(viewport={"width": 1280, "height": 1100}))
            lab.write("sweep.ipynb", [_rows(), VIEW])
            book.page.goto(f"{lab.url}/lab/tree/sweep.ipynb?reset")
            book.page.wait_for_selector(".jp-NotebookPanel", timeout=60_000)
            book.run_all()
            book.page.wait_for_selector(".gv-run")
            for _ in range(RUNS + 1):
                found.append(book.page.evaluate(_CLICK) / 1000)
                book.page.evaluate("() => document.querySelector('.gv-stop').click()")
                book.page.wait_for_function(
                    "() => document.querySelector('.gv-progress').hidden", timeout=60_000
                )
            browser.close()
    finally:
        lab.close()
    return found[1:]


_CLICK = """() => new Promise((done) => {
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


def _rows() -> str:
    from tests.widgets.test_perturbation_sweep_browser import ROWS

    return ROWS


def main() -> None:
    """Measure, print, and write where asked."""
    told = {"load_before": os.getloadavg()[0]}
    for name, measure in (("kernel", kernel_times), ("screen", screen_times)):
        seconds = measure()
        told[f"first_tile_{name}_median_s"] = round(statistics.median(seconds), 3)
        told[f"first_tile_{name}_worst_s"] = round(max(seconds), 3)
        sys.stdout.write(f"{name}: {told}\n")
        sys.stdout.flush()
    told["load_after"] = os.getloadavg()[0]
    text = json.dumps(told, indent=2)
    sys.stdout.write(text + "\n")
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text + "\n")


if __name__ == "__main__":
    main()
