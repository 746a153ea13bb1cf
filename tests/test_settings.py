"""Settings from the environment, on every platform."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from genviz._settings import Settings


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("GENVIZ_CACHE", str(tmp_path))
    assert Settings().cache_dir == tmp_path
    monkeypatch.setenv("GENVIZ_CACHE", "~/x")
    assert Settings().cache_dir == Path.home() / "x"


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_CACHE_HOME", "{}/genviz"),
        ("win32", "LOCALAPPDATA", "{}/genviz"),
        ("darwin", "HOME", "{}/Library/Caches/genviz"),
    ],
)
def test_without_it_in_the_platforms_folder(monkeypatch, tmp_path, platform, variable, expected):
    monkeypatch.delenv("GENVIZ_CACHE", raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, str(tmp_path))
    assert Settings().cache_dir == Path(expected.format(tmp_path))


def test_the_data_folder_is_looked_up_anew(monkeypatch, tmp_path):
    settings = Settings()
    monkeypatch.delenv("GENVIZ_DATA", raising=False)
    assert settings.data_dir is None
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path))
    assert settings.data_dir == tmp_path


def test_workers_and_seed():
    assert Settings().n_workers >= 1 and Settings().seed == 0


def test_progress_bars_can_be_switched_off_from_outside(monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    assert Settings().progress is True
    monkeypatch.setenv("TQDM_DISABLE", "1")
    assert Settings().progress is False
