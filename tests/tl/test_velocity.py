"""Trajectories: the same noise for all, controls beside, and nothing that depends on the order of rows."""

from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pytest

import genviz as gv
from genviz._errors import DataError, MissingKeyError, UsageError
from genviz.models.genevar.trajectories import FlowInputs, endpoints
from genviz.tl.grouping import group_scores
from tests.models.genevar.model_cases import model, rows


@pytest.fixture(scope="module")
def adata():
    return rows(32)


@pytest.fixture(scope="module")
def known(adata):
    return model(adata)


@pytest.fixture(scope="module")
def found(known, adata):
    return gv.tl.velocity(known, adata, compare={"twin": known}, seed=0)


def test_result_has_what_it_says(found, adata, tmp_path):
    assert set(found.obs_names) == set(adata.obs_names)
    assert {key: found.obsm[key].shape for key in found.obsm} == {
        "velocity_start": (32, 2), "velocity_end": (32, 2), "velocity_end_twin": (32, 2)
    }  # fmt: skip
    record = json.loads(found.uns["genviz"]["velocity"])
    assert record["parameters"]["scale"] == 3 and record["parameters"]["colour_key"] == "project"
    assert record["compare"] == ["twin"] and record["synthetic"] is True
    numbers = record["numbers"]
    assert list(numbers)[:4] == ["start", "before", "real", "end:model"]
    assert numbers["end:model"] == numbers["end:twin"]  # the same flow, noise, inputs
    assert numbers["end:model"] != numbers["end, others' profiles:model"]
    gv.io.write_h5ad(found, tmp_path / "v.h5ad")
    assert json.loads(ad.read_h5ad(tmp_path / "v.h5ad").uns["genviz"]["velocity"]) == record


def test_same_seed_same_picture(found, known, adata):
    again = gv.tl.velocity(known, adata[::-1].copy(), compare={"twin": known}, seed=0)
    assert list(again.obs_names) == list(found.obs_names)
    assert np.array_equal(again.obsm["velocity_end"], found.obsm["velocity_end"])


def test_ends_are_those_of_the_flow(known, adata):
    fitted = known._ready()
    inputs = FlowInputs.of(fitted, adata, None, 0)
    flow = fitted.trained_flow()
    one = flow.predict(inputs.eps_NDGG[3:4], inputs.r_NDnn[3:4], inputs.z_NZ[3:4], 3) / flow.scale
    np.testing.assert_allclose(endpoints(fitted, inputs)[3], one.detach().flatten().numpy(), atol=1e-5)
    few = FlowInputs.of(fitted, adata[[5, 3]], None, 0)
    assert np.array_equal(few.start_NF[1], inputs.start_NF[3])
    assert not np.allclose(FlowInputs.of(fitted, adata[[3]], None, 1).start_NF[0], inputs.start_NF[3])


def test_scores_know_groups_from_chance():
    rng = np.random.default_rng(0)
    groups = np.repeat(["a", "b", "c"], 30)
    apart = rng.normal(size=(90, 8)) + 9 * np.repeat(np.eye(3, 8), 30, axis=0)
    scores = group_scores(apart, groups, 0)
    assert scores["knn"] == 1.0 and scores["silhouette"] > 0.4
    assert 0.2 < scores["knn_null"] < 0.45
    scores = group_scores(rng.normal(size=(90, 8)), groups, 0)
    assert abs(scores["silhouette"]) < 0.05 and scores["knn"] <= scores["knn_null_95"] + 0.05


def test_a_tied_vote_goes_to_the_nearest():
    points = np.array([0.0, 1.0, 1.1, 1.2, 1.3, 50.0, 51.0, 52.0, 53.0])[:, None]
    # Neighbours of 0: b a b a, then 50 (c): one vote each more for none, b is nearest.
    groups = np.array(["b", "b", "a", "b", "a", "c", "c", "c", "c"])
    assert group_scores(points, groups, 0)["knn"] > 0.5


def test_what_cannot_be_followed_is_refused(known, adata):
    with pytest.raises(UsageError, match="scale from 2 to 3"):
        gv.tl.velocity(known, adata, scale=1)
    with pytest.raises(UsageError, match="other names than 'model'"):
        gv.tl.velocity(known, adata, compare={"model": known})
    with pytest.raises(MissingKeyError, match="stage"):
        gv.tl.velocity(known, adata, colour_key="stage")
    with pytest.raises(DataError, match="two groups of at least 6"):
        gv.tl.velocity(known, adata[:8])
    plain = model(adata, refine=False, prior={"n_inject": 0}, mask={"strategy": "none"})
    with pytest.raises(UsageError, match="with a flow"):
        gv.tl.velocity(plain, adata)
    other = model(adata)
    other.fitted.facts["tokenizer"] = "t1"
    with pytest.raises(UsageError, match="one tokenizer; 'b' has another"):
        gv.tl.velocity(known, adata, compare={"b": other})
    narrow = model(adata, condition={"n_genes": 12, "n_latent": 3})
    with pytest.raises(UsageError, match="told the same; 'b'"):
        gv.tl.velocity(known, adata, compare={"b": narrow})
