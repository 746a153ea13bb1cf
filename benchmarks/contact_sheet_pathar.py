"""Everything PathAR does on one sheet: real tiles, decoded, generated, swapped, rendered, drawn anew.

python benchmarks/contact_sheet_pathar.py --out docs/images/pathar.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import genviz as gv
from genviz._keys import Obs, Obsm
from genviz.models import PathAR
from genviz.pl.contact_sheet import contact_sheet
from genviz.pl.pair_strips import strip
from genviz.recipes.pathar_tiles import tiles_or_phantom

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
        sheet.append((f"real {label}", shown(real[label], Obsm.TILES, None)))
        sheet.append(("decoded from its tokens", shown(model.decode(real[label]))))
        sheet.append((f"generated from “{label}”", shown(made[label], masked=False)))
        sheet.append(("the same with its mask", shown(made[label])))
    sheet += [
        (
            "structure of the fluorescence,\nappearance of the histology tiles",
            shown(model.swap(dark, stained)),
        ),
        (
            "structure of the fluorescence,\nrendered as histology",
            shown(model.render(dark, PAIR[1], seed=seed)),
        ),
        (
            "structure of the histology,\nrendered as fluorescence",
            shown(model.render(stained, PAIR[0], seed=seed)),
        ),
        ("one mask, six appearances", shown(model.render(stained[:1], n=N, seed=seed))),
        ("middle drawn anew", shown(model.inpaint(stained, region, seed=seed))),
    ]
    return sheet


def shown(
    adata, image: str = "pathar", mask: str | None = "pathar_mask", *, masked: bool = True
) -> np.ndarray:
    """Strip of an object's first tiles."""
    masks = adata.obsm[Obsm.MASKS] if mask is None else adata.obsm[mask]
    return strip(
        np.asarray(adata.obsm[image][:N]), np.asarray(masks[:N]) if masked and mask else None, scale=1
    )


def main() -> None:
    """Draw and save the sheet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="pathar-dsb-mini")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    gv.settings.progress = False
    contact_sheet(rows(PathAR.load(args.model), args.seed)).save(args.out, optimize=True)


if __name__ == "__main__":
    main()
