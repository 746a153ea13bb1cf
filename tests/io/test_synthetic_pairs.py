"""A folder of generated pairs: read again as it was, and every file says what it is."""

from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from genviz import io
from genviz._errors import MissingKeyError, UsageError
from genviz.io.synthetic_pairs import write_image_pairs


def pairs(names=("a-0", "a-1", "b/c é-0")):
    rng = np.random.default_rng(0)
    labels = [name.rpartition("-")[0] for name in names]
    obs = pd.DataFrame({"label": pd.Categorical(labels)}, index=pd.Index(names, dtype=object))
    adata = ad.AnnData(obs=obs)
    adata.obsm["mine"] = rng.integers(0, 256, (len(names), 16, 24, 3)).astype(np.uint8)
    adata.obsm["mine_mask"] = rng.integers(0, 400, (len(names), 16, 24)).astype(np.uint16)
    adata.uns["genviz"] = {"mine": json.dumps({"model": "PathAR", "version": "1", "synthetic": True})}
    return adata


def test_what_is_written_is_read_again(tmp_path):
    rows = pairs()
    folder = write_image_pairs(rows, tmp_path / "new" / "pairs", key="mine")
    found = io.read_image_masks(folder)
    assert list(found.obs_names) == list(rows.obs_names)
    assert found.obs["label"].tolist() == rows.obs["label"].tolist()
    np.testing.assert_array_equal(found.obsm["tiles"], rows.obsm["mine"])
    np.testing.assert_array_equal(found.obsm["masks"], rows.obsm["mine_mask"])


def test_every_picture_says_that_it_is_synthetic(tmp_path):
    folder = write_image_pairs(pairs(), tmp_path / "pairs", key="mine")
    files = sorted(folder.rglob("*.png"))
    assert len(files) == 6
    for file in files:
        with Image.open(file) as image:
            image.load()
            assert image.text["Description"].startswith("Synthetic: made by PathAR")
            told = json.loads(image.text["genviz"])
        assert told["synthetic"] is True and told["model"] == "PathAR" and told["label"] in ("a", "b/c é")
    assert all(line.endswith(",true") for line in (folder / "index.csv").read_text().splitlines()[1:])


def test_a_folder_with_content_stays_as_it_is(tmp_path):
    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError):
        write_image_pairs(pairs(), tmp_path / "pairs", key="mine")
    assert [path.name for path in tmp_path.rglob("*")] == ["pairs", "mine.txt"]


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(Image.Image, "save", lambda *a, **k: (_ for _ in ()).throw(OSError("no")))
    with pytest.raises(OSError, match="no"):
        write_image_pairs(pairs(), tmp_path / "pairs", key="mine")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("slot", ["mine", "mine_mask"])
def test_half_a_pair_is_refused(tmp_path, slot):
    rows = pairs()
    del rows.obsm[slot]
    with pytest.raises(MissingKeyError, match="pairs of image and mask"):
        write_image_pairs(rows, tmp_path / "pairs", key="mine")


def test_pictures_of_unknown_origin_are_refused(tmp_path):
    rows = pairs()
    rows.uns["genviz"] = {}
    with pytest.raises(MissingKeyError, match="provenance"):
        write_image_pairs(rows, tmp_path / "pairs", key="mine")


def test_names_that_become_one_file_are_refused(tmp_path):
    with pytest.raises(UsageError, match="stay different as file names"):
        write_image_pairs(pairs(("a?-0", "a!-0")), tmp_path / "pairs", key="mine")
