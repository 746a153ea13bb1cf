"""Train the models of docs/results.md, one a seed, as the one in the box, `pathar-dsb-mini`, and write their cards.

    python benchmarks/train_shipped_pathar.py --seed 1 --out runs/pathar-1

`runs/pathar-1/model` is what is measured, `runs/pathar-1/box` what could go into the box. The box itself holds seed 0,
and is written only when it is named (the run folder is gone on from when it is there: no second training):

    python benchmarks/train_shipped_pathar.py --seed 0 --out runs/pathar-0 \\
        --folder genviz/models/weights/pathar-dsb-mini

What the card says of held-out images is measured here, with `genviz evaluate pathar` on the val split, which nothing is
chosen by.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import genviz as gv
from genviz.metrics import Score, scores_from_json
from genviz.nn.image_coder import count_parameters
from genviz.recipes.pathar.evaluation import evaluate_pathar
from genviz.recipes.pathar.jobs import load_image_rows
from genviz.recipes.pathar.score_table import PROMISED

NAME = "pathar-dsb-mini"
LABELS = {"brightfield_cytology": 0.12, "fluorescence": 0.42, "histology": 0.46}
BOX = "box"
SCORES = "evaluation.json"

CARD = """# {name}

PathAR, preset `{preset}` ({parameters:,} parameters, stored in half precision): pairs of a {size} x {size} image and
the mask of its nuclei, for a label.

```python
model = gv.models.PathAR.load("{name}")
pairs = model.generate("histology", n=16, seed=0)
```

**What it makes is synthetic.** Every result says so in its provenance, every PNG in a tEXt chunk.

## Training data

{images} images of the train split of dsb2018: the 2018 Data Science Bowl, BBBC038v1, Caicedo et al., Nature Methods 16,
1247 (2019), https://bbbc.broadinstitute.org/BBBC038, CC0. Labels, scenes and split are genviz's own; scenes never
straddle the split. Seed {seed}; labels were drawn as {weights}. `split.json` names the images.

## On the val split

{crops} crops of {held} images; intervals are 95 %, whole scenes resampled; cross-entropies in nats a token, beside the
unigram of training crops.

{table}

Masks made from nothing can be empty: {empty}.

## Limits

- The `histology` of this data set is mostly purple-stained tissue, almost none of it H&E, and comes from few scenes:
  its val scores rest on few of them, as the intervals say.
- `brightfield_cytology` was learned from 8 images: not supported, only there.
- Tiles of {size} pixels at the images' own scale, which differs from image to image.
- Structure and appearance are parted in use, not in content: appearance tokens still carry some of the layout.
- Not for diagnosis, and no replacement for real images in a test set.
"""


def main() -> None:
    """Train, measure, write weights and card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="run folder; an unfinished run is gone on from"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--preset", default="mini")
    parser.add_argument("--data", default="dsb2018", help="phantom shows the whole way in a minute")
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--folder", type=Path, help=f"where the model with its card goes (default: OUT/{BOX})"
    )
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    gv.settings.progress = False
    adata = load_image_rows(args.data)
    gv.models.PathAR.setup_anndata(adata)
    model = gv.models.PathAR(adata, preset=args.preset)
    model.train(
        seed=args.seed, device=args.device, label_weights=LABELS, out_dir=args.out, resume=args.out.exists()
    )
    half = model.save(args.out / "model", half=True)
    scores, document = measured(half, args.data, args.out / SCORES, args.seed, args.device)
    loaded = gv.models.PathAR.load(half, device=args.device)
    folder = args.folder or args.out / BOX
    loaded.save(folder, card=card(loaded, args.seed, scores, document), half=True)
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    logging.info("%s: %.1f MB", folder, size)


def measured(
    model: Path, data: str, file: Path, seed: int, device: str
) -> tuple[dict[str, Score], dict[str, int]]:
    """Scores on the val split, and what else the evaluation wrote."""
    evaluate_pathar(str(model), data, file, split="val", seed=seed, device=device)
    document = json.loads(file.read_text(encoding="utf-8"))
    return scores_from_json(document), document


def card(model: gv.models.PathAR, seed: int, scores: dict[str, Score], document: dict[str, int]) -> str:
    """Text of ``card.md``."""
    fitted = model.fitted
    drawn = model.masks(list(model.labels), n=64, seed=seed)
    empty = gv.metrics.empty_share(drawn.obsm["pathar_mask"], labels=drawn.obs["label"].tolist())
    return CARD.format(
        name=NAME,
        preset=fitted.facts["preset"],
        parameters=count_parameters(fitted.tokenizer, fitted.trained_prior()),
        size=model.config.tokenizer.size_px,
        images=len(fitted.training_rows),
        seed=seed,
        weights=", ".join(f"{label} {share:g}" for label, share in LABELS.items()),
        crops=document["n_crops"],
        held=document["n_images"],
        table=table(scores, model.labels),
        empty=", ".join(f"{empty[f'empty_share_{label}'].value:.0%} of {label}" for label in model.labels)
        + " (of 64 each)",
    )


def table(scores: dict[str, Score], labels: tuple[str, ...]) -> str:
    """A Markdown table: a row a score, a column a label."""
    columns = ["", *(f"_{label}" for label in labels)]
    lines = [f"| | all | {' | '.join(labels)} |", "|---" * (len(columns) + 1) + "|"]
    for name in PROMISED:
        cells = [_cell(scores.get(f"{name}{column}")) for column in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(score: Score | None) -> str:
    if score is None or score.value != score.value:
        return "-"
    interval = "" if score.ci is None else f" [{score.ci[0]:.3g}, {score.ci[1]:.3g}]"
    beside = "" if score.baseline is None else f" (unigram {score.baseline:.3g})"
    return f"{score.value:.3g}{interval}{beside}"


if __name__ == "__main__":
    main()
