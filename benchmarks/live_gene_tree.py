"""How quick `GeneTree` is in JupyterLab: from a key to the maps of another gene, and from the button to a what-if.

    python benchmarks/live_gene_tree.py --out benchmarks/results/live/gene_tree.json

Medians of 20, in headless Chromium without a GPU, section C5 of HER2ST (181 spots, 200 genes, the model in the box).
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from shared.live import REPEATS, live_notebook, report

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


def measured(repeats: int) -> dict[str, float]:
    """Medians of both, and the size of the view's state."""
    with live_notebook(CELL, ready=".gv-tree-side h3", timeout_s=300) as book:
        gene = [book.page.evaluate(GENE) for _ in range(repeats)]
        clamp = [book.page.evaluate(CLAMP, 2 + i) for i in range(repeats)]
        state = int(book.kernel("import json; print(len(json.dumps(view.get_state(), default=str)))"))
    return {
        "repeats": repeats,
        "gene_ms": round(statistics.median(gene), 1),
        "what_if_ms": round(statistics.median(clamp), 1),
        "state_bytes": state,
    }


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
