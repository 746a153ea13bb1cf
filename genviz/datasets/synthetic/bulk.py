"""Bulk profiles whose programmes can be seen: counts and tiles follow the same areas, colours follow nothing.

Shapes: N profiles; T tiles, `tiles_per_profile` of each; G genes; K programmes.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse
from tqdm.auto import tqdm

from genviz import __version__
from genviz._errors import UsageError
from genviz._keys import Layers, Obs, Obsm, Uns, Varm
from genviz._settings import settings
from genviz.core.keyed import row_generator
from genviz.datasets.synthetic.bulk_tiles import draw_colour, paint_tile
from genviz.datasets.synthetic.counts import Genes, draw_counts, expected_counts
from genviz.datasets.synthetic.rows import gene_truth
from genviz.datasets.synthetic.slide import MARK
from genviz.datasets.synthetic.tissue import PROGRAMMES
from genviz.io.library import write_record
from genviz.io.tile_recipe import TileRecipe, write_recipe

Array = NDArray[np.float64]

COHORTS = ("X-TUM", "X-STR", "X-LYM")  # each rich in one programme
_EVEN, _RICH = 0.9, 2.4  # concentrations of the Dirichlet distribution of areas
_READS_PER_GENE = 2000.0
_DEPTH_SPREAD = 0.25
_LEAST_SIZE = 32


def bulk_rows(
    genes: Genes, n_profiles: int, tiles_per_profile: int, size_px: int, mpp: float, seed: int
) -> AnnData:
    """Profiles with tiles, one row a tile.

    Areas of the compartments ~ Dirichlet, richer in one of them by cohort; rate = depth * (areas @ L) / its sum; counts
    are gamma-Poisson. Every tile of a profile has compartments of these areas. Amounts of the two stains are lognormal
    for each profile (its slide), independent of areas.

    Parameters
    ----------
    genes
        Names and loadings L.
    n_profiles, tiles_per_profile
        Samples; tiles of each.
    size_px, mpp
        Side of a tile; its micrometres per pixel.
    seed
        The same seed gives the same phantom; a profile does not depend on how many others there are.

    Returns
    -------
    AnnData
        Rows ``B1`` with one tile a profile, else ``B1#0``, ``B1#1``, ...: the profile is repeated. ``layers["counts"]``
        (also in ``X``) and ``layers["tpm"]``, CSR; ``obsm["tiles"]`` uint8 (n, S, S, 3), their recipe in
        ``uns["genviz"]["tiles"]``; ``obs``: source (the profile), draw, case, patient, library_id (the slide), project
        (cohort), label (largest compartment). Truth: ``obsm["phantom_programmes"]`` areas,
        ``obsm["phantom_colour"]`` log amounts of the stains, ``varm["phantom_loadings"]``,
        ``layers["phantom_rate"]``, ``obs["phantom_depth"]``; ``var``: phantom_module, _programme and _dispersion.

    Raises
    ------
    UsageError
        For sizes that cannot be.
    """
    if n_profiles < 1 or tiles_per_profile < 1:
        raise UsageError(
            f"Expected at least one profile and tile; got n_profiles={n_profiles}, "
            f"tiles_per_profile={tiles_per_profile}."
        )
    if size_px < _LEAST_SIZE:
        raise UsageError(f"Expected size_px of {_LEAST_SIZE} or more; got {size_px}.")
    names = [f"B{i + 1}" for i in range(n_profiles)]
    areas_NK = np.stack([_areas(seed, name, i) for i, name in enumerate(names)])
    luck_N = np.array([row_generator(seed, name, "", "phantom depth").normal() for name in names])
    depth_N = _READS_PER_GENE * len(genes.names) * np.exp(_DEPTH_SPREAD * luck_N)
    rate_NG = expected_counts(areas_NK, genes, depth_N)
    counts_NG = draw_counts(seed, "bulk", names, rate_NG, genes)
    colours = [draw_colour(row_generator(seed, name, "", "phantom looks")) for name in names]
    of_T = np.repeat(np.arange(n_profiles), tiles_per_profile)
    draw_T = np.tile(np.arange(tiles_per_profile), n_profiles)
    tiles_TSS3 = np.empty((len(of_T), size_px, size_px, 3), np.uint8)
    for t, (i, j) in enumerate(
        tqdm(zip(of_T, draw_T, strict=True), "phantom", len(of_T), unit="tile", disable=not settings.progress)
    ):
        rng = row_generator(seed, names[i], str(j), "phantom tile")
        tiles_TSS3[t] = paint_tile(rng, areas_NK[i], colours[i], size_px, mpp)
    amounts_N2 = np.stack([colour.amounts for colour in colours])
    adata = AnnData(
        X=sparse.csr_matrix(counts_NG)[of_T],
        obs=_obs(names, areas_NK, depth_N, of_T, draw_T),
        var=gene_truth(genes),
        layers={
            Layers.COUNTS: sparse.csr_matrix(counts_NG)[of_T],
            Layers.TPM: sparse.csr_matrix(_tpm(seed, counts_NG))[of_T],
            Layers.PHANTOM_RATE: rate_NG[of_T],
        },
        obsm={
            Obsm.TILES: tiles_TSS3,
            Obsm.PHANTOM_PROGRAMMES: areas_NK[of_T],
            Obsm.PHANTOM_COLOUR: amounts_N2[of_T],
        },
        varm={Varm.PHANTOM_LOADINGS: genes.loadings_GK},
    )
    _mark(adata, size_px, mpp, seed)
    return adata


def _areas(seed: int, name: str, number: int) -> Array:
    """Shares of the compartments; cohorts take turns."""
    concentration_K = np.full(len(PROGRAMMES), _EVEN)
    concentration_K[number % len(COHORTS)] = _RICH
    return row_generator(seed, name, "", "phantom tissue").dirichlet(concentration_K)


def _tpm(seed: int, counts_NG: NDArray[np.float32]) -> NDArray[np.float32]:
    """Counts over the lengths of genes, a million in each row."""
    length_G = np.exp(
        row_generator(seed, "", "", "phantom lengths").normal(scale=0.6, size=counts_NG.shape[1])
    )
    rate_NG = counts_NG / length_G
    return np.asarray(rate_NG / rate_NG.sum(axis=1, keepdims=True) * 1e6, dtype=np.float32)


def _obs(
    names: list[str], areas_NK: Array, depth_N: Array, of_T: NDArray[np.int64], draw_T: NDArray[np.int64]
) -> pd.DataFrame:
    source_T = np.array(names, dtype=object)[of_T]
    single = len(of_T) == len(names)
    rows = source_T if single else [f"{name}#{j}" for name, j in zip(source_T, draw_T, strict=True)]
    largest_T = np.array(PROGRAMMES)[areas_NK.argmax(axis=1)][of_T]
    columns = {
        Obs.SOURCE: pd.Categorical(source_T, categories=names),
        Obs.DRAW: draw_T,
        Obs.CASE: source_T,
        Obs.PATIENT: pd.Categorical(source_T, categories=names),
        Obs.LIBRARY: pd.Categorical(source_T, categories=names),
        Obs.PROJECT: pd.Categorical(np.array(COHORTS)[of_T % len(COHORTS)]),
        Obs.LABEL: pd.Categorical(largest_T, categories=list(PROGRAMMES)),
        Obs.PHANTOM_DEPTH: depth_N[of_T],
    }
    return pd.DataFrame(columns, index=pd.Index(list(rows), dtype=object))


def _mark(adata: AnnData, size_px: int, mpp: float, seed: int) -> None:
    made_by = {"reader": "phantom", "platform": "phantom", "whole_transcriptome": False}
    write_record(adata, "bulk", made_by | {"version": __version__})
    write_recipe(adata, TileRecipe(size_px=size_px, mpp=mpp))
    facts = {Uns.SYNTHETIC: True, "made_by": MARK, "version": __version__, "seed": seed, "kind": "bulk"}
    adata.uns[Uns.GENVIZ][Uns.SYNTHETIC] = json.dumps(facts | {"programmes": PROGRAMMES, "mpp": mpp})
