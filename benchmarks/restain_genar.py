"""GenAR on held-out HER2ST sections that were synthetically re-stained.

python benchmarks/restain_genar.py --out benchmarks/results/accuracy/restaining
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import genviz as gv
from genviz.io.files.atomic import atomic_write_json
from genviz.recipes.genar.crossval import Folds
from genviz.recipes.genar.restain import run_restain

SECTIONS = ("C2", "C3", "C4", "C5")


def main() -> None:
    """Write ``restain-<stain>.json``, scores by staining, with and without normalisation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of records")
    parser.add_argument(
        "--slides", type=Path, default=Path("runs/restained"), help="folder of the re-stained slides"
    )
    parser.add_argument("--stains", default="macenko_glass,macenko,none")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    gv.settings.progress = False
    adata = gv.datasets.her2st(SECTIONS)
    folds = Folds(adata, SECTIONS, tuple(gv.datasets.panel("genes_genar200")))
    for stain in args.stains.split(","):
        found = run_restain(folds, args.slides, stain=None if stain == "none" else stain)
        document = {name: gv.metrics.scores_to_json(scores) for name, scores in found.items()}
        atomic_write_json(args.out / f"restain-{stain}.json", document)
        for name, scores in found.items():
            logging.info(
                "%s, %s: PCC-200 %.3f, MSE %.3f", stain, name, scores["pcc_200"].value, scores["mse"].value
            )


if __name__ == "__main__":
    main()
