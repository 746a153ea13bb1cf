"""Cached tensors come back for the key they were made from, and for no other."""

from __future__ import annotations

import torch

from genviz.io.weights.keyed_tensors import read_keyed, write_keyed


def test_what_was_written_comes_back(tmp_path):
    file = tmp_path / "new" / "views.safetensors"
    write_keyed(file, "a", {"x": torch.arange(6).view(2, 3)})
    assert torch.equal(read_keyed(file, "a")["x"], torch.arange(6).view(2, 3))


def test_another_key_a_missing_and_a_damaged_file_are_absent(tmp_path):
    file = tmp_path / "views.safetensors"
    assert read_keyed(file, "a") is None
    write_keyed(file, "a", {"x": torch.zeros(100)})
    assert read_keyed(file, "b") is None
    file.write_bytes(file.read_bytes()[:100])
    assert read_keyed(file, "a") is None
