"""What a user gets wrong first: each refused in one sentence, before the long work."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import genviz as gv
from genviz._errors import UsageError
from genviz.models import GenAR
from genviz.models.genar.ensemble import SampleArgs
from genviz.models.genar.predicting import predict
from tests.models.genar.cases import generators, inputs, network, tissue

GENE = "G0"


@pytest.fixture(scope="module")
def model():
    gv.settings.progress = False
    adata = tissue()
    GenAR.setup_anndata(adata)
    return GenAR(adata, preset="nano").train(1, seed=0)


@pytest.fixture(scope="module")
def rows():
    return tissue(6, seed=1)


def refused(call) -> str:
    with pytest.raises(UsageError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("method", ["predict", "regenerate", "pit"])
@pytest.mark.parametrize("n", [0, -3, 2.5, "x", True])
def test_numbers_of_samples(model, rows, method, n):
    said = refused(lambda: getattr(model, method)(rows, n_samples=n))
    assert said == f"Expected n_samples, a whole number from 1; got {n!r}."


@pytest.mark.parametrize("n", [0, 2.5, "x"])
def test_numbers_of_samples_of_a_network(n):
    features_BF, xy_B2 = inputs(2)
    made = network()
    assert "n_samples, a whole number from 1" in refused(
        lambda: made.sample(features_BF, xy_B2, generators(2), n)
    )


def test_a_number_of_samples_from_numpy_is_kept_as_json(model, rows):
    record = json.loads(model.predict(rows, n_samples=np.int64(4)).uns["genviz"]["genar"])
    assert record["parameters"]["n_samples"] == 4


@pytest.mark.parametrize("method", ["predict", "regenerate", "expected", "log_likelihood", "pit"])
@pytest.mark.parametrize(
    ("value", "came"), [("good.h5ad", "a str"), (None, "None"), (pd.DataFrame(), "a DataFrame")]
)
def test_rows_are_an_anndata(model, method, value, came):
    assert refused(lambda: getattr(model, method)(value)).startswith(f"Expected an AnnData; got {came}. ")


def test_rows_are_an_anndata_where_some_are_chosen(model):
    clamp = {"gene": GENE, "factor": 2}
    assert "Read it with gv.io.read_h5ad" in refused(lambda: model.regenerate("good.h5ad", clamp, rows=[0]))


@pytest.mark.parametrize(
    ("clamp", "said"),
    [
        ([1], r"Expected clamp, a mapping like .*; got \[1\]\."),
        ("G0", r"Expected clamp, a mapping like .*; got 'G0'\."),
        ({}, r"Expected at least one clamp; got none\."),
        ({5: 2}, r"Expected a gene of the panel or \(scale index, group\) to clamp; got 5\."),
        ({"nobody": 2}, r"to clamp; got 'nobody'\."),
        ({GENE: "x"}, r"Expected a finite factor from 0 for the clamp on G0; got 'x'\."),
        ({GENE: None}, r"Expected a finite factor from 0 for the clamp on G0; got None\."),
    ],
)
def test_clamps_of_a_prediction(model, rows, clamp, said):
    with pytest.raises(UsageError, match=said):
        model.predict(rows, clamp=clamp)


@pytest.mark.parametrize(
    ("clamp", "said"),
    [
        ({}, "Expected at least one clamp; got none."),
        ("", "Expected a clamp like"),
        ({"genes": "nobody", "factor": 2}, "got 'nobody'."),
        ({"genes": [], "factor": 2}, "got none."),
        ({"genes": 5, "factor": 2}, "Expected genes, a list of names; got 5."),
    ],
)
def test_clamps_of_a_regeneration(model, rows, clamp, said):
    assert said in refused(lambda: model.regenerate(rows, clamp))


def test_a_text_is_one_gene(model, rows):
    one, same = (model.expected(rows, {"genes": genes, "factor": 2}) for genes in (GENE, [GENE]))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, model.expected(rows))


def test_a_text_is_one_readout(model, rows):
    result = model.regenerate(rows, n_samples=4, readouts="mode")
    assert {"genar_mode"} == set(result.layers) & {"genar_mode", "genar_median"}
    args = SampleArgs(4)
    made = predict(model.fitted, rows, args, depth=None, level=0.9, readouts="mode", key="genar")
    assert "genar_mode" in made.layers


@pytest.mark.parametrize(
    ("readouts", "said"),
    [
        ("mean", "got 'mean'"),
        (["mode", "mean"], "got 'mean'"),
        (5, "a list of median or mode; got 5"),
        ([5], "got 5"),
    ],
)
def test_readouts(model, rows, readouts, said):
    assert said in refused(lambda: model.regenerate(rows, n_samples=4, readouts=readouts))


@pytest.mark.parametrize(
    ("chosen", "came"),
    [
        ([99], "99"),
        ([0, -1], "-1"),
        (["nobody"], "'nobody'"),
        ([True], r"a mask of shape \(1,\)"),
        (1.5, "1.5"),
        (5, "5"),
        ([0.5], r"float64 of shape \(1,\)"),
    ],
)
def test_chosen_rows(model, rows, chosen, came):
    with pytest.raises(UsageError, match=f"^Expected rows as a mask of 6 rows, .*; got {came}[.]$"):
        model.regenerate(rows, rows=chosen)
