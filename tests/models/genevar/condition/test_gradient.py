"""The slopes of a code by genes are those of its own formula, the depth held."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse

from genviz._errors import UsageError
from genviz.models.genevar.condition.conditioner import ClassConditioner, LinearConditioner, PcaConditioner
from genviz.models.genevar.condition.config import ConditionConfig
from genviz.models.genevar.condition.gene_vae import GeneVAE
from genviz.models.genevar.condition.gradient import code_slopes, mean_logs
from genviz.models.genevar.condition.scaler import ProfileScaler
from genviz.models.genevar.condition.vae import VaeConditioner
from tests.models.genevar.condition.cases import some_profiles


def conditioner(kind, units, profiles):
    config = ConditionConfig(
        kind=kind, units=units, n_latent=3, n_genes=10, hidden=(8,), dropout=0.0, thin_from=1.0
    )
    if kind == "pca":
        return PcaConditioner.fit(config, profiles)
    scaler = ProfileScaler.fit(profiles, config)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = GeneVAE(config, len(scaler.columns_U)).eval()
    return VaeConditioner(
        config, scaler, network, np.zeros(3, np.float32), np.array([0.5, 1, 2], np.float32), {}
    )


@pytest.mark.parametrize("units", ["counts", "tpm"])
@pytest.mark.parametrize("kind", ["pca", "vae"])
def test_slopes_are_those_of_small_edits(kind, units):
    profiles = some_profiles(20)
    fitted = conditioner(kind, units, profiles)
    slopes_UZ = code_slopes(fitted, profiles)
    step = 0.05
    for place, column in enumerate(fitted.scaler.columns_U):

        def code(power, column=column):
            factor = np.ones(profiles.matrix.shape[1])
            factor[column] = 2.0**power
            matrix = sparse.csr_matrix(profiles.matrix @ sparse.diags(factor))
            return fitted.transform(replace(profiles, matrix=matrix)).astype(np.float64).mean(axis=0)

        numeric_Z = (code(step) - code(-step)) / (2 * step)
        np.testing.assert_allclose(slopes_UZ[place], numeric_Z, atol=2e-4)
    assert not slopes_UZ[:, 3].any()  # the depth
    assert np.abs(slopes_UZ).max() > 0.02


def test_genes_without_reads_have_no_slope():
    profiles = some_profiles(20)
    fitted = conditioner("pca", "counts", profiles)
    empty = profiles.matrix.tolil()
    empty[:, fitted.scaler.columns_U[0]] = 0
    without = replace(profiles, matrix=sparse.csr_matrix(empty))
    assert not code_slopes(fitted, without)[0].any()
    assert mean_logs(fitted, without)[0] == 0


@pytest.mark.parametrize("kind", [ClassConditioner, LinearConditioner])
def test_other_kinds_are_refused(kind):
    profiles = some_profiles(20, labels=True)
    fitted = kind.fit(
        ConditionConfig(kind="class" if kind is ClassConditioner else "linear", n_genes=10), profiles
    )
    with pytest.raises(UsageError, match="pca or vae"):
        code_slopes(fitted, profiles)
