"""recipes.pathar.few_shot: generator and nets see the few images and no others, and a stopped run goes on."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from genviz import datasets, metrics
from genviz._errors import UsageError
from genviz.models import PathAR
from genviz.recipes.pathar.few_shot import few_images, few_shot, seen_tiles
from tests.models.pathar.tile_cases import SHORT

LABELS = ["fluorescence", "histology"]
NANO = {
    "preset": "nano",
    "n_images": 3,
    "n": 6,
    "device": "cpu",
    "tokenizer": SHORT["tokenizer"] | {"gan_epochs": 0},
    "prior": SHORT["prior"],
}
NAMES = {"3 real", "6 synthetic", "3 real + 6 synthetic"}


@pytest.fixture(scope="module")
def images():
    """Drawn nuclei; images 0 to 5 to train on, in two scenes, 6 and 7 to judge on."""
    rows = datasets.phantom("nuclei", n_images=8, labels=LABELS, size_px=64)
    number = np.array([int(name.rpartition("-")[2]) for name in rows.obs_names])
    rows.obs["scene"] = np.where(number < 4, "a", "b")
    rows.obs["split"] = np.where(number < 6, "train", "val")
    return rows[number < 6].copy(), rows[number >= 6].copy()


@pytest.fixture
def quick(monkeypatch):
    """Nets of four steps."""
    monkeypatch.setattr(metrics, "downstream", partial(metrics.downstream, steps=4, width=4))


def test_scenes_take_turns(images):
    train, _ = images
    few = few_images(train, "histology", 4)
    assert few.obs["label"].unique().tolist() == ["histology"]
    assert few.obs["scene"].value_counts().to_dict() == {"a": 2, "b": 2}  # there are four of a and two of b
    assert few.obs_names.tolist() == few_images(train, "histology", 4).obs_names.tolist()
    assert set(few_images(train, "histology", 2).obs_names) < set(few.obs_names)
    chosen = {tuple(few_images(train, "histology", 2, seed).obs_names) for seed in range(6)}
    assert len(chosen) > 1


def test_seen_tiles_overlap(images):
    few = few_images(images[0], "histology", 2)
    seen = seen_tiles(few, "histology", 32)
    assert seen.shape == (2 * 5 * 5, 32, 32, 3)
    np.testing.assert_array_equal(seen[25 + 5 * 2 + 3], few.obsm["tiles"][1][16:48, 24:56])


def test_all_parts_are_of_the_few(images, quick, tmp_path):
    train, val = images
    found = few_shot(train, val, "histology", out=tmp_path, seed=1, **NANO)
    assert set(found) == NAMES
    model = PathAR.load(tmp_path / "run", device="cpu")
    few = few_images(train, "histology", 3, 1)
    assert sorted(model.fitted.training_rows) == sorted(few.obs_names)
    assert model.labels == ("histology",)
    assert model.config.prior.max_epochs == 2  # options are laid over the recipe
    for name, one in found.items():
        assert 0 <= one["dice"].value <= 1
        assert (one["dice"].baseline is None) == (name == "3 real")
        assert ("empty_share" in one) == ("nearest_distance" in one) == (name == "6 synthetic")
    assert "all real" not in found
    crops = {name: int(one["dice"].note.split()[0]) for name, one in found.items()}
    assert 3 <= crops["3 real"] <= 3 * 4  # all crops of an image that hold nuclei
    assert crops["3 real + 6 synthetic"] == crops["3 real"] + 6


def test_it_goes_on_where_it_was_stopped(images, quick, tmp_path, monkeypatch):
    train, val = images
    scored = metrics.downstream

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(metrics, "downstream", stopped)
    with pytest.raises(KeyboardInterrupt):
        few_shot(train, val, "fluorescence", out=tmp_path, **NANO)
    assert not (tmp_path / "scores.json").exists()
    weights = (tmp_path / "run" / "model" / "weights.safetensors").read_bytes()
    monkeypatch.setattr(metrics, "downstream", scored)
    first = few_shot(train, val, "fluorescence", out=tmp_path, **NANO)
    assert (tmp_path / "run" / "model" / "weights.safetensors").read_bytes() == weights

    # Scores that are there are read, but not those of other pairs.
    monkeypatch.setattr(metrics, "downstream", stopped)
    again = few_shot(train, val, "fluorescence", out=tmp_path, **NANO)
    assert {name: one["dice"] for name, one in again.items()} == {
        name: one["dice"] for name, one in first.items()
    }
    with pytest.raises(KeyboardInterrupt):
        few_shot(train, val, "fluorescence", out=tmp_path, **NANO | {"n": 5})


def test_what_would_not_be_fair_or_cannot_be_is_refused(images, tmp_path):
    train, val = images
    with pytest.raises(UsageError, match=r"held-out images.*'fluorescence-0'.*twice"):
        few_shot(train, train, "histology", out=tmp_path, **NANO)
    with pytest.raises(UsageError, match=r"at least 7 images of 'histology'.*got 6"):
        few_shot(train, val, "histology", out=tmp_path, **NANO | {"n_images": 7})
    with pytest.raises(UsageError, match="'smear' to judge on"):
        few_shot(train, val, "smear", out=tmp_path, **NANO)
    assert not list(tmp_path.iterdir())
