"""What the report embeds, unpacked again as the page does it."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from genviz._errors import MissingKeyError
from genviz.pl.report_data import LOG2_STEP, provenance_of, report_data, result_key
from tests.pl.cases import GENES, MPP, N, prediction

CHOSEN = ["ACTB", "ERBB2"]


def unpacked(text: str, dtype: str, n_columns: int) -> np.ndarray:
    """(rows, columns) of what lies gene by gene."""
    return np.frombuffer(base64.b64decode(text), dtype).reshape(n_columns, -1).T


def test_values_come_back_as_they_were():
    adata = prediction(sections=("C2", "C5"))
    data = report_data(adata, "genar", CHOSEN)
    assert data["genes"] == CHOSEN and json.loads(json.dumps(data)) == data
    part, columns = adata[N:], [GENES.index(gene) for gene in CHOSEN]
    section = data["sections"][1]
    assert section["library"] == "C5" and section["names"] == list(part.obs_names)
    assert (section["mpp"], section["diameterUm"]) == (MPP, 100.0)
    log2 = unpacked(section["predicted"], "<u2", 2) * LOG2_STEP
    np.testing.assert_allclose(log2, part.layers["genar_log2"][:, columns], atol=LOG2_STEP)
    for name, layer in (
        ("measured", "counts"),
        ("mean", "genar"),
        ("lower", "genar_lower"),
        ("upper", "genar_upper"),
    ):
        values = part.layers[layer][:, columns]
        values = values.toarray() if hasattr(values, "toarray") else values
        np.testing.assert_array_equal(unpacked(section[name], "<u2", 2), np.rint(values))
    xy = np.frombuffer(base64.b64decode(section["xy"]), "<f4").reshape(-1, 2)
    np.testing.assert_allclose(xy, part.obsm["spatial"] * MPP)
    assert section["image"]["widthUm"] == 60 / 0.02 * MPP


def test_the_page_names_the_interval():
    assert report_data(prediction(level=0.8), "genar", CHOSEN)["interval"] == "80 % interval"
    assert report_data(prediction(), "genar", CHOSEN)["interval"] == "interval"


def test_what_is_not_there_is_left_out():
    (section,) = report_data(prediction(measured=False, image=False), "genar", CHOSEN)["sections"]
    assert "measured" not in section and section["image"] is None


def test_gene_scores_are_correlations_within_sections():
    adata = prediction(sections=("C2", "C5"))
    adata.layers["counts"] = adata.layers["counts"].toarray()
    adata.layers["counts"][:, 1] = 3  # constant: no correlation
    # Between sections they differ by a factor, which must not count as correlation.
    adata.layers["counts"][N:, 0] *= 100
    adata.layers["genar_log2"][N:, 0] += 5
    found = report_data(adata, "genar", GENES)["geneScores"]
    measured, predicted = np.log2(1 + adata.layers["counts"]), adata.layers["genar_log2"]
    each = [np.corrcoef(measured[rows, 0], predicted[rows, 0])[0, 1] for rows in (slice(N), slice(N, None))]
    assert found[0] == pytest.approx(np.mean(each), abs=1e-3)
    assert found[1] is None
    assert report_data(prediction(measured=False), "genar", CHOSEN)["geneScores"] == [None, None]


def test_the_key_is_found_by_its_pair_of_layers():
    assert result_key(prediction(key="ridge")) == "ridge"
    adata = prediction()
    del adata.layers["genar_log2"]
    with pytest.raises(MissingKeyError, match=r"genviz predict genar` or model.predict"):
        result_key(adata)


def test_provenance_in_both_forms():
    assert provenance_of(prediction(level=0.9), "genar") == {"model": "genar", "seed": 3, "level": 0.9}
    adata = prediction()
    adata.uns["genviz"]["genar"] = {"seed": np.int64(3), "scales": np.array([1, 4]), "parameters": '{"a": 1}'}
    assert provenance_of(adata, "genar") == {"seed": 3, "scales": [1, 4], "parameters": {"a": 1}}
    assert provenance_of(adata, "ridge") == {}
