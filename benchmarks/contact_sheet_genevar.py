"""Everything GeneVAR makes of some spots on one sheet: real tiles, decoded ones, draws, scales, doses.

    python benchmarks/contact_sheet_genevar.py --model runs/genevar-c5 --section C5 --out docs/images/genevar.png

Take a model that has not seen the section.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from anndata import AnnData

import genviz as gv
from genviz.models import GeneVAR
from genviz.pl.contact_sheet import contact_sheet
from genviz.pl.pair_strips import strip
from genviz.recipes.genevar.jobs import HER2ST_MPP

N = 8
EPITHELIUM = ("KRT18", "KRT19", "KRT8", "EPCAM", "CDH1", "ERBB2")
STROMA = ("COL1A1", "COL1A2", "COL3A1", "FN1", "SPARC", "VIM")
DOSES = (0.0, 4.0)


def spots(section: str) -> AnnData:
    """Spots of a section from the most epithelial to the most stromal, by log share of counts."""
    adata = gv.datasets.her2st([section])
    adata = adata[depths(adata) >= 500].copy()
    gv.pp.tile(adata, mpp=HER2ST_MPP)
    counts = adata.to_df()
    balance = np.log1p(counts[list(STROMA)].sum(axis=1)) - np.log1p(counts[list(EPITHELIUM)].sum(axis=1))
    order = np.argsort(balance.to_numpy(), kind="stable")
    return adata[order[np.linspace(0, len(order) - 1, N).astype(int)]].copy()


def depths(adata: AnnData) -> np.ndarray:
    """All reads of each row."""
    return np.asarray(adata.X.sum(axis=1)).ravel()


def rows(model: GeneVAR, adata: AnnData, seed: int) -> list[tuple[str, np.ndarray]]:
    """Caption and strip of each row; a column is a spot, from the most epithelial to the most stromal."""
    size = model.config.tokenizer.size_px
    real = np.asarray(gv.tiles(adata, size_px=size, mpp=model.setup.mpp))
    made = model.generate(adata, n=4, seed=seed, keep_scales=True)
    depth = depths(adata)
    sheet = [("real, most epithelial spot\nto most stromal", real)]
    sheet.append(("decoded from its tokens", model.reconstruct(adata).obsm["genevar"]))
    sheet += [(f"from the spot's RNA, draw {j + 1}", made.obsm["genevar"][j::4]) for j in range(4)]
    for side in model.config.tokenizer.scales[:-1][1::2]:
        sheet.append((f"draw 1 up to {side} x {side} cells", made.obsm[f"genevar_up_to_{side}"][0::4]))
    for genes, name in ((STROMA, "six stromal genes"), (EPITHELIUM, "six epithelial genes")):
        for dose in DOSES:
            edited = model.generate(scaled(adata, genes, dose), seed=seed, depth=depth)
            sheet.append((f"draw 1, {name} x {dose:g}", edited.obsm["genevar"]))
    return [(caption, strip(np.asarray(tiles), scale=2)) for caption, tiles in sheet]


def scaled(adata: AnnData, genes: tuple[str, ...], dose: float) -> AnnData:
    """A copy with the counts of some genes multiplied."""
    edited = adata.copy()
    columns = edited.var_names.get_indexer(list(genes))
    counts = edited.X.toarray().astype(float)
    counts[:, columns] = np.rint(counts[:, columns] * dose)
    edited.X = counts
    return edited


def main() -> None:
    """Draw and save the sheet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True)
    parser.add_argument("--section", default="C5")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    gv.settings.progress = False
    model = GeneVAR.load(args.model)
    contact_sheet(rows(model, spots(args.section), args.seed)).save(args.out, optimize=True)


if __name__ == "__main__":
    main()
