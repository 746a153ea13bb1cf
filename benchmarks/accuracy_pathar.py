"""PathAR on held-out nuclei: tokenizer, prior, generated pairs, and nets trained on them.

    python benchmarks/accuracy_pathar.py --model runs/pathar-0 --seed 0 --out benchmarks/results/pathar
    python benchmarks/accuracy_pathar.py --out benchmarks/results/pathar --table docs/results.md

One record a model, seed and part. Several processes may fill one folder.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import genviz as gv
from genviz.metrics import scores_from_json
from genviz.models import PathAR
from genviz.recipes.pathar_evaluation import evaluate_pathar
from genviz.recipes.pathar_pairs import Judges, score_pairs, score_use
from genviz.recipes.pathar_records import PARTS, write_record, write_tables

GATED = ("fluorescence", "histology")
LABELS = (*GATED, "brightfield_cytology")


def measure(args: argparse.Namespace) -> None:
    """Fill the records that were asked for."""
    parts = args.part.split(",")
    if "tokenizer" in parts:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "scores.json"
            evaluate_pathar(args.model, "dsb2018", file, split="val", seed=args.seed)
            write_record(
                args.out, args.name, args.seed, "tokenizer", scores_from_json(json.loads(file.read_text()))
            )
    if not {"pairs", "use"} & set(parts):
        return
    model = PathAR.load(args.model)
    size = model.config.tokenizer.size_px
    train, val = (gv.pp.crops(gv.datasets.dsb2018(split), size) for split in ("train", "val"))
    judges = Judges.trained(train, val)
    if "pairs" in parts:
        scores = score_pairs(model, judges, n=args.n, seed=args.seed, rule=args.rule)
        write_record(args.out, args.name, args.seed, "pairs", scores)
    if "use" in parts:
        found = {
            label: score_use(model, judges, label, n=args.n // 2, seed=args.seed, rule=args.rule)
            for label in GATED
        }
        scores = {
            f"{label}|{name}": one["dice"] for label, sets in found.items() for name, one in sets.items()
        }
        write_record(args.out, args.name, args.seed, "use", scores)


def main() -> None:
    """Measure one model, or write the tables of what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of records")
    parser.add_argument("--model", help="model folder or name")
    parser.add_argument("--name", default="mini", help="name of the model in the tables")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", default=",".join(PARTS), help="parts, comma-separated")
    parser.add_argument("--rule", help="how to sample; default the model's own rule")
    parser.add_argument(
        "--n", type=int, default=200, help="generated pairs a label (half of them train nets)"
    )
    parser.add_argument("--table", type=Path, help="write the tables of the records into this page and stop")
    args = parser.parse_args()
    gv.settings.progress = False
    if args.table:
        write_tables(args.out, args.table, LABELS)
    else:
        measure(args)


if __name__ == "__main__":
    main()
