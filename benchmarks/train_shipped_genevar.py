"""Train the model in the box, `genevar-her2st-mini`, and write its card.

    python benchmarks/train_shipped_genevar.py --out runs/genevar-shipped --scores benchmarks/results/genevar
    python benchmarks/train_shipped_genevar.py --range --scores benchmarks/results/genevar

The model is trained on all four sections, so nothing is left to score it on: the card quotes what was measured of the
same recipe with C5 left out (`benchmarks/accuracy_genevar.py`, one record a seed). The run folder is gone on from when
it is there. With --range nothing is trained: what the training profiles span is measured on the rows that the model's
`split.json` names and added to the model, whose weights stay as they are.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import numpy as np

import genviz as gv
from genviz.io.weights.checkpoint import load_checkpoint, save_checkpoint
from genviz.io.weights.parts import WEIGHTS
from genviz.metrics import scores_from_json
from genviz.models.genevar.checkpoint import KIND, RANGE
from genviz.models.genevar.conditions import told_by
from genviz.models.genevar.fitted import Fitted
from genviz.models.genevar.rows import SECTIONS
from genviz.models.genevar.seen import trained_rows
from genviz.models.genevar.training_range import training_range
from genviz.models.parts import CARD as CARD_FILE
from genviz.nn.image_coder import count_parameters
from genviz.recipes.genevar.jobs import train_genevar
from genviz.recipes.inputs import load_training_rows

NAME = "genevar-her2st-mini"
TRAINED_ON = ("C2", "C3", "C4", "C5")
FOLDER = Path(gv.__file__).parent / "models" / "weights" / NAME

SHOWN = {
    "psnr": "PSNR of decoded tiles, dB",
    "usage": "share of the codes in use",
    "reconstruction_fd_tissue": "Fréchet distance of decoded tiles, 14 statistics",
    "fd_tissue": "Fréchet distance of generated tiles",
    "fd_tissue_of_floor": "the same over that of the training sections",
    "r_single": "correlation with the real tile, one draw, mean of 14 statistics",
    "r_single_share": "the same over the bound of a calibrated sampler",
    "r_mean": "correlation, mean of eight draws",
    "r_mean_share": "the same over its bound",
    "r_mean_depth_fixed": "the same with the depth held",
    "p_shifted": "p against the map of profiles moved over the section",
    "rank_likelihood": "rank of the true profile by likelihood (.5 is chance)",
    "spread_coherence": "spread of orientation over that of real tiles",
}  # names of scores, as told in the card

CARD = """# {name}

GeneVAR, preset `{preset}` ({parameters:,} parameters, stored in half precision): tiles of H&E tissue, {size} x {size}
pixels at {mpp:g} um/px, from the RNA of a spot.

```python
model = gv.models.GeneVAR.load("{name}")
tiles = model.generate(adata, n=2, seed=0)  # any AnnData with raw counts of the genes
```

**What it makes is synthetic.** Every result says so in its provenance.

## Training data

{rows} spots of the sections {sections} of HER2ST (Andersson et al., Nature Communications 12, 6012 (2021), CC BY 4.0),
and tiles without a profile from the same slides. One patient, one breast tumour, serial sections. Seed {seed}.
`split.json` names the rows. `range.json` is what their profiles span, whole counts without thinning: the least and the
largest logarithm of each gene that the condition uses, and the centre and the 99 % quantile of the length of the codes.
`gv.tl.perturb` calls what lies beyond it outside the range of training. {range_how}

## With C5 left out

The same recipe on C2, C3 and C4, scored on the spots of C5; mean of {seeds} seeds, [least, most].

{table}

## Limits

- One patient: another's profiles lie outside what it has seen, and so may another protocol's.
- Tiles have the stain, the density and the texture that a profile calls for, not the architecture: no ducts, vessels or
  bundles of fibres. A pathologist will not be fooled.
