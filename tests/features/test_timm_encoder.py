"""Networks as encoders, with a small one of random weights."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import torch
from torch import nn

from genviz._errors import DataError, UsageError
from genviz.features.stain import Identity, MacenkoNormaliser
from genviz.features.timm_encoder import TimmEncoder
from tests.features.painting import reader, tissue

RGB = tissue(700, 900)
XY = np.random.default_rng(0).uniform(0, 700, (11, 2))
NONE = Identity()


class Mean(nn.Module):
    """Mean of each channel: numbers that can be worked out by hand."""

    def forward(self, tiles):
        return tiles.mean(dim=(2, 3))


def plain(**kwargs) -> TimmEncoder:
    """An encoder whose features are mean colours, 0 to 1."""
    arguments = {"mpp": 0.7, "size_px": 32, "mean": (0.0,) * 3, "std": (1.0,) * 3, "pitch_um": 70.0}
    return TimmEncoder("plain", Mean(), **arguments | kwargs)


def local(saved, **kwargs) -> TimmEncoder:
    arguments = {"name": "small", "mpp": 0.7, "size_px": saved.size_px, "ring": None}
    return TimmEncoder.from_checkpoint(saved.path, saved.architecture, **arguments | kwargs)


def encode(encoder: TimmEncoder, xy, **kwargs):
    return encoder.encode(reader(RGB), np.asarray(xy), **{"mpp": 0.7, "normaliser": NONE} | kwargs)


def test_own_features_are_of_the_tile_around_the_centre():
    names, features = encode(plain(ring=None), [[200.0, 300.0]])
    assert names == ["plain_0@22um", "plain_1@22um", "plain_2@22um"]
    expected = RGB[284:316, 184:216].reshape(-1, 3).mean(axis=0) / 255
    np.testing.assert_allclose(features[0], expected, atol=1e-5)
    assert features.dtype == np.float32


def test_the_ring_and_its_mean():
    names, each = encode(plain(ring="each"), XY)
    mean_names, mean = encode(plain(ring="mean"), XY)
    _, own = encode(plain(ring=None), XY)
    assert each.shape == (11, 27) and mean.shape == (11, 6)
    assert len(set(names)) == 27 and names[:3] == mean_names[:3] and mean_names[3] == "plain_0@ring"
    np.testing.assert_array_equal(each[:, :3], own)
    np.testing.assert_array_equal(mean[:, :3], own)
    np.testing.assert_allclose(mean[:, 3:], each[:, 3:].reshape(11, 8, 3).mean(axis=1), atol=1e-6)
    # 70 um are 100 px; the same order as the morphology's.
    _, right = encode(plain(ring=None), XY + np.array([100, 0]))
    np.testing.assert_array_equal(each[:, 3 * 7 : 3 * 8], right)


def test_pixels_are_standardised_and_normalised():
    normaliser = MacenkoNormaliser.fit(RGB)
    _, features = encode(
        plain(ring=None, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4)), XY[:2], normaliser=normaliser
    )
    tile = normaliser.apply(reader(RGB)(*(np.floor(XY[0] - 15.5).astype(int)), 32, 32))
    expected = (tile.reshape(-1, 3).mean(axis=0) / 255 - [0.5, 0.4, 0.3]) / [0.2, 0.3, 0.4]
    np.testing.assert_allclose(features[0], expected, atol=1e-5)


def test_tiles_are_cut_at_the_encoders_resolution():
    _, features = encode(plain(ring=None), [[300.0, 300.0]], mpp=0.35)  # 32 px of 0.7 um are 64 px here
    expected = RGB[268:332, 268:332].reshape(-1, 3).mean(axis=0) / 255
    np.testing.assert_allclose(features[0], expected, atol=0.01)


def test_outside_the_image_is_white():
    _, features = encode(plain(ring=None), [[-500.0, -500.0]])
    np.testing.assert_allclose(features, 1.0, atol=1e-6)


def test_a_row_is_the_same_whichever_rows_are_beside_it(saved):
    encoder = local(saved)
    _, whole = encode(encoder, XY)
    order = np.random.default_rng(1).permutation(11)
    told: list[int] = []
    _, shuffled = encode(encoder, XY[order], n_workers=4, on_rows=told.append)
    np.testing.assert_array_equal(shuffled, whole[order])
    np.testing.assert_array_equal(encode(encoder, XY[7:8])[1], whole[7:8])
    assert sum(told) == 11


def test_features_are_those_of_the_network(saved):
    encoder = local(saved)
    tile = reader(RGB)(*(np.floor(XY[3] - 79.5).astype(int)), 160, 160)
    pixels = torch.from_numpy(tile).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        standard = (pixels - 0.5) / 0.5
        expected = saved.network.forward_head(saved.network.forward_features(standard), pre_logits=True)
    np.testing.assert_allclose(encode(encoder, XY[3:4])[1], expected.numpy(), atol=1e-5)


def test_a_local_checkpoint_is_unverified_unless_its_checksum_is_expected(saved):
    digest = hashlib.sha256(saved.path.read_bytes()).hexdigest()
    recipe = local(saved).recipe()
    assert recipe["verified"] is False and recipe["weights_sha256"] == digest
    assert local(saved, sha256=digest).recipe() == recipe | {"verified": True}
    assert json.loads(json.dumps(recipe)) == recipe
    assert (recipe["size_px"], recipe["mpp"], local(saved).windows_um) == (160, 0.7, (112.0,))
    assert recipe["name"] == "small" and recipe["ring"] == "none" and recipe["precision"] == "float32"


def test_recipes_of_different_features_differ(saved):
    same = local(saved).recipe()
    for change in ({"mpp": 0.5}, {"mean": (0.0,) * 3}, {"std": (1.0,) * 3}, {"ring": "mean"}):
        assert local(saved, **change).recipe() != same


def test_loose_tiles():
    tiles = np.stack([RGB[:64, :64], RGB[100:164, 100:164]])
    names, features = plain().encode_tiles(tiles, mpp=0.35, normaliser=NONE)
    assert len(names) == 3
    np.testing.assert_allclose(features, tiles.reshape(2, -1, 3).mean(axis=1) / 255, atol=0.005)
    with pytest.warns(UserWarning, match="cover 16 of the 32 pixels") as caught:
        plain().encode_tiles(tiles[:, :16, :16], mpp=0.7, normaliser=NONE)
    assert caught[0].filename == __file__


def test_rows_are_needed_and_must_be_numbers():
    with pytest.raises(DataError, match="at least one spot"):
        encode(plain(), np.zeros((0, 2)))
    with pytest.raises(DataError, match="finite spot centres"):
        encode(plain(), [[np.nan, 1.0]])
    with pytest.raises(DataError, match="at least one tile"):
        plain().encode_tiles(np.zeros((0, 8, 8, 3), np.uint8), mpp=0.7, normaliser=NONE)


def test_arguments_are_checked(saved):
    with pytest.raises(UsageError, match="'mean', 'each' or None"):
        plain(ring="all")
    with pytest.raises(UsageError, match="positive size"):
        plain(mpp=0.0)
    with pytest.raises(UsageError, match="auto, cpu, cuda, mps; got 'tpu'"):
        plain(device="tpu")
    with pytest.raises(UsageError, match=r"test_vit to take tiles of 224 px.*img_size"):
        local(saved, size_px=224, options={"dynamic_img_size": False})
    with pytest.raises(UsageError, match=r"of resnet18, resnet50, .*; got 'virchow9'"):
        TimmEncoder.named("virchow9")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_an_accelerator_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="device 'cuda'; torch sees none"):
        plain(device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_on_cuda_the_network_computes_in_bfloat16(saved):
    _, on_cpu = encode(local(saved), XY)
    encoder = local(saved, device="cuda")
    _, on_cuda = encode(encoder, XY)
    assert encoder.recipe()["precision"] == "bfloat16"
    assert np.abs(on_cuda - on_cpu).max() < 0.1 * on_cpu.std()
    np.testing.assert_array_equal(encode(encoder, XY[5:])[1], on_cuda[5:])


def test_a_network_without_pooling_is_refused():
    encoder = TimmEncoder(
        "maps",
        nn.Identity(),
        mpp=0.7,
        size_px=32,
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
        weights_sha256="",
        ring=None,
    )
    with pytest.raises(UsageError, match=r"one row of numbers a tile.*global pooling"):
        encode(encoder, XY)
