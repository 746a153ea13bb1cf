"""What principal components and autoencoders of the same profiles say of the tiles of a section left out.

    python benchmarks/condition_genevar.py --out benchmarks/results/genevar_condition
    python benchmarks/condition_genevar.py --out benchmarks/results/genevar_condition --table docs/results.md

Each code is fitted on the training sections' spots. A ridge from it to the 14 tissue statistics of the same spots' real
tiles is then held against the real tiles of the test section: what a calibrated sampler can know of them is bounded by
it. No tile is generated. What has a record is left out, so the same command can be given again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import genviz as gv
from genviz.io.files.atomic import atomic_write_json
from genviz.metrics import Score, TissueStandard, scores_from_json, scores_to_json
from genviz.metrics.conditions.ridge_bound import RidgeBound
from genviz.models.genevar.condition.config import ConditionConfig
from genviz.models.genevar.condition.kinds import fit_conditioner
from genviz.models.genevar.condition.profiles import Profiles
from genviz.models.genevar.condition.rows import profiles_of
from genviz.recipes.genevar.jobs import HER2ST_MPP, declare_tiles
from genviz.recipes.genevar.rows import MIN_READS
from genviz.recipes.inputs import load_training_rows
from genviz.recipes.page_tables import Row, fill_page, markdown

PREFIX = "genevar_condition-"
SIZE_PX = 64
KINDS: dict[str, dict[str, Any]] = {
    "pca": {"kind": "pca"},
    "vae": {"kind": "vae"},
    "vae_nb": {"kind": "vae", "likelihood": "nb"},
}
"""Recipes, beside the defaults: 2,000 genes, 32 dimensions, and the depth."""
TITLES = {
    "pca": "principal components",
    "vae": "autoencoder, Gaussian",
    "vae_nb": "autoencoder, negative binomial",
}


def section_rows(training: list[str], test: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Profiles, statistics and sections of the rows to fit on, and of those left out."""
    adata = load_training_rows("her2st", [*training, test])
    declare_tiles(adata, HER2ST_MPP)
    adata = adata[np.asarray(adata.X.sum(axis=1)).ravel() >= MIN_READS].copy()
    tiles = np.asarray(gv.tiles(adata, size_px=SIZE_PX, mpp=HER2ST_MPP))
    profiles = profiles_of(adata, list(adata.var_names), ConditionConfig())
    section_N = np.asarray(adata.obs["library_id"].astype(str), object)
    left_N = section_N == test
    real_ND = TissueStandard.of(tiles[~left_N]).measure(tiles)

    def part(own_N: Any) -> dict[str, Any]:
        return {"profiles": profiles.take(own_N), "real": real_ND[own_N], "sections": section_N[own_N]}

    return part(~left_N), part(left_N)


def scores(kind: str, seed: int, fit: dict[str, Any], left: dict[str, Any]) -> dict[str, Score]:
    """Mean correlation over statistics of the ridge from the code, with and without the depth, and from it alone."""
    config = ConditionConfig(**KINDS[kind])
    conditioner = fit_conditioner(config, fit["profiles"], seed=seed)
    if conditioner is None:
        raise KeyboardInterrupt

    def rho(columns: slice) -> Score:
        def given(rows: dict[str, Any]) -> tuple[Any, Any, Any]:
            profiles: Profiles = rows["profiles"]
            return conditioner.transform(profiles)[:, columns], rows["real"], rows["sections"]

        return Score(float(np.nanmean(RidgeBound.of(given(fit), given(left)).rho_D)), n=len(left["real"]))

    code = slice(0, config.n_latent)
    return {"with_depth": rho(slice(None)), "code": rho(code), "depth": rho(slice(config.n_latent, None))}


def table(folder: Path) -> str:
    """Codes by what the ridge was told, mean over seeds."""
    lines = []
    for kind, title in TITLES.items():
        runs = [
            scores_from_json(json.loads(path.read_text())) for path in sorted(folder.glob(f"{kind}-*.json"))
        ]
        if runs:
            row = Row("", tuple(runs))
            lines.append([title, str(len(runs)), *(row.cell(name, 3) for name in ("with_depth", "code"))])
    if not lines:
        return "Not measured yet."
    lines.append(["depth alone", "1", row.cell("depth", 3), "-"])
    return markdown(["code", "seeds", "r with the depth", "r of the code"], lines)


def main() -> None:
    """Measure, or write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of records")
    parser.add_argument("--sections", type=lambda text: text.split(","), default=["C2", "C3", "C4"])
    parser.add_argument("--test", default="C5")
    parser.add_argument("--seeds", type=lambda text: [int(s) for s in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--table", type=Path, help="write the table of the records into this page and stop")
    args = parser.parse_args()
    gv.settings.progress = False
    if args.table:
        fill_page(args.table, {f"{PREFIX}codes": lambda: table(args.out)}, prefix=PREFIX)
        return
    fit, left = section_rows(args.sections, args.test)
    args.out.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        for seed in args.seeds if kind != "pca" else args.seeds[:1]:  # components have nothing to draw
            file = args.out / f"{kind}-{seed}.json"
            if not file.exists():
                atomic_write_json(file, scores_to_json(scores(kind, seed, fit, left)) | {"test": args.test})


if __name__ == "__main__":
    main()
