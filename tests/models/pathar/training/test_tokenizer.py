"""Training of the tokenizer: tiles, weights of labels, the two parts, and resuming to the same bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from genviz._errors import CheckpointError, UsageError
from genviz.models.pathar.tokenizer.sharpening import Sharpener
from genviz.models.pathar.training.image_set import ImageSet
from genviz.models.pathar.training.run_options import PairRunOptions
from genviz.models.pathar.training.tile_batches import TileBatches, TileDraws, TileOptions, label_shares
from genviz.models.pathar.training.tokenizer import tokenizer_check, train_tokenizer
from genviz.models.pixels import to_images, to_tensor
from genviz.train import callbacks
from genviz.train.fitting import LAST
from tests.models.pathar.tile_cases import SIDE, disc_set, nano_tokenizer, same, weights

GAN = {"gan_epochs": 2, "gan_weight": 0.05, "permute_from": 0.0}


@pytest.fixture(scope="module")
def images():
    return disc_set()


def options(**changes):
    return TileOptions(SIDE, 8, 32, 0, **changes)


def test_tiles_are_pieces_of_their_image_turned(images):
    draws = TileDraws(images, options())
    pixels, masks, places = draws.batch(np.random.default_rng(0), 20)
    labels = images.labels[places]
    assert pixels.shape == (20, SIDE, SIDE, 3) and masks.dtype == bool
    assert set(labels) == {0, 1}
    for tile, mask, label in zip(pixels, masks, labels, strict=True):
        light = tile[mask].mean() - tile[~mask].mean()
        assert (light > 0) == (label == 0)  # mask and image were turned alike


def test_tiles_without_nuclei_are_drawn_again():
    mask = np.zeros((200, 200), bool)
    mask[:60, :60] = True
    images = ImageSet(("a",), (np.zeros((200, 200, 3), np.uint8),), (mask,), np.array([0]), ("x",))
    draws = TileDraws(images, options())
    empty = [not draws.draw(np.random.default_rng(k))[1].any() for k in range(60)]
    assert np.mean(empty) < 0.6 < 1 - (92 / 169) ** 2  # five draws; a single one would miss as often as said


def test_labels_are_drawn_by_weight_or_by_the_fourth_root_of_their_numbers(images):
    few = replace(images, labels=np.array([0] + [1] * (len(images) - 1)))
    tempered = label_shares(few, None)
    assert tempered[0] / tempered[1:].sum() == pytest.approx((1 / 11) ** 0.25)
    told = label_shares(few, {"dark": 3.0, "stained": 1.0})
    assert told[0] == pytest.approx(0.75) and told.sum() == pytest.approx(1)
    for wrong in ({"dark": 1.0}, {"dark": 1.0, "stained": 1.0, "blue": 1.0}):
        with pytest.raises(UsageError, match="a weight of each label, dark, stained"):
            label_shares(few, wrong)
    for wrong in ({"dark": -1.0, "stained": 1.0}, {"dark": 0.0, "stained": 0.0}):
        with pytest.raises(UsageError, match="weights from 0"):
            label_shares(few, wrong)


def test_an_epochs_tiles_depend_on_seed_and_epoch_alone(images):
    batches = TileBatches(TileDraws(images, options(permute=0.5, permute_from=1, drop=0.5, jitter=0.1)))
    assert len(batches) == 4
    epochs = []
    for epoch in (0, 1, 0):
        batches.set_epoch(epoch)
        epochs.append([torch.cat(column) for column in zip(*batches, strict=True)])
    assert all(torch.equal(a, b) for a, b in zip(epochs[0], epochs[2], strict=True))
    assert not torch.equal(epochs[0][0], epochs[1][0])
    assert not epochs[0][2].any() and epochs[1][2].any()  # permuting begins in epoch 1
    assert epochs[0][3].any()


def test_bytes_survive_the_way_to_the_network_and_back():
    every = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    np.testing.assert_array_equal(to_images(to_tensor(every)), every)
    assert to_tensor(every).min() == -1 and to_tensor(every).max() == 1


def run(images, folder=None, resume=False, seed=0, precision="32-true", **changes):
    made = PairRunOptions(seed=seed, folder=folder, resume=resume, precision=precision)
    return train_tokenizer(nano_tokenizer(**{"tiles_per_epoch": 16} | changes), images, made)


def test_the_same_seed_gives_the_same_bits(images):
    torch.manual_seed(1)
    one = weights(run(images))
    torch.manual_seed(2)
    assert same(weights(run(images)), one)
    assert not same(weights(run(images, seed=1)), one)


def test_training_improves_the_picture_and_keeps_codes_alive(images):
    measure = tokenizer_check(images, SIDE)
    options = {"patch_basis": False, "lr": 3e-3}
    before = measure(run(images, max_epochs=1, tiles_per_epoch=8, **options))
    after = measure(run(images, max_epochs=4, tiles_per_epoch=160, **options))
    assert after["psnr"] > before["psnr"] + 3
    assert after["mask_dice"] > max(before["mask_dice"], 0.6)
    assert after["usage_structure"] > 0.5 and after["usage_appearance"] > 0.5


def interrupt(monkeypatch, where, name, when):
    """Ctrl-C at the n-th call of a method."""
    called, method = [0], getattr(where, name)

    def stop(*words):
        called[0] += 1
        if called[0] == when:
            raise KeyboardInterrupt
        return method(*words)

    monkeypatch.setattr(where, name, stop)


@pytest.mark.parametrize(
    ("where", "name", "when"),
    [
        (callbacks.KeyedRandomness, "on_train_epoch_start", 2),
        (Sharpener, "step", 1),
        (Sharpener, "step", 4),
    ],
    ids=["in the main part", "before the first sharpening epoch", "in the second sharpening epoch"],
)
def test_resumed_equals_uninterrupted(images, tmp_path, monkeypatch, where, name, when):
    whole = weights(run(images, **GAN))
    with monkeypatch.context() as patch:
        interrupt(patch, where, name, when)
        assert run(images, tmp_path, **GAN) is None
    resumed = run(images, tmp_path, resume=True, **GAN)
    assert same(weights(resumed), whole)
    assert same(weights(run(images, tmp_path, resume=True, **GAN)), whole)  # nothing is left to do


def test_sharpening_changes_the_image_decoder_and_no_token(images):
    plain, sharp = weights(run(images, permute_from=0.0)), weights(run(images, **GAN))
    changed = {name for name in plain if not torch.equal(plain[name], sharp[name])}
    painting = ("fusion.", "image_decoder.", "finish.", "patches.synthesise.")
    assert {name for name in plain if name.startswith(painting)} == changed


def test_one_stream_can_be_sharpened(images):
    plain = weights(run(images, streams="single", permute_from=0.0))
    sharp = weights(run(images, streams="single", **GAN))
    changed = {name.partition(".")[0] for name in plain if not torch.equal(plain[name], sharp[name])}
    assert "image_decoder" in changed and not changed & {"appearance_encoder", "appearance"}


def test_precision_reaches_both_parts(images, monkeypatch):
    seen = []
    step = Sharpener.step

    def note(self, *batch):
        seen.append(self.mixed)
        return step(self, *batch)

    monkeypatch.setattr(Sharpener, "step", note)
    run(images, **GAN)
    run(images, precision="bf16-mixed", **GAN)
    assert seen == [False] * 4 + [True] * 4


def test_a_damaged_state_of_the_sharpening_says_the_way_out(images, tmp_path):
    run(images, tmp_path, **GAN)
    (tmp_path / "part_sharpen" / LAST).write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match=r"last\.ckpt.*Train without resume"):
        run(images, tmp_path, resume=True, **GAN)


def test_a_folder_of_another_run_is_not_gone_on_with(images, tmp_path):
    run(images, tmp_path)
    for change in ({"seed": 1}, {"precision": "bf16-mixed"}, {"lr": 0.1}):
        with pytest.raises(UsageError, match="they differ"):
            run(images, tmp_path, resume=True, **change)
    with pytest.raises(UsageError, match="they differ"):
        run(replace(images, names=tuple(reversed(images.names))), tmp_path, resume=True)


def test_what_is_measured_while_training_is_in_the_log(images, tmp_path):
    made = PairRunOptions(folder=tmp_path)
    train_tokenizer(nano_tokenizer(), images, made, validation=images)
    log = (tmp_path / "part_fit" / "log" / "metrics.csv").read_text()
    assert all(
        f"val_{name}" in log for name in ("psnr", "mask_dice", "usage_structure", "perplexity_appearance")
    )
