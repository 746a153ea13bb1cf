"""Fréchet distance, KID, precision and recall of two sets of features, computed by torch-fidelity.

Shape legend: N and M rows, D features.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError
from genviz._lazy import require
from genviz._torchvision import guard_torchvision

_PURPOSES = {
    "metric_fid": "compute Fréchet distances",
    "metric_kid": "compute KID",
    "metric_prc": "compute precision and recall",
    "sample_similarity_lpips": "compute LPIPS",
}
NEIGHBOURS = 3  # k of precision and recall (Kynkäänniemi et al., NeurIPS 2019)


def fidelity(module: str) -> Any:
    """A module of torch-fidelity.

    Parameters
    ----------
    module
        Its name within the package.

    Raises
    ------
    MissingDependencyError
        Without the extra ``metrics``.
    """
    guard_torchvision()
    require("torch_fidelity", extra="metrics", purpose=_PURPOSES.get(module, "compute image features"))
    return importlib.import_module(f"torch_fidelity.{module}")


def frechet(first_ND: ArrayLike, second_MD: ArrayLike) -> float:
    """Squared Fréchet distance of Gaussians fitted to two sets of features (Heusel et al., NeurIPS 2017).

    ``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))``. Biased upwards for few rows: compare only at equal N, with
    a floor of real against real beside it.

    Parameters
    ----------
    first_ND, second_MD
        Features; more rows than columns make the covariance regular.
    """
    metric = fidelity("metric_fid")
    first, second = (metric.fid_features_to_statistics(_tensor(x)) for x in (first_ND, second_MD))
    return float(metric.fid_statistics_to_metric(first, second, False)[metric.KEY_METRIC_FID])


def kid(first_ND: ArrayLike, second_MD: ArrayLike) -> float:
    """Unbiased squared MMD with the kernel ``(x.y / D + 1)^3`` (Bińkowski et al., ICLR 2018).

    The exact U-statistic over all rows: torch-fidelity's subsets of 1000 with a single subset as large as the set.

    Parameters
    ----------
    first_ND, second_MD
        Features, equally many rows. Around 0 for equal distributions; slightly negative values are right.
    """
    first, second = _tensor(first_ND), _tensor(second_MD)
    if len(first) != len(second):
        raise DataError(f"Expected equally many rows of both sets; got {len(first)} and {len(second)}.")
    metric = fidelity("metric_kid")
    found = metric.kid_features_to_metric(
        first, second, kid_subsets=1, kid_subset_size=len(first), verbose=False
    )
    return float(found[metric.KEY_METRIC_KID_MEAN])


def precision_recall(real_ND: ArrayLike, fake_MD: ArrayLike) -> tuple[float, float]:
    """Share of fakes near a real row, and of reals near a fake (Kynkäänniemi et al., NeurIPS 2019), k = 3.

    Near: within the distance of a row to its third neighbour in its own set.

    Parameters
    ----------
    real_ND, fake_MD
        Features, at least five rows each.
    """
    metric = fidelity("metric_prc")
    found = metric.prc_features_to_metric(
        _tensor(fake_MD), _tensor(real_ND), prc_neighborhood=NEIGHBOURS, verbose=False
    )
    return float(found[metric.KEY_METRIC_PRECISION]), float(found[metric.KEY_METRIC_RECALL])


def all_distances(real_ND: NDArray[Any], fake_MD: NDArray[Any]) -> dict[str, float]:
    """``fd``, ``kid``, ``precision`` and ``recall`` of a pair of sets.

    Parameters
    ----------
    real_ND, fake_MD
        Features, equally many rows.
    """
    precision, recall = precision_recall(real_ND, fake_MD)
    return {
        "fd": frechet(real_ND, fake_MD),
        "kid": kid(real_ND, fake_MD),
        "precision": precision,
        "recall": recall,
    }


def _tensor(values: ArrayLike) -> torch.Tensor:
    """Float64: in float32 distances of near features round to 0."""
    found = np.array(values, np.float64)
    if found.ndim != 2 or len(found) < NEIGHBOURS + 2 or not np.isfinite(found).all():
        raise DataError(
            f"Expected finite features (n, d) of at least {NEIGHBOURS + 2} tiles; got {found.shape}. "
            "Give more tiles."
        )
    return torch.from_numpy(found)
