"""Leave one HER2ST section out: GenAR in every configuration beside every baseline.

    python benchmarks/accuracy_genar.py --out benchmarks/results/accuracy     # what is missing (hours)
    python benchmarks/accuracy_genar.py --out benchmarks/results/accuracy --table docs/results.md

Several processes may fill one folder: give each its own --names.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import genviz as gv
from genviz.recipes.genar.crossval import Folds, run_crossval

SECTIONS = ("C2", "C3", "C4", "C5")


def folds(panel: str) -> Folds:
    """Patient C's four sections with features; nothing else about them is shared between folds."""
    adata = gv.datasets.her2st(SECTIONS)
    gv.pp.tile(adata)
    gv.pp.embed(adata)
    return Folds(adata, SECTIONS, tuple(gv.datasets.panel(panel)))


def main() -> None:
    """Fill the folder of records, or write the tables of what is there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of records, one JSON a model and seed"
    )
    parser.add_argument(
        "--names", help="variants (see genviz/recipes/genar/variants.py) or baselines, comma-separated"
    )
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--panel", default="genes_genar200")
    parser.add_argument("--table", type=Path, help="write the tables of the records into this page and stop")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    gv.settings.progress = False
    if args.table:
        from genviz.recipes.genar.accuracy_page import write_page

        write_page(args.out, args.table)
        return
    names = args.names.split(",") if args.names else None
    run_crossval(
        folds(args.panel), args.out, names=names, seeds=[int(seed) for seed in args.seeds.split(",")]
    )


if __name__ == "__main__":
    main()
