"""Trajectories: the same noise for all, controls beside, and nothing that depends on the order of rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch

import genviz as gv
from genviz._errors import DataError, MissingKeyError, UsageError
from genviz.models.genevar.trajectories import FlowInputs, endpoints
from genviz.models.pixels import to_images
from genviz.tl.flows.arrows import arrow_agreement
from genviz.tl.flows.grouping import group_scores, nearest
from genviz.tl.flows.joint_embedding import joint_embedding
from genviz.tl.flows.paths import _chosen
from tests.models.genevar.model_cases import model, rows


@pytest.fixture(scope="module")
def adata():
    return rows(32)


@pytest.fixture(scope="module")
def known(adata):
    return model(adata)


@pytest.fixture(scope="module")
def found(known, adata):
    return gv.tl.velocity(known, adata, compare={"twin": known}, frames=3, seed=0)


def test_result_has_what_it_says(found, adata, tmp_path):
    assert set(found.obs_names) == set(adata.obs_names)
    assert {key: found.obsm[key].shape for key in found.obsm} == {
        "spatial": (32, 2), "tiles": (32, 32, 32, 3),
        "velocity_start": (32, 2), "velocity_end": (32, 2), "velocity_end_twin": (32, 2),
        "velocity_null": (32, 2), "velocity_null_twin": (32, 2),
        "velocity_frames": (32, 3, 32, 32, 3), "velocity_frames_twin": (32, 3, 32, 32, 3),
    }  # fmt: skip
    assert np.array_equal(found.obsm["tiles"], adata[found.obs_names].obsm["tiles"])
    record = json.loads(found.uns["genviz"]["velocity"])
    assert record["parameters"]["scale"] == 3 and record["parameters"]["colour_key"] == "project"
    assert record["compare"] == ["twin"] and record["synthetic"] is True
    numbers = record["numbers"]
    assert list(numbers)[:4] == ["start", "before", "real", "end:model"]
    assert numbers["end:model"] == numbers["end:twin"]  # the same flow, noise, inputs
    assert numbers["end:model"] != numbers["end, others' profiles:model"]
    assert record["gains"]["model"]["end:twin"] == {"gain": 0.0, "low": 0.0, "high": 0.0}
    assert record["gains"]["model"]["before"]["gain"] == pytest.approx(
        numbers["end:model"]["knn"] - numbers["before"]["knn"]
    )
    assert found.obs["velocity_agreement"].mean() == pytest.approx(
        record["arrows"]["model"]["latent"]["agreement"], abs=1e-5
    )
    gv.io.write_h5ad(found, tmp_path / "v.h5ad")
    assert json.loads(ad.read_h5ad(tmp_path / "v.h5ad").uns["genviz"]["velocity"]) == record


def test_colours_of_categories_come_along(known):
    given = rows(32)
    groups = list(dict.fromkeys(given.obs["project"].astype(str)))
    given.obs["project"] = pd.Categorical(given.obs["project"].astype(str), categories=["absent", *groups])
    given.uns["project_colors"] = np.array(["#000000", *(f"#1111{k:02d}" for k in range(len(groups)))])
    made = gv.tl.velocity(known, given, seed=0)
    own = dict(zip(made.obs["project"].cat.categories, made.uns["project_colors"], strict=True))
    assert own == {group: f"#1111{k:02d}" for k, group in enumerate(groups)}
    assert "organ_colors" not in made.uns


def test_same_seed_same_picture(found, known, adata):
    again = gv.tl.velocity(known, adata[::-1].copy(), compare={"twin": known}, seed=0)
    assert list(again.obs_names) == list(found.obs_names)
    assert np.array_equal(again.obsm["velocity_end"], found.obsm["velocity_end"])


def test_a_umap_draws_the_same_numbers_and_says_so(known, adata, found):
    pytest.importorskip("umap", reason="the extra 'notebook' is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter(
            "error", UserWarning
        )  # with a seed, UMAP warns of its one thread unless asked for it
        first, again = (
            gv.tl.velocity(known, rows, compare={"twin": known}, embedding="umap", seed=0)
            for rows in (adata, adata[::-1].copy())
        )
    assert {key for key in found.obsm if "frames" not in key} == set(first.obsm)
    for key in ("velocity_start", "velocity_end", "velocity_null_twin"):
        assert first.obsm[key].shape == (32, 2) and first.obsm[key].dtype == np.float32
        assert np.array_equal(first.obsm[key], again.obsm[key])
        assert not np.allclose(first.obsm[key], found.obsm[key])
    assert np.isfinite(first.obsm["velocity_end"]).all()
    record, other = (json.loads(one.uns["genviz"]["velocity"]) for one in (first, found))
    assert record["numbers"] == other["numbers"]
    told = record["parameters"]
    assert (told["embedding"], told["n_neighbors"], told["min_dist"]) == ("umap", 15, 0.1)
    assert other["parameters"]["embedding"] == "tsne" and other["parameters"]["perplexity"] == 30.0


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one thread in any case")
def test_a_picture_leaves_the_number_of_threads_alone():
    """In a fresh process: whoever draws first sets it."""
    pytest.importorskip("umap", reason="the extra 'notebook' is not installed")
    code = """
import numpy, torch
from genviz.tl.flows.joint_embedding import joint_embedding
values = numpy.random.default_rng(0).normal(size=(60, 5))
for embedding in ("tsne", "umap"):
    joint_embedding([values], 0, embedding)
print(torch.get_num_threads())
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.stdout.split() == ["1"]


