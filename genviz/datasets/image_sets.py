"""Sets of images with masks: found in ``$GENVIZ_DATA`` or the cache, or fetched and put into their form.

A manifest says how in one table: ``[merged]`` (one archive, masks merged by a committed index), ``[unpacked]``
(one zip a section) or ``[by_hand]`` (a person must download it).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from genviz._errors import DownloadError
from genviz._settings import settings
from genviz.datasets.image_sets_merged import MergedSet
from genviz.datasets.image_sets_unpacked import unpacked_section
from genviz.io.fetching.download import cache_folder
from genviz.io.fetching.manifests import Manifest

log = logging.getLogger("genviz")

KIND = "nuclei"


def homes(manifest: Manifest) -> list[tuple[str, Path]]:
    """Where a set may lie: name of the place, folder."""
    local = [] if settings.data_dir is None else [("GENVIZ_DATA", settings.data_dir / manifest.name)]
    return [*local, ("cache", cache_folder(manifest.name))]


def fetch_image_set(
    manifest: Manifest, sections: Sequence[str] | None, *, accept_licence: bool = False
) -> dict[str, dict[str, Path]]:
    """Section → role → path of a set; downloads what is nowhere yet.

    Parameters
    ----------
    manifest
        Of kind "nuclei".
    sections
        Of the manifest; all, if left out.
    accept_licence
        Agree to the licence, where it asks for that.

    Raises
    ------
    UsageError
        For a section that does not exist, or without consent to a licence that asks for it.
    DownloadError
        When it cannot be had; it names the ways out.
    """
    chosen = [manifest.section(name).name for name in sections] if sections is not None else None
    places = homes(manifest)
    if "merged" in manifest.facts:
        merged = MergedSet(manifest)
        found = merged.find(places) or merged.download(accept_licence=accept_licence)
        return {"": merged.parts(found)}
    if "unpacked" in manifest.facts:
        names = chosen if chosen is not None else [section.name for section in manifest.sections]
        return {
            name: {"folder": unpacked_section(manifest, name, places, accept_licence=accept_licence)}
            for name in names
        }
    return {"": {"folder": _by_hand(manifest, places)}}


def _by_hand(manifest: Manifest, places: Iterable[tuple[str, Path]]) -> Path:
    for _, home in places:
        if home.is_dir() and any(home.iterdir()):
            return home
    facts = manifest.facts["by_hand"]
    where = settings.data_dir or Path("<a folder that GENVIZ_DATA names>")
    raise DownloadError(
        f"Expected {manifest.name} in {where / manifest.name}; it is not there and cannot be fetched: "
        f"{facts['why']} (licence: {manifest.licence}). Download it by hand from {facts['page']} and unpack it there "
        f"as {facts['layout']}; then read it with gv.io.read_image_masks."
    )
