"""Train the model in the box, `genar-her2st-mini`, and write its card.

    python benchmarks/train_shipped_genar.py --records benchmarks/results/accuracy

The records are those of benchmarks/accuracy_genar.py: the card shows what the same recipe scores on sections
that it did not see, because no section is left to score the shipped weights on.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import genviz as gv
from genviz.recipes.genar.accuracy_page import read_rows, sections_table

NAME = "genar-her2st-mini"
SECTIONS = ("C2", "C3", "C4", "C5")
BESIDE = ("tree_mlp", "mean", "knn", "retrieval", "ridge", "kernel_ridge", "mlp", "average", "ridge_section")
FOLDER = Path(gv.__file__).parent / "models" / "weights" / NAME

CARD = """# {name}

GenAR, preset `mini` (tree counts, MLP trunk, {members} members, {parameters:,} parameters): raw counts of 200 genes
from the `morphology` features (recipe in config.json) of an H&E section, Macenko colours.

```python
model = gv.models.GenAR.load("{name}")
predicted = model.predict(section, depth=1800)   # depth: the section's median panel count, if you know it
```

## Training data

Sections {sections} of HER2ST, patient C ({spots} spots): Andersson et al., Nature Communications 12, 6012 (2021),
https://github.com/almaan/her2st. The data are under CC BY 4.0; these weights were derived from them, and whoever
passes them on should say so. Panel `genes_genar200`: the genes of the GenAR paper, chosen there on data that include
these sections.
All {spots} spots are training rows, {epochs} epochs, seed {seed}; `split.json` names them.

## What to expect

No section is left to score these weights on. The same recipe with one section left out, mean over {seeds} seeds,
log2(1 + count), beside the baselines on the same features (differences: mean ± standard deviation over sections;
`ridge_section` looks at the whole held-out section's pixels, the others do not):

{table}

Depth-normalised PCC-200 {dn}, 90 % intervals of genes cover {pit} (randomised PIT), joint NLL {nll} nats a spot.

## Limits

- One patient. On another patient, stain or protocol the intervals are not calibrated and depth is not known from the
  image: tell `depth=`. Rows unlike the training tissue are warned about.
- Most of the correlation is depth and cell density; single genes are known as well as the depth-normalised figure says.
- Not for diagnosis.
"""


def main() -> None:
    """Train, write weights and card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=Path, required=True, help="folder of cross-validation records")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    gv.settings.progress = False
    adata = gv.datasets.her2st(SECTIONS)
    gv.pp.select_genes(adata, panel=gv.datasets.panel("genes_genar200"))
    gv.pp.tile(adata)
    gv.pp.embed(adata)
    gv.models.GenAR.setup_anndata(adata)
    model = gv.models.GenAR(adata, preset="mini")
    model.train(seed=args.seed)
    rows = {name: row for name, row in read_rows(args.records).items() if name in BESIDE}
    own = rows["tree_mlp"]
    card = CARD.format(
        name=NAME,
        members=model.config.n_members,
        parameters=sum(p.numel() for network in model.fitted.ensemble.members for p in network.parameters()),
        sections=", ".join(SECTIONS),
        spots=adata.n_obs,
        epochs=model.config.max_epochs,
        seed=args.seed,
        seeds=len(own.runs),
        table=sections_table(rows),
        dn=own.cell("dn_pcc_200"),
        pit=own.cell("pit_coverage_gene"),
        nll=own.cell("joint_nll", 1),
    )
    model.save(FOLDER, card=card)
    logging.info("%s: %.1f MB", FOLDER, sum(path.stat().st_size for path in FOLDER.iterdir()) / 1e6)


if __name__ == "__main__":
    main()
