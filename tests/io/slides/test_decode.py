"""io.slides.decode: one decoding for all processes, complete or absent."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from genviz._errors import GenvizError
from genviz._settings import settings
from genviz.io import open_slide
from genviz.io.files.opening import file_sha256
from genviz.io.slides import decode as module


@pytest.fixture
def jpeg(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")
    pixels = np.random.default_rng(3).integers(0, 255, (1100, 700, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "s.jpg", quality=95)
    return tmp_path / "s.jpg"


def test_opening_reads_the_header_only(jpeg):
    assert open_slide(jpeg).width == 700
    assert not (settings.cache_dir / "slides").exists()


def test_the_entry_is_named_by_checksum_and_reused(jpeg, monkeypatch):
    first = open_slide(jpeg).read(0, 0, 50, 50)
    assert (settings.cache_dir / "slides" / f"{file_sha256(jpeg)}.v1.zarr").is_dir()
    monkeypatch.setattr(module, "decode", lambda path: pytest.fail("decoded twice"))
    moved = jpeg.rename(jpeg.with_name("renamed.jpg"))
    np.testing.assert_array_equal(open_slide(moved).read(0, 0, 50, 50), first)


def test_what_a_killed_process_left_is_replaced(jpeg):
    left = settings.cache_dir / "slides" / f"{file_sha256(jpeg)}.v1.partial"
    (left / "0").mkdir(parents=True)
    (left / "0" / "zarr.json").write_text("half of it")
    np.testing.assert_array_equal(
        open_slide(jpeg).read(90, 600, 50, 40), np.asarray(module.decode(jpeg))[600:640, 90:140]
    )
    assert not left.exists()


def test_an_interruption_leaves_nothing(jpeg, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_store", interrupt)
    with pytest.raises(KeyboardInterrupt):
        open_slide(jpeg).read(0, 0, 5, 5)
    assert [p.suffix for p in (settings.cache_dir / "slides").iterdir()] == [".lock"]


def test_a_full_disk_is_one_error_with_the_way_out(jpeg, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_store", full)
    with pytest.raises(GenvizError, match=r"No space left on device.*GENVIZ_CACHE"):
        open_slide(jpeg).read(0, 0, 5, 5)
    assert not list((settings.cache_dir / "slides").glob("*.zarr"))


@pytest.mark.skipif(
    os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere"
)
def test_an_unwritable_cache_is_one_error_with_the_way_out(jpeg):
    settings.cache_dir.mkdir()
    settings.cache_dir.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(GenvizError, match="GENVIZ_CACHE"):
        open_slide(jpeg).read(0, 0, 5, 5)


def test_processes_share_one_decoding(jpeg):
    code = (
        "import sys; from genviz.io import open_slide; "
        "print(open_slide(sys.argv[1]).read(100, 100, 64, 64).sum())"
    )
    environment = {
        **os.environ,
        "GENVIZ_CACHE": str(settings.cache_dir),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [sys.executable, "-c", code, str(jpeg)]
    readers = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    sums = {int(reader.communicate(timeout=120)[0]) for reader in readers}
    assert sums == {int(open_slide(jpeg).read(100, 100, 64, 64).sum())}
    assert len(list((settings.cache_dir / "slides").glob("*.zarr"))) == 1


def test_slides_larger_than_pillows_limit_are_read(jpeg, monkeypatch):
    before = np.asarray(module.decode(jpeg))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 360_000)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(jpeg)  # it is beyond the limit
    np.testing.assert_array_equal(open_slide(jpeg).read(0, 0, 700, 1100), before)
