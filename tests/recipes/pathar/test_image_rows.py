"""recipes.pathar.image_rows: what is held out, and images that are too small."""

import numpy as np
import pytest

from genviz import datasets
from genviz._errors import DataError, UsageError
from genviz.recipes.pathar.image_rows import enlarged, images_of, modality, real_crops
from tests.recipes.pathar import recipe_cases

DATA = recipe_cases.DATA | {"size_px": 48}


def test_every_fourth_image_of_the_phantom_is_held_out():
    train, held = images_of(DATA)
    assert (train.n_obs, held.n_obs) == (12, 4)
    assert not set(train.obs_names) & set(held.obs_names)
    assert set(train.obs["split"]) == {"train"} and set(held.obs["split"]) == {"val"}
    assert set(train.obs["label"]) == {"fluorescence", "histology"}


def test_labels_may_be_another_column(monkeypatch):
    whole = datasets.phantom("nuclei", n_images=8, size_px=48)
    monkeypatch.setattr(datasets, "phantom", lambda *_, **__: whole)
    train, _ = images_of({**DATA, "label_key": "split", "labels": ["train", "val"]})
    assert set(train.obs["label"]) == {"train"}


def test_data_that_cannot_be_is_refused():
    with pytest.raises(UsageError, match="got sets"):
        images_of({**DATA, "sets": 3})
    with pytest.raises(DataError, match="got 16 and 0"):
        images_of({**DATA, "held": "test"})


def test_small_images_are_enlarged_and_masks_stay_whole_numbers():
    train, _ = images_of(DATA)
    assert enlarged(train, 48) is train
    found = enlarged(train, 64)
    assert found.obsm["tiles"].shape[1:] == (64, 64, 3)
    assert found.obs["height"].tolist() == [64] * found.n_obs
    for before, after in zip(train.obsm["masks"], found.obsm["masks"], strict=True):
        assert set(np.unique(after)) <= set(np.unique(before))
        assert abs((before > 0).mean() - (after > 0).mean()) < 0.02


def test_crops_are_of_the_labels_asked_for():
    train, _ = images_of(DATA)
    assert set(real_crops(train, 32, ("histology",)).needed("labels")) == {"histology"}
    assert modality("brightfield_cytology") == "cytology" and modality("Bile-duct") == "bile_duct"
