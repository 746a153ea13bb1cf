"""Rows in, tiles out: the keys of the contract, randomness of a row's own, no look at tiles."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest

from genviz import io, pp
from genviz._errors import DataError, UsageError
from genviz.models.genevar import codec
from genviz.models.genevar.prior.rule import SampleRule
from genviz.pp.source_splits import refuse_held_out, split_of_sources
from tests.models.genevar.condition.cases import programme_counts
from tests.models.genevar.model_cases import model, rows

LINEAR = {"condition": {"kind": "linear", "n_genes": 12}, "flow": {"use_z": False}}
PLAIN = {"refine": False, "mask": {"strategy": "none"}, "prior": {"n_inject": 0}}
EVERY = {
    "refined": {},
    "plain": PLAIN,
    "shown predictions": {"prior": {"masked_input": "both"}},
    "classes": {"condition": {"kind": "class"}},
    "linear": LINEAR,
}


@pytest.fixture(scope="module")
def trained():
    return model()


@pytest.fixture(scope="module")
def made(trained):
    return trained.generate(rows(9, 5), n=2, seed=3, keep_scales=True)


def same(found, other):
    for key in ("genevar", "genevar_tokens", "X_rna"):
        np.testing.assert_array_equal(found.obsm[key], other.obsm[key])


def test_the_result_is_as_promised(made):
    given = rows(9, 5)
    assert list(made.obs_names)[:3] == ["0x0_5#0", "0x0_5#1", "1x0_5#0"]
    assert made.obs["source"].tolist() == [name for name in given.obs_names for _ in range(2)]
    assert made.obs["draw"].tolist() == [0, 1] * 9
    assert made.obs["library_id"].tolist() == given.obs["library_id"].repeat(2).tolist()
    np.testing.assert_array_equal(made.obsm["spatial"], given.obsm["spatial"].repeat(2, axis=0))
    assert made.uns["spatial"] == given.uns["spatial"] and made.uns["spatial"] is not given.uns["spatial"]
    assert made.obsm["genevar"].dtype == np.uint8 and made.obsm["genevar"].shape == (18, 32, 32, 3)
    tokens = made.obsm["genevar_tokens"]
    assert tokens.dtype == np.int32 and tokens.shape == (18, 21) and 0 <= tokens.min() <= tokens.max() < 32
    assert json.loads(made.uns["genviz"]["genevar_tokens"])["offsets"] == [0, 1, 5, 21]
    assert made.obsm["X_rna"].dtype == np.float32 and made.obsm["X_rna"].shape == (18, 5)
    assert made.obsm["genevar_up_to_2"].shape == (18, 32, 32, 3)
    assert len(np.unique(tokens, axis=0)) == 18


def test_every_result_says_that_it_is_synthetic(made, trained):
    record = json.loads(made.uns["genviz"]["genevar"])
    assert record["synthetic"] is True and record["model"] == "GeneVAR" and record["seed"] == 3
    assert record["parameters"]["rule"]["cfg"] == 1.5 and record["transductive"] == []
    assert {"checkpoint_sha256", "split_sha256", "checkpoint_format", "version", "time"} <= set(record)
    assert json.loads(trained.reconstruct(rows()).uns["genviz"]["genevar"])["synthetic"] is True


def test_it_comes_back_from_a_file_as_it_was(made, tmp_path):
    io.write_h5ad(made, tmp_path / "made.h5ad")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = io.read_h5ad(tmp_path / "made.h5ad")
    pd.testing.assert_frame_equal(found.obs, made.obs, check_index_type=False, check_names=False)
    assert set(found.obsm) == set(made.obsm) and dict(found.uns["genviz"]) == dict(made.uns["genviz"])
    same(found, made)


@pytest.mark.parametrize("name", EVERY)
def test_a_row_does_not_depend_on_the_rows_beside_it(name):
    trained, given = model(**EVERY[name]), rows(9, 5)
    whole = trained.generate(given, n=2, seed=3)
    order = [7, 2, 4]
    few = trained.generate(given[order].copy(), n=2, seed=3, batch_size=4)
    same(few, whole[[2 * row + j for row in order for j in range(2)]])
    same(trained.generate(given, n=1, seed=3), whole[::2])
    assert not np.array_equal(
        trained.generate(given, seed=4).obsm["genevar_tokens"], whole[::2].obsm["genevar_tokens"]
    )


def test_blocks_of_rows_are_joined_without_a_seam(trained, made, monkeypatch):
    monkeypatch.setattr("genviz.models.blocks._ROWS", 1)
    monkeypatch.setattr("genviz.models.genevar.generating._BATCHES_A_BLOCK", 1)
    same(trained.generate(rows(9, 5), n=2, seed=3, batch_size=5), made)


def test_section_and_name_key_the_noise(trained):
    given = rows(4)
    given.layers["counts"] = given.X[[0, 0, 0, 0]]
    found = trained.generate(given, rule="model").obsm["genevar_tokens"]
    assert len(np.unique(found, axis=0)) == 4
    given.obs["library_id"] = "other"
    assert not np.array_equal(trained.generate(given, rule="model").obsm["genevar_tokens"], found)


def test_the_most_probable_tile_needs_no_seed():
    trained, given = model(**PLAIN), rows(3)
    found = [trained.generate(given, seed=seed, rule=SampleRule(temperature=0)) for seed in (0, 1)]
    same(*found)


def test_tiles_of_the_rows_are_never_read(trained, monkeypatch):
    def read(*_, **__):
        raise AssertionError("tiles were read")

    monkeypatch.setattr("genviz.models.genevar.codec.tiles", read)
    monkeypatch.setattr("genviz.io.tile_access.tiles", read)
    given = rows(3)
    expected = trained.generate(given)
    given.obsm["tiles"] = 255 - given.obsm["tiles"]
    same(trained.generate(given), expected)
    del given.obsm["tiles"], given.obsm["spatial"], given.uns["spatial"]
    same(trained.generate(given), expected)


def test_it_leaves_the_given_rows_alone(trained):
    given = rows(3)
    before = given.copy()
    trained.generate(given, n=2)
    assert set(given.obsm) == set(before.obsm) and list(given.obs) == list(before.obs)
    assert given.uns == before.uns and (given.X != before.X).nnz == 0


def test_reconstructions_are_of_the_middle_of_larger_tiles(trained):
    given = rows(3)
    found = trained.reconstruct(given)
    assert list(found.obs_names) == list(given.obs_names) and "X_rna" not in found.obsm
    given.obsm["tiles"] = np.pad(given.obsm["tiles"], ((0, 0), (4, 4), (4, 4), (0, 0)))
    np.testing.assert_array_equal(trained.reconstruct(given).obsm["genevar"], found.obsm["genevar"])
    np.testing.assert_array_equal(
        codec.decoded(trained.fitted, found.obsm["genevar_tokens"]), found.obsm["genevar"]
    )


def test_tiles_of_another_size_or_resolution_are_refused(trained):
    given = rows(3)
    given.obsm["tiles"] = given.obsm["tiles"][:, :20, :20]
    with pytest.raises(DataError, match="at least 32"):
        trained.reconstruct(given)
    given = rows(3)
    trained.fitted.facts["mpp"] = 0.5
    given.uns["genviz"] = {"tiles": json.dumps({"size_px": 32, "mpp": 1.0})}
    with pytest.raises(DataError, match=r"0\.5 um/px"):
        trained.reconstruct(given)
    trained.fitted.facts["mpp"] = None


def test_likelihoods_are_of_scales_and_find_the_own_profile():
    trained, given = model(), rows(5)
    own = trained.log_prob(given)
    assert own.shape == (5, 3) and (own < 0).all()
    assert not np.allclose(own, trained.log_prob(given, with_profile=False))
    found = trained.retrieve(given)
    np.testing.assert_allclose(np.diag(found.log_prob_NN), own.sum(axis=1), rtol=1e-4)
    assert found.rank_N.shape == (5,) and (found.rank_N >= 0).all() and (found.rank_N <= 1).all()
    with pytest.raises(UsageError, match="predictions of the flow"):
        model(prior={"masked_input": "fhat"}).log_prob(given)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"seed": -1}, {"rule": "greedy"}, {"batch_size": 0}])
def test_impossible_calls_are_refused(trained, wrong):
    with pytest.raises(UsageError, match="Expected"):
        trained.generate(rows(2), **wrong)


def test_no_rows_are_refused(trained):
    with pytest.raises(DataError, match="at least one row"):
        trained.generate(rows(3)[:0].copy())


def test_tiles_of_held_out_profiles_are_known_as_such(trained):
    """Property 21: a generated row follows its profile's split, and one of a held-out profile is refused."""
    given = rows(8)
    given.obs["patient"] = [f"p{i // 2}" for i in range(8)]
    pp.split(given, group_key="patient", test=["p1"])
    made = trained.generate(given, n=2, seed=0)
    assert split_of_sources(made, given).tolist() == given.obs["split"].astype(str).repeat(2).tolist()
    kept = made[(split_of_sources(made, given) == "train")].copy()
    refuse_held_out(kept, given)
    with pytest.raises(DataError, match=r"4 of 16 come from held-out ones \(test\)"):
        refuse_held_out(made, given)


def test_profiles_matter(trained):
    given = rows(6)
    counts, _ = programme_counts(6, 30, seed=8)
    found = trained.generate(given, seed=0)
    given.X = counts.astype(np.float32)
    other = trained.generate(given, seed=0)
    assert not np.allclose(found.obsm["X_rna"], other.obsm["X_rna"])
    assert not np.array_equal(found.obsm["genevar_tokens"], other.obsm["genevar_tokens"])
