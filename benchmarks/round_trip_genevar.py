"""RNA to tile to RNA on a section that neither model has seen, and the velocity figure of the same model.

    python benchmarks/round_trip_genevar.py --model runs/genevar-0 --seed 0 --out benchmarks/results/genevar_roundtrip
    python benchmarks/round_trip_genevar.py --out benchmarks/results/genevar_roundtrip --table docs/results.md
    python benchmarks/round_trip_genevar.py --model runs/genevar-0 --velocity docs/images/genevar_velocity.png

GenAR is trained here, on single tiles of the sections that GeneVAR was trained on: it must look at what a generated
tile shows.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from anndata import AnnData

import genviz as gv
from genviz._keys import Obsm
from genviz.io.files.atomic import atomic_write_json
from genviz.io.tile_recipe import TileRecipe, write_recipe
from genviz.metrics import Score, scores_from_json, scores_to_json
from genviz.models import GenAR, GeneVAR
from genviz.models.genevar.rows import SECTIONS
from genviz.recipes.genevar.jobs import HER2ST_MPP, declare_tiles
from genviz.recipes.inputs import load_training_rows
from genviz.recipes.page_tables import Row, fill_page, markdown

PREFIX = "genevar_roundtrip-"
SOURCES = ("generated", "decoded", "real", "mean")
TOLD = {"pearson": 3, "dn_pcc_200": 3, "mse": 2}


def loose_genar(model: GeneVAR, seed: int) -> tuple[GenAR, AnnData]:
    """GenAR on single tiles of the training sections, and those rows."""
    rows = load_training_rows("her2st", model.fitted.facts[SECTIONS])
    declare_tiles(rows, HER2ST_MPP)
    size = model.config.tokenizer.size_px
    rows.obsm[Obsm.TILES] = np.asarray(gv.tiles(rows, size_px=size, mpp=HER2ST_MPP))
    write_recipe(rows, TileRecipe(size_px=size, mpp=HER2ST_MPP))
    gv.pp.embed(rows)
    genes = GenAR.load("genar-her2st-mini").genes
    GenAR.setup_anndata(rows, features="X_morphology_tile", genes=list(genes))
    return GenAR(rows, preset="mini").train(seed=seed), rows


def measure(model: GeneVAR, section: str, n: int, seed: int) -> dict[str, Score]:
    """Scores of all sources of tiles, ``<source>|<score>``, and the null of shuffled tiles."""
    genar, training = loose_genar(model, seed)
    held = load_training_rows("her2st", [section])
    declare_tiles(held, HER2ST_MPP)
    side = model.config.tokenizer.size_px * HER2ST_MPP
    found = gv.tl.roundtrip(model, genar, held, n=n, training=training, genar_tile_um=side, seed=seed)
    scores = {
        f"{source}|{name}": value for source, own in found.scores.items() for name, value in own.items()
    }
    null = found.shuffled
    scores["shuffled|pearson"] = Score(
        null["mean"], n=int(null["n"]), note=f"95 % below {null['top']:.3f}; p {null['p']:.4f}"
    )
    scores["shuffled|top"], scores["shuffled|p"] = (
        Score(null[name], n=int(null["n"])) for name in ("top", "p")
    )
    return scores


def table(folder: Path) -> str:
    """Sources of tiles by score, mean over seeds."""
    runs = [scores_from_json(json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]
    if not runs:
        return "Not measured yet."
    row = Row("", tuple(runs))
    body = [[source, *(row.cell(f"{source}|{name}", k) for name, k in TOLD.items())] for source in SOURCES]
    body.append([f"shuffled (95 % below {row.cell('shuffled|top')})", row.cell("shuffled|pearson"), "-", "-"])
    return markdown(["tiles", "PCC-200", "depth-normalised PCC-200", "MSE"], body)


def velocity(model: GeneVAR, file: Path, seed: int) -> None:
    """The figure of all four sections, those of training included."""
    rows = load_training_rows("her2st", None)
    declare_tiles(rows, HER2ST_MPP)
    gv.pl.velocity(gv.tl.velocity(model, rows, n_per_group=150, seed=seed)).write_image(file)


def main() -> None:
    """Measure, draw, or write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="GeneVAR model folder")
    parser.add_argument("--section", default="C5")
    parser.add_argument("-n", type=int, default=1, help="tiles a spot")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder of records")
    parser.add_argument("--table", type=Path, help="write the table of the records into this page and stop")
    parser.add_argument("--velocity", type=Path, help="draw the velocity figure into this file and stop")
    args = parser.parse_args()
    gv.settings.progress = False
    if args.out is None and (args.table or not args.velocity):
        parser.error("Expected --out, the folder of records, or --velocity.")
    if args.table:
        fill_page(args.table, {f"{PREFIX}scores": lambda: table(args.out)}, prefix=PREFIX)
        return
    if not args.model:
        parser.error("Expected --model, the one to measure, or --table.")
    model = GeneVAR.load(args.model)
    if args.velocity:
        velocity(model, args.velocity, args.seed)
        return
    args.out.mkdir(parents=True, exist_ok=True)
    scores = measure(model, args.section, args.n, args.seed)
    atomic_write_json(args.out / f"mini-{args.seed}.json", scores_to_json(scores) | {"section": args.section})


if __name__ == "__main__":
    main()
