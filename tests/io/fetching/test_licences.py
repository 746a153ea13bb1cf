"""Licences: shown before downloads, accepted once where they ask for that."""

from __future__ import annotations

import dataclasses
import hashlib
import logging

import pytest

from genviz._errors import UsageError
from genviz._settings import settings
from genviz.io.fetching.download import fetch_files
from genviz.io.fetching.licences import (
    agree,
    forbidden,
    is_accepted,
    is_non_commercial,
    needs_acceptance,
    require_accepted,
    size_text,
)
from genviz.io.fetching.manifests import DataFile, load_manifest, manifest_names
from tests.io.file_server import serving

MUST = {"hest-ccrcc", "hest-her2st", "hest-kidney", "hest-mouse-brain", "hest-prad", "pannuke"}


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")
    monkeypatch.setattr(settings, "progress", False)
    monkeypatch.delenv("GENVIZ_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def pannuke():
    return load_manifest("pannuke")


def test_which_licences_ask_for_consent():
    assert {name for name in manifest_names() if needs_acceptance(load_manifest(name))} == MUST
    assert forbidden(load_manifest("her2st")) == ["use without naming the authors"]
    assert forbidden(load_manifest("dsb2018")) == [] == forbidden(load_manifest("tcga-luad"))
    assert is_non_commercial(load_manifest("hest-prad"))
    with_gate = {"hub": {"gate": "https://example.org"}}
    assert needs_acceptance(dataclasses.replace(load_manifest("her2st"), facts=with_gate))


def test_every_manifest_says_its_licence():
    for name in manifest_names():
        manifest = load_manifest(name)
        assert manifest.name == name and manifest.licence and manifest.citation


def test_consent_is_asked_for_once_and_remembered(pannuke, tmp_path):
    with pytest.raises(
        UsageError, match=r"CC-BY-NC-SA-4\.0 .*forbids commercial use.*fetch pannuke --accept-licence"
    ):
        require_accepted(pannuke, accept_licence=False)
    assert not (tmp_path / "cache").exists() and not is_accepted(pannuke)
    require_accepted(pannuke, accept_licence=True)
    require_accepted(pannuke, accept_licence=False)
    assert is_accepted(pannuke) and not is_accepted(load_manifest("hest-prad"))


def test_other_terms_are_asked_for_again(pannuke, tmp_path):
    require_accepted(pannuke, accept_licence=True)
    changed = dataclasses.replace(pannuke, licence="CC-BY-NC-ND-4.0")
    assert not is_accepted(changed)
    (tmp_path / "cache" / "licences" / "pannuke.json").write_text("{")
    assert not is_accepted(pannuke)


def test_free_licences_are_shown_and_ask_nothing(caplog, tmp_path):
    caplog.set_level(logging.INFO, "genviz")
    agree(load_manifest("her2st"), accept_licence=False, n_files=3, n_bytes=4_200_000)
    assert not (tmp_path / "cache").exists()
    (record,) = caplog.records
    for words in ("CC-BY-4.0", "creativecommons.org/licenses/by/4.0", "Cite: Andersson", "3 files, 4.2 MB"):
        assert words in record.getMessage()


def test_the_words_come_before_the_first_byte(pannuke, caplog):
    data = b"nuclei"
    known = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    with serving({"a.bin": data}) as server:
        file = DataFile("a.bin", "a.bin", f"{server.url}/plain/a.bin", "archive", **known)
        with pytest.raises(UsageError, match="consent"):
            fetch_files(pannuke, [file])
        assert server.requests == []
        fetch_files(pannuke, [file], accept_licence=True)
        (record,) = [r for r in caplog.records if r.levelno == logging.WARNING]  # seen without any set-up
        assert "not for commercial use" in record.getMessage().lower()
        assert "1 file, 6 B" in record.getMessage()
        caplog.clear()
        fetch_files(pannuke, [file])  # here: no words, no consent
        assert len(server.requests) == 1 and caplog.records == []


@pytest.mark.parametrize(
    ("n", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (3_210_000_000, "3.21 GB")]
)
def test_sizes(n, text):
    assert size_text(n) == text
