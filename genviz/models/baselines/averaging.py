"""The average of several predictions: what one gets for free from having them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from genviz.models.baselines.estimate import Estimate

MEMBERS = ("kernel_ridge", "mlp")


def average(estimates: Mapping[str, Estimate]) -> Estimate:
    """Unweighted means of E[log2(1 + X)], of E[X], and of the direct predictions of those that make one."""
    direct = [e.normalised_MG for e in estimates.values() if e.normalised_MG is not None]
    return Estimate(
        np.mean([e.log2_MG for e in estimates.values()], axis=0),
        np.mean([e.mean_MG for e in estimates.values()], axis=0),
        np.mean(direct, axis=0) if direct else None,
        {"members": list(estimates)},
    )
