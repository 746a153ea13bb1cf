"""The record of a training: epochs in order, pictures that stay few, curves in words."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from genviz.controllers.training.panels import panels, points, stage_help
from genviz.controllers.training.record import KEPT_PICTURES, Record, Stage, seconds_in_words, sheet
from genviz.train.observing import StopAsked


def tiles(n=2, side=8, value=7):
    return {"tile": np.full((n, side, side, 3), value, np.uint8)}


def stage_of(*metrics, n=3):
    stage = Stage("tokenizer", n)
    for epoch in range(1, n + 1):
        stage.add(epoch, {name: epoch * (i + 1) for i, name in enumerate(metrics)})
    return stage


def test_columns_stay_as_long_as_epochs():
    stage = Stage("x", 9)
    stage.add(1, {"train_loss": 3.0})
    stage.add(2, {"train_loss": 2.0, "val_psnr": 20.0})
    stage.add(3, {"val_psnr": 21.0})
    assert stage.epochs == [1, 2, 3]
    assert np.isnan(stage.values["val_psnr"][0]) and np.isnan(stage.values["train_loss"][2])
    stage.add(2, {"train_loss": 1.0})  # a resumed run tells it again
    assert stage.epochs == [1, 2] and stage.values["train_loss"] == [3.0, 1.0]


def test_a_stage_goes_on_or_is_another():
    record = Record()
    record.begin("flow", 0, 5)
    for epoch in (1, 2, 3):
        record.epoch(epoch, {"train_loss": epoch})
    record.begin("flow", 2, 5)  # resumed after two
    assert [stage.epochs for stage in record.stages] == [[1, 2]]
    record.begin("flow", 0, 5)  # another training
    assert [stage.name for stage in record.stages] == ["flow", "flow (2)"]
    record.epoch(1, {"train_loss": 1.0})
    assert list(record.table().columns) == ["stage", "epoch", "metric", "value"]
    assert len(record.table()) == 3


def test_stop_is_raised_at_the_next_step():
    record = Record()
    record.begin("x", 0, 2)
    record.step(1, 2)
    record.stop()
    for event in (lambda: record.step(2, 2), lambda: record.begin("y", 0, 1)):
        with pytest.raises(StopAsked):
            event()
    record.restart()
    record.step(2, 2)


@pytest.mark.parametrize(("every", "wanted"), [(0, []), (1, [1, 2, 3, 4, 5, 6, 7]), (3, [1, 3, 6, 7])])
def test_pictures_are_wanted_every_few_epochs(every, wanted):
    record = Record(every)
    record.begin("x", 0, 7)
    assert [epoch for epoch in range(1, 8) if record.wants_pictures(epoch)] == wanted


def test_few_pictures_are_kept_the_ends_among_them():
    record = Record(1)
    record.begin("x", 0, 99)
    for epoch in range(1, 100):
        record.pictures(epoch, tiles())
    kept = sorted(record.stages[0].pictures)
    assert len(kept) == KEPT_PICTURES and kept[0] == 1 and kept[-1] == 99
    assert max(np.diff(kept)) < 40


def test_large_tiles_are_shrunk_and_small_ones_enlarged():
    record = Record()
    record.begin("x", 0, 1)
    record.pictures(1, tiles(side=300))
    assert record.stages[0].pictures[1]["tile"].shape == (2, 100, 100, 3)
    assert sheet(tiles(side=32) | {"other": tiles(side=32)["tile"]}).shape == (2 * 98, 2 * 98, 3)


def test_panels_are_in_words():
    found = panels(
        stage_of(
            "train_loss", "train_rec", "train_vq_structure", "val_psnr", "val_mask_dice", "val_usage_structure",
            "val_usage_appearance", "val_perplexity_structure",
        )
    )  # fmt: skip
    assert [panel.title for panel in found] == [
        "Loss", "Reconstruction", "Nuclei, overlap", "Codes in use", "Perplexity of codes", "Parts of the loss"
    ]  # fmt: skip
    usage = next(panel for panel in found if panel.title == "Codes in use")
    assert usage.unit == "%" and usage.curves[1].values == [600.0, 1200.0, 1800.0]
    assert [curve.label for curve in found[-1].curves] == ["image", "structure codes"]
    assert all(panel.help for panel in found)


def test_scales_have_an_order_and_terms_of_a_loss_are_no_measures():
    found = {panel.title: panel for panel in panels(stage_of(
        "train_loss", "train_nll", "val_nll", *(f"train_nll_scale_{k}" for k in (1, 2, 10)), "train_energy",
        "val_energy_1", "val_energy_2", "val_copy_3", "val_single_3",
    ))}  # fmt: skip
    assert "Loss" not in found  # the likelihood is the loss
    whole, parts = found["Negative log-likelihood"], found["Negative log-likelihood by scale"]
    assert [curve.validation for curve in whole.curves] == [False, True] and not whole.ordered
    assert [curve.label for curve in parts.curves] == ["1", "2", "10"] and parts.ordered
    assert [curve.label for curve in found["Parts of the loss"].curves] == ["energy"]
    assert [curve.label for curve in found["Error of the flow"].curves] == [
        "copying, scale 3",
        "one draw, scale 3",
    ]


def test_many_epochs_are_drawn_thinly_and_nothing_breaks_json():
    stage = stage_of("train_loss", n=1000)
    stage.values["train_loss"][0] = math.inf
    at = points(stage)
    assert len(at) <= 150 and at[0] == 0 and at[-1] == 999
    (panel,) = panels(stage)
    assert panel.curves[0].values[0] is None
    json.dumps(panel.curves[0].values, allow_nan=False)


def test_words():
    assert [seconds_in_words(s) for s in (5, 65, 7265)] == ["0:05", "1:05", "2:01:05"]
    assert stage_help("member 2 of 3") and not stage_help("another")
