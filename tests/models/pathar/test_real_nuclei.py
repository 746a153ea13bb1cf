"""Real nuclei: codebooks live, and edits keep what they promise (dsb2018; minutes, run before a release)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from genviz import datasets, metrics, pp
from genviz.models import PathAR
from genviz.models.pathar.config import PathARConfig
from genviz.models.pathar.presets import preset
from genviz.models.pathar.training.image_set import image_set
from genviz.models.pathar.training.run_options import PairRunOptions
from genviz.models.pathar.training.tile_batches import TileDraws, TileOptions
from genviz.models.pathar.training.token_views import tokenised_views
from genviz.models.pathar.training.tokenizer import train_tokenizer

pytestmark = pytest.mark.slow

LABELS = ("brightfield_cytology", "fluorescence", "histology")
STEPS, BATCH = 320, 16


@pytest.fixture(scope="module")
def images(genviz_data):
    if not (genviz_data / "dsb2018").is_dir():
        pytest.skip("expected dsb2018/ in GENVIZ_DATA")
    return image_set(datasets.dsb2018("train"), "label", LABELS, 128)


@pytest.fixture(scope="module")
def tokenizer(images):
    """The mini tokenizer after 320 steps."""
    config = replace(
        preset("mini").tokenizer,
        max_epochs=5,
        tiles_per_epoch=STEPS // 5 * BATCH,
        batch_size=BATCH,
        gan_epochs=0,
    )
    return train_tokenizer(config, images, PairRunOptions(precision="bf16-mixed"))


@pytest.mark.timeout(1800)
def test_codebooks_are_in_use_after_three_hundred_steps(tokenizer, images):
    """Property 14: 80 % of the codes; of the .25 K asked of perplexity, .2 K after 320 of 1,400 steps.

    Which stream is below .25 K moves with the order of sums: .22 of appearance on one thread, .21 of structure on two,
    with .27 of appearance. The bound is met at the end: `test_shipped_gates` holds the shipped codes to it (.29 K).
    """
    draws = TileDraws(images, TileOptions(128, 1, 1, 0))
    views = tokenised_views(tokenizer, draws, 256, torch.device("cpu"))
    config = tokenizer.config
    for tokens, n_codes in (
        (views.structure_VN, config.structure_codes),
        (views.appearance_VN, config.appearance_codes),
    ):
        found = metrics.codebook_usage(tokens, n_codes)
        assert found["usage"].value >= 0.8
        assert found["perplexity"].value >= 0.2 * n_codes


@pytest.mark.timeout(1800)
def test_held_out_tiles_are_given_back(tokenizer):
    crops = pp.crops(datasets.dsb2018("val", ["fluorescence", "histology"]), 128)
    crops = crops[(crops.obs["n_nuclei"] > 3).to_numpy()][:64].copy()
    model = PathAR.__new__(PathAR)
    model._device, model._adata = "cpu", None
    model._fitted = _fitted(tokenizer)
    decoded = model.decode(crops)
    dice = metrics.mask_rows(crops.obsm["masks"], decoded.obsm["pathar_mask"], instances=False)["dice"]
    assert np.nanmean(dice) >= 0.9
    assert metrics.psnr(crops.obsm["tiles"], decoded.obsm["pathar"]).mean() >= 24


def _fitted(tokenizer):
    from genviz.models.pathar.fitted import Fitted

    config = PathARConfig(tokenizer.config, preset("mini").prior)
    return Fitted(config, LABELS, tokenizer, None, [], {"label_key": "label"})