- Much of what RNA says about a tile here is the depth of the spot, which follows the number of cells.
- What an edited gene does to a tile is correlation. Hold it against the controls of `gv.tl.perturb`.
- Not for diagnosis.
"""


RANGE_TRAINED = "Training measured it."
RANGE_ADDED = """It was measured after training, on the same
rows from the same files, and added without a change of the weights."""


def main() -> None:
    """Train, write weights and card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="run folder")
    parser.add_argument("--range", action="store_true", help="only add the range of the training profiles")
    parser.add_argument("--scores", type=Path, required=True, help="folder of records with C5 left out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--preset", default="mini")
    parser.add_argument("--data", default="her2st", help="phantom shows the whole way in a minute")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the model goes")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    gv.settings.progress = False
    if args.range:
        add_range(args.folder, args.data, args.seed, args.scores)
        return
    if args.out is None:
        parser.error("Expected --out, the run folder.")
    folder = train_genevar(
        args.data, sections=TRAINED_ON if args.data == "her2st" else None, preset=args.preset, seed=args.seed,
        device=args.device, resume=args.out.exists(), out=args.out,
    )  # fmt: skip
    model = gv.models.GeneVAR.load(folder, device=args.device)
    model.save(args.folder, card=card(model, args.seed, args.scores), half=True)
    size = sum(path.stat().st_size for path in args.folder.iterdir()) / 1e6
    logging.info("%s: %.1f MB", args.folder, size)


def add_range(folder: Path, data: str, seed: int, scores: Path) -> None:
    """Measure what the training profiles of a stored model span, and write it beside weights that stay as they are."""
    model = gv.models.GeneVAR.load(folder, device="cpu")
    fitted = model.fitted
    rows = load_training_rows(data, fitted.facts[SECTIONS] if data == "her2st" else None)
    rows = rows[trained_rows(fitted, rows)].copy()
    fitted.span = training_range(fitted, told_by(fitted, rows).profiles)
    if fitted.span is None:
        raise SystemExit("Expected a model that is told genes.")
    stored = load_checkpoint(folder, kind=KIND)
    texts = stored.texts | {RANGE: fitted.span.to_json(), CARD_FILE: card(model, seed, scores, RANGE_ADDED)}
    before = (folder / WEIGHTS).read_bytes()
    save_checkpoint(folder, stored.config, stored.tensors, texts, kind=KIND)
    if (folder / WEIGHTS).read_bytes() != before:
        raise SystemExit("Expected weights as they were; they were stored differently.")
    logging.info("%s: range of %d rows.", folder, fitted.span.n_rows)


def card(model: gv.models.GeneVAR, seed: int, scores: Path, range_how: str = RANGE_TRAINED) -> str:
    """Text of ``card.md``."""
    fitted: Fitted = model.fitted
    networks = (fitted.trained_tokenizer(), fitted.trained_flow(), fitted.trained_prior())
    n_seeds, table = left_out(scores)
    return CARD.format(
        name=NAME,
        preset=fitted.facts["preset"],
        parameters=count_parameters(*networks),
        size=model.config.tokenizer.size_px,
        mpp=model.setup.mpp,
        rows=sum("tile-" not in row for row in fitted.training_rows),
        sections=", ".join(fitted.facts["sections"]),
        seed=seed,
        range_how=range_how,
        seeds=n_seeds,
        table=table,
    )


def left_out(folder: Path) -> tuple[int, str]:
    """Number of records with C5 left out, and their scores as a Markdown table."""
    records = [scores_from_json(json.loads(file.read_text())) for file in sorted(folder.glob("mini-*.json"))]
    lines = ["| score | mean | |", "|---|---|---|"]
    for name, told in SHOWN.items():
        values = [record[name].value for record in records if name in record]
        if values:
            lines.append(f"| {told} | {np.mean(values):.3g} | [{min(values):.3g}, {max(values):.3g}] |")
    return len(records), "\n".join(lines)


if __name__ == "__main__":
    main()
