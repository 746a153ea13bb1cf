"""Rows with profiles and tiles, and a model of random networks for them: nothing is trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from scipy import sparse

from genviz.models import GeneVAR
from genviz.models.genevar.condition.kinds import fit_conditioner
from genviz.models.genevar.condition.rows import profiles_of
from genviz.models.genevar.fitted import Fitted, new_flow, new_prior
from genviz.models.genevar.presets import preset
from genviz.models.genevar.setup import read_setup
from genviz.models.genevar.tokenizer.network import Tokenizer
from genviz.models.pixels import to_images
from tests.models.genevar.condition.cases import programme_counts
from tests.models.genevar.tokenizer.cases import SIDE, stain_tiles

N_GENES = 30
NANO: dict[str, Any] = {"condition": {"n_genes": 12, "n_latent": 4}}


def rows(n: int = 14, seed: int = 0) -> AnnData:
    """Spots of two sections with counts and tiles."""
    counts, factors = programme_counts(n, N_GENES, seed)
    adata = AnnData(sparse.csr_matrix(counts.astype(np.float32)))
    adata.obs_names = [f"{i % 7}x{i // 7}_{seed}" for i in range(n)]
    adata.var_names = [f"G{i:02d}" for i in range(N_GENES)]
    adata.obs["library_id"] = pd.Categorical(["A" if i % 2 else "B" for i in range(n)])
    adata.obs["project"] = pd.Categorical([f"k{int(f > 0)}" for f in factors[:, 0]])
    adata.obsm["spatial"] = np.arange(2.0 * n).reshape(n, 2)
    adata.obsm["tiles"] = to_images(stain_tiles(n, seed=seed, side=SIDE))
    adata.uns["spatial"] = {name: {"mpp": 0.7} for name in "AB"}
    return adata


def fitted(adata: AnnData, **changes: Any) -> Fitted:
    """Networks with every weight shaken, so that conditions and masks matter, and a condition fitted on these rows."""
    config = preset("nano", {**NANO, **changes})
    setup = read_setup(adata)
    conditioner = fit_conditioner(config.condition, profiles_of(adata, setup.genes, config.condition))
    assert conditioner is not None
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tokenizer = Tokenizer(config.tokenizer).eval()
        tokenizer.start_patches(stain_tiles(16, seed=1))
        tokenizer.start_codes(stain_tiles(16, seed=1))
        flow = new_flow(config, conditioner).eval() if config.refine else None
        prior = new_prior(config, conditioner).eval()
        head = conditioner.head()
        for network in (flow, prior):
            for parameter in () if network is None else network.parameters():
                parameter.data += 0.2 * torch.randn_like(parameter)
        if flow is not None:
            flow.scale.fill_(1.7)
    facts = {"preset": "nano", "seed": 0, "tokenizer": "t0", **setup.told()}
    return Fitted(
        config, list(setup.genes), conditioner, tokenizer, flow, prior, head, facts, list(adata.obs_names)
    )


def model(adata: AnnData | None = None, **changes: Any) -> GeneVAR:
    """A model as if it had been trained on these rows."""
    adata = rows() if adata is None else adata
    GeneVAR.setup_anndata(adata)
    made = GeneVAR(adata, preset="nano", **{**NANO, **changes})
    made._fitted, made._device = fitted(adata, **changes), "cpu"
    return made
