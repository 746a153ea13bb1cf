"""The floor is the mean of the training rows, in counts and in logarithms."""

from __future__ import annotations

import numpy as np

from genviz.models.baselines.constant import mean
from tests.models.baselines.cases import problem


def test_every_row_gets_the_means_of_training():
    given = problem()
    found = mean(given)
    assert found.mean_MG.shape == found.log2_MG.shape == (15, 8)
    assert np.allclose(found.mean_MG, given.counts_NG.mean(axis=0))
    # the mean of the logarithms, and not the logarithm of the mean
    assert np.allclose(found.log2_MG, np.log2(1 + given.counts_NG).mean(axis=0))
    assert found.normalised_MG is None
