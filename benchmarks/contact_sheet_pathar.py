"""Everything PathAR does on one sheet: real tiles, decoded, generated, swapped, rendered, drawn anew.

python benchmarks/contact_sheet_pathar.py --out docs/images/pathar.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from anndata import AnnData

import genviz as gv
from genviz._keys import Obs, Obsm
from genviz.models import PathAR
from genviz.pl.contact_sheet import contact_sheet
from genviz.pl.contrast import NOTE, stretched
from genviz.pl.pair_strips import strip
from genviz.recipes.pathar.tiles import tiles_or_phantom

N = 6
PAIR = ("fluorescence", "histology")


def rows(model: PathAR, seed: int) -> list[tuple[str, np.ndarray]]:
    """Caption and strip of each row."""
    tiles, _ = tiles_or_phantom(N, size_px=model.config.tokenizer.size_px)
    real = {label: tiles[tiles.obs[Obs.LABEL] == label].copy() for label in PAIR}
    made = {label: model.generate(label, n=N, seed=seed) for label in PAIR}
    side = model.config.tokenizer.size_px
    y, x = np.mgrid[:side, :side]
    region = (abs(y - side / 2) < side / 4) & (abs(x - side / 2) < side / 4)
    dark, stained = (real[label] for label in PAIR)
    sheet = []
    for label in PAIR:
        sheet.append(row(f"real {label}", real[label], Obsm.TILES, outlines=False))
        sheet.append(row("decoded from its tokens", model.decode(real[label])))
        sheet.append(row(f"generated from “{label}”", made[label], outlines=False))
        sheet.append(row("the same with its mask", made[label]))
    sheet += [
        row("structure of the fluorescence,\nappearance of the histology tiles", model.swap(dark, stained)),
        row("structure of the histology,\nappearance of the fluorescence tiles", model.swap(stained, dark)),
        row("structure of the fluorescence,\nrendered as histology", model.render(dark, PAIR[1], seed=seed)),
        row(
            "structure of the histology,\nrendered as fluorescence", model.render(stained, PAIR[0], seed=seed)
        ),
        row("one mask, six appearances", model.render(stained[:1], n=N, seed=seed)),
        row("middle drawn anew", model.inpaint(stained, region, seed=seed)),
    ]
    return sheet


def row(
    caption: str, adata: AnnData, image: str = "pathar", *, outlines: bool = True
) -> tuple[str, np.ndarray]:
    """Caption and strip of an object's first tiles; dim grey ones are brightened, and the caption says so."""
    tiles, brighter = stretched(np.asarray(adata.obsm[image][:N]))
    masks = np.asarray(adata.obsm[Obsm.mask(image)][:N]) if outlines else None
    return caption + (f"\n({NOTE})" if brighter else ""), strip(tiles, masks, scale=1)


def main() -> None:
    """Draw and save the sheet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="pathar-dsb-mini")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    gv.settings.progress = False
    contact_sheet(rows(PathAR.load(args.model), args.seed)).save(args.out, optimize=True)


if __name__ == "__main__":
    main()
