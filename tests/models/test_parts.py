"""Several networks in one checkpoint."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from genviz._errors import CheckpointError
from genviz.models.parts import (
    check_finite,
    filled,
    fitting_together,
    named,
    part,
    rows_of_split,
    split_digest,
    split_text,
)


def test_networks_come_back_from_under_their_prefixes():
    one, two = nn.Linear(3, 2), nn.BatchNorm1d(2)
    tensors = (
        named("one.", one, half=False) | named("two.", two, half=False) | named("none.", None, half=False)
    )
    assert set(part(tensors, "one.")) == {"weight", "bias"} and not part(tensors, "none.")
    again = filled(nn.Linear(3, 2), tensors, "one.")
    assert torch.equal(again.weight, one.weight) and not again.training
    assert filled(nn.BatchNorm1d(2), tensors, "two.").num_batches_tracked.dtype == torch.int64


def test_half_precision_keeps_what_would_overflow():
    network = nn.Linear(2, 1)
    nn.init.constant_(network.bias, 1e6)
    tensors = named("", network, half=True)
    assert tensors["weight"].dtype == torch.float16 and tensors["bias"].dtype == torch.float32
    assert filled(nn.Linear(2, 1), tensors, "").weight.dtype == torch.float32


def test_the_split_is_told_with_a_digest_that_does_not_depend_on_order():
    text = split_text(["b", "a"])
    assert rows_of_split(text) == ["b", "a"]
    assert json.loads(text)["sha256"] == split_digest(["a", "b"]) != split_digest(["a"])


def test_what_does_not_fit_is_named_with_a_way_out():
    said = r"(?s)complete PathAR checkpoint in here.*Save the model again"
    with pytest.raises(CheckpointError, match=said), fitting_together("PathAR", "here"):
        filled(nn.Linear(2, 1), {}, "one.")
    with pytest.raises(CheckpointError, match="not finite"):
        check_finite({"a": torch.tensor([1.0, torch.nan])}, "here")
