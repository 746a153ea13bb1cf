"""The word for a device, and what is said when it is not there."""

from __future__ import annotations

import pytest
import torch

from genviz._errors import UsageError
from genviz.train.device import resolve_device


def test_auto_takes_what_is_there(monkeypatch):
    for there, expected in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert resolve_device("auto") == torch.device(expected)
    assert resolve_device("cpu") == torch.device("cpu")


def test_unknown_words_are_refused_with_those_that_exist():
    with pytest.raises(UsageError, match="auto, cpu, cuda, mps; got 'gpu'"):
        resolve_device("gpu")


def test_an_accelerator_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UsageError, match=r"torch sees none. Use --device cpu, or see `genviz doctor`"):
        resolve_device("cuda")
    with pytest.raises(UsageError, match="mps; torch sees none"):
        resolve_device("mps")


def test_mps_is_offered_and_said_to_be_untested(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.warns(UserWarning, match=r"untested on mps; compare with device='cpu'") as caught:
        assert resolve_device("mps").type == "mps"
    assert caught[0].filename == __file__
