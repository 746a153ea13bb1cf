"""How quick `GeneTree` is in JupyterLab: from a key to the maps of another gene, and from the button to a what-if.

    python benchmarks/live_gene_tree.py --out benchmarks/results/live_gene_tree.json

Medians of 20, in headless Chromium without a GPU, section C5 of HER2ST (181 spots, 200 genes, the model in the box).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.widgets.lab import QUIET, Lab, Notebook, chromium

CELL = """import warnings; warnings.simplefilter("ignore")
import genviz as gv
gv.settings.progress = False
adata = gv.datasets.her2st(["C5"]); gv.pp.tile(adata); gv.pp.embed(adata)
view = gv.widgets.GeneTree(adata, gv.models.GenAR.load("genar-her2st-mini"), scale=200)
view"""

GENE = """async () => {
  const root = document.querySelector('.gv-view'), tree = document.querySelector('.gv-tree-icicle');
  const before = root.dataset.shown, begun = performance.now();
  tree.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft', bubbles: true}));
  while (root.dataset.shown === before) await new Promise(requestAnimationFrame);
  return performance.now() - begun;
}"""
CLAMP = """async (factor) => {
  const number = document.querySelector('.gv-tree-number'), begun = performance.now();
  number.value = factor;
  document.querySelector('.gv-tree-go').click();
  const wanted = `× ${factor} in`;
  while (!document.querySelector('.gv-tree-side .gv-flag')?.textContent.includes(wanted)) {
    await new Promise(requestAnimationFrame);
  }
  return performance.now() - begun;
}"""


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    out = parser.parse_args().out
    lab = Lab(Path(tempfile.mkdtemp()))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=list(QUIET))
            book = Notebook(browser.new_page(viewport={"width": 1280, "height": 1100}))
            lab.write("b.ipynb", [CELL])
            book.page.goto(f"{lab.url}/lab/tree/b.ipynb?reset")
            book.page.wait_for_selector(".jp-NotebookPanel", timeout=60_000)
            book.run_all(300)
            book.page.wait_for_selector(".gv-tree-side h3", timeout=60_000)
            gene = [book.page.evaluate(GENE) for _ in range(20)]
            clamp = [book.page.evaluate(CLAMP, 2 + i) for i in range(20)]
            state = int(book.kernel("import json; print(len(json.dumps(view.get_state(), default=str)))"))
            browser.close()
    finally:
        lab.close()
    found = {
        "gene_ms": round(statistics.median(gene), 1),
        "what_if_ms": round(statistics.median(clamp), 1),
        "state_bytes": state,
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(found))
    if out is not None:
        out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
