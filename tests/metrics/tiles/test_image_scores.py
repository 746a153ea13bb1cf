"""Scores of images: what they see, their floors, and that they are torch-fidelity's numbers."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import ndimage
from torch import nn

from genviz import metrics
from genviz._errors import DataError, DownloadError, UsageError
from genviz._keys import Obs, Obsm
from genviz.features.timm_encoder import TimmEncoder
from genviz.metrics.image_set import ImageSet, image_set, keyed_rows
from genviz.metrics.tiles.distances import fidelity
from genviz.metrics.tiles.extractors import make_extractor
from genviz.metrics.tiles.tile_statistics import Standard, raw_statistics
from tests.metrics.pairs import disc_pairs

TRAIN = disc_pairs(60, side=48, seed=0)
REAL = disc_pairs(48, side=48, seed=1)
FAKE = disc_pairs(40, side=48, seed=2)


class Small(nn.Module):
    """Twelve random features of a tile."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 12, 5, stride=3)

    def forward(self, x):
        return torch.tanh(self.first(x)).mean(dim=(2, 3))


def encoder(name: str = "dinov2") -> TimmEncoder:
    return TimmEncoder(
        name, Small(), mpp=0.5, size_px=32, mean=(0.5,) * 3, std=(0.2,) * 3, ring=None, device="cpu"
    )


def test_same_distribution_is_at_the_floor_and_blur_is_not():
    good = metrics.images(REAL, FAKE, floor=TRAIN)
    assert good["fd_statistics"].n == 40
    assert good["fd_statistics"].value < 2 * good["fd_statistics"].baseline
    assert abs(good["kid_statistics"].value) < 0.3 and good["recall_statistics"].value > 0.5
    soft = np.stack([ndimage.gaussian_filter(tile, (2, 2, 0)) for tile in FAKE.tiles])
    blurred = metrics.images(REAL, ImageSet(soft, FAKE.masks), floor=TRAIN)
    assert blurred["fd_statistics_texture"].value > 20 * good["fd_statistics_texture"].value
    assert blurred["precision_statistics"].value < 0.2


def test_masks_of_other_images_are_seen():
    wrong = ImageSet(FAKE.tiles, np.roll(FAKE.masks, 2, axis=0))
    found = metrics.images(REAL, wrong, floor=TRAIN)
    good = metrics.images(REAL, FAKE, floor=TRAIN)
    assert found["fd_statistics_nuclear"].value > 3 * good["fd_statistics_nuclear"].value
    without = metrics.images(REAL.tiles, wrong.tiles)
    assert "fd_statistics_nuclear" not in without and "without masks" in without["fd_statistics"].note


def test_halves_stand_beside_at_their_own_size():
    found = metrics.images(REAL, FAKE)
    assert found["fd_statistics"].baseline is None
    half = found["fd_statistics_half"]
    assert half.n == 20 and half.baseline > 0 and "whole groups" in half.note
    assert half.value < 3 * half.baseline
    assert found == metrics.images(REAL, FAKE)
    assert metrics.images(REAL, FAKE, n=12)["fd_statistics"].n == 12


def test_by_label():
    found = metrics.images(REAL, FAKE, per_label=True)
    assert found["fd_statistics_dark"].n == 20
    assert "fd_statistics_light_half" not in found and found["fd_statistics_half_light"].n == 10


def test_objects_are_read():
    def rows(pairs, tiles_key, masks_key):
        adata = ad.AnnData(
            obs=pd.DataFrame({Obs.LABEL: pairs.labels}, index=[str(i) for i in range(len(pairs))])
        )
        adata.obsm[tiles_key], adata.obsm[masks_key] = pairs.tiles, pairs.masks
        return adata

    real = rows(REAL, Obsm.TILES, Obsm.MASKS)
    fake = rows(FAKE, Obsm.image("pathar"), Obsm.mask("pathar"))
    found = metrics.images(real, fake, key="pathar")
    assert found["fd_statistics"].value == metrics.images(REAL, FAKE)["fd_statistics"].value


