r"""GeneVAR on a section it never saw: reconstruction, generated tiles, what they do with the profile.

    python benchmarks/accuracy_genevar.py --model runs/genevar-0 --seed 0 --out benchmarks/results/genevar
    python benchmarks/accuracy_genevar.py --out benchmarks/results/genevar --table docs/results.md

One record a model and seed. Several processes may fill one folder. Folds of a leave-one-section-out have names of
their own:

    python benchmarks/accuracy_genevar.py --model runs/genevar-C4 --name mini-C4 --sections C4 \
        --out benchmarks/results/genevar
"""

from __future__ import annotations

import argparse
from pathlib import Path

import genviz as gv
from genviz.recipes.genevar.evaluation import EXTRACTOR, evaluate_genevar
from genviz.recipes.genevar.records import record_path, write_tables
from genviz.recipes.genevar.use import RETRIEVED


def main() -> None:
    """Measure one model, or write the tables of what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of records")
    parser.add_argument("--model", help="model folder, run folder or name")
    parser.add_argument("--name", default="mini", help="name of the model in the tables")
    parser.add_argument("--data", default="her2st", help="data set or .h5ad file")
    parser.add_argument("--sections", default="C5", help="sections to score, comma-separated")
    parser.add_argument("--seed", type=int, default=0, help="of draws; also in the record's name")
    parser.add_argument("--n", type=int, default=8, help="draws a row")
    parser.add_argument("--rule", help="how to sample; default the model's own rule")
    parser.add_argument("--extractor", default=EXTRACTOR, help="features of the second Fréchet distance")
    parser.add_argument(
        "--retrieved", type=int, default=RETRIEVED, help="rows among which profiles are looked for"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--table", type=Path, help="write the tables of the records into this page and stop")
    args = parser.parse_args()
    gv.settings.progress = False
    if args.table:
        write_tables(args.out, args.table)
        return
    if not args.model:
        parser.error("--model is needed to measure one")
    file = record_path(args.out, args.name, args.seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    evaluate_genevar(
        args.model,
        args.data,
        file,
        sections=args.sections.split(","),
        n=args.n,
        rule=args.rule,
        extractor=args.extractor,
        n_retrieved=args.retrieved,
        seed=args.seed,
        device=args.device,
    )


if __name__ == "__main__":
    main()
