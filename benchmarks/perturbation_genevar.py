"""What edits of genes do to tiles of a section that the model never saw, beside what edits that mean nothing do.

    python benchmarks/perturbation_genevar.py --model runs/genevar-0 --seed 0 \\
        --out benchmarks/results/genevar_perturbation
    python benchmarks/perturbation_genevar.py --out benchmarks/results/genevar_perturbation --table docs/results.md

A record for each model; spots, random numbers, matched genes and code directions are the same for all of them, so their
effects, and those of each control, are averaged over the models before they are compared. The ridge is fitted on the
training spots and their real tiles.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

import numpy as np

import genviz as gv
from genviz.io.files.atomic import atomic_write_json
from genviz.metrics.tiles.tissue import TISSUE
from genviz.models import GeneVAR
from genviz.recipes.genevar.rows import Evaluated, load_evaluated
from genviz.recipes.page_tables import fill_page, markdown
from genviz.tl.perturbation.controls import cosine
from genviz.tl.perturbation.paired_tests import false_discovery_rate, rms
from genviz.tl.perturbation.verdict import share_as_large
from genviz.tl.ridge import fit_ridge

PREFIX = "genevar_perturbation-"
SETS = {
    "ERBB2": ("ERBB2",),
    "MKI67": ("MKI67",),
    "COL1A1": ("COL1A1",),
    "epithelium": ("EPCAM", "KRT8", "KRT18", "KRT19"),
    "stroma": ("COL1A2", "COL3A1", "SPARC", "LUM", "DCN", "VIM"),
    "lymphocytes": ("CD3D", "CD3E", "CD2", "PTPRC", "CD52"),
}
FOLDS = (0.25, 4.0)
DRAW_SEED = 0  # of spots, random numbers and controls, whatever the model's own
Z_95 = 1.96


def chosen_spots(case: Evaluated, n: int) -> Any:
    """Rows to edit, the same whichever model is asked."""
    held = case.held_out.adata
    rng = np.random.default_rng(DRAW_SEED)
    return held[np.sort(rng.choice(held.n_obs, min(n, held.n_obs), replace=False))].copy()


def measured(model: GeneVAR, section: str, n_spots: int, n: int, controls: int) -> dict[str, Any]:
    """Effects of all sets at both folds, and of every control."""
    began = time.process_time()
    case = load_evaluated(model, "her2st", [section])
    if case.training is None:
        raise SystemExit("Expected data with the rows that the model was trained on.")
    spots = chosen_spots(case, n_spots)
    made = gv.tl.perturb(
        model, spots, SETS, fold=FOLDS, n=n, seed=DRAW_SEED, controls=controls, standard=case.standard,
        training=case.training.adata,
    )  # fmt: skip
    summary, facts = gv.tl.perturbation_summary(made), gv.tl.perturbation_facts(made)
    effects = gv.tl.perturbation_effects(made)
    ridge = fit_ridge(case.training.code, case.training_real, DRAW_SEED)
    edits = []
    for line in summary.sort_values(["gene", "level"]).to_dict("records"):
        own = effects[(effects["gene"] == line["gene"]) & (effects["dose"] == line["dose"])]
        code_NZ, plain_NZ = (_codes(made, line["gene"], dose, n) for dose in (line["dose"], "x1"))
        ridge_D = (code_NZ - plain_NZ).mean(axis=0) @ ridge.weights_ZS
        columns = ("change", "se", "p", "q", "matched_largest", "direction_largest")
        edits.append(
            {name: line[name] for name in ("gene", "dose", "rms", "independent_rms", "code_change")}
            | {"genes_outside": line["genes_outside"], "codes_outside": line["codes_outside"]}
            | facts["control_rms"][line["gene"]][line["dose"]]
            | {"ridge": ridge_D.tolist(), "ridge_cosine": cosine(own["change"], ridge_D)}
            | {"statistics": {name: own[name].tolist() for name in columns}}
        )
    return {
        "section": section,
        "spots": spots.n_obs,
        "n": n,
        "controls": controls,
        "tiles": spots.n_obs * n * (2 + len(edits) * (1 + 2 * controls)),
        "cpu_s": round(time.process_time() - began, 1),
        "sets": facts["sets"],
        "matched_sets": facts["matched_sets"],
        "range": facts["range"],
        "seed_noise_rms": facts["seed_noise_rms"],
        "ridge_r2": ridge.r2_S.tolist(),
        "edits": edits,
    }


def _codes(made: Any, gene: str, dose: str, n: int) -> Any:
    """Codes of a set at a dose, one a spot."""
    own_N = ((made.obs["gene"] == gene) & (made.obs["dose_label"] == dose)).to_numpy()
    return np.asarray(made.obsm["X_rna"])[own_N][::n]


# ------------------------------------------------------------------ tables


def averaged(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each edit over the models: its own rms, and that of every control, then p among the controls, and q."""
    if any(record["matched_sets"] != records[0]["matched_sets"] for record in records):
        raise SystemExit("Expected records with the same matched genes; they differ. Measure them again.")
    lines = []
    for edits in zip(*(record["edits"] for record in records), strict=True):
        kinds = {
            kind: np.mean([edit[kind] for edit in edits], axis=0).tolist()
            for kind in ("matched", "directions")
        }
        sizes = [edit["rms"] for edit in edits]
        size = fmean(sizes)
        statistics = {
            name: np.mean([edit["statistics"][name] for edit in edits], axis=0)
            for name in ("change", "se", "matched_largest", "direction_largest")
        }
        statistics["q"] = np.max([edit["statistics"]["q"] for edit in edits], axis=0)  # by every model
        lines.append(
            {name: edits[0][name] for name in ("gene", "dose")}
            | kinds
            | {
                name: fmean(edit[name] for edit in edits)
                for name in ("code_change", "genes_outside", "codes_outside")
            }
            | {"rms": size, "sd": stdev(sizes) if len(sizes) > 1 else 0.0, "statistics": statistics}
            | {"ridge": np.mean([edit["ridge"] for edit in edits], axis=0)}
            | {f"{kind}_p": share_as_large(size, own) for kind, own in kinds.items()}
            | {"p": share_as_large(size, [*kinds["matched"], *kinds["directions"]])}
        )
    for name in ("matched_p", "directions_p", "p"):
        for line, q in zip(lines, false_discovery_rate([line[name] for line in lines]), strict=True):
            line[f"{name[:-1]}q"] = float(q)
    return lines


