"""Scores of a model on held-out crops: which there are, and what they must be on cases with a known answer."""

from __future__ import annotations

import json

import numpy as np
import pytest

from genviz import io, metrics, pp
from genviz._errors import UsageError
from genviz.metrics.tokens.cells import cell_shares
from genviz.recipes.pathar import evaluation
from genviz.recipes.pathar.evaluation import evaluate_pathar, held_out, rows_of_split
from genviz.recipes.pathar.leak import leak_scores
from genviz.recipes.pathar.score_table import PROMISED
from genviz.recipes.pathar.swaps import chosen_crops, swap_scores
from tests.models.pathar.tile_cases import LABELS, SIDE, discs, loaded_as, trained, untrained

NAMES = {
    "psnr", "mask_dice", "usage_structure", "usage_appearance", "perplexity_structure", "perplexity_appearance",
    "swap_ownership_structure", "swap_ownership_appearance", "ce_structure", "ce_appearance", "unigram_structure",
    "unigram_appearance",
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Images of several crops, the last ones without nuclei, and a model in a folder."""
    folder = tmp_path_factory.mktemp("evaluation")
    rows = discs(6, 70)
    rows.obsm["masks"][[5, 11]] = 0
    io.write_h5ad(rows, folder / "rows.h5ad")
    trained().save(folder / "model")
    return folder


def test_all_scores_are_there_overall_and_by_label(home, tmp_path):
    file = tmp_path / "scores.json"
    text = evaluate_pathar(str(home / "model"), str(home / "rows.h5ad"), file, device="cpu")
    document = json.loads(file.read_text())
    assert document["schema"] == "genviz.scores/1"
    found = document["metrics"]
    assert {f"{name}_{label}" for name in NAMES for label in LABELS} | NAMES <= set(found)
    assert all(set(entry) >= {"value", "ci", "n", "baseline"} for entry in found.values())
    assert all(found[name]["value"] is not None for name in NAMES)
    assert (document["n_images"], document["n_crops"]) == (4, 16)
    assert document["leakage"]["kinds"] == {} and document["leakage"]["overridden"] is False
    assert {"centroid_structure_dark_stained", "centroid_appearance_mean"} <= set(found)
    assert not [name for name in found if name.startswith("leak")]  # two scenes are too few to hold some out
    assert document["n_crops_empty"] == 8 == found["psnr_empty"]["n"]
    assert found["psnr"]["n"] == found["mask_dice"]["n"] == 8
    assert found["ce_structure"]["baseline"] == pytest.approx(found["unigram_structure"]["value"])
    assert "training crops" in found["unigram_appearance"]["note"]
    assert metrics.scores_from_json(document)["psnr"].value == found["psnr"]["value"]
    lines = text.splitlines()
    assert lines[0].split() == ["all", *LABELS]
    assert [line.split()[0] for line in lines[1:-3]] == list(PROMISED)
    assert lines[-1] == f"16 crops of 4 images, 8 empty; all scores in {file}"


def test_splits(home):
    rows = discs()
    assert rows_of_split(rows, "val").n_obs == 4 and rows_of_split(rows, "all").n_obs == 12
    with pytest.raises(UsageError, match="train, val, all; got 'test'"):
        rows_of_split(rows, "test")
    del rows.obs["split"]
    with pytest.raises(UsageError, match=r"out of all; got 'val'.*--split all"):
        rows_of_split(rows, "val")
    rows.obs["split"] = "holdout"  # any value of the index
    assert rows_of_split(rows, "holdout").n_obs == 12


def test_likelihood_of_an_untrained_prior_is_uniform_and_the_unigram_is_the_frequency():
    fitted = untrained()
    for head in (fitted.prior.structure_out, fitted.prior.appearance_out):
        head.weight.data.zero_()
    model = loaded_as(fitted)
    model.setup = trained().setup
    held = held_out(model, pp.crops(discs(2, 70), SIDE), 0)
    found = evaluation.likelihood(model, held, None)
    assert found["ce_appearance"].value == pytest.approx(np.log(32), abs=1e-5)
    dark, tokens = held.labels == "dark", held.crops.obsm["appearance_tokens"]
    own = tokens[dark & held.filled]
    share = (np.bincount(own.ravel(), minlength=32) + 1.0) / (own.size + 32)
    expected = -np.log(share)[own].mean()
    assert found["unigram_appearance_dark"].value == pytest.approx(expected)
    assert "scored crops" in found["unigram_appearance"].note


def test_a_tokenizer_alone_is_scored_without_likelihood(tmp_path, home):
    fitted = untrained()
    fitted.prior = None
    fitted.training_rows = io.read_h5ad(home / "rows.h5ad").obs_names[:3].tolist()
    loaded_as(fitted).save(tmp_path / "t")
    with pytest.warns(UserWarning, match="say nothing about other rows: 3 were trained on"):
        text = evaluate_pathar(
            str(tmp_path / "t"), str(home / "rows.h5ad"), tmp_path / "s.json", split="all", allow_seen=True,
            device="cpu",
        )  # fmt: skip
    assert "psnr" in text and "ce_" not in text
    found = json.loads((tmp_path / "s.json").read_text())["metrics"]
    assert (
        "psnr" in found
        and "swap_contrast" in found
        and not [name for name in found if name.startswith("ce_")]
    )


@pytest.fixture(scope="module")
def crops():
    return trained().encode(pp.crops(discs(6, 70), SIDE))


class TestSwaps:
    """Which pairs."""

    def test_images_take_turns(self, crops):
        rows = np.arange(crops.n_obs // 2)
        few = chosen_crops(crops, rows, 0, 6)
        assert crops.obs["source"].iloc[few].nunique() == 6
        assert np.array_equal(few, chosen_crops(crops, rows, 0, 9)[:6])
        assert not np.array_equal(few, chosen_crops(crops, rows, 1, 6))
        assert len(chosen_crops(crops, rows, 0, 99)) == len(rows)

    def test_every_ordered_pair_of_labels_is_swapped(self, crops, monkeypatch):
        labels = crops.obs["label"].astype(str).to_numpy(object)
        seen = []
        swap = trained().swap
        model = loaded_as(trained().fitted)
        monkeypatch.setattr(model, "swap", lambda p, q, **k: seen.append((p, q)) or swap(p, q, **k))
        found = swap_scores(model, crops, labels, n=5)
        ((p, q),) = seen
        pairs = list(zip(p.obs["label"], q.obs["label"], strict=True))
        assert pairs == [("dark", "stained")] * 5 + [("stained", "dark")] * 5
        assert found["swap_pairs_used"].n == 10
        assert {"swap_ownership_structure", "swap_ownership_appearance_dark"} <= set(found)

    def test_one_label_is_swapped_within(self, crops):
        labels = np.full(crops.n_obs, "one", object)
        assert swap_scores(trained(), crops, labels, n=4)["swap_pairs_used"].n == 4

    def test_without_nuclei_there_is_nothing_to_own(self, crops):
        empty = crops.copy()
        empty.obsm["masks"] = np.zeros_like(empty.obsm["masks"])
        assert swap_scores(trained(), empty, np.full(crops.n_obs, "one", object)) == {}


class TestLeak:
    """What tokens carry."""

    def scores(self, crops, rows=None, **changed):
        labels, groups = (crops.obs[key].astype(str).to_numpy(object) for key in ("label", "scene"))
        filled = np.ones(crops.n_obs, bool) if rows is None else rows
        known = {"labels": labels, "groups": groups, "filled": filled} | changed
        return leak_scores(trained(), crops, **known)

    def test_tokens_that_are_the_masks_tell_them_and_noise_does_not(self, crops):
        told = crops.copy()
        cells = told.obsm["appearance_tokens"].shape
        told.obsm["structure_tokens"] = (31 * cell_shares(told.obsm["masks"], cells[1])).round().astype(int)
        told.obsm["appearance_tokens"] = np.random.default_rng(0).integers(32, size=cells)
        found = self.scores(told)
        names = {
            f"leak_r2_{stream}{label}" for stream in ("structure", "appearance") for label in ("", "_dark")
        }
        assert names <= set(found)
        assert found["leak_r2_structure_dark"].value > 0.6  # few crops for 32 codes
        assert abs(found["leak_r2_appearance"].value) < 0.1
        assert found["centroid_appearance_dark_stained"].value < 0.2

    def test_names_do_not_depend_on_the_order_of_rows(self, crops):
        back = crops[::-1].copy()
        forth, found = self.scores(crops), self.scores(back)
        assert forth.keys() == found.keys()
        name = "centroid_structure_dark_stained"
        assert found[name].value == pytest.approx(forth[name].value)

    def test_rows_without_nuclei_do_not_count(self, crops):
        rows = (crops.obs["n_nuclei"] > 0).to_numpy() & (crops.obs["scene"] != "scene0").to_numpy()
        assert self.scores(crops, rows)["leak_r2_structure"].n == rows.sum()
        assert self.scores(crops, np.zeros(crops.n_obs, bool)) == {}

    def test_of_a_single_label_there_are_no_centroids(self, crops):
        found = self.scores(crops, labels=np.full(crops.n_obs, "one", object))
        assert "leak_r2_structure_one" in found and not [name for name in found if "centroid" in name]
