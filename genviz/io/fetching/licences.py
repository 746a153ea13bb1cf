"""Licences: shown before anything is downloaded; those that forbid something are accepted first, once."""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genviz._errors import UsageError
from genviz._settings import settings
from genviz.io.fetching.manifests import Manifest
from genviz.io.files.atomic import atomic_write_json
from genviz.io.files.output import explained

log = logging.getLogger("genviz")

_FORBIDS = {
    "NC": "commercial use",
    "ND": "passing on changed versions",
    "SA": "passing on what is made from it under another licence",
    "BY": "use without naming the authors",
}


def is_non_commercial(manifest: Manifest) -> bool:
    """Whether the licence forbids commercial use."""
    return "NC" in manifest.licence.split("-")


def gate(manifest: Manifest) -> str:
    """Page on which the authors ask for consent before they hand files out; "" for none."""
    return str(manifest.facts.get("hub", {}).get("gate", ""))


def needs_acceptance(manifest: Manifest) -> bool:
    """Whether a download has to be agreed to: the licence is non-commercial, or the source has a gate."""
    return is_non_commercial(manifest) or bool(gate(manifest))


def forbidden(manifest: Manifest) -> list[str]:
    """What a Creative Commons licence forbids, in words; empty for others."""
    parts = manifest.licence.split("-")
    return [words for part, words in _FORBIDS.items() if part in parts] if parts[0] == "CC" else []


def is_accepted(manifest: Manifest) -> bool:
    """Whether the terms, as the manifest words them now, were accepted with this cache."""
    try:
        known = json.loads(_record(manifest).read_bytes())
        return bool(known["terms_sha256"] == _digest(manifest))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def require_accepted(manifest: Manifest, *, accept_licence: bool) -> None:
    """Refuse a download whose licence asks for consent and has none; consent is remembered in the cache.

    Parameters
    ----------
    manifest
        The data set.
    accept_licence
        Consent, given now.

    Raises
    ------
    UsageError
        With the licence, what it forbids, and how to accept it.
    """
    if not needs_acceptance(manifest) or is_accepted(manifest):
        return
    if not accept_licence:
        words = " ".join(_terms(manifest))
        raise UsageError(
            f"Expected consent before the first download of {manifest.name}. {words} If you agree, run `genviz data "
            f"fetch {manifest.name} --accept-licence`, or pass accept_licence=True to gv.datasets.fetch."
        )
    record = _record(manifest)
    told: dict[str, Any] = {"data_set": manifest.name, "licence": manifest.licence}
    told |= {"terms_sha256": _digest(manifest), "time": datetime.now(UTC).isoformat(timespec="seconds")}
    with explained(record.parent):
        record.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_json(record, told)


def agree(
    manifest: Manifest, *, accept_licence: bool, n_files: int | None = None, n_bytes: int | None = None
) -> None:
    """Show licence, what it forbids, citation and size before a download, and see that it was agreed to.

    The words go to the log; of licences that ask for consent as a warning, so that they are seen everywhere.

    Parameters
    ----------
    manifest
        The data set.
    accept_licence
        Consent, given now.
    n_files, n_bytes
        How much is about to be downloaded, where known.

    Raises
    ------
    UsageError
        As `require_accepted`.
    """
    require_accepted(manifest, accept_licence=accept_licence)
    size = "size not known beforehand" if n_bytes is None else size_text(n_bytes)
    much = size if n_files is None else f"{n_files} file{'s' if n_files > 1 else ''}, {size}"
    lines = [*_terms(manifest), f"Cite: {manifest.citation}.", f"To download: {much}."]
    level = logging.WARNING if needs_acceptance(manifest) else logging.INFO
    log.log(level, "%s", "\n  ".join(lines))


def size_text(n_bytes: int) -> str:
    """Bytes as people read them: 3.21 GB."""
    unit = next((u for u, least in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)) if n_bytes >= least), "B")
    scale = {"GB": 1e9, "MB": 1e6, "kB": 1e3, "B": 1.0}[unit]
    return f"{n_bytes / scale:.3g} {unit}"


def _terms(manifest: Manifest) -> list[str]:
    """Sentences: licence, what it forbids, notes, gate."""
    url, note = manifest.facts.get("licence_url", ""), manifest.facts.get("licence_note", "")
    terms = [f"{manifest.name} is licensed: {manifest.licence}{f' ({url})' if url else ''}."]
    if forbids := forbidden(manifest):
        terms.append(f"It forbids {'; '.join(forbids)}.")
    if note:
        terms.append(str(note))
    if page := gate(manifest):
        terms.append(f"Its authors ask everybody to accept their terms at {page} too.")
    return terms


def _digest(manifest: Manifest) -> str:
    return hashlib.sha256("\n".join(_terms(manifest)).encode()).hexdigest()


def _record(manifest: Manifest) -> Path:
    return settings.cache_dir / "licences" / f"{manifest.name}.json"
