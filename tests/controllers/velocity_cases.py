"""Results as `gv.tl.velocity` writes them, of random numbers: nothing is computed."""

from __future__ import annotations

import json
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd


def numbers(knn: float = 0.5) -> dict[str, float]:
    """Scores of one space, chance a third."""
    return {"silhouette": 0.01, "knn": knn, "knn_null": 0.33, "knn_null_95": 0.39}


def gained(gain: float = 0.0, half: float = 0.05) -> dict[str, float]:
    """A difference with its interval."""
    return {"gain": gain, "low": gain - half, "high": gain + half}


def arrows(latent: float = 0.0, picture: float = 0.0) -> dict[str, Any]:
    """Agreement of arrows, of which shuffled ones reach 0.1."""
    null = {"null": 0.0, "null_95": 0.1, "p": 0.5}
    return {
        "latent": {"agreement": latent, **null},
        "picture": {"agreement": picture, **null},
        "noise": {"own": 0.1, "other": 0.0},
    }


def record(compare: tuple[str, ...] = ("vanilla",), frames: int = 3) -> dict[str, Any]:
    """A record in which nothing but the real tiles knows the groups."""
    names = ("model", *compare)
    ends = {f"end:{name}": numbers() for name in names}
    gains = {name: {"before": gained(), "others' profiles": gained()} for name in names}
    gains["model"] |= {f"end:{name}": gained() for name in compare}
    return {
        "parameters": {"colour_key": "organ", "scale": 3}, "seed": 0, "compare": list(compare), "phantom": False,
        "frames": np.linspace(0, 1, frames).tolist(), "sections_of_training": [],
        "numbers": {"start": numbers(0.33), "before": numbers(), "real": numbers(0.6), **ends},
        "gains": gains,
        "arrows": {name: arrows() for name in names},
    }  # fmt: skip


def paths(n: int = 60, compare: tuple[str, ...] = ("vanilla",), frames: int = 3, px: int = 16) -> ad.AnnData:
    """Rows with places, tiles whose red is the row, frames whose green is the frame and whose blue is the model."""
    rng = np.random.default_rng(0)
    obs = pd.DataFrame(
        {
            "organ": pd.Categorical(
                np.array(["liver", "kidney", "<img src=x onerror=alert(1)>"])[np.arange(n) % 3]
            ),
            "reads": np.arange(n, dtype=float),
        },
        index=[f"r{i}" for i in range(n)],
    )
    made = ad.AnnData(obs=obs)
    told = record(compare, frames)
    centre = rng.normal(size=(3, 2)) * 20
    made.obsm["velocity_start"] = rng.normal(size=(n, 2)).astype(np.float32)
    made.obsm["tiles"] = np.zeros((n, px, px, 3), np.uint8)
    made.obsm["tiles"][..., 0] = (np.arange(n) % 256)[:, None, None]
    for m, name in enumerate(("", *compare)):
        behind = f"_{name}" if name else ""
        end = centre[np.arange(n) % 3] + rng.normal(size=(n, 2)) * 3
        made.obsm[f"velocity_end{behind}"] = end.astype(np.float32)
        made.obsm[f"velocity_null{behind}"] = (end + rng.normal(size=(n, 2))).astype(np.float32)
        made.obs[f"velocity_agreement{behind}"] = rng.uniform(-1, 1, n).astype(np.float32)
        if frames:
            along = np.zeros((n, frames, px, px, 3), np.uint8)
            along[..., 1] = (80 * np.arange(frames))[None, :, None, None]
            along[..., 2] = 200 * m + 40
            made.obsm[f"velocity_frames{behind}"] = along
    made.uns["genviz"] = {"velocity": json.dumps(told)}
    return made
