"""Where a causal flow and a vanilla one take the same noise, on a section that neither has seen: the figure's numbers.

    python benchmarks/velocity_genevar.py --run runs/genevar-0 --vanilla runs/genevar-0-vanilla --seed 0 \\
        --out benchmarks/results/genevar_velocity

The vanilla flow is trained without counterfactuals in a copy of the run folder, on the same rows from the same seed,
unless it is there already; tokenizer and condition are shared.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

import genviz as gv
from genviz._keys import Uns
from genviz.controllers.velocity.controller import VelocityPaths
from genviz.io.files.atomic import atomic_write_json
from genviz.models import GeneVAR
from genviz.models.genevar.rows import SECTIONS
from genviz.models.genevar.training_run import stages_folder
from genviz.recipes.genevar.jobs import HER2ST_MPP, declare_tiles, train_genevar
from genviz.recipes.genevar.nuisance import latent_scores
from genviz.recipes.genevar.rows import load_evaluated
from genviz.recipes.inputs import load_training_rows

EPITHELIUM = ("EPCAM", "KRT8", "KRT18", "KRT19")
STROMA = ("COL1A1", "COL1A2", "COL3A1", "SPARC", "LUM", "DCN")
KINDS = ("epithelial", "between", "stromal")
MIN_READS = 200


def vanilla_flow(run: Path, out: Path, seed: int) -> Path:
    """The model folder of the same run with a flow trained without counterfactuals."""
    if not (out / "model").is_dir():
        shutil.copytree(stages_folder(run), stages_folder(out), dirs_exist_ok=True)
        sections = GeneVAR.load(run / "model").fitted.facts[SECTIONS]
        train_genevar(
            "her2st", sections=sections, unpaired=0, stage="meanflow", resume=True, seed=seed, out=out,
            counterfactuals={"enabled": False},
        )  # fmt: skip
    return out / "model"


def grouped(section: str) -> AnnData:
    """Rows of the section, by what their RNA says of epithelium and stroma, and by their reads."""
    adata = load_training_rows("her2st", [section])
    declare_tiles(adata, HER2ST_MPP)
    reads = np.asarray(adata.X.sum(axis=1)).ravel()
    adata = adata[reads >= MIN_READS].copy()
    reads = reads[reads >= MIN_READS]
    logs = np.log1p(adata[:, [*EPITHELIUM, *STROMA]].to_df().div(reads, axis=0) * 1e4)
    logs = (logs - logs.mean()) / logs.std()
    score = logs[list(EPITHELIUM)].mean(axis=1) - logs[list(STROMA)].mean(axis=1)
    adata.obs["tissue"] = pd.qcut(-score, len(KINDS), labels=list(KINDS))
    adata.obs["depth"] = pd.qcut(reads, 3, labels=["few reads", "between", "many reads"])
    return adata


def measured(causal: GeneVAR, vanilla: GeneVAR, rows: AnnData, column: str, scale: int, seed: int) -> dict:
    """Numbers and sentences of one figure."""
    began = time.perf_counter()
    found = gv.tl.velocity(
        causal, rows, scale=scale, n_per_group=200, colour_key=column, compare={"vanilla": vanilla}, seed=seed
    )
    record = json.loads(found.uns[Uns.GENVIZ]["velocity"])
    told = {name: record[name] for name in ("groups", "numbers", "gains", "arrows")}
    sentences = [[one.level, one.text] for one in VelocityPaths(found).findings]
    return told | {"sentences": sentences, "seconds": round(time.perf_counter() - began, 1)}


def probes(model: GeneVAR, section: str, seed: int) -> dict[str, float]:
    """R2 with which depth, section and stain are read from latents, the flow's among them, of all sections."""
    case = load_evaluated(model, "her2st", [section])
    return {name: score.value for name, score in latent_scores(case, seed).items()}


def main() -> None:
    """Train the vanilla flow if need be, measure, write the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="run folder of GeneVAR with its flow")
    parser.add_argument("--vanilla", type=Path, required=True, help="run folder of the vanilla flow")
    parser.add_argument("--section", default="C5", help="that neither was trained on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="folder of records")
    args = parser.parse_args()
    gv.settings.progress = False
    causal = GeneVAR.load(args.run / "model", device="cpu")
    vanilla = GeneVAR.load(vanilla_flow(args.run, args.vanilla, args.seed), device="cpu")
    if args.section in causal.fitted.facts[SECTIONS]:
        parser.error(f"{args.section} is among the sections of training; take a run without it")
    rows = grouped(args.section)
    scales = len(causal.config.tokenizer.scales)
    figures = {
        f"{column}, scale {scale}": measured(causal, vanilla, rows, column, scale, args.seed)
        for column in ("tissue", "depth")
        for scale in (2, scales)
    }
    args.out.mkdir(parents=True, exist_ok=True)
    told = {"section": args.section, "seed": args.seed, "rows": rows.n_obs, "figures": figures}
    told["probes"] = {
        name: probes(model, args.section, args.seed)
        for name, model in (("causal", causal), ("vanilla", vanilla))
    }
    atomic_write_json(args.out / f"mini-{args.seed}.json", told)


if __name__ == "__main__":
    main()
