"""Encoders by name."""

from __future__ import annotations

import sys

import pytest

from genviz._errors import MissingDependencyError, UsageError
from genviz.features.morphology import MorphologyEncoder
from genviz.features.registry import encoder_names, get_encoder


def test_morphology_takes_the_ring():
    assert get_encoder("morphology", ring="each", pitch_um=100.0) == MorphologyEncoder("each", 100.0)


def test_unknown_names_are_refused_with_the_known():
    assert {"morphology", "uni", "virchow", "gigapath", "conch", "dinov2", "resnet50"} <= set(encoder_names())
    with pytest.raises(UsageError, match=r"morphology, .*uni, virchow, gigapath, .*; got 'virchow9'"):
        get_encoder("virchow9")


@pytest.mark.parametrize("name", ["resnet50", "uni", "dinov2"])
def test_networks_need_the_extra(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "genviz\[encoders\]".*morphology'):
        get_encoder(name)