def test_numbers_are_torch_fidelitys():
    class Data(torch.utils.data.Dataset):
        def __init__(self, tiles):
            self.tiles = tiles

        def __len__(self):
            return len(self.tiles)

        def __getitem__(self, i):
            return torch.from_numpy(np.moveaxis(self.tiles[i], -1, 0).copy())

    own = metrics.images(REAL, FAKE, extractor=encoder(), n=40)
    metrics.register_extractor("genviz-small", encoder())
    kept = REAL.tiles[keyed_rows(48, 40, 0, "real")]
    theirs = fidelity("metrics").calculate_metrics(
        input1=Data(FAKE.tiles),
        input2=Data(kept),
        feature_extractor="genviz-small",
        fid=True,
        kid=True,
        prc=True,
        kid_subsets=1,
        kid_subset_size=40,
        cuda=False,
        cache=False,
        save_cpu_ram=True,
        verbose=False,
    )
    assert own["fd_dinov2"].value == pytest.approx(theirs["frechet_inception_distance"], rel=1e-6)
    assert own["kid_dinov2"].value == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-6)
    assert own["precision_dinov2"].value == pytest.approx(theirs["precision"])
    assert own["recall_dinov2"].value == pytest.approx(theirs["recall"])
    assert "unverified" in own["fd_dinov2"].note


@pytest.mark.parametrize("name", ["dinov2", "uni"])
def test_networks_by_name_with_random_weights(name, monkeypatch):
    monkeypatch.setattr(TimmEncoder, "named", classmethod(lambda cls, n, **kwargs: encoder(n)))
    found = metrics.images(REAL, FAKE, extractor=name, n=20)
    assert f"fd_{name}" in found and "fid" not in found
    assert "weights unverified" in found[f"kid_{name}"].note


def test_only_inceptions_distance_is_called_fid(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(
        fidelity("utils"), "create_feature_extractor", lambda *args, **kwargs: RandomInception()
    )
    found = metrics.images(REAL, FAKE, extractor="inception", n=20, device="cpu")
    assert "fid" in found and "kid_inception" in found and "fid_half" in found
    assert "unverified" in found["fid"].note


class RandomInception(nn.Module):
    """torch-fidelity's interface: a tuple of features of uint8 tiles."""

    def __init__(self):
        super().__init__()
        self.inner = Small()

    def forward(self, x):
        assert x.dtype == torch.uint8
        return (self.inner(x.float() / 255),)


def test_absent_weights_say_what_to_do(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(fidelity("feature_extractor_inceptionv3"), "load_state_dict_from_url", offline)
    with pytest.raises(DownloadError, match=r"extractor='statistics'"):
        metrics.images(REAL, FAKE, extractor="inception")


def test_morphology_is_standardised():
    extractor = make_extractor("morphology", TRAIN, nuclear=False)
    x = extractor.features(TRAIN.rows(np.arange(20)))
    assert np.abs(x).max() <= 4 and x.shape == (20, x.shape[1]) and extractor.name == "morphology"


def test_grey_images_have_two_colours():
    grey = ImageSet(np.repeat(REAL.tiles[..., :1], 3, axis=-1), REAL.masks)
    standard = Standard.of(grey, nuclear=True)
    assert standard.names[:2] == ("luminance", "luminance_sd") and len(standard.names) == 18
    assert {part: len(c) for part, c in standard.parts.items()} == {"colour": 2, "texture": 6, "nuclear": 10}
    assert len(Standard.of(REAL, nuclear=True).names) == 22
    assert "grey reference" in metrics.images(grey, FAKE)["fd_statistics"].note
    x = standard.measure(grey)
    np.testing.assert_allclose(np.abs(x).max() <= 4, True)


def test_nuclear_statistics():
    tile = np.full((1, 32, 32, 3), 50, np.uint8)
    mask = np.zeros((1, 32, 32), int)
    mask[0, 4:12, 4:12], mask[0, 20:24, 10:18] = 3, 9
    tile[mask > 0] = 150
    row = raw_statistics(ImageSet(tile, mask), grey=True, nuclear=True)[0, 8:]
    assert row[0] == pytest.approx(96 / 1024) and row[1] == pytest.approx(np.sqrt(2))
    assert row[2] == pytest.approx((np.log(64) + np.log(32)) / 2)
    assert row[7] == pytest.approx(100 / 255) and row[8] == pytest.approx(0)
    assert not raw_statistics(ImageSet(tile, 0 * mask), grey=True, nuclear=True)[0, 8:].any()


def test_wrong_input():
    with pytest.raises(UsageError, match="statistics, inception, morphology"):
        metrics.images(REAL, FAKE, extractor="resnet")
    with pytest.raises(DataError, match="at least 5 tiles"):
        metrics.images(REAL, FAKE.rows(np.arange(3)))
    with pytest.raises(DataError, match="uint8"):
        image_set(REAL.tiles.astype(float))
    with pytest.raises(UsageError, match="pair"):
        image_set((REAL.tiles,))
