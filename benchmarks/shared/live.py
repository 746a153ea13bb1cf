"""What the scripts share that time live views: a notebook in JupyterLab and headless Chromium, and the record."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # kernels inherit it; torch reads it when it is first imported
sys.path.insert(0, str(Path(__file__).parents[2]))  # before packages that bring a "tests" of their own

from genviz.io.files.atomic import atomic_write_json
from tests.widgets.lab import QUIET, Lab, Notebook, chromium

REPEATS = 20


@contextmanager
def live_notebook(*cells: str, ready: str, timeout_s: float = 120) -> Iterator[Notebook]:
    """A notebook on a server of its own, its cells run, as soon as `ready` (a CSS selector) is on the page."""
    from playwright.sync_api import sync_playwright  # figures of the kernel alone do without

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(QUIET))
        lab = Lab(Path(folder))
        try:
            book = Notebook(browser.new_page(viewport={"width": 1280, "height": 1100}))
            lab.write("live.ipynb", list(cells))
            book.page.goto(f"{lab.url}/lab/tree/live.ipynb?reset")
            book.page.wait_for_selector(".jp-NotebookPanel", timeout=60_000)
            book.run_all(timeout_s)
            book.page.wait_for_selector(ready, timeout=60_000)
            yield book
        finally:
            browser.close()
            lab.close()


def report(measure: Callable[[], dict[str, Any]], out: Path | None) -> None:
    """Print the figures and write them where asked, with the load of the machine before and after."""
    load = [os.getloadavg()[0]]
    found = measure()
    load.append(os.getloadavg()[0])
    record = {"load": [round(one, 1) for one in load], "cores": os.cpu_count()} | found
    print(json.dumps(record, indent=2))
    if out is not None:
        atomic_write_json(out, record)
