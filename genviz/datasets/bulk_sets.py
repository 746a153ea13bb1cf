"""Cohorts of bulk profiles and slides at the GDC: asked for by the query in their manifest, fetched, listed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genviz._errors import DownloadError, UsageError
from genviz.core.counts import first_names
from genviz.datasets.image_sets import homes
from genviz.io.fetching.download import cache_folder
from genviz.io.fetching.licences import agree
from genviz.io.fetching.manifests import Manifest
from genviz.io.gdc.api import GdcFile, data_release, equal, find_files
from genviz.io.gdc.fetch import fetch_into, locked
from genviz.io.gdc.listing import Listing, is_here, new_listing, read_listing, write_listing, write_sheet
from genviz.io.gdc.sheet import PROFILE_TYPE, SLIDE_TYPE, is_sheet

KIND = "bulk"
ROLES = {"profiles": PROFILE_TYPE, "slides": SLIDE_TYPE}
_BY_DEFAULT = ("profiles",)  # the slides of a cohort are hundreds of gigabytes


def fetch_bulk_set(
    manifest: Manifest,
    cases: Sequence[str] | None,
    roles: Sequence[str] | None,
    *,
    accept_licence: bool = False,
) -> dict[str, dict[str, Path]]:
    """Folder of a cohort, which `io.read_gdc` reads; what is missing is downloaded into the cache.

    A folder of this name in ``$GENVIZ_DATA`` with a sample sheet is taken as it is. Else the GDC is asked once for the
    cohort's files; the answer stays in ``listing.json`` beside them, so that an interrupted download goes on with the
    same files, and is asked again when that file is removed. The sample sheet lists the profiles that are there.

    Parameters
    ----------
    manifest
        Of kind "bulk", with a table ``[gdc]``.
    cases
        Patients (TCGA-05-4244); all, if left out.
    roles
        Of "profiles" (by default) and "slides" (about a gigabyte each).
    accept_licence
        Agree to the licence, where it asks for that.

    Returns
    -------
    "" → ``folder`` and ``sheet``.

    Raises
    ------
    UsageError
        For roles or cases that do not exist.
    DownloadError
        When files cannot be had; it names the ways out.
    """
    wanted = _BY_DEFAULT if roles is None else tuple(roles)
    if strangers := sorted(set(wanted) - set(ROLES)):
        raise UsageError(
            f"Expected roles {' and '.join(ROLES)} of {manifest.name}; got {first_names(strangers)}."
        )
    if (given := _given(manifest)) is not None:
        return {"": {"folder": given[0], "sheet": given[1]}}
    home, api = cache_folder(manifest.name), str(manifest.facts["gdc"]["api"]).rstrip("/")
    with locked(home) as incoming:
        listing = read_listing(home)
        if listing is None:
            listing = _ask(manifest, api)
            write_listing(home, listing)
        _check_cases(manifest, listing, cases)
        files = [file for role in wanted for file in listing.of(ROLES[role], cases)]
        if sizes := [file.size for file in files if not is_here(home, file)]:
            agree(manifest, accept_licence=accept_licence, n_files=len(sizes), n_bytes=sum(sizes))
        try:
            for role in wanted:
                fetch_into(api, listing.of(ROLES[role], cases), home, incoming, manifest.name)
        finally:
            sheet = write_sheet(home, listing)
    return {"": {"folder": home, "sheet": sheet}}


def listing_of(manifest: Manifest) -> tuple[str, Path, Listing] | None:
    """Place, folder and listing of a cohort that was asked for before; None for one that was not."""
    for place, home in homes(manifest):
        if (listing := read_listing(home)) is not None:
            return place, home, listing
    return None


def _given(manifest: Manifest) -> tuple[Path, Path] | None:
    """What a person put into ``$GENVIZ_DATA``: the folder, a sample sheet in it."""
    for place, home in homes(manifest):
        if place != "cache" and home.is_dir():
            sheets = [p for p in sorted(home.iterdir()) if p.suffix in (".tsv", ".txt") and is_sheet(p)]
            if sheets:
                return home, sheets[0]
    return None


def _ask(manifest: Manifest, api: str) -> Listing:
    """What the GDC has now of the cohort."""
    facts: dict[str, Any] = manifest.facts["gdc"]
    alike = {
        "cases__project__project_id": facts["project"],
        "cases__samples__sample_type": facts["sample_types"],
        "access": "open",
    }
    files: list[GdcFile] = []
    try:
        for role in ROLES:
            query = {name.replace(".", "__"): value for name, value in facts[role].items()}
            files += find_files(api, equal(**alike, **query))
        listing = new_listing(data_release(api), files)
    except DownloadError as err:
        raise DownloadError(
            f"{str(err).rstrip('.')}. {manifest.name} is found by asking {api}: connect and run `genviz data fetch "
            f"{manifest.name}` again, or put its files and their sample sheet into a folder {manifest.name} in "
            "GENVIZ_DATA. Without data, gv.datasets.phantom('bulk') draws profiles with tiles."
        ) from err
    if not listing.of(PROFILE_TYPE):
        raise DownloadError(
            f"Expected profiles of {facts['project']} at {api}; the query finds none. Its data may have moved: update "
            "genviz."
        )
    return listing


def _check_cases(manifest: Manifest, listing: Listing, cases: Sequence[str] | None) -> None:
    known = {file.case for file in listing.files}
    if strangers := sorted(set(cases or ()) - known):
        raise UsageError(
            f"Expected cases of {manifest.name} ({first_names(sorted(known), 3)}); got {first_names(strangers)}."
        )
