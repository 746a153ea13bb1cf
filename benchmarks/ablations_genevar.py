"""The ablations of GeneVAR with one tokenizer and one condition: tables 5a, 5c, 5f, masked inputs, mask targets.

    python benchmarks/ablations_genevar.py --run runs/genevar-0 --out benchmarks/results/genevar_ablations
    python benchmarks/ablations_genevar.py --out benchmarks/results/genevar_ablations --table docs/results.md

The run folder needs its stages "vae" and "tokenizer" only. Every pair of run and seed is a record; what has one is left
out, and what was stopped goes on where it was, so the same command can be given again. The recipe genevar-ablations
has the rows of the first three tables too, beside the published numbers; the other two, the columns of one scale and
the differences seed by seed are made here alone.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path

import genviz as gv
from genviz.models.genevar.checkpoint import load_fitted
from genviz.models.genevar.training_run import stages_folder
from genviz.recipes.genevar.ablation_tables import write_tables
from genviz.recipes.genevar.ablations import NAMES, run, setting
from genviz.recipes.genevar.jobs import HER2ST_MPP, declare_tiles


def measure(args: argparse.Namespace) -> None:
    """Fill the records that are missing."""
    begun = time.process_time()
    training, test = (gv.datasets.her2st(sections) for sections in (args.sections, [args.test]))
    for rows in (training, test):
        declare_tiles(rows, HER2ST_MPP)
    fitted = load_fitted(stages_folder(args.run))
    fitted.facts.setdefault("mpp", HER2ST_MPP)
    told = setting(fitted, training, test, records=args.out, work=args.work)
    names = [name for name in NAMES if args.only is None or name.removeprefix("abl/") in args.only]
    for seed in args.seeds:
        new = run(told, [seed], names)
        print(
            f"seed {seed}: {len(new)} records, {time.process_time() - begun:.0f} s of processor time so far"
        )


def main() -> None:
    """Measure, or write the tables of what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of records")
    parser.add_argument("--run", type=Path, help="run folder of `genviz train genevar`")
    parser.add_argument("--work", type=Path, default=Path("runs/ablations"), help="folder of the trainings")
    parser.add_argument("--sections", type=lambda text: text.split(","), default=["C2", "C3", "C4"])
    parser.add_argument("--test", default="C5")
    parser.add_argument("--seeds", type=lambda text: [int(s) for s in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--only", type=lambda text: text.split(","), help="names without abl/")
    parser.add_argument("--table", type=Path, help="write the tables of the records into this page and stop")
    args = parser.parse_args()
    gv.settings.progress = False
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if args.table:
        write_tables(args.out, args.table)
    elif args.run is None:
        parser.error("--run or --table is needed")
    else:
        measure(args)


if __name__ == "__main__":
    main()