@pytest.mark.parametrize("embedding", ["tsne", "umap"])
def test_sets_that_are_alike_lie_together_and_others_apart(embedding):
    pytest.importorskip("umap", reason="the extra 'notebook' is not installed")
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 9], 20)[:, None] + rng.normal(size=(40, 6))
    (first, second), told = joint_embedding([groups, groups + 0.01], 3, embedding)
    assert first.shape == (40, 2) and told["embedding"] == embedding
    apart = np.linalg.norm(first[:20].mean(axis=0) - first[20:].mean(axis=0))
    assert np.linalg.norm(first - second, axis=1).mean() < apart / 5
    moved = joint_embedding([groups, groups + 0.01], 4, embedding)[0][0]
    assert embedding == "tsne" or not np.array_equal(moved, first)  # UMAP's start and samples are of the seed


def test_ends_are_those_of_the_flow(known, adata):
    fitted = known._ready()
    inputs = FlowInputs.of(fitted, adata, None, 0)
    flow = fitted.trained_flow()
    one = flow.predict(inputs.eps_NDGG[3:4], inputs.r_NDnn[3:4], inputs.z_NZ[3:4], 3) / flow.scale
    np.testing.assert_allclose(endpoints(fitted, inputs)[3], one.detach().flatten().numpy(), atol=1e-5)
    few = FlowInputs.of(fitted, adata[[5, 3]], None, 0)
    assert np.array_equal(few.start_NF[1], inputs.start_NF[3])
    assert not np.allclose(FlowInputs.of(fitted, adata[[3]], None, 1).start_NF[0], inputs.start_NF[3])


def test_a_model_and_a_vanilla_flow_start_from_the_same_noise(known, adata):
    """What differs between the two is the flow: noise, input and condition are the same numbers."""
    vanilla = model(adata, counterfactuals={"enabled": False})
    with torch.no_grad():
        for parameter in vanilla.fitted.flow.parameters():
            parameter += 0.05
    ours, theirs = known._ready(), vanilla._ready()
    a, b = FlowInputs.of(ours, adata, None, 0), FlowInputs.of(theirs, adata, None, 0)
    assert np.array_equal(a.start_NF, b.start_NF)
    assert torch.equal(a.r_NDnn, b.r_NDnn) and torch.equal(a.z_NZ, b.z_NZ)
    both = gv.tl.velocity(known, adata, compare={"vanilla": vanilla}, seed=0)
    alone = gv.tl.velocity(vanilla, adata, seed=0)
    numbers, own = (json.loads(one.uns["genviz"]["velocity"])["numbers"] for one in (both, alone))
    assert numbers["end:vanilla"] == own["end:model"] != numbers["end:model"]
    assert numbers["end, others' profiles:vanilla"] == own["end, others' profiles:model"]
    assert numbers["start"] == own["start"]


def test_frames_lead_from_noise_to_the_decoded_end(known, adata, found):
    fitted = known._ready()
    inputs = FlowInputs.of(fitted, adata[found.obs_names], None, 0)
    end = torch.from_numpy(endpoints(fitted, inputs)[:2]).unflatten(1, tuple(inputs.eps_NDGG.shape[1:]))
    tokenizer, scale = fitted.trained_tokenizer(), fitted.trained_flow().scale
    middle = tokenizer.decode(scale * (inputs.eps_NDGG[:2] + end) / 2)
    seen = found.obsm["velocity_frames"][:2].astype(int)
    assert np.abs(seen[:, 1] - to_images(middle)).max() <= 1
    assert np.abs(seen[:, 2] - to_images(tokenizer.decode(scale * end))).max() <= 1
    one = gv.tl.velocity(known, adata, frames=1, seed=0)
    assert np.array_equal(one.obsm["velocity_frames"][:, 0], found.obsm["velocity_frames"][:, 2])


def test_arrows_that_go_with_their_start_agree_and_dealt_ones_do_not():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(120, 2))
    outwards, numbers = arrow_agreement(start, 3 * start, 0)
    assert outwards.shape == (120,) and numbers["agreement"] > 0.8 > numbers["null_95"]
    assert numbers["p"] < 0.01
    _, numbers = arrow_agreement(start, rng.normal(size=(120, 2)), 0)
    assert numbers["null"] - 0.1 < numbers["agreement"] < numbers["null_95"] + 0.1 and numbers["p"] > 0.01
    arrow = 3 * start - start
    unit = arrow / np.linalg.norm(arrow, axis=1, keepdims=True)
    near = nearest(start, 5)[7]
    assert outwards[7] == pytest.approx((unit[near] @ unit[7]).mean(), abs=1e-5)


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
    with pytest.raises(UsageError, match="embedding out of 'tsne', 'umap'; got 'pca'"):
        gv.tl.velocity(known, adata, embedding="pca")
    with pytest.raises(UsageError, match="frames as a whole number"):
        gv.tl.velocity(known, adata, frames=-1)
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


def test_a_few_tiles_of_each_slide_where_there_are_many(adata):
    """Five of a slide are the paper's; of two sections they would leave ten."""
    groups = adata.obs["project"].to_numpy().astype(str)
    assert len(_chosen(adata, groups, 200, None, 0)) == 32
    few = _chosen(adata, groups, 200, 3, 0)
    counted = adata.obs.iloc[few].groupby(["project", "library_id"], observed=True).size()
    assert counted.max() == 3 and len(few) < 32
    many = ad.AnnData(obs={"library_id": np.repeat([f"s{i:02d}" for i in range(20)], 8)})
    groups = np.repeat(["a", "b"], 80)
    chosen = _chosen(many, groups, 200, None, 0)
    assert len(chosen) == 100 and many.obs["library_id"].iloc[chosen].value_counts().eq(5).all()
    assert len(_chosen(many, groups, 200, 8, 0)) == 160 and len(_chosen(many, groups, 12, None, 0)) == 24
    with pytest.raises(UsageError, match="n_per_slide"):
        gv.tl.velocity(model(adata), adata, n_per_slide=0)
