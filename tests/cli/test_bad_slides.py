"""Slides, spots and features that do not belong together."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from PIL import Image


@pytest.fixture
def spots_with(tissue, tmp_path):
    """A spot table changed by a function."""

    def make(change):
        table = change(pd.read_csv(tissue.spots, sep="\t").astype({"pixel_x": float, "pixel_y": float}))
        table.to_csv(tmp_path / "spots.tsv", sep="\t", index=False)
        return tmp_path / "spots.tsv"

    return make


def _without_pixels(table):
    return table.drop(columns="pixel_x")


def _unplaced(table):
    table.loc[2, "pixel_x"] = np.nan
    return table


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.assign(pixel_x=t["pixel_x"] + 20_000), "lie outside its image"),
        (lambda t: t.iloc[:0], "An empty section cannot be read"),
        (lambda t: pd.concat([t, t.iloc[:2]]), "more than once"),
        (_without_pixels, "pixel_x absent"),
        (_unplaced, "first in data row 3"),
    ],
)
def test_spots(predict, spots_with, nothing_left, change, words):
    said = predict(spots=spots_with(change))
    assert said.code == 1
    assert words in said.error
    nothing_left()


@pytest.mark.filterwarnings("default")
def test_exchanged_axes_are_a_warning(predict, spots_with):
    """The result is written; what looks wrong is said once."""
    swapped = spots_with(lambda t: t.iloc[:6].rename(columns={"pixel_x": "pixel_y", "pixel_y": "pixel_x"}))
    said = predict(spots=swapped)
    assert said.code == 0, said.err
    assert said.err.count("x and y look swapped") == 1


@pytest.mark.parametrize(("mpp", "code"), [(7, 1), (0.1, 1), (0, 2), (-1, 2), ("nan", 2), ("wide", 2)])
def test_wrong_resolution(predict, nothing_left, mpp, code):
    said = predict(mpp=mpp)
    assert said.code == code
    assert "mpp" in said.err
    assert "Traceback" not in said.err
    if code == 1:
        assert "near 1.0" in said.error
    nothing_left()


@pytest.mark.parametrize("kind", ["jpg", "tif", "png"])
@pytest.mark.parametrize("keep", [0.001, 0.5, 0.97])
def test_truncated_images(predict, tissue, tmp_path, nothing_left, kind, keep):
    if kind == "tif":
        whole = tissue.image
    else:
        whole = tmp_path / f"whole.{kind}"
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (900, 900, 3), np.uint8)).save(whole)
    raw = whole.read_bytes()
    cut = tmp_path / f"cut.{kind}"
    cut.write_bytes(raw[: max(int(len(raw) * keep), 20)])
    said = predict(image=cut)
    assert said.code == 1
    assert "again" in said.error
    assert cut.name in said.error
    nothing_left()


def test_other_files_and_none(predict, run, tissue, tmp_path, nothing_left):
    assert predict(image=tissue.spots).code == 1
    assert predict(spots=tissue.image).code == 1
    assert predict(image=tmp_path / "no.jpg").code == 2
    assert predict(spots=tmp_path / "no.tsv").code == 2
    out = tmp_path / "out" / "p.h5ad"
    assert "both --image and --spots" in run("predict", "genar", "--image", tissue.image, "--out", out).error
    assert predict(depth=-5).code == 1
    assert "got nan" in predict(adata=tissue.rows, depth="nan").error
    assert predict(device="tpu").code == 2
    assert predict(section="").code == 2
    nothing_left()


def _narrow(adata):
    adata.obsm["X_morphology"] = adata.obsm["X_morphology"][:, :100].copy()


def _foreign(adata):
    features = adata.uns["genviz"]["features"]
    features["morphology"] = json.dumps(json.loads(features["morphology"]) | {"name": "uni"})


def _holes(adata):
    adata.obsm["X_morphology"][3, 4] = np.nan


def _no_mpp(adata):
    del adata.uns["spatial"]["P1"]["mpp"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_narrow, "features a row, as in training"),
        (_foreign, "'uni' here"),
        (_holes, "1 rows have NaN"),
        (_no_mpp, "micrometres per pixel"),
    ],
)
def test_features_of_another_encoder(predict, tissue, tmp_path, nothing_left, spoil, words):
    adata = tissue.read()
    spoil(adata)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata.write_h5ad(tmp_path / "bad.h5ad")
    said = predict(adata=tmp_path / "bad.h5ad")
    assert said.code == 1
    assert words in said.error
    nothing_left()
