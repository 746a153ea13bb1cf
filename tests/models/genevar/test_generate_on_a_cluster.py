"""With a Dask client active the same bits come from its workers."""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.genevar.model_cases import model, rows
from tests.models.genevar.test_generate import PLAIN


@pytest.fixture(scope="module")
def trained():
    return model()


@pytest.fixture(scope="module")
def given():
    return rows(70)


@pytest.fixture(scope="module")
def here(trained, given):
    """Of every kind of call, what it gives without a client."""
    plain = model(**PLAIN)
    return {
        "generate": trained.generate(given, seed=3, keep_scales=True),
        "reconstruct": trained.reconstruct(given),
        "log_prob": plain.log_prob(given),
        "retrieve": plain.retrieve(given),
    }


def test_tiles_are_the_same(trained, given, here, tasks_there):
    there = trained.generate(given, seed=3, keep_scales=True)
    assert tasks_there("_there") == 3
    for key in here["generate"].obsm:
        np.testing.assert_array_equal(there.obsm[key], here["generate"].obsm[key])
    coded = trained.generate_from_code(given, there.obsm["X_rna"], seed=3)
    assert tasks_there("_there") == 6
    np.testing.assert_array_equal(coded.obsm["genevar"], there.obsm["genevar"])


def test_reconstructions_are_the_same(trained, given, here, tasks_there):
    there = trained.reconstruct(given)
    assert tasks_there("_there") == 3 + 3  # encoding, decoding
    np.testing.assert_array_equal(there.obsm["genevar"], here["reconstruct"].obsm["genevar"])


def test_likelihoods_are_the_same(given, here, tasks_there):
    plain = model(**PLAIN)
    np.testing.assert_array_equal(plain.log_prob(given), here["log_prob"])
    assert tasks_there("_there") == 3 + 2  # encoding, likelihoods
    found = plain.retrieve(given)
    assert tasks_there("_there") == 5 + 3 + 3
    np.testing.assert_array_equal(found.log_prob_NN, here["retrieve"].log_prob_NN)
    np.testing.assert_array_equal(found.rank_N, here["retrieve"].rank_N)
