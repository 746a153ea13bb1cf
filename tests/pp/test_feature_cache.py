"""The file that features of a section are kept in: found again, told apart, never believed when damaged."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from genviz._settings import settings
from genviz.pp.feature_cache import cache_file, read_cached, write_cached

RECIPE = {"name": "colour", "version": 1, "ring": "mean"}
FACTS = {"sha256": "ab" * 32, "mpp": 0.7, "stain": {"method": "none"}}
XY = np.array([[1.0, 2.0], [3.0, 4.0]])
NAMES = ["red", "green", "größe"]
FEATURES = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "cache_dir", tmp_path)
    return cache_file(RECIPE, FACTS, XY)


def test_written_and_read(file, tmp_path):
    assert file.parent == tmp_path / "features"
    assert read_cached(file) is None
    write_cached(file, NAMES, FEATURES)
    names, features = read_cached(file)
    assert names == NAMES
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, FEATURES)
    write_cached(file, NAMES, FEATURES.T.copy().T)  # not contiguous, the file already there
    np.testing.assert_array_equal(read_cached(file)[1], FEATURES)


def test_equal_inputs_are_one_file_and_any_other_input_another(file):
    assert cache_file(dict(reversed(RECIPE.items())), dict(FACTS), XY.copy()) == file
    others = [
        cache_file(RECIPE | {"version": 2}, FACTS, XY),
        cache_file(RECIPE | {"ring": "each"}, FACTS, XY),
        cache_file(RECIPE, FACTS | {"sha256": "cd" * 32}, XY),
        cache_file(RECIPE, FACTS | {"mpp": 0.71}, XY),
        cache_file(RECIPE, FACTS | {"stain": {"method": "macenko"}}, XY),
        cache_file(RECIPE, FACTS, XY + 1e-9),
        cache_file(RECIPE, FACTS, XY[::-1]),
        cache_file(RECIPE, FACTS, XY[:1]),
    ]
    assert len({file, *others}) == 9
    # Memory layout and number type are no difference.
    assert cache_file(RECIPE, FACTS, np.asfortranarray(XY)) == file
    assert cache_file(RECIPE, FACTS, XY.astype(np.float32)) == file


def damage(file, kind: str) -> None:
    data = bytearray(file.read_bytes())
    match kind:
        case "cut":
            file.write_bytes(data[:-3])
        case "empty":
            file.write_bytes(b"")
        case "another kind":
            file.write_bytes(b"not a cache entry")
        case "one bit of a number":
            data[-1] ^= 1
            file.write_bytes(data)
        case "another name":
            file.write_bytes(bytes(data).replace(b"green", b"groen"))
        case "without a checksum":
            save_file({"features": FEATURES}, file, {"names": json.dumps(NAMES)})
        case "without anything":
            save_file({"other": FEATURES}, file)


@pytest.mark.parametrize(
    "kind",
    [
        "cut",
        "empty",
        "another kind",
        "one bit of a number",
        "another name",
        "without a checksum",
        "without anything",
    ],
)
def test_a_damaged_entry_is_as_good_as_none(file, kind):
    write_cached(file, NAMES, FEATURES)
    before = file.read_bytes()
    damage(file, kind)
    assert file.read_bytes() != before
    assert read_cached(file) is None
    write_cached(file, NAMES, FEATURES)
    assert read_cached(file) is not None
