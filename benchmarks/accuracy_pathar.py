"""PathAR on held-out nuclei: tokenizer, prior, generated pairs, and nets trained on them.

    python benchmarks/accuracy_pathar.py --model runs/pathar-0 --seed 0 --out benchmarks/results/pathar
    python benchmarks/accuracy_pathar.py --out benchmarks/results/pathar --table docs/results.md

One record a model, seed and part. Several processes may fill one folder. One more part is only made when asked for,
because it trains a generator a label from five real images (a third of the steps of a full training); it needs no
--model, and goes on where it was stopped:

    python benchmarks/accuracy_pathar.py --part few --seed 0 --runs runs/pathar-few --out benchmarks/results/pathar
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import genviz as gv
from genviz.metrics import Score, scores_from_json
from genviz.models import PathAR
from genviz.recipes.pathar.evaluation import evaluate_pathar
from genviz.recipes.pathar.few_shot import few_shot
from genviz.recipes.pathar.pairs import Judges, score_pairs, score_use
from genviz.recipes.pathar.records import FEW, PARTS, write_record, write_tables

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
    if FEW in parts:
        write_record(args.out, args.name, args.seed, FEW, few_scores(args))
    if not {"pairs", "use"} & set(parts):
        return
    model = PathAR.load(args.model)
    size = model.config.tokenizer.size_px
    train, val = (gv.pp.crops(gv.datasets.dsb2018(split), size) for split in ("train", "val"))
    judges = Judges.trained(train, val, seed=args.seed)
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


def few_scores(args: argparse.Namespace) -> dict[str, Score]:
    """Of each label ``<label>|<set>``, the Dice, and ``<label>|<set>|<score>``, what is known of the synthetic set."""
    train, val = (gv.datasets.dsb2018(split) for split in ("train", "val"))
    scores = {}
    for label in GATED:
        out = args.runs / f"{label}-{args.seed}"
        found = few_shot(train, val, label, out=out, n=args.n // 2, seed=args.seed, rule=args.rule)
        for name, one in found.items():
            scores[f"{label}|{name}"] = one["dice"]
            scores |= {
                f"{label}|{name}|{score}": value
                for score, value in one.items()
                if not score.startswith("dice")
            }
    return scores


def main() -> None:
    """Measure one model, or write the tables of what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of records")
    parser.add_argument("--model", help="model folder or name")
    parser.add_argument("--name", default="mini", help="name of the model in the tables")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", default=",".join(PARTS), help=f"parts, comma-separated; {FEW} is one more")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs/pathar-few"), help=f"folder of the trainings of part {FEW}"
    )
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