def effects_table(records: list[dict[str, Any]]) -> str:
    """Sizes of effects beside their controls."""
    head = [
        "edit", "dose", "code moves by", "effect", "matched sets", "p", "directions", "p", "of both: q", "ridge",
        "cosine with it", "spots outside",
    ]  # fmt: skip
    body = [
        [
            line["gene"], line["dose"], f"{line['code_change']:.2f}", f"{line['rms']:.3f} ± {line['sd']:.3f}",
            f"{median(line['matched']):.3f} ({max(line['matched']):.3f})", f"{line['matched_p']:.2f}",
            f"{median(line['directions']):.3f} ({max(line['directions']):.3f})", f"{line['directions_p']:.2f}",
            f"{line['q']:.2f}", f"{rms(line['ridge']):.3f}",
            f"{cosine(line['statistics']['change'], line['ridge']):+.2f}",
            f"{max(line['genes_outside'], line['codes_outside']):.0%}",
        ]
        for line in averaged(records)
    ]  # fmt: skip
    noise = [record["seed_noise_rms"] for record in records]
    spread = stdev(noise) if len(noise) > 1 else 0.0
    body.append(["none, other random numbers", "x1", "0", f"{fmean(noise):.3f} ± {spread:.3f}", *["-"] * 7])
    return markdown(head, body)


def statistics_table(records: list[dict[str, Any]]) -> str:
    """The statistic that each edit changes most, with what its controls change it by."""
    head = [
        "edit",
        "dose",
        "statistic",
        "change",
        "95 % interval",
        "q over spots",
        "matched, largest",
        "directions, largest",
        "ridge",
    ]
    body = []
    for line in averaged(records):
        own = line["statistics"]
        at = int(np.abs(own["change"]).argmax())
        change, half = own["change"][at], Z_95 * own["se"][at]
        body.append(
            [
                line["gene"], line["dose"], TISSUE[at].replace("_", " "), f"{change:+.2f}",
                f"[{change - half:+.2f}, {change + half:+.2f}]",
                f"{own['q'][at]:.2f}", f"{own['matched_largest'][at]:.2f}",
                f"{own['direction_largest'][at]:.2f}", f"{line['ridge'][at]:+.2f}",
            ]
        )  # fmt: skip
    return markdown(head, body)


def main() -> None:
    """Measure a model, or write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="GeneVAR run or model folder")
    parser.add_argument("--section", default="C5", help="that it was not trained on")
    parser.add_argument("--seed", type=int, default=0, help="of the model, for the record's name")
    parser.add_argument("--spots", type=int, default=24)
    parser.add_argument("-n", type=int, default=1, help="tiles a spot")
    parser.add_argument("--controls", type=int, default=19, help="of each kind")
    parser.add_argument("--out", type=Path, required=True, help="folder of records")
    parser.add_argument("--table", type=Path, help="write the tables of the records into this page and stop")
    args = parser.parse_args()
    gv.settings.progress = False
    if args.table:
        records = [json.loads(path.read_text()) for path in sorted(args.out.glob("mini-*.json"))]
        tables = {"effects": effects_table, "statistics": statistics_table}
        fill_page(
            args.table,
            {
                f"{PREFIX}{name}": (lambda make=make: make(records) if records else "Not measured yet.")
                for name, make in tables.items()
            },
            prefix=PREFIX,
        )
        return
    if not args.model:
        parser.error("Expected --model, a run to measure, or --table.")
    model = GeneVAR.load(args.model)
    args.out.mkdir(parents=True, exist_ok=True)
    found = measured(model, args.section, args.spots, args.n, args.controls)
    atomic_write_json(args.out / f"mini-{args.seed}.json", {"seed": args.seed, **found})


if __name__ == "__main__":
    main()
