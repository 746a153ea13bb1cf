"""Profiles of other rows: genes joined by name, unused ones not asked for, missing ones named."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from genviz._errors import DataError, MissingKeyError
from genviz.models.genevar.condition.rows import profiles_of
from genviz.models.genevar.conditions import conditions, told_by
from tests.models.genevar.model_cases import model, rows


@pytest.fixture(scope="module")
def trained():
    return model()


def used(trained):
    return [trained.fitted.genes[column] for column in trained.fitted.conditioner.scaler.columns_U]


def test_they_are_those_of_training(trained):
    given, fitted = rows(), trained.fitted
    whole = fitted.conditioner.transform(profiles_of(given, fitted.genes, fitted.config.condition))
    np.testing.assert_array_equal(conditions(fitted, told_by(fitted, given).profiles), whole)


def test_order_of_genes_and_genes_without_use_do_not_matter(trained):
    given, fitted = rows(), trained.fitted
    depth = np.asarray(given.X.sum(axis=1)).ravel()
    expected = conditions(fitted, told_by(fitted, given).profiles)
    shuffled = given[:, used(trained)[::-1]].copy()
    found = conditions(fitted, told_by(fitted, shuffled, depth=depth).profiles)
    np.testing.assert_array_equal(found, expected)


def test_missing_genes_are_named_and_filled_only_on_request(trained):
    given, names = rows(), used(trained)
    short = given[:, [gene for gene in given.var_names if gene not in names[:2]]].copy()
    with pytest.raises(DataError, match=f"{names[0]}.*{names[1]}.*impute_missing"):
        trained.generate(short)
    found = trained.generate(short, impute_missing=True)
    assert json.loads(found.uns["genviz"]["genevar"])["parameters"]["imputed"] == names[:2]


def test_of_nothing_measured_no_profile_is_made(trained):
    given, names = rows(), used(trained)
    for impute in (False, True):
        with pytest.raises(DataError, match="12 are absent") as refused:
            trained.generate(
                given[:, [g for g in given.var_names if g not in names]].copy(), impute_missing=impute
            )
        assert "impute_missing" not in str(refused.value)
    given.var_names = [f"ENSG{i:011d}" for i in range(given.n_vars)]
    with pytest.raises(DataError, match="to symbols") as refused:
        trained.generate(given, impute_missing=True)
    assert str(refused.value).count("Ensembl") == 1


def test_it_is_said_when_hardly_anything_was_measured(trained):
    given, names = rows(), used(trained)
    with pytest.warns(UserWarning, match="7 of the 12 genes"):
        trained.generate(
            given[:, [g for g in given.var_names if g not in names[:7]]].copy(), impute_missing=True
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained.generate(
            given[:, [g for g in given.var_names if g not in names[:6]]].copy(), impute_missing=True
        )


def test_a_gene_that_is_filled_is_at_its_training_mean(trained):
    given, names = rows(), used(trained)
    fitted = trained.fitted
    scaler, config = fitted.conditioner.scaler, fitted.config.condition
    short = given[:, [gene for gene in given.var_names if gene != names[3]]].copy()
    profiles = told_by(fitted, short, impute_missing=True).profiles
    np.testing.assert_allclose(scaler.logs(profiles, config)[:, 3], scaler.mean_U[3], rtol=1e-5)


def test_depth_can_be_told(trained):
    given, fitted = rows(), trained.fitted
    given.obs["reads"] = 1000.0
    by_column = conditions(fitted, told_by(fitted, given, depth="reads").profiles)
    np.testing.assert_array_equal(by_column, conditions(fitted, told_by(fitted, given, depth=1000).profiles))
    assert np.ptp(by_column[:, -1]) == 0
    with pytest.raises(MissingKeyError, match="nothing"):
        told_by(fitted, given, depth="nothing")
    with pytest.raises(DataError, match="14 rows"):
        told_by(fitted, given, depth=[1.0, 2.0])


def test_classes_need_no_counts():
    trained, given = model(condition={"kind": "class"}), rows()
    expected = trained.generate(given)
    given.X = None
    np.testing.assert_array_equal(trained.generate(given).obsm["genevar"], expected.obsm["genevar"])
    assert set(np.unique(expected.obsm["X_rna"])) == {0.0, 1.0}
    given.obs["project"] = "unknown"
    with pytest.raises(DataError, match="k0"):
        trained.generate(given)


def test_what_is_no_count_is_refused(trained):
    given = rows()
    given.X = given.X * 0.5
    with pytest.raises(DataError):
        trained.generate(given)
    given.layers["tpm"], given.X = given.X, None
    with pytest.raises(MissingKeyError, match="told counts"):
        trained.generate(given)
    given = rows()
    given.X = given.X * 0
    with pytest.raises(DataError, match="reads"):
        trained.generate(given)
