"""Conditions: fitted on training rows, keyed views, rebuilt from arrays and JSON; bad profiles are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scipy import sparse

from genviz._errors import CheckpointError, DataError, MissingKeyError, UsageError
from genviz.models.genevar.condition.config import ConditionConfig
from genviz.models.genevar.condition.kinds import fit_conditioner, restore_conditioner
from genviz.models.genevar.condition.profiles import Profiles, thinned
from genviz.models.genevar.condition.rows import profiles_of
from tests.models.genevar.condition.cases import programme_counts, some_profiles, some_rows

NANO = {"n_latent": 3, "hidden": (8, 4), "max_epochs": 2, "n_genes": 30}
KINDS = ("pca", "vae", "class", "linear")


def nano(kind: str = "pca", **changes: object) -> ConditionConfig:
    return ConditionConfig(**{"kind": kind, **NANO, **changes})


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return some_profiles(labels=True)


# ---- every kind ----


@pytest.mark.parametrize("kind", KINDS)
def test_widths_rows_and_views(profiles, kind):
    fitted = fit_conditioner(nano(kind), profiles)
    x = fitted.transform(profiles)
    assert x.shape == (60, fitted.input_dim) and x.dtype == np.float32
    assert fitted.head()(torch.from_numpy(x)).shape == (60, fitted.cond_dim)
    assert fitted.cond_dim == {"pca": 4, "vae": 4, "class": 2, "linear": 3}[kind]
    some = np.array([41, 3])
    np.testing.assert_array_equal(fitted.transform(profiles.take(some)), x[some])
    view = fitted.view(profiles, seed=1, view=5)
    np.testing.assert_array_equal(fitted.view(profiles.take(some), seed=1, view=5), view[some])
    differs = np.abs(fitted.view(profiles, seed=1, view=6) - view).max() > 0
    assert differs == (kind != "class")


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_and_json_rebuild_it(profiles, kind):
    fitted = fit_conditioner(nano(kind), profiles)
    tensors, told = fitted.state()
    told = json.loads(json.dumps(told))
    as_torch = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in tensors.items()}
    again = restore_conditioner(as_torch, told)
    np.testing.assert_array_equal(again.transform(profiles), fitted.transform(profiles))
    assert (again.config, again.cond_dim) == (fitted.config, fitted.cond_dim)
    if tensors:
        with pytest.raises(CheckpointError, match=f"kind '{kind}'"):
            restore_conditioner({}, told)


@pytest.mark.parametrize("kind", ["pca", "linear"])
def test_other_rows_change_nothing(profiles, kind):
    fitted = fit_conditioner(nano(kind), profiles.take(np.arange(40)))
    doubled = Profiles.of(profiles.matrix[40:] * 7, names=profiles.names[40:])
    fitted.transform(doubled)
    again = fit_conditioner(nano(kind), profiles.take(np.arange(40)))
    np.testing.assert_array_equal(fitted.state()[0]["scaler.mean"], again.state()[0]["scaler.mean"])


# ---- principal components ----


def test_components_are_white_and_find_the_programme(profiles):
    fitted = fit_conditioner(nano(n_genes=0), profiles)
    z = fitted.transform(profiles)
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(np.cov(z[:, :3].T, bias=True), np.eye(3), atol=1e-4)
    np.testing.assert_allclose(z[:, 3].std(), 1, atol=1e-5)
    factors = programme_counts()[1]
    rest = np.linalg.lstsq(z, factors - factors.mean(0), rcond=None)[1]
    assert (rest / ((factors - factors.mean(0)) ** 2).sum(0)).max() < 0.15
    assert 0.4 < fitted.explained < 1


def test_components_are_those_of_the_covariance_both_ways_round():
    for n_rows, n_genes in ((60, 40), (30, 40)):
        rows = some_profiles(n_rows, n_genes)
        fitted = fit_conditioner(nano(n_genes=0, min_detected=0.0, n_latent=2, depth=False), rows)
        logs = np.log1p(1e4 * rows.matrix.toarray() / rows.depth_N[:, None])
        left, values, _ = np.linalg.svd(logs - logs.mean(0), full_matrices=False)
        expected = left[:, :2] * np.sqrt(n_rows)
        np.testing.assert_allclose(np.abs(fitted.transform(rows)), np.abs(expected), atol=1e-3)
        assert fitted.explained == pytest.approx((values[:2] ** 2).sum() / (values**2).sum())


def test_genes_are_the_most_variable_detected_ones():
    counts, _ = programme_counts(50, 20)
    counts[:, 4] = 0
    counts[0, 4] = 10_000  # varies most, in one row
    counts[:, 5] = 0
    fitted = fit_conditioner(nano(n_genes=6, n_latent=2), Profiles.of(counts))
    assert len(fitted.scaler.columns_U) == 6 and not {4, 5} & set(fitted.scaler.columns_U)


def test_depth_of_the_whole_library_counts_not_the_panel(profiles):
    deep = Profiles.of(profiles.matrix, depth_N=profiles.depth_N * 4, names=profiles.names)
    fitted = fit_conditioner(nano(), profiles)
    assert np.allclose(
        fitted.transform(deep)[:, 3] - fitted.transform(profiles)[:, 3],
        np.log(4) / fitted.scaler.log_depth[1],
    )
    assert fit_conditioner(nano(depth=False), profiles).cond_dim == 3


def test_what_cannot_be_fitted(profiles):
    with pytest.raises(UsageError, match="n_latent of at most 4"):
        fit_conditioner(nano(n_latent=5), profiles.take(np.arange(5)))
    with pytest.raises(DataError, match="independent directions"):
        fit_conditioner(nano(n_latent=3), Profiles.of(np.tile([[5, 1, 9], [2, 7, 1]], (4, 1))))
    with pytest.raises(DataError, match="at least 2"):
        fit_conditioner(nano(), profiles.take(np.arange(1)))
    with pytest.raises(DataError, match="genes that vary"):
        fit_conditioner(nano(), Profiles.of(np.ones((5, 4))))
    with pytest.raises(DataError, match="40 genes of training; got 39"):
        fit_conditioner(nano(), profiles).transform(Profiles.of(profiles.matrix[:, :39]))
    with pytest.raises(DataError, match="label of each row"):
        fit_conditioner(nano("class"), some_profiles())
    fitted = fit_conditioner(nano("class"), profiles)
    with pytest.raises(DataError, match="got 'new'"):
        fitted.transform(Profiles.of(profiles.matrix, labels=["new"] * 60))


# ---- views ----


def test_thinning_keeps_the_stated_share_of_reads():
    counts = np.full((400, 5), 1000)
    thin = thinned(Profiles.of(counts, depth_N=np.full(400, 20_000)), thin_from=0.5, seed=0, view=0)
    share = np.ravel(thin.matrix.sum(1)) / 5000
    assert 0.45 < share.min() < 0.55 < 0.95 < share.max() <= 1.0
    assert share.mean() == pytest.approx(0.75, abs=0.03)
    np.testing.assert_allclose(thin.depth_N / 20_000, share, atol=0.04)
    # Within a row the share is one number: binomial, not a share for each gene.
    spread = (thin.matrix.toarray() / 1000 - share[:, None]).std()
    assert spread == pytest.approx(np.sqrt((share * (1 - share)).mean() / 1000), rel=0.2)
    assert thinned(Profiles.of(counts), thin_from=1.0, seed=0, view=0).matrix.sum() == counts.sum()


def test_thinning_never_empties_a_row_and_is_for_counts():
    ones = Profiles.of(sparse.csr_matrix(np.eye(50)))
    for view in range(5):
        assert (thinned(ones, thin_from=0.01, seed=0, view=view).depth_N > 0).all()
    with pytest.raises(DataError, match="fractions"):
        thinned(Profiles.of(np.full((2, 2), 0.5)), thin_from=0.5, seed=0, view=0)


def test_noise_has_the_stated_deviation(profiles):
    fitted = fit_conditioner(nano(thin_from=1.0, code_noise=0.15), profiles)
    views = np.stack([fitted.view(profiles, seed=0, view=v) - fitted.transform(profiles) for v in range(20)])
    assert views[..., :3].std() == pytest.approx(0.15, rel=0.05) and (views[..., 3] == 0).all()


# ---- rows of an AnnData ----


@pytest.mark.parametrize("units", ["counts", "tpm"])
def test_rows_are_read_in_their_units(units):
    adata = some_rows()
    genes = list(adata.var_names[::-1][:5])
    found = profiles_of(adata, genes, nano(units=units))
    np.testing.assert_allclose(found.matrix.toarray(), adata[:, genes].layers[units])
    np.testing.assert_allclose(found.depth_N, adata.layers["counts"].sum(1))  # of all genes
    assert found.names[0] == "s0" and set(found.libraries) == {""}
    adata.obs["library_id"] = "C2"
    assert set(profiles_of(adata, genes, nano(units=units)).libraries) == {"C2"}


def bad(adata, message, units="counts", genes=None, error=DataError, **changes):
    with pytest.raises(error, match=message):
        profiles_of(
            adata, list(some_rows().var_names) if genes is None else genes, nano(units=units, **changes)
        )


def test_units_that_are_exchanged_are_said():
    adata = some_rows()
    adata.layers["counts"], adata.layers["tpm"] = adata.layers["tpm"], adata.layers["counts"]
    bad(adata, "add up to a million, as TPM do")
    bad(adata, "whole numbers, as counts are", "tpm")
    adata.layers["tpm"] = adata.layers["counts"] * 2.5
    bad(adata, "more than a million", "tpm")
    adata.layers["tpm"] = np.log2(1 + adata.layers["counts"]) - 1
    bad(adata, "negative", "tpm")
    del adata.layers["tpm"]
    bad(adata, "read_gdc", "tpm", error=MissingKeyError)


def test_genes_that_are_absent_or_named_otherwise_are_said():
    adata = some_rows()
    bad(adata[:, 2:].copy(), "2 are absent from the data: 'ENSG00000000000', 'ENSG00000000001'")
    bad(adata, "names='symbol'", genes=["TP53", "MYC"])
    adata.var_names = [f"{name}.7" for name in adata.var_names]
    bad(adata, "carry versions")
    adata.var_names = [f"GENE{i}" for i in range(8)]
    bad(adata, "data have symbols and the model Ensembl")
    adata.var_names = ["GENE0", "GENE0", *adata.var_names[2:]]
    bad(adata, "unique names of genes", "tpm")


def test_rows_that_cannot_be_are_said():
    adata = some_rows()
    adata.layers["counts"][3] = 0
    bad(adata, "1 have none: 's3'")
    adata = some_rows()
    adata.obs_names = ["s1", "s1", *adata.obs_names[2:]]
    bad(adata, "unique names of rows")
    bad(some_rows(), r"obs\['project'\]", kind="class", error=MissingKeyError)
    adata = some_rows()
    adata.obs["project"] = ["a", "b"] * 6
    assert profiles_of(adata, list(adata.var_names), nano("class")).labels[:3] == ("a", "b", "a")
