"""Export of pairs in nnU-Net's raw layout."""

from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Obsm
from genviz.io.nnunet import export_nnunet

RNG = np.random.default_rng(0)


def pairs(names: list[str], key: str = "") -> ad.AnnData:
    adata = ad.AnnData(obs=pd.DataFrame(index=names))
    tiles, masks = (Obsm.image(key), Obsm.mask(key)) if key else (Obsm.TILES, Obsm.MASKS)
    adata.obsm[tiles] = RNG.integers(0, 256, (len(names), 16, 24, 3), dtype=np.uint8)
    adata.obsm[masks] = RNG.integers(0, 4, (len(names), 16, 24)).astype(np.uint16)
    return adata


def test_layout(tmp_path):
    adata, test = pairs(["a_r0_c0", "b/1"]), pairs(["t"])
    folder = export_nnunet(adata, tmp_path / "Dataset501_nuclei", test=test)
    found = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert found == [
        "dataset.json", "imagesTr/a-r0-c0_0000.png", "imagesTr/b-1_0000.png", "imagesTs/t_0000.png",
        "labelsTr/a-r0-c0.png", "labelsTr/b-1.png", "labelsTs/t.png",
    ]  # fmt: skip
    described = json.loads((folder / "dataset.json").read_text())
    assert described["numTraining"] == 2 and described["labels"] == {"background": 0, "nucleus": 1}
    assert described["file_ending"] == ".png" and list(described["channel_names"]) == ["0", "1", "2"]
    with (
        Image.open(folder / "imagesTr/b-1_0000.png") as image,
        Image.open(folder / "labelsTr/b-1.png") as mask,
    ):
        np.testing.assert_array_equal(np.asarray(image), adata.obsm[Obsm.TILES][1])
        np.testing.assert_array_equal(np.asarray(mask), adata.obsm[Obsm.MASKS][1] != 0)
        assert "synthetic" not in image.text


def test_generated_images_say_so(tmp_path):
    folder = export_nnunet(pairs(["x"], "pathar"), tmp_path / "Dataset502_made", key="pathar")
    with Image.open(folder / "imagesTr/x_0000.png") as image:
        assert image.text == {"synthetic": "True"}


def test_refusals(tmp_path):
    with pytest.raises(UsageError, match="Dataset501_nuclei"):
        export_nnunet(pairs(["x"]), tmp_path / "nuclei")
    with pytest.raises(MissingKeyError, match=r"obsm\['other'\]"):
        export_nnunet(pairs(["x"]), tmp_path / "Dataset501_a", key="other")
    with pytest.raises(DataError, match="different as file names"):
        export_nnunet(pairs(["x/1", "x_1"]), tmp_path / "Dataset501_a")
    assert not list(tmp_path.iterdir())
