"""Small measured and predicted objects whose scores can be worked out by hand."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd

from genviz._keys import Layers, Obs

# log2(1 + count) of a gene over the three spots of section A, and the prediction: r = 1, 1/2, undefined, -1.
TRUE = {"same": (0, 1, 2), "half": (0, 1, 2), "flat": (1, 1, 1), "opposite": (2, 1, 0)}
PRED = {"same": (0, 1, 2), "half": (0, 2, 1), "flat": (0, 1, 2), "opposite": (0, 1, 2)}
KINDS = ["same"] * 6 + ["half"] * 3 + ["flat"] * 2 + ["opposite"]
KEY = "model"


def measured(log_counts_NG: np.ndarray, sections: list[str], genes: list[str] | None = None) -> ad.AnnData:
    """Object of counts ``2**v - 1`` with one section label a row."""
    g = np.shape(log_counts_NG)[1]
    obs = pd.DataFrame({Obs.LIBRARY: sections}, index=[f"{s}_{i}" for i, s in enumerate(sections)])
    names = [f"G{i}" for i in range(g)] if genes is None else genes
    counts = np.round(2.0 ** np.asarray(log_counts_NG) - 1).astype(np.float32)
    return ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=names))


def predicted(true: ad.AnnData, log_NG: np.ndarray, key: str = KEY) -> ad.AnnData:
    """A result with E[log2(1 + X)] as given and E[X] its back-transform."""
    pred = ad.AnnData(obs=true.obs.copy(), var=pd.DataFrame(index=true.var_names))
    pred.layers[Layers.log2(key)] = np.asarray(log_NG, np.float64)
    pred.layers[Layers.mean(key)] = 2.0 ** np.asarray(log_NG, np.float64) - 1
    return pred


def two_sections() -> tuple[ad.AnnData, ad.AnnData]:
    """Section A as in the tables above, 3 spots; section B, 6 spots, predicted perfectly."""
    true_a = np.array([TRUE[kind] for kind in KINDS], float).T
    pred_a = np.array([PRED[kind] for kind in KINDS], float).T
    b = np.vstack([true_a, true_a])
    true = measured(np.vstack([true_a, b]), ["A"] * 3 + ["B"] * 6)
    return true, predicted(true, np.vstack([pred_a, b]))


def random_case(
    n: int = 60, genes: int = 30, seed: int = 0, noise: float = 0.5, sections: int = 2
) -> tuple[ad.AnnData, ad.AnnData]:
    """Poisson counts and a noisy prediction of their logs."""
    rng = np.random.default_rng(seed)
    rate = np.exp(rng.normal(1.5, 0.8, (n, genes)) + rng.normal(0, 0.5, (n, 1)))
    labels = [f"S{i * sections // n}" for i in range(n)]
    true = measured(np.log2(rng.poisson(rate) + 1.0), labels)
    return true, predicted(true, np.abs(np.log2(rate + 1) + rng.normal(0, noise, rate.shape)))
