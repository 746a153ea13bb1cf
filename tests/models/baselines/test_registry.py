"""The one call: names, results as AnnData, and test counts that nobody reads."""

from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pytest
from scipy import sparse

from genviz import io, metrics
from genviz._errors import DataError, MissingKeyError, UsageError
from genviz.models import baselines
from genviz.models.baselines import mlp, neighbours
from tests.models.baselines.cases import KEY, OTHERS, PANEL, split

DIRECT = {"kernel_ridge", "mlp", "composition_ridge", "average"}


@pytest.fixture(scope="module", autouse=True)
def _small():
    """Few epochs and settings: these tests are about the call, not about accuracy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mlp, "EPOCHS", 3)
        patch.setattr(mlp, "WIDTH", 16)
        patch.setattr(neighbours, "RETRIEVAL_SETTINGS", ((300.0, 4, 10, 0.1), (300.0, 4, 20, 0.1)))
        yield


@pytest.fixture(scope="module")
def results():
    train, test = split()
    return train, test, baselines.fit_predict(train, test, genes=PANEL)


def test_every_baseline_gives_the_test_rows_and_the_panel(results):
    _, test, found = results
    assert tuple(found) == baselines.NAMES
    for name, result in found.items():
        assert list(result.var_names) == PANEL
        assert result.obs_names.equals(test.obs_names)
        layers = {name, f"{name}_log2"} | ({f"{name}_normalised"} if name in DIRECT else set())
        assert set(result.layers) == layers
        for layer in layers:
            values = result.layers[layer]
            assert values.dtype == np.float32 and np.isfinite(values).all() and (values >= 0).all()
        assert np.array_equal(result.X, result.layers[name])


def test_results_pass_the_contract_and_come_back_from_a_file(results, tmp_path):
    for name, result in results[2].items():
        report = io.contract_report(result)
        assert not [finding for finding in report if finding.level != "note"], (name, report)
        io.write_h5ad(result, tmp_path / f"{name}.h5ad")
        again = ad.read_h5ad(tmp_path / f"{name}.h5ad")
        assert np.array_equal(again.layers[name], result.layers[name])


def test_provenance_says_what_was_chosen_on_what(results):
    for name, result in results[2].items():
        record = json.loads(result.uns["genviz"][name])
        assert record["model"] == name
        assert record["training_sections"] == ["A", "B"]
        assert record["training_rows"] == 48
        assert record["transductive"] is False
        assert "over sections" in record["chosen_on"]
    assert record["chosen"] == {"members": ["kernel_ridge", "mlp"]}


def test_inputs_stay_as_they_are(results):
    train, test, _ = results
    again, other = split()
    for given, fresh in ((train, again), (test, other)):
        assert "genviz" not in given.uns
        assert not given.layers
        assert (given.X != fresh.X).nnz == 0


def test_results_are_scored_by_their_own_key(results):
    _, test, found = results
    scores = metrics.expression(test, found["ridge"], key="ridge", n_bootstrap=0)
    floor = metrics.expression(test, found["mean"], key="mean", n_bootstrap=0)
    assert scores["mse"].value < floor["mse"].value
    assert scores["pcc_200"].value > 0.3


@pytest.mark.parametrize("poison", ["permuted", "not counts", "absent"])
def test_counts_of_test_rows_are_never_read(results, poison):
    train, test, found = results
    other = test.copy()
    if poison == "permuted":
        other.X = other.X[np.random.default_rng(0).permutation(other.n_obs)]
    elif poison == "not counts":
        other.X = sparse.csr_matrix(np.full(other.shape, np.nan, np.float32))
    else:
        other = other[:, []].copy()
    again = baselines.fit_predict(train, other, genes=PANEL)
    for name, result in again.items():
        for layer in found[name].layers:
            assert np.array_equal(result.layers[layer], found[name].layers[layer]), (name, layer)


def test_one_baseline_does_not_depend_on_the_others_asked_for(results):
    train, test, found = results
    alone = baselines.fit_predict(train, test, ["average"], genes=PANEL)
    assert list(alone) == ["average"]
    assert np.array_equal(alone["average"].X, found["average"].X)


def test_the_average_takes_in_another_model(results):
    train, test, found = results
    given = found["ridge"][::-1, ::-1].copy()  # joined by names
    average = baselines.fit_predict(train, test, ["average"], genes=PANEL, others={"ridge": given})["average"]
    for layer in ("", "_log2"):
        parts = [found[n].layers[n + layer] for n in ("kernel_ridge", "mlp", "ridge")]
        assert np.allclose(average.layers["average" + layer], np.mean(parts, axis=0), rtol=1e-5)
    # ridge makes no direct prediction
    parts = [found[n].layers[n + "_normalised"] for n in ("kernel_ridge", "mlp")]
    assert np.allclose(average.layers["average_normalised"], np.mean(parts, axis=0), rtol=1e-5)


def test_another_model_must_predict_the_rows_under_its_key(results):
    train, test, found = results
    with pytest.raises(DataError, match="all 24 test rows; 14 are missing"):
        baselines.fit_predict(
            train, test, ["mean"], genes=PANEL, others={"ridge": found["ridge"][:10].copy()}
        )
    with pytest.raises(MissingKeyError, match="genar"):
        baselines.fit_predict(train, test, ["mean"], genes=PANEL, others={"genar": found["ridge"]})


@pytest.mark.parametrize("names", [["lasso"], ["ridge", "lasso"], []])
def test_unknown_names_are_refused(names):
    with pytest.raises(UsageError, match="kernel_ridge"):
        baselines.fit_predict(*split(), names)


def test_missing_features_are_refused():
    train, test = split()
    del train.obsm[KEY]
    with pytest.raises(MissingKeyError, match="embed"):
        baselines.fit_predict(train, test, ["mean"])


def test_by_section_is_recorded_as_transductive():
    train, test = split()
    found = baselines.fit_predict(train, test, ["ridge"], genes=OTHERS, normalise="section")["ridge"]
    assert json.loads(found.uns["genviz"]["ridge"])["transductive"] is True
    with pytest.raises(DataError, match="whole section"):
        baselines.fit_predict(train, test[:10].copy(), ["ridge"], genes=OTHERS, normalise="section")
