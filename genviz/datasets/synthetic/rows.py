"""A phantom section as rows of an AnnData, its truth beside the counts.

Shapes: N spots; G genes.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from genviz import __version__
from genviz._keys import Layers, Obs, Obsm, Uns, Var, Varm
from genviz.datasets.synthetic.counts import Genes, draw_counts, draw_depth, expected_counts
from genviz.datasets.synthetic.slide import MARK
from genviz.datasets.synthetic.spots import PITCH_UM, Spots
from genviz.datasets.synthetic.tissue import PROGRAMMES
from genviz.io.library import make_entry, write_record
from genviz.io.slides.slide import Slide
from genviz.io.spots.st import SPOT_DIAMETER_UM


def section_rows(section: str, spots: Spots, slide: Slide, genes: Genes, mpp: float, seed: int) -> AnnData:
    """Counts of the spots of a section, places, slide, truth; see `phantom` for the keys written."""
    names = spots.names
    depth_N = draw_depth(seed, section, names, spots.nuclei_N)
    rate_NG = expected_counts(spots.programmes_NK, genes, depth_N)
    adata = AnnData(
        X=sparse.csr_matrix(draw_counts(seed, section, names, rate_NG, genes)),
        obs=_obs(section, spots, depth_N),
        var=gene_truth(genes),
        layers={Layers.PHANTOM_RATE: rate_NG},
        obsm={Obsm.SPATIAL: spots.xy_um / mpp, Obsm.PHANTOM_PROGRAMMES: spots.programmes_NK},
        varm={Varm.PHANTOM_LOADINGS: genes.loadings_GK},
    )
    entry = make_entry(
        mpp=mpp,
        spot_diameter_um=SPOT_DIAMETER_UM,
        pitch_um=PITCH_UM,
        grid_step_um=(PITCH_UM, PITCH_UM),
        slide=slide,
    )
    adata.uns[Uns.SPATIAL] = {section: entry}
    made_by = {"reader": "phantom", "platform": "phantom", "whole_transcriptome": False}
    write_record(adata, section, made_by | {"version": __version__})
    facts = {Uns.SYNTHETIC: True, "made_by": MARK, "version": __version__, "seed": seed}
    adata.uns[Uns.GENVIZ][Uns.SYNTHETIC] = json.dumps(facts | {"programmes": PROGRAMMES})
    return adata


def _obs(section: str, spots: Spots, depth_N: np.ndarray) -> pd.DataFrame:
    n = len(spots.grid)
    largest = np.array(PROGRAMMES)[spots.programmes_NK.argmax(axis=1)]
    columns = {
        Obs.LIBRARY: pd.Categorical([section] * n),
        Obs.ARRAY_X: spots.grid[:, 0],
        Obs.ARRAY_Y: spots.grid[:, 1],
        Obs.LABEL: pd.Categorical(largest, categories=list(PROGRAMMES)),
        Obs.PATIENT: pd.Categorical([section] * n),
        Obs.PHANTOM_NUCLEI: spots.nuclei_N,
        Obs.PHANTOM_DEPTH: depth_N,
    }
    return pd.DataFrame(columns, index=pd.Index(spots.names, dtype=object))


def gene_truth(genes: Genes) -> pd.DataFrame:
    """Module, programme and dispersion of each gene, as ``var`` of a phantom."""
    columns = {
        Var.PHANTOM_MODULE: pd.Categorical(genes.modules),
        Var.PHANTOM_PROGRAMME: pd.Categorical(genes.programmes, categories=list(PROGRAMMES)),
        Var.PHANTOM_DISPERSION: genes.dispersion_G,
    }
    return pd.DataFrame(columns, index=pd.Index(genes.names, dtype=object))
